"""Our events as documents, and documents as our events. Pure; Kingdee's words stay in here (kingdee.md §1)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from lemai_chassis.reference import Reference
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    DocumentPlace,
    InstructedLine,
    OutboundInstructedV1,
    ReportedContent,
    ReportedLine,
    ReportedParcel,
)
from lemai_contracts.stock import SnapshotLine, SnapshotReportedV1, SnapshotScope
from lemai_contracts.values import Grade, Leg, Money, OrderKind
from lemai_docking.documents import Document, Row, Value
from lemai_docking.faults import DocumentRefused, Fault

OUTBOUND_INSTRUCTION = "deliver_order"
ITEM_MASTER = "item_master"
CURRENCY = "CNY"
"""Of every amount: documents name no currency (§1.5)."""
SNAPSHOT_LINES = 1000
"""Lines in one chunk of a snapshot; with the longest codes it is half of what Kafka takes."""

KINDS = {
    "SALE": OrderKind.SALES,
    "PURCHASE": OrderKind.PURCHASE,
    "RETURN": OrderKind.RETURN,
    "EXCHANGE": OrderKind.EXCHANGE,
    "RESEND": OrderKind.RESEND,
    "SUPPLIER_RETURN": OrderKind.SUPPLIER_RETURN,
    "ADJUST": OrderKind.ADJUSTMENT,
}
ORDER_TYPES = {kind: order_type for order_type, kind in KINDS.items()}
LEGS = {
    "ship_result": Leg.OUT,
    "supplier_return_result": Leg.OUT,
    "receipt_result": Leg.IN,
    "sales_return_result": Leg.IN,
}
GRADES = {"ZP": Grade.GOOD, "CC": Grade.DEFECTIVE, "JS": Grade.DEFECTIVE, "XS": Grade.DEFECTIVE, "DJ": Grade.DEFECTIVE}
"""Inventory types on a shelf; only ZP can be sold. ZT is in transit, on no shelf yet."""
INVENTORY_TYPES = {Grade.GOOD: "ZP", Grade.DEFECTIVE: "CC"}
FINAL = 0
STATUS_ONLY = frozenset({"NEW", "ACCEPT", "EXCEPTION", "CANCELEDFAIL"})
"""Statuses that end nothing, whatever `confirm_type` says."""

Balances = dict[str, dict[tuple[str, Grade], list[int]]]
"""Pieces free, locked and in total, by owner, item code and grade."""


def outbound_document(reference: Reference, event: OutboundInstructedV1, consignee: Mapping[str, Any]) -> Document:
    """Interface 1, 出库指示. `consignee` is the revealed one: plain, or masked with the platform's token.

    Raises DocumentRefused where a code or currency cannot be told to Kingdee.
    """
    stores = {store.code: store.name or store.code for store in reference.stores}
    carriers = {carrier.code: carrier.name for carrier in reference.carriers}
    head = {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[event.kind],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "platform_code": _known(reference.document_codes, "platform_code", event.platform, "document_codes"),
        "platform_order_no": event.trade_no,
        "shop_code": event.store_code,
        "shop_name": _known(stores, "shop_name", event.store_code, "stores"),
        "created_at": event.created_at,
        "placed_at": event.placed_at,
        "paid_at": event.paid_at,
        "pay_no": event.pay_no,
        "audited_at": event.approved_at,
        "auditor": event.approved_by,
        "buyer_nick": event.buyer_nick,
        "total_amount": _yuan("total_amount", event.total),
        "item_amount": _yuan("item_amount", event.goods),
        "discount_amount": _yuan("discount_amount", event.discount),
        "freight_amount": _yuan("freight_amount", event.freight),
        "received_amount": _yuan("received_amount", event.received),
        "logistics_code": event.carrier_code,
        "logistics_name": carriers.get(event.carrier_code),
        "latest_ship_at": event.ship_by,
        "is_urgent": "Y" if event.urgent else "N",
        "buyer_message": event.buyer_message,
        "seller_message": event.seller_message,
        "receiver_name": consignee.get("name"),
        "receiver_mobile": consignee.get("phone"),
        "receiver_zip": consignee.get("postcode"),
        "receiver_province": consignee.get("province"),
        "receiver_city": consignee.get("city"),
        "receiver_area": consignee.get("district"),
        "receiver_town": consignee.get("town"),
        "receiver_address": consignee.get("address"),
        "receiver_oaid": consignee.get("token"),
    }
    return Document(OUTBOUND_INSTRUCTION, _given(head), {"L": [_instructed(line) for line in event.lines]})


def item_document(event: ItemChangedV1) -> Document:
    """Interface 9, 商品主档. Kingdee keeps what is new and replaces what it knows. Raises DocumentRefused."""
    head = {
        "action_type": "UPDATE" if event.valid else "DISABLE",
        "owner_code": event.owner_code,
        "warehouse_code": "OTHER",
        "item_code": event.item_code,
        "goods_code": event.goods_code,
        "item_name": event.item_name,
        "short_name": event.short_name,
        "bar_code": ";".join(event.barcodes),
        "sku_property": event.specification,
        "color": event.color,
        "size": event.size,
        "unit": event.unit,
        "category_code": event.category_code,
        "category_name": event.category_name,
        "brand_code": event.brand_code,
        "brand_name": event.brand_name,
        "item_type": event.item_type,
        "tag_price": _yuan("tag_price", event.tag_price),
        "retail_price": _yuan("retail_price", event.retail_price),
        "purchase_price": event.purchase_price,
        "gross_weight": event.gross_weight,
        "is_sn_mgmt": "N",
        "is_batch_mgmt": "N",
        "is_shelf_life_mgmt": "N",
        "is_valid": "Y" if event.valid else "N",
        "updated_at": event.changed_at,
        "remark": event.remark,
    }
    return Document(ITEM_MASTER, _given(head))


def actual_event(document: Document, *, counterpart_code: str, family: str, file_name: str) -> ActualReportedV1:
    """Interfaces 2, 4, 6 and 8. Which of two interfaces of one file name it is, the document has decided."""
    head = document.head
    leg = LEGS[document.interface]
    status = _text(head, "status")
    lines = map(_reported, document.records.get("L", ()))
    return ActualReportedV1(
        family=family,
        owner_code=document.owner_code,
        order_no=document.order_no,
        leg=leg,
        kind=KINDS[_text(head, "order_type")],
        counterpart_code=counterpart_code,
        counterpart_order_no=_text(head, "wms_order_no"),
        actual_no=_text(head, "out_biz_code"),
        status=status,
        final=head["confirm_type"] == FINAL and status not in STATUS_ONLY,
        occurred_at=_time(head["shipped_at" if leg is Leg.OUT else "received_at"]),
        warehouse_code=_text(head, "warehouse_code"),
        operator=_text(head, "operator"),
        remark=_text(head, "remark"),
        lines=tuple(line for line in lines if line.quantity or status not in STATUS_ONLY),
        parcels=tuple(_parcels(document)),
        document=DocumentPlace(file_name=file_name, line=document.line_no),
    )


def add_balances(balances: Balances, page: Document) -> None:
    """Add a page of interface 10, 库存实绩, to `balances`: lots add up, and so do all types of defective stock."""
    for row in page.records.get("B", ()):
        if grade := GRADES.get(_text(row, "inventory_type")):
            of_owner = balances.setdefault(_text(row, "owner_code"), {})
            pieces = of_owner.setdefault((_text(row, "item_code"), grade), [0, 0, 0])
            for place, name in enumerate(("qty", "lock_qty", "total_qty")):
                pieces[place] += _pieces(row[name])


def snapshot_events(head: Row, balances: Balances, *, counterpart_code: str) -> Iterator[SnapshotReportedV1]:
    """Each owner's balances in chunks, once every page is added; no balances make one empty chunk."""
    for owner_code, of_owner in sorted(balances.items()):
        rows = list(of_owner.items())
        starts = range(0, len(rows), SNAPSHOT_LINES) or [0]
        for number, start in enumerate(starts, 1):
            yield SnapshotReportedV1(
                owner_code=owner_code,
                warehouse_code=_text(head, "warehouse_code"),
                counterpart_code=counterpart_code,
                snapshot_id=_text(head, "snapshot_id"),
                snapshot_at=_time(head["snapshot_at"]),
                scope=SnapshotScope(_text(head, "scope").lower()),
                chunk=number,
                chunks=len(starts),
                lines=tuple(
                    SnapshotLine(item_code=item_code, grade=grade, free=free, locked=locked, total=total)
                    for (item_code, grade), (free, locked, total) in rows[start : start + SNAPSHOT_LINES]
                ),
            )


def _instructed(line: InstructedLine) -> Row:
    row: dict[str, Value | None] = {
        "line_no": line.line_no,
        "item_code": line.item_code,
        "item_name": line.item_name,
        "plan_qty": line.quantity,
        "unit": line.unit,
        "inventory_type": INVENTORY_TYPES[line.grade],
        "actual_price": line.unit_price,
        "line_amount": _yuan("line_amount", line.amount),
        "is_gift": "Y" if line.gift else "N",
        "platform_sub_order_no": line.platform_line_no,
    }
    return _given(row)


def _reported(row: Row) -> ReportedLine:
    return ReportedLine(
        line_no=_pieces(row["line_no"]),
        item_code=_text(row, "item_code"),
        quantity=_pieces(row["actual_qty"]),
        grade=GRADES.get(_text(row, "inventory_type", "ZP"), Grade.DEFECTIVE),
        remark=_text(row, "line_remark") or _text(row, "defect_reason"),
    )


def _parcels(document: Document) -> Iterator[ReportedParcel]:
    """The parcels of the document, or the one its head names."""
    packages = document.records.get("P", ())
    for package in packages:
        yield ReportedParcel(
            parcel_no=_text(package, "package_no"),
            carrier_code=_text(package, "logistics_code"),
            waybill_no=_text(package, "express_no"),
            contents=tuple(
                ReportedContent(
                    line_no=_pieces(row["line_no"]), item_code=_text(row, "item_code"), quantity=_pieces(row["qty"])
                )
                for row in document.records.get("Q", ())
                if row["package_no"] == package["package_no"]
            ),
        )
    carrier_code, waybill_no = _text(document.head, "logistics_code"), _text(document.head, "express_no")
    if carrier_code and waybill_no and not packages:
        yield ReportedParcel(parcel_no="1", carrier_code=carrier_code, waybill_no=waybill_no)


def _given(row: Mapping[str, Value | None]) -> Row:
    """Absent and empty are the same to a document."""
    return {name: value for name, value in row.items() if value is not None and value != ""}


def _known(names: Mapping[str, str], field: str, code: str, key: str) -> str:
    """What the reference data calls a code; `key` says where it would have to stand. Raises DocumentRefused."""
    if code not in names:
        raise DocumentRefused([Fault("E_FIELD", 0, field, code, f"lemai.yaml {key}")])
    return names[code]


def _yuan(field: str, money: Money | None) -> Decimal | None:
    """Raises DocumentRefused for another currency."""
    if money is None:
        return None
    if money.currency != CURRENCY:
        raise DocumentRefused([Fault("E_FIELD", 0, field, f"{money.amount} {money.currency}", CURRENCY)])
    return money.amount


def _text(row: Row, field: str, absent: str = "") -> str:
    return str(row.get(field, absent))


def _pieces(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _time(value: Value) -> datetime:
    assert isinstance(value, datetime)
    return value
