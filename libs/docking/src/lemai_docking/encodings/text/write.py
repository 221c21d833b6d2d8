"""Writing described files (reference §1.16): each document on its own, then the frame around them."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from lemai_docking.codec import Encoded, Rendered
from lemai_docking.definitions.layout import envelope, layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document, Header
from lemai_docking.encodings.judging import completed, readable
from lemai_docking.encodings.rules import control_total
from lemai_docking.encodings.text.rows import DescribedRows, RowWriter, texts_of
from lemai_docking.faults import BadValue, DocumentRefused


def render(profile: Profile, rows: DescribedRows, document: Document) -> Rendered:
    """Write one document under the profile's columns; a field or record without columns is left out.

    `line_count` is filled in. Raises DocumentRefused with every fault, ValueError for unknown fields.
    """
    carried = profile.carried[document.interface]
    document, notes = readable(document)
    document, line_count, faults = completed(document, carried)
    head = layouts()[document.interface].head
    lines: list[str] = []
    for tag in carried:
        writer = rows.writer(document.interface, tag)
        for row in [document.head] if tag == head else document.records.get(tag, ()):
            try:
                lines.append("\t".join([tag, *writer.write(row)]))
            except BadValue:
                faults += writer.faults(row)
    if faults:
        raise DocumentRefused(faults)
    return Rendered("\n".join(lines), line_count, control_total(document), notes)


def frame(profile: Profile, header: Header, rendered: Sequence[Rendered]) -> Encoded:
    """Put header, columns and trailer around documents. ValueError if the header is not ASCII."""
    writer = RowWriter([(field.name, texts_of(field)) for field in envelope().fields])
    lines = ["\t".join(["HDR", *writer.write(asdict(header))])]
    for tag, columns in profile.interfaces[header.interface].columns.items():
        lines.append("\t".join(["COL", tag, *(column.name for column in columns)]))
    starts = []
    for document in rendered:
        starts.append(len(lines) + 1)
        lines += document.text.split("\n")
    body = lines[0].encode("ascii") + "\n".join(["", *lines[1:], ""]).encode(header.charset)
    trailer = [
        "TRL",
        len(rendered),
        sum(document.line_count for document in rendered),
        len(lines) - 1,
        sum(document.control for document in rendered),
        "SHA256",
        hashlib.sha256(body).hexdigest(),
    ]
    return Encoded(body + "\t".join(map(str, trailer)).encode() + b"\n", tuple(starts))
