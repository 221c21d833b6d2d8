"""Approved bills and balances of K/3 Cloud as our documents (reference §1, interfaces 2, 4, 6, 8 and 10). Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from kingdee_adapter.k3cloud.domain import PlannedLine
from kingdee_adapter.k3cloud.forms import Result, Stock
from kingdee_adapter.k3cloud.site import GOOD, Site, ours
from kingdee_adapter.k3cloud.wire import Cell
from lemai_contracts.text import cleaned
from lemai_docking.definitions.layout import Layout, Record, layouts
from lemai_docking.documents import Document, Rejected, Row, Value
from lemai_docking.encodings.judging import refused
from lemai_docking.encodings.routing import SUFFIXES, split_order_no
from lemai_docking.encodings.rules import broken_rules
from lemai_docking.encodings.values import parser
from lemai_docking.faults import BadValue, Fault

SNAPSHOT = "inventory_balance"
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,20})?")
_BETWEEN_WAYBILLS = re.compile(r"\s*[,，;；]\s*")
_STATUSES = {("OUT", True): "DELIVERED", ("OUT", False): "PARTDELIVERED"}
_STATUSES |= {("IN", True): "FULFILLED", ("IN", False): "PARTFULFILLED"}

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Order:
    """What we know of an order a bill answers: whose it is, its lines, and whether this bill ends it.

    `code` is set where only a part of the bill is at hand.
    """

    owner_code: str
    final: bool = True
    lines: tuple[PlannedLine, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Answer:
    """The rows of one bill that answer one order out of one warehouse, by the lines they stand on.

    `order.code` tells it from every other answer; `order.final` only where no other part of the bill follows.
    """

    order_no: str
    warehouse_code: str
    order: Order
    rows: Sequence[tuple[int, Texts]]


def texts(keys: Sequence[str], row: Sequence[Cell]) -> Texts:
    """A row by its keys, without blank cells."""
    cells = {key: _text(cell) for key, cell in zip(keys, row, strict=True)}
    return {key: text for key, text in cells.items() if text}


def _text(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return "" if cell is None else str(cell).strip()


def order_number(result: Result, row: Texts) -> str:
    """The order that a row of a bill answers; empty if it answers none."""
    return next((row[key] for key in result.order_no if key in row), "")


def pieces(result: Result, rows: Iterable[Texts]) -> Counter[str]:
    """Pieces by item code. What is no number counts as none: its document will be refused."""
    total = Counter[str]()
    for row in rows:
        quantity = row.get(result.quantity, "")
        if _NUMBER.fullmatch(quantity):
            total[row.get(result.line["item_code"], "")] += int(Decimal(quantity))
    return total


def answers(result: Result, site: Site, rows: Sequence[Texts], orders: Mapping[str, Order]) -> list[Answer]:
    """The parts of one bill. More than one warehouse for one order makes several, of which only the last can end it."""
    groups: dict[tuple[str, str], list[tuple[int, Texts]]] = {}
    for line, row in enumerate(rows, 1):
        key = order_number(result, row), ours(site.warehouses, row.get(result.stock, ""))
        groups.setdefault(key, []).append((line, row))
    warehouses = Counter(order_no for order_no, _ in groups)
    last = dict(groups.keys())
    made = []
    for (order_no, warehouse), found in groups.items():
        order = orders[order_no]
        bill_no = found[0][1]["FBillNo"]
        code = order.code or (bill_no if warehouses[order_no] == 1 else f"{bill_no}/{warehouse}")
        part = replace(order, final=order.final and last[order_no] == warehouse, code=code)
        made.append(Answer(order_no, warehouse, part, found))
    return made


def bill_document(result: Result, site: Site, answer: Answer) -> Document | Rejected:
    """One answer as the document of its interface."""
    layout = layouts()[result.interface]
    line, first = answer.rows[0]
    faults: list[Fault] = []
    head = _head(result, site, answer, layout, first, faults)
    waybills = _BETWEEN_WAYBILLS.split(head.get("express_no", ""))
    packages = []
    if len(waybills) > 1:
        head |= {"express_no": waybills[0], "package_count": str(len(waybills))}
        carrier = head["logistics_code"]
        packages = [
            {"package_no": str(number), "logistics_code": carrier, "express_no": waybill}
            for number, waybill in enumerate(waybills, 1)
        ]
    line_rows = list(_lines(result, site, answer, layout))
    numbers = [number for number, _ in answer.rows]
    records = {
        layout.head: [_typed(layout.records[layout.head], head, line, faults)],
        layout.line: [
            _typed(layout.records[layout.line], row, number, faults)
            for row, number in zip(line_rows, numbers, strict=True)
        ],
    }
    if packages:
        records["P"] = [_typed(layout.records["P"], row, line, faults) for row in packages]
    places = {layout.head: [line], layout.line: numbers, "P": [line] * len(packages)}
    return _judged(layout, line, head, records, places, faults)


def snapshot_document(
    stock: Stock, site: Site, rows: Sequence[Texts], *, warehouse_code: str, owner_code: str, at: str
) -> Document | Rejected:
    """The balances of one warehouse as a full snapshot of one page; `at` is the wall clock of China."""
    layout = layouts()[SNAPSHOT]
    faults: list[Fault] = []
    head = {
        "snapshot_id": f"K3-{warehouse_code}-{re.sub('[^0-9]', '', at)}",
        "snapshot_at": at,
        "scope": "FULL",
        "warehouse_code": warehouse_code,
        "page": "1",
        "total_page": "1",
        "line_count": str(len(rows)),
    }
    typed = []
    for line, row in enumerate(rows, 1):
        total, locked = _number(row.get(stock.total, "0")), _number(row.get(stock.locked, "0"))
        named = _named(site, stock.line, row) | {
            "warehouse_code": warehouse_code,
            "owner_code": owner_of(site, row.get(stock.owner, ""), owner_code),
            "lock_qty": locked,
            "total_qty": total,
            "qty": _difference(total, locked),
        }
        typed.append(_typed(layout.records[layout.line], named, line, faults))
    records = {layout.head: [_typed(layout.records[layout.head], head, 1, faults)], layout.line: typed}
    return _judged(layout, 1, head, records, {layout.head: [1], layout.line: range(1, len(rows) + 1)}, faults)


def owner_of(site: Site, organisation: str, default: str) -> str:
    """The owner whose organisation this is; `default` owns what the site's own does."""
    return default if organisation in {"", site.org} else ours(site.owners, organisation)


def _head(
    result: Result, site: Site, answer: Answer, layout: Layout, first: Texts, faults: list[Fault]
) -> dict[str, str]:
    order = answer.order
    moved = any(pieces(result, [row for _, row in answer.rows]).values())
    return {
        **result.defaults,
        **_named(site, result.head, first),
        "order_no": answer.order_no,
        "wms_order_no": first["FBillNo"],
        "order_type": _order_type(layout, answer, faults),
        "warehouse_code": answer.warehouse_code,
        "owner_code": order.owner_code,
        "out_biz_code": order.code,
        "confirm_type": "0" if order.final else "1",
        "status": _STATUSES[str(layout.leg), order.final] if moved or not order.final else "CLOSED",
        result.time: first["FApproveDate"].replace("T", " ")[:19],
        "line_count": str(len(answer.rows)),
    }


def _order_type(layout: Layout, answer: Answer, faults: list[Fault]) -> str:
    """By the suffix. A warehouse numbers what nobody announced as it likes: that is of the first kind."""
    line = answer.rows[0][0]
    try:
        _, suffix = split_order_no(answer.order_no)
    except BadValue as bad:
        faults.append(Fault(bad.code, line, "order_no", answer.order_no[:100], bad.expected))
        return ""
    kinds = {SUFFIXES[kind]: kind for kind in layout.kinds}
    if suffix and suffix not in kinds:
        expected = " | ".join(f"-{known}" for known in kinds if known)
        faults.append(Fault("E_ROUTE", line, "order_no", answer.order_no, expected))
    return kinds.get(suffix, layout.kinds[0])


def _lines(result: Result, site: Site, answer: Answer, layout: Layout) -> Iterable[dict[str, str]]:
    numbers = _line_numbers(result, answer)
    planned = {line.line_no: str(line.quantity) for line in answer.order.lines}
    explains = "defect_reason" in layout.records[layout.line].by_name
    for number, (_, row) in zip(numbers, answer.rows, strict=True):
        named = _named(site, result.line, row)
        named |= {"line_no": str(number), "actual_qty": _number(row.get(result.quantity, "0"))}
        if number in planned:
            named["plan_qty"] = planned[number]
        if explains and named.get("inventory_type") != GOOD:
            named["defect_reason"] = row.get(result.line["inventory_type"], "")
        yield named


def _line_numbers(result: Result, answer: Answer) -> list[int]:
    """Our line numbers: as the note of a row says, else by item in the order of our lines, filling them up."""
    left = {line.line_no: line.quantity for line in answer.order.lines}
    items = {line.line_no: line.item_code for line in answer.order.lines}
    others: dict[str, int] = {}
    numbers = []
    for _, row in answer.rows:
        item, note = row.get(result.line["item_code"], ""), row.get(result.note, "")
        own = [number for number in items if items[number] == item]
        if note.isdigit() and (int(note) in own or not items):
            number = int(note)
        elif own:
            number = next((each for each in own if left[each] > 0), own[-1])
        else:
            number = others.setdefault(item, max(items, default=0) + len(others) + 1)
        if number in left:
            left[number] -= pieces(result, [row])[item]
        numbers.append(number)
    return numbers


def _named(site: Site, fields: Mapping[str, str], row: Texts) -> dict[str, str]:
    """The fields of ours that keys of a row fill, in our codes."""
    named = {name: row[key] for name, key in fields.items() if key in row}
    if "inventory_type" in fields:
        named["inventory_type"] = site.inventory_type(named.get("inventory_type", ""))
    if "logistics_code" in named:
        named["logistics_code"] = ours(site.carriers, named["logistics_code"])
    for name in ("product_date", "expire_date"):
        if name in named:
            named[name] = named[name][: len(date.min.isoformat())]
    return named


def _typed(record: Record, row: Texts, line: int, faults: list[Fault]) -> Row:
    """A row of typed values; what is wrong with it goes to `faults`."""
    typed: dict[str, Value] = {}
    for name, text in row.items():
        field = record.by_name[name]
        try:
            if text:
                typed[name] = parser(field)(cleaned(text, field.max).text if field.prose else text)
        except BadValue as bad:
            faults.append(Fault(bad.code, line, name, "***" if field.personal else text[:100], bad.expected))
    missing = (name for name in sorted(record.mandatory) if not row.get(name))
    faults.extend(Fault("E_FIELD", line, name, "", "必填/required") for name in missing)
    return typed


def _judged(
    layout: Layout,
    line: int,
    head: Texts,
    records: Mapping[str, Sequence[Row]],
    places: Mapping[str, Sequence[int]],
    faults: list[Fault],
) -> Document | Rejected:
    """A document of these rows, which stand on the lines in `places`, unless something is wrong with it."""
    if not faults:
        others = {tag: rows for tag, rows in records.items() if tag != layout.head}
        document = Document(layout.interface, records[layout.head][0], others, line)
        faults = [replace(fault, line=places[tag][index]) for tag, index, fault in broken_rules(document)]
        if not faults:
            return document
    return refused(layout, line, head, faults)


def _number(text: str) -> str:
    """A number without the zeros behind it; any other text as it is."""
    return format(Decimal(text).normalize(), "f") if _NUMBER.fullmatch(text) else text


def _difference(total: str, locked: str) -> str:
    numbers = _NUMBER.fullmatch(total) and _NUMBER.fullmatch(locked)
    return format(Decimal(total) - Decimal(locked), "f") if numbers else total
