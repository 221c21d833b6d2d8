"""Rules over several fields of a document, the same whichever way it travels and in whatever encoding."""

from collections.abc import Iterator

from lemai_docking.documents import Document
from lemai_docking.faults import Fault
from lemai_docking.layout import layouts


def broken_rules(document: Document) -> Iterator[tuple[str, int, Fault]]:
    """Each broken rule as (record tag, index of the row, fault without a line)."""
    layout = layouts()[document.interface]
    records = {layout.head: [document.head], **document.records}
    for tag, rows in records.items():
        for index, row in enumerate(rows):
            for name in layout.records[tag].unmet(row, records):
                yield tag, index, Fault("E_FIELD", 0, name, "", "必填/required")
    for tag, record in layout.records.items():
        count = len(records.get(tag, ()))
        if count < record.min:
            yield layout.head, 0, Fault("E_COUNT", 0, tag, str(count), f"≥ {record.min}")
    stated, counted = document.head.get("line_count"), len(records.get(layout.line, ()))
    if stated is not None and stated != counted:
        yield layout.head, 0, Fault("E_COUNT", 0, "line_count", str(stated), str(counted))


def control_total(document: Document) -> int:
    """What a document adds to the trailer's control total, in pieces."""
    layout = layouts()[document.interface]
    if layout.control is None:
        return 0
    quantities = (row.get(layout.control, 0) for row in document.records.get(layout.line, ()))
    return sum(quantity for quantity in quantities if isinstance(quantity, int))
