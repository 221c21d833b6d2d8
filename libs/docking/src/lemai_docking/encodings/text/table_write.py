"""Writing tables: each document on its own, then the frame around them."""

from collections.abc import Iterator, Sequence

from lemai_docking.codec import Encoded, Rendered
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document, Header, Row
from lemai_docking.encodings.judging import completed, readable
from lemai_docking.encodings.rules import control_total
from lemai_docking.encodings.text.lines import BOM
from lemai_docking.encodings.text.table_lines import CODECS, NEWLINES, wire_of
from lemai_docking.encodings.text.table_read import trailer_line
from lemai_docking.encodings.text.table_rows import TableLine, TableRows, head_of
from lemai_docking.faults import BadValue, DocumentRefused


def render(profile: Profile, rows: TableRows, document: Document) -> Rendered:
    """Write one document; a field or record without columns is left out.

    Raises DocumentRefused with every fault, ValueError for unknown fields.
    """
    document, notes = readable(document, rows.fit(profile, document.interface))
    control = control_total(document)
    document, line_count, faults = completed(document, profile.carried[document.interface])
    head = layouts()[document.interface].head
    lines: list[str] = []
    for line in rows.lines(document.interface).values():
        for parts in _lines(line, head, document):
            cells = [*line.blank]
            try:
                for tag, row in parts.items():
                    line.rows[tag].write(row, cells)
                lines.append(line.joined(cells))
            except BadValue:
                faults += [fault for tag, row in parts.items() for fault in line.rows[tag].write_faults(row)]
    if faults:
        raise DocumentRefused(list(dict.fromkeys(faults)))
    newline = NEWLINES[profile.frame_of(document.interface).newline]
    return Rendered(newline.join(lines), line_count, control, notes)


def _lines(line: TableLine, head: str, document: Document) -> Iterator[dict[str, Row]]:
    """The rows that stand in each line of one kind; a flat document without lines has one, half empty."""
    *repeated, last = line.tags
    heads = dict.fromkeys(repeated, document.head)
    if last == head:
        yield {head: document.head}
        return
    for row in document.records.get(last, ()):
        yield heads | {last: row}
    if repeated and not document.records.get(last):
        yield heads


def frame(profile: Profile, rows: TableRows, header: Header, rendered: Sequence[Rendered]) -> Encoded:
    """Put heads and trailer around documents."""
    how = profile.frame_of(header.interface)
    newline = NEWLINES[how.newline]
    parts = []
    if how.heads:
        (line,) = rows.lines(header.interface).values()
        layout = layouts()[header.interface]
        heads = [(column, head_of(layout, line.tags, column)) for column in line.columns]
        parts.append(line.joined([wire_of(how, profile.charset, each, is_number=False)(head) for each, head in heads]))
    starts, number = [], len(parts) + 1
    for document in rendered:
        starts.append(number)
        parts.append(document.text)
        number += document.text.count("\n") + 1
    text = "".join(part + newline for part in parts)
    if how.trailer:
        counts = {
            "documents": len(rendered),
            "lines": sum(document.line_count for document in rendered),
            "records": number - 1 - how.heads,
            "control": sum(document.control for document in rendered),
        }
        text += trailer_line(how, counts)
    return Encoded((BOM if profile.bom else b"") + text.encode(CODECS[profile.charset]), tuple(starts))
