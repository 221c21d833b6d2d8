"""Reading the text encoding (reference §1.16): frame first, then document by document."""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from lemai_docking.documents import Decoded, Document, Header, Rejected, Row
from lemai_docking.faults import BadValue, Fault, FileRejected
from lemai_docking.judging import (
    BYTES_MAX,
    DOCUMENTS_MAX,
    LINES_MAX,
    Reading,
    check_count,
    check_header,
    check_limit,
)
from lemai_docking.layout import envelope, layouts
from lemai_docking.profile import Profile
from lemai_docking.text_rows import RowReader, row_reader

RECORDS_MAX = 500_000
_BOM = b"\xef\xbb\xbf"
_TRAILER = re.compile(rb"TRL\t(\d{1,9})\t(\d{1,9})\t(\d{1,9})\t(-?\d{1,18})(?:\.0{1,4})?\tSHA256\t([0-9a-f]{64})\r?\n?")

Columns = tuple[str, ...]


@dataclass(slots=True)
class _Block:
    """The records of one document as (line number, tag, columns, cells joined by TAB)."""

    records: list[tuple[int, str, Columns, str]]

    @property
    def line(self) -> int:
        return self.records[0][0]

    def head(self) -> dict[str, str]:
        """Raw cells of the head by column."""
        _, _, columns, cells = self.records[0]
        return dict(zip(columns, cells.split("\t"), strict=False))


@dataclass(slots=True)
class _Reading(Reading):
    """A text file being read, with the columns in force."""

    columns: dict[str, Columns] = field(default_factory=dict)


def is_complete(data: bytes) -> bool:
    """Whether the file ends in a whole trailer, so that its writer is done with it."""
    return _TRAILER.fullmatch(data, _trailer_at(data)) is not None


def excerpts(data: bytes, lines: Collection[int]) -> dict[int, bytes]:
    """For each line, on which a document of a decoded file begins, a file with that document alone."""
    records = [record + b"\n" for record in data[: _trailer_at(data)].split(b"\n")[:-1]]
    return {line: _excerpt(records, line) for line in lines}


def _excerpt(records: Sequence[bytes], line: int) -> bytes:
    head = _tag(records[line - 1])
    length = next((n for n, record in enumerate(records[line:], 1) if _tag(record) in {head, b"COL"}), None)
    columns = [record for record in records[: line - 1] if _tag(record) == b"COL"]
    document = records[line - 1 : None if length is None else line - 1 + length]
    body = [records[0], *columns, *document]
    digest = hashlib.sha256(b"".join(body)).hexdigest()
    trailer = f"TRL\t1\t{max(len(document) - 1, 1)}\t{len(body) - 1}\t0\tSHA256\t{digest}\n"
    return b"".join(body) + trailer.encode()


def _tag(record: bytes) -> bytes:
    return record.partition(b"\t")[0]


def decode(profile: Profile, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
    """Read a file by its name and bytes. Raises FileRejected when name, frame or counts are broken.

    A bad record rejects its document only. A file name shared by two interfaces is routed per document.
    """
    file = profile.match(name)
    warnings = list(file.warnings)
    body, trailer = _split(data, vouched=vouched)
    if body.startswith(_BOM):
        warnings.append(Fault("W_BOM", 1))
    first, _, rest = body.removeprefix(_BOM).partition(b"\n")
    header = _header(first.removesuffix(b"\r"))
    check_header(profile, header, file.interfaces)
    stated = None if vouched else [int(number) for number in trailer.groups()[:4]]
    check_limit("record_count", rest.count(b"\n"), RECORDS_MAX)
    if stated:
        check_count("record_count", stated[2], rest.count(b"\n"))
    lines = _lines(header, rest)
    if first.endswith(b"\r") or any(line.endswith("\r") for line in lines):
        warnings.append(Fault("W_CR"))
        lines = [line.removesuffix("\r") for line in lines]
    reading = _Reading(header, [layouts()[interface] for interface in file.interfaces], warnings)
    blocks = list(_blocks(reading, lines))
    tag = reading.candidates[0].line
    line_count = sum(record[1] == tag for block in blocks for record in block.records)
    check_limit("document_count", len(blocks), DOCUMENTS_MAX)
    check_limit("line_count", line_count, LINES_MAX)
    if stated:
        check_count("document_count", stated[0], len(blocks))
        check_count("line_count", stated[1], line_count)
    return reading.decoded([_document(reading, block) for block in blocks], stated[3] if stated else None)


def _trailer_at(data: bytes) -> int:
    return data.rfind(b"\nTRL") + 1


def _split(data: bytes, *, vouched: bool) -> tuple[bytes, re.Match[bytes]]:
    """Body and trailer, the digest checked."""
    if len(data) > BYTES_MAX:
        raise FileRejected(Fault("E_LIMIT", 0, "", str(len(data)), f"≤ {BYTES_MAX} 字节/bytes"))
    at = _trailer_at(data)
    trailer = _TRAILER.fullmatch(data, at)
    if trailer is None:
        raise FileRejected(Fault("E_TRAILER", data.count(b"\n", 0, at) + 1 if at else 0))
    body = data[:at]
    # A BOM is no content: a writer may have put it in front after it had computed the digest.
    digests = {hashlib.sha256(text).hexdigest() for text in (body, body.removeprefix(_BOM))}
    if not vouched and trailer[5].decode() not in digests:
        raise FileRejected(Fault("E_CHECKSUM", 0, "SHA256", trailer[5].decode(), hashlib.sha256(body).hexdigest()))
    return body, trailer


def _lines(header: Header, rest: bytes) -> list[str]:
    try:
        return rest.decode(header.charset).split("\n")[:-1]
    except UnicodeDecodeError as error:
        line = rest.count(b"\n", 0, error.start) + 2
        raise FileRejected(Fault("E_CHARSET", line, "", rest[error.start : error.end].hex())) from None


def _header(line: bytes) -> Header:
    tag, *cells = line.decode("ascii", "replace").split("\t")
    reader = RowReader(envelope(), [field.name for field in envelope().fields])
    if tag != "HDR":
        raise FileRejected(Fault("E_HEADER", 1, "", tag[:20], "HDR"))
    try:
        header = Header(**reader.read(cells))  # type: ignore[arg-type]  # The envelope names Header's fields.
    except BadValue:
        fault = reader.faults(cells, 1)[0]
        code = "E_CHARSET" if fault.field == "charset" else "E_HEADER"
        raise FileRejected(Fault(code, 1, fault.field, fault.value, fault.expected)) from None
    if not line.isascii():
        raise FileRejected(Fault("E_HEADER", 1, "", "", "ASCII"))
    return header


def _blocks(reading: _Reading, lines: Sequence[str]) -> Iterator[_Block]:
    """Group the lines by document; COL lines apply to what follows them."""
    head = reading.candidates[0].head
    block: _Block | None = None
    for number, line in enumerate(lines, 2):
        tag, _, cells = line.partition("\t")
        if tag == "COL":
            _columns(reading, number, cells)
            continue
        if tag == head:
            if block:
                yield block
            block = _Block([])
        elif block is None:
            raise FileRejected(Fault("E_RECORD", number, "", tag[:20], head))
        columns = reading.columns.get(tag)
        if columns is None and tag in reading.candidates[0].records:
            raise FileRejected(Fault("E_COLUMN", number, "", tag, f"COL {tag}"))
        block.records.append((number, tag, columns or (), cells))
    if block:
        yield block


def _columns(reading: _Reading, number: int, cells: str) -> None:
    tag, *names = cells.split("\t")
    records = [layout.records[tag] for layout in reading.candidates if tag in layout.records]
    if len(set(names)) != len(names):
        raise FileRejected(Fault("E_COLUMN", number, tag, "", "不重复的列/distinct columns"))
    missing = [name for name in sorted(records[0].mandatory) if name not in names] if records else []
    if missing:
        raise FileRejected(Fault("E_COLUMN", number, tag, "", ", ".join(missing)))
    for name in names:
        if not any(name in record.by_name for record in records):
            reading.warnings.append(Fault("W_COLUMN", number, tag, name[:100]))
    reading.columns[tag] = tuple(names)


def _document(reading: _Reading, block: _Block) -> Document | Rejected:
    raw = block.head()
    layout, faults = reading.layout(block.line, raw)
    records: dict[str, list[Row]] = {}
    lines: dict[str, list[int]] = {}
    for number, tag, columns, cells in block.records:
        if tag not in layout.records:
            faults.append(Fault("E_RECORD", number, "", tag[:20], " | ".join(layout.records)))
            continue
        reader = row_reader(layout.interface, tag, columns)
        values = cells.split("\t")
        try:
            records.setdefault(tag, []).append(reader.read(values))
            lines.setdefault(tag, []).append(number)
        except BadValue:
            faults += reader.faults(values, number)
    return reading.judged(layout, block.line, raw, records, lines, faults)
