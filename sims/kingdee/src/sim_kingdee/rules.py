"""What an instruction must satisfy beyond its single fields (docking reference `kingdee.md` §1.3, §1.6-1.12)."""

import re
from collections.abc import Callable
from decimal import Decimal

from sim_kingdee.layouts import Interface
from sim_kingdee.message import Document, Finding, Values

ORDER_TYPES = {
    "": "SALE",
    "h": "EXCHANGE",
    "b": "RESEND",
    "v": "ADJUST",
    "c": "PURCHASE",
    "t": "RETURN",
    "gt": "SUPPLIER_RETURN",
}

_ORDER_NO = re.compile("(?P<base>[0-9A-Za-z](?:[0-9A-Za-z_-]*?[0-9A-Za-z])??)(?:-(?P<suffix>gt|[cthbv]))?")

Condition = tuple[str, Callable[[Values], bool]]


def _is_masked(order: Values) -> bool:
    return any("*" in order.get(name, "") for name in ("receiver_name", "receiver_mobile", "receiver_address"))


_REQUIRED: dict[str, tuple[Condition, ...]] = {
    "deliver_order": (
        ("platform_order_no", lambda o: o["order_type"] == "SALE"),
        ("original_order_no", lambda o: o["order_type"] in ("EXCHANGE", "RESEND")),
        ("paid_at", lambda o: o["order_type"] == "SALE" and o.get("is_cod") != "Y"),
        ("receivable_amount", lambda o: o.get("is_cod") == "Y"),
        ("invoice_type", lambda o: o.get("invoice_flag") == "Y"),
        ("invoice_title", lambda o: o.get("invoice_flag") == "Y"),
        ("invoice_amount", lambda o: o.get("invoice_flag") == "Y"),
        ("receiver_mobile", lambda o: not o.get("receiver_tel") and o["order_type"] != "ADJUST"),
        ("receiver_oaid", _is_masked),
    ),
    "supplier_return_order": (
        ("receiver_mobile", lambda o: not o.get("receiver_tel")),
        ("picker_name", lambda o: o.get("transport_mode") == "SELF_PICKUP"),
        ("picker_mobile", lambda o: o.get("transport_mode") == "SELF_PICKUP"),
    ),
    "receipt_order": (("supplier_code", lambda o: o["order_type"] == "PURCHASE"),),
    "sales_return_order": (
        ("sender_mobile", lambda o: not o.get("sender_tel")),
        ("logistics_code", lambda o: bool(o.get("express_no"))),
    ),
}


def order_type_of(order_no: str) -> str | None:
    """Order type told by the suffix of an order number, None when the number is not one of ours."""
    match = _ORDER_NO.fullmatch(order_no)
    return ORDER_TYPES[match["suffix"] or ""] if match else None


def check(interface: Interface, document: Document) -> list[Finding]:
    """Findings about one instruction whose single fields are well formed."""
    head = document.head.values
    findings = [
        Finding("E_FIELD", f"{interface.records['O'][name].label} 此时必填 / {name} is required here", name)
        for name, is_required in _REQUIRED[interface.name]
        if not head.get(name) and is_required(head)
    ]
    expected = order_type_of(head["order_no"])
    if expected is None:
        findings.append(Finding("E_FIELD", "单号不合规则 / not an order number", "order_no"))
    elif expected != head["order_type"]:
        findings.append(Finding("E_ROUTE", f"单号后缀应为 {expected} / suffix means {expected}", "order_type"))
    findings += _check_lines(document)
    if head.get("item_amount") and head.get("total_amount"):
        findings += _check_amounts(document)
    return findings


def _check_lines(document: Document) -> list[Finding]:
    lines = document.lines()
    findings = []
    if int(document.head.values["line_count"]) != len(lines) or not lines:
        findings.append(Finding("E_FIELD", f"行数实为 {len(lines)} / {len(lines)} lines found", "line_count"))
    seen = set()
    for line in lines:
        line_no = int(line.values["line_no"])
        if line_no in seen or line_no == 0:
            findings.append(Finding("E_FIELD", "行号须从 1 起且不重复 / line_no must be unique", "line_no", line_no))
        if Decimal(line.values["plan_qty"]) == 0:
            findings.append(Finding("E_QTY", "数量须大于 0 / plan_qty must be above 0", "plan_qty", line_no))
        seen.add(line_no)
    return findings


def _check_amounts(document: Document) -> list[Finding]:
    """Totals may be off by 0.01 per line, which is a rounding rest."""
    head = document.head.values
    lines = document.lines()
    items = sum(Decimal(line.values.get("line_amount") or 0) for line in lines)
    discount, freight = (Decimal(head.get(name) or 0) for name in ("discount_amount", "freight_amount"))
    item_amount = Decimal(head["item_amount"])
    differences = {
        "item_amount": item_amount - items,
        "total_amount": Decimal(head["total_amount"]) - (item_amount - discount + freight),
    }
    tolerance = Decimal("0.01") * len(lines)
    return [
        Finding(
            "W_ROUND" if abs(difference) <= tolerance else "E_AMOUNT",
            f"金额相差 {difference} 元 / {name} is off by {difference}",
            name,
        )
        for name, difference in differences.items()
        if difference
    ]
