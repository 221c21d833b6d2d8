"""Rules over several fields of a document, the same whichever way it travels and in whatever encoding."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Document, Row, Value
from lemai_docking.encodings.lazy import LazyRows
from lemai_docking.faults import Fault

ROUNDING = Decimal("0.01")
"""How far a sum of amounts may be off for each of its lines (reference §2.3)."""

_MASKABLE = ("receiver_name", "receiver_mobile", "receiver_address")

Broken = tuple[str, int, Fault]
"""Record tag, index of the row, fault without a line."""


def broken_rules(document: Document) -> list[Broken]:
    """Each broken rule of a document; a fault may be a warning."""
    layout, head = layouts()[document.interface], document.head
    records = {layout.head: [head], **document.records}
    found: list[Broken] = []
    for tag, rows in records.items():
        record = layout.records[tag]
        if record.conditions:
            for index, row in enumerate(rows):
                unmet = record.unmet(row, head, records)
                found += [(tag, index, Fault("E_FIELD", 0, name, "", "必填/required")) for name in unmet]
    for index, row in enumerate(records.get("B", ())):
        found += [("B", index, fault) for fault in balance_faults(head, row)]
    counts = {tag: len(rows) for tag, rows in records.items()}
    found += [(layout.head, 0, fault) for fault in head_faults(document.interface, head, counts)]
    if "item_amount" in head:
        found += [(layout.head, 0, fault) for fault in _amount_faults(head, records.get("L", ()))]
    if "Q" in records or "S" in records:
        found += _content_faults(document)
    return found


def head_faults(interface: str, head: Row, counts: Mapping[str, int]) -> list[Fault]:
    """What a head says that its document's records, counted by tag, do not bear out."""
    layout = layouts()[interface]
    found = [
        Fault("E_COUNT", 0, tag, str(counts.get(tag, 0)), f"≥ {record.min}")
        for tag, record in layout.records.items()
        if record.min and counts.get(tag, 0) < record.min
    ]
    stated, counted = head.get("line_count"), counts.get(layout.line, 0)
    if stated is not None and stated != counted:
        found.append(Fault("E_COUNT", 0, "line_count", str(stated), str(counted)))
    packages = head.get("package_count")
    if packages is not None and "P" in counts and packages != counts["P"]:
        found.append(Fault("E_COUNT", 0, "package_count", str(packages), str(counts["P"])))
    asks_for_token = "receiver_oaid" in layout.records[layout.head].by_name and "receiver_oaid" not in head
    if asks_for_token and any("*" in str(head.get(name, "")) for name in _MASKABLE):
        found.append(Fault("E_FIELD", 0, "receiver_oaid", "", "脱敏时必填/required when masked"))
    return found


def balance_faults(head: Row, row: Row) -> Sequence[Fault]:
    """What a row of a stock snapshot says against its head, or against itself."""
    free, locked = row.get("qty"), row.get("lock_qty")
    if not isinstance(free, int) or not isinstance(locked, int):
        return ()
    warehouse, total = row.get("warehouse_code", head["warehouse_code"]), row.get("total_qty", free + locked)
    if warehouse == head["warehouse_code"] and total == free + locked and free >= 0:
        return ()
    faults = []
    if warehouse != head["warehouse_code"]:
        faults.append(Fault("E_FIELD", 0, "warehouse_code", str(warehouse), str(head["warehouse_code"])))
    if total != free + locked:
        faults.append(Fault("E_QTY", 0, "total_qty", str(total), f"qty + lock_qty = {free + locked}"))
    if free < 0:
        faults.append(Fault("W_QTY", 0, "qty", str(free), "≥ 0"))
    return faults


def control_total(document: Document) -> int:
    """What a document adds to the trailer's control total, in pieces."""
    layout = layouts()[document.interface]
    if layout.control is None:
        return 0
    rows = document.records.get(layout.line, ())
    return rows.control if isinstance(rows, LazyRows) else sum(_pieces(row, layout.control) for row in rows)


def _amount_faults(head: Row, lines: Sequence[Row]) -> Iterator[Fault]:
    """item_amount is the sum of the lines, total_amount what remains of it with discount and freight."""
    amounts = [row.get("line_amount") for row in lines]
    if not amounts or None in amounts:
        return
    items = sum(map(_amount, amounts), Decimal(0))
    total = _amount(head["item_amount"]) - _amount(head.get("discount_amount")) + _amount(head.get("freight_amount"))
    for name, right in ("item_amount", items), ("total_amount", total):
        stated = _amount(head.get(name))
        if stated != right and name in head and stated.is_finite():
            code = "W_ROUND" if abs(stated - right) <= ROUNDING * len(lines) else "E_AMOUNT"
            yield Fault(code, 0, name, format(stated, "f"), format(right, "f"))


def _content_faults(document: Document) -> Iterator[Broken]:
    """What packages and serial numbers say of a line is what the line says; a line may have several rows (lots)."""
    contents, serials = document.records.get("Q", ()), document.records.get("S", ())
    lines = document.records.get("L", ())
    first: dict[object, int] = {row.get("line_no"): index for index, row in reversed(list(enumerate(lines)))}
    actual = _counted(lines, "actual_qty")
    packed = _counted(contents, "qty")
    for line_no in (actual | packed) if contents else ():
        if packed[line_no] != actual[line_no]:
            place = ("L", first[line_no]) if line_no in first else ("Q", 0)
            yield *place, Fault("W_PACKAGE_SUM", 0, "actual_qty", str(packed[line_no]), str(actual[line_no]))
    for line_no, count in _counted(serials, None).items():
        if count != actual[line_no]:
            place = ("L", first[line_no]) if line_no in first else ("S", 0)
            yield *place, Fault("E_SN_COUNT", 0, "sn", str(count), str(actual[line_no]))


def _counted(rows: Sequence[Row], name: str | None) -> Counter[object]:
    counted: Counter[object] = Counter()
    for row in rows:
        counted[row.get("line_no")] += 1 if name is None else _pieces(row, name)
    return counted


def _pieces(row: Row, name: str) -> int:
    value = row.get(name, 0)
    assert isinstance(value, int)
    return value


def _amount(value: Value | None) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)
