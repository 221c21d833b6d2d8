"""Rules over several fields of a document, the same whichever way it travels and in whatever encoding."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from lemai_docking.documents import Document, Row
from lemai_docking.faults import Fault
from lemai_docking.layout import layouts
from lemai_docking.lazy import LazyRows

ROUNDING = Decimal("0.01")
"""How far a sum of amounts may be off for each of its lines (reference §2.3)."""

_MASKABLE = ("receiver_name", "receiver_mobile", "receiver_address")

Broken = tuple[str, int, Fault]
"""Record tag, index of the row, fault without a line."""


def broken_rules(document: Document) -> Iterator[Broken]:
    """Each broken rule of a document; a fault may be a warning."""
    layout = layouts()[document.interface]
    records = {layout.head: [document.head], **document.records}
    for tag, rows in records.items():
        for index, row in enumerate(rows):
            for name in layout.records[tag].unmet(row, document.head, records):
                yield tag, index, Fault("E_FIELD", 0, name, "", "必填/required")
            if tag == "B":
                yield from ((tag, index, fault) for fault in balance_faults(document.head, row))
    counts = {tag: len(rows) for tag, rows in records.items()}
    yield from ((layout.head, 0, fault) for fault in head_faults(document.interface, document.head, counts))
    yield from ((layout.head, 0, fault) for fault in _amount_faults(document))
    yield from _content_faults(document)


def head_faults(interface: str, head: Row, counts: Mapping[str, int]) -> Iterator[Fault]:
    """What a head says that its document's records, counted by tag, do not bear out."""
    layout = layouts()[interface]
    for tag, record in layout.records.items():
        if counts.get(tag, 0) < record.min:
            yield Fault("E_COUNT", 0, tag, str(counts.get(tag, 0)), f"≥ {record.min}")
    stated, counted = head.get("line_count"), counts.get(layout.line, 0)
    if stated is not None and stated != counted:
        yield Fault("E_COUNT", 0, "line_count", str(stated), str(counted))
    packages = head.get("package_count")
    if packages is not None and "P" in counts and packages != counts["P"]:
        yield Fault("E_COUNT", 0, "package_count", str(packages), str(counts["P"]))
    is_masked = any("*" in str(head.get(name, "")) for name in _MASKABLE)
    if is_masked and "receiver_oaid" in layout.records[layout.head].by_name and "receiver_oaid" not in head:
        yield Fault("E_FIELD", 0, "receiver_oaid", "", "脱敏时必填/required when masked")


def balance_faults(head: Row, row: Row) -> Iterator[Fault]:
    """What a row of a stock snapshot says against its head, or against itself."""
    if row["warehouse_code"] != head["warehouse_code"]:
        yield Fault("E_FIELD", 0, "warehouse_code", str(row["warehouse_code"]), str(head["warehouse_code"]))
    free, locked, total = (_pieces(row, name) for name in ("qty", "lock_qty", "total_qty"))
    if total != free + locked:
        yield Fault("E_QTY", 0, "total_qty", str(total), f"qty + lock_qty = {free + locked}")
    if free < 0:
        yield Fault("W_QTY", 0, "qty", str(free), "≥ 0")


def control_total(document: Document) -> int:
    """What a document adds to the trailer's control total, in pieces."""
    layout = layouts()[document.interface]
    if layout.control is None:
        return 0
    rows = document.records.get(layout.line, ())
    return rows.control if isinstance(rows, LazyRows) else sum(_pieces(row, layout.control) for row in rows)


def _amount_faults(document: Document) -> Iterator[Fault]:
    """item_amount is the sum of the lines, total_amount what remains of it with discount and freight."""
    head, lines = document.head, document.records.get("L", ())
    if "item_amount" not in head or not lines or not all("line_amount" in row for row in lines):
        return
    items = sum((_amount(row, "line_amount") for row in lines), Decimal(0))
    total = _amount(head, "item_amount") - _amount(head, "discount_amount") + _amount(head, "freight_amount")
    for name, right in ("item_amount", items), ("total_amount", total):
        if name in head and _amount(head, name).is_finite() and _amount(head, name) != right:
            is_rounding = abs(_amount(head, name) - right) <= ROUNDING * len(lines)
            code = "W_ROUND" if is_rounding else "E_AMOUNT"
            yield Fault(code, 0, name, format(_amount(head, name), "f"), format(right, "f"))


def _content_faults(document: Document) -> Iterator[Broken]:
    """What packages and serial numbers say of a line is what the line says; a line may have several rows (lots)."""
    contents, serials = document.records.get("Q", ()), document.records.get("S", ())
    if not contents and not serials:
        return
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


def _amount(row: Row, name: str) -> Decimal:
    value = row.get(name, Decimal(0))
    assert isinstance(value, Decimal)
    return value
