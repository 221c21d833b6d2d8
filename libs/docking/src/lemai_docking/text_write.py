"""Writing the text encoding (reference §1.16): each document on its own, then the frame around them."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from lemai_docking.codec import Encoded, Rendered
from lemai_docking.documents import Document, Header
from lemai_docking.faults import BadValue, DocumentRefused
from lemai_docking.judging import completed
from lemai_docking.layout import envelope, layouts
from lemai_docking.profile import Profile
from lemai_docking.rules import control_total
from lemai_docking.text_rows import RowWriter, row_writer


def encode(profile: Profile, header: Header, documents: Sequence[Document]) -> Encoded:
    """Write a file of one interface. Raises DocumentRefused at the first document that cannot be written."""
    return frame(profile, header, [render(profile, document) for document in documents])


def render(profile: Profile, document: Document) -> Rendered:
    """Write one document under the profile's columns; a field or record without columns is left out.

    `line_count` is filled in. Raises DocumentRefused with every fault, ValueError for unknown fields.
    """
    document, line_count, faults = completed(document)
    lines: list[str] = []
    for tag, columns in profile.interfaces[document.interface].columns.items():
        writer = row_writer(document.interface, tag, tuple(column.field for column in columns))
        for row in [document.head] if tag == layouts()[document.interface].head else document.records.get(tag, ()):
            try:
                lines.append(writer.write(row))
            except BadValue:
                faults += writer.faults(row)
    if faults:
        raise DocumentRefused(faults)
    return Rendered("\n".join(lines), line_count, control_total(document))


def frame(profile: Profile, header: Header, rendered: Sequence[Rendered]) -> Encoded:
    """Put header, columns and trailer around documents. ValueError if the header is not ASCII."""
    writer = RowWriter("HDR", envelope(), [field.name for field in envelope().fields])
    columns = profile.interfaces[header.interface].columns
    lines = [writer.write(asdict(header))]
    lines += ["\t".join(["COL", tag, *(column.field for column in each)]) for tag, each in columns.items()]
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
