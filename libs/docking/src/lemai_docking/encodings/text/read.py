"""Reading described files (reference §1.16): HDR, then COL lines and records, then TRL."""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence

from lemai_docking.definitions.layout import envelope, layouts
from lemai_docking.definitions.profile import FileName, Profile
from lemai_docking.documents import Decoded, Header
from lemai_docking.encodings.judging import Reading, check_count, check_header, check_limit
from lemai_docking.encodings.text.documents import Assembly, Record
from lemai_docking.encodings.text.lines import BOM, Lines
from lemai_docking.encodings.text.rows import Columns, DescribedRows, RowReader, cells_of
from lemai_docking.faults import BadValue, Fault, FileRejected

RECORDS_PER_LINE = 5
"""Records other than lines: heads, packages, their contents, serial numbers."""

_TRAILER = re.compile(
    rb"TRL\t(\d{1,9})\t(\d{1,9})\t(\d{1,9})\t(-?\d{1,18})(?:\.0{1,4})?\tSHA256\t([0-9a-fA-F]{64})[ \t\r\n]*"
)
_SHAPE = "TRL, 4 个整数/integers, SHA256, 64 位十六进制/hex digits"


def is_complete(data: bytes) -> bool:
    """Whether the file's writer is done with it: its trailer is whole, or its line has ended and so stays as it is."""
    start = _trailer_at(data)
    return bool(start) and (b"\n" in data[start:] or _TRAILER.fullmatch(data, start) is not None)


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


def decode(profile: Profile, rows: DescribedRows, file: FileName, data: bytes, *, vouched: bool) -> Decoded:
    """Read a file. Raises FileRejected when frame or counts are broken.

    A bad record rejects its document only. A file name shared by two interfaces is routed per document.
    """
    warnings = list(file.warnings)
    end, trailer = _split(data, vouched=vouched)
    has_bom = data.startswith(BOM)
    if has_bom:
        warnings.append(Fault("W_BOM", 1))
    rest = data.find(b"\n", 0, end) + 1
    first = data[len(BOM) if has_bom else 0 : rest]
    header = _header(first.removesuffix(b"\n").removesuffix(b"\r"))
    check_header(profile, header, file.interfaces)
    lines = Lines(data, rest, end, 2, header.charset)
    check_limit("record_count", lines.count(), profile.limits.lines * RECORDS_PER_LINE)
    if not vouched:
        check_count("record_count", int(trailer[3]), lines.count())
    if first.endswith(b"\r\n") or lines.has_cr:
        warnings.append(Fault("W_CR"))
    reading = Reading(header, [layouts()[interface] for interface in file.interfaces], warnings)
    records = _Records(reading, lines)
    stated = {"document_count": int(trailer[1]), "line_count": int(trailer[2]), "control_total": int(trailer[4])}
    return Assembly(reading, rows, records.walked, profile.limits).decoded({} if vouched else stated)


def _trailer_at(data: bytes) -> int:
    return data.rfind(b"\nTRL") + 1


def _split(data: bytes, *, vouched: bool) -> tuple[int, re.Match[bytes]]:
    """Where the body ends, and the trailer; the digest is checked."""
    end = _trailer_at(data)
    trailer = _TRAILER.fullmatch(data, end)
    if trailer is None:
        raise FileRejected(_trailer_fault(data, end))
    # A BOM is no content: a writer may have put it in front after it had computed the digest.
    starts = {0, len(BOM)} if data.startswith(BOM) else {0}
    digests = [hashlib.sha256(memoryview(data)[start:end]).hexdigest() for start in sorted(starts)]
    if not vouched and trailer[5].decode().lower() not in digests:
        raise FileRejected(Fault("E_CHECKSUM", 0, "SHA256", trailer[5].decode(), digests[0]))
    return end, trailer


def _trailer_fault(data: bytes, start: int) -> Fault:
    """What is wrong with the trailer that begins at `start`, 0 for none."""
    if not start:
        return Fault("E_TRAILER", 0, "", "", _SHAPE)
    line = data.count(b"\n", 0, start) + 1
    text, _, behind = data[start:].partition(b"\n")
    if _TRAILER.fullmatch(text):
        return Fault("E_TRAILER", line + 1, "", behind[:100].decode(errors="replace"), "其后无内容/nothing behind it")
    return Fault("E_TRAILER", line, "", text[:100].decode(errors="replace"), _SHAPE)


def _header(line: bytes) -> Header:
    tag, *cells = line.decode("ascii", "replace").split("\t")
    reader = RowReader(envelope(), [(field.name, cells_of(field)) for field in envelope().fields], {})
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


class _Records:
    """The records of a described file; COL lines apply to what follows them."""

    def __init__(self, reading: Reading, lines: Lines) -> None:
        self._layouts = reading.candidates
        self._lines = lines

    def walked(self, warnings: list[Fault]) -> Iterator[Record]:
        """Each record with its document's number and the columns in force."""
        head = self._layouts[0].head
        columns: dict[str, Columns] = {}
        document = 0
        for number, line in enumerate(self._lines.texts(), self._lines.first):
            tag, *cells = line.split("\t")
            if tag == head:
                document += 1
            elif tag == "COL":
                columns |= self._columns(number, cells, warnings)
                continue
            elif not document:
                raise FileRejected(Fault("E_RECORD", number, "", tag[:20], head))
            names = columns.get(tag)
            if names is None and tag in self._layouts[0].records:
                raise FileRejected(Fault("E_COLUMN", number, "", tag, f"COL {tag}"))
            yield document, number, tag, names or (), cells

    def _columns(self, number: int, cells: Sequence[str], warnings: list[Fault]) -> dict[str, Columns]:
        tag, names = cells[0] if cells else "", cells[1:]
        records = [layout.records[tag] for layout in self._layouts if tag in layout.records]
        if len(set(names)) != len(names):
            raise FileRejected(Fault("E_COLUMN", number, tag, "", "不重复的列/distinct columns"))
        missing = [name for name in sorted(records[0].mandatory) if name not in names] if records else []
        if missing:
            raise FileRejected(Fault("E_COLUMN", number, tag, "", ", ".join(missing)))
        warnings += [
            Fault("W_COLUMN", number, tag, name[:100])
            for name in names
            if not any(name in record.by_name for record in records)
        ]
        return {tag: tuple(names)}
