"""Line numbers for results whose counterpart knows only item codes (reference §2.3)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lemai_docking.documents import Document, Row
from lemai_docking.faults import Fault


@dataclass(frozen=True, slots=True)
class InstructedLine:
    """A line as we instructed it; `quantity` is what of it has not been reported yet."""

    line_no: int
    item_code: str
    quantity: int
    price: Decimal | None = None


def numbered(document: Document, instructed: Sequence[InstructedLine]) -> tuple[Document, list[Fault]]:
    """A result with the line numbers it lacks, and a warning for each that had to be guessed.

    An item's pieces fill its lines in the order of their numbers, the last takes what is over; it is a guess if those
    lines have different prices. An item nobody ordered gets a number that no line has.
    """
    open_lines: dict[str, list[InstructedLine]] = {}
    for line in sorted(instructed, key=lambda line: line.line_no):
        open_lines.setdefault(line.item_code, []).append(line)
    guessed = {item for item, lines in open_lines.items() if len({line.price for line in lines}) > 1}
    unknown = max((line.line_no for line in instructed), default=0)
    rows: list[Row] = []
    faults: list[Fault] = []
    for row in document.records.get("L", ()):
        item = str(row["item_code"])
        if "line_no" in row:
            rows.append(row)
        elif item in open_lines:
            rows += _filled(row, open_lines[item])
            if item in guessed:
                faults.append(Fault("W_LINE_GUESS", document.line_no, "line_no", item))
        else:
            unknown += 1
            rows.append({**row, "line_no": unknown})
    head: Mapping[str, object] = document.head
    counted = {"line_count": len(rows)} if "line_count" in head else {}
    return replace(document, head={**document.head, **counted}, records={**document.records, "L": rows}), faults


def _filled(row: Row, lines: list[InstructedLine]) -> Iterator[Row]:
    """The row spread over the lines of its item, which are used up."""
    pieces = row["actual_qty"]
    assert isinstance(pieces, int)
    while len(lines) > 1 and pieces >= lines[0].quantity:
        full = lines.pop(0)
        if full.quantity:
            yield {**row, "line_no": full.line_no, "actual_qty": full.quantity}
        pieces -= full.quantity
    if pieces or not row["actual_qty"]:
        yield {**row, "line_no": lines[0].line_no, "actual_qty": pieces}
        lines[0] = replace(lines[0], quantity=max(lines[0].quantity - pieces, 0))
