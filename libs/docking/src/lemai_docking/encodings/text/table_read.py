"""Reading tables: files whose columns a profile knows by position, or by a first line of heads."""

import re
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import pairwise

from lemai_docking.definitions.columns import DERIVED, PLACEHOLDERS, Frame
from lemai_docking.definitions.layout import Layout, layouts
from lemai_docking.definitions.profile import FileName, Profile
from lemai_docking.documents import Decoded, Document, Header, Row, Value
from lemai_docking.encodings.judging import Reading, check_count
from lemai_docking.encodings.routing import SUFFIXES, split_order_no
from lemai_docking.encodings.text.documents import SNAPSHOT, Assembly, Record
from lemai_docking.encodings.text.lines import BOM, Lines
from lemai_docking.encodings.text.rows import Columns
from lemai_docking.encodings.text.table_lines import NEWLINES, Numbered, delimited, fixed
from lemai_docking.encodings.text.table_rows import TableLine, TableRows, head_of
from lemai_docking.encodings.values import SHANGHAI, parser
from lemai_docking.faults import BadValue, Fault, FileRejected

_BEHIND_MAX = 3
_COUNT = re.compile(r"-?[0-9]{1,30}(?:\.0{1,4})?")
_NAMES = {"documents": "document_count", "lines": "line_count", "records": "record_count", "control": "control_total"}


class TableFile:
    """One file of a table, its frame taken off. Raises FileRejected for a broken trailer or line of heads."""

    def __init__(self, profile: Profile, rows: TableRows, file: FileName, data: bytes) -> None:
        self.name = file
        self.layouts = [layouts()[interface] for interface in file.interfaces]
        self.frame = profile.frame_of(file.interfaces[0])
        self._rows = rows
        self._data = data
        self.start = len(BOM) if profile.charset == "UTF-8" and data.startswith(BOM) else 0
        body = body_of(self.frame, data)
        if body is None:
            last = data.rstrip(b"\r\n").rpartition(b"\n")[2][:100].decode(errors="replace")
            expected = self.frame.trailer.tag if self.frame.trailer else ""
            raise FileRejected(Fault("E_TRAILER", data.rstrip(b"\r\n").count(b"\n") + 1, "", last, expected))
        self._end, self.stated = body
        self._lines = Lines(data, self.start, self._end, 1, profile.charset)
        self._kinds = rows.lines(file.interfaces[0])
        self.is_flat = any("+" in key for key in self._kinds)

    @property
    def has_cr(self) -> bool:
        """Whether its lines end in CR LF."""
        return self._data[self.start : self._data.find(b"\n", self.start) + 1].endswith(b"\r\n")

    def records(self) -> int:
        """How many lines there are besides heads and trailer."""
        return self._lines.count() - self.frame.heads

    def walked(self, warnings: list[Fault]) -> Iterator[Record]:
        """Each record with its document."""
        cells = self._cells()
        heads = self._heads(cells, warnings) if self.frame.heads else ()
        kinds = {line.word: line for line in self._rows.lines(self.layouts[0].interface, heads).values()}
        flat = next(iter(kinds.values())) if self.is_flat else None
        yield from self._flat(flat, cells, heads) if flat else self._tagged(kinds, cells, heads)

    def _cells(self) -> Numbered:
        if self.frame.form == "fixed":
            return fixed(self._lines, self._lines.charset, {line.word: line.widths for line in self._kinds.values()})
        return delimited(self.frame, self._lines)

    def _heads(self, cells: Numbered, warnings: list[Fault]) -> Columns:
        number, names = next(cells, (1, []))
        heads = tuple(name.strip() for name in names)
        layout, (line,) = self.layouts[0], self._kinds.values()
        known = {head_of(layout, line.tags, column): column for column in line.columns}
        if len(set(heads)) != len(heads):
            raise FileRejected(Fault("E_COLUMN", number, "", "", "不重复的列/distinct columns"))
        missing = [
            head
            for head, column in known.items()
            if head not in heads and column.field and self._is_needed(line, column.name)
        ]
        if missing:
            raise FileRejected(Fault("E_COLUMN", number, "", "", ", ".join(missing)))
        warnings += [Fault("W_COLUMN", number, "", head[:100]) for head in heads if head not in known]
        return heads

    @staticmethod
    def _is_needed(line: TableLine, name: str) -> bool:
        places = [len(picks[name]) for picks in line.picks.values() if name in picks]
        mandatory = any(name in line.layout.records[tag].mandatory - DERIVED.get(tag, frozenset()) for tag in line.tags)
        return mandatory or max(places) > 1

    def _tagged(self, kinds: Mapping[str, TableLine], cells: Numbered, heads: Columns) -> Iterator[Record]:
        head = self.layouts[0].head
        document = 0
        for number, values in cells:
            word, own = (values[0].strip(), values[1:]) if len(kinds) > 1 else ("", values)
            line = kinds.get(word)
            tag = line.tags[0] if line else f"?{word}"
            document += tag == head
            if not document:
                raise FileRejected(Fault("E_RECORD", number, "", word[:20], " | ".join(kinds)))
            yield document, number, tag, heads, own

    def _flat(self, line: TableLine, cells: Numbered, heads: Columns) -> Iterator[Record]:
        """Every line gives a head, told once as long as it stays the same, and a line unless its cells are empty.

        A line that may belong to any document rejects the file: else one would be taken without it.
        """
        head, tag = line.tags
        known: dict[Hashable, Sequence[str]] = {}
        identity = line.picks[head].get(line.layout.identity, [])
        keys = [*identity, *line.picks[head].get("out_biz_code", [])]
        head_texts, line_texts = line.rows[head].texts, line.rows[tag].texts
        for number, values in cells:
            if faults := line.faults(values, number):
                raise FileRejected(faults[0])
            document = tuple([values[place].strip() for place in keys])
            own = head_texts(values)
            first = known.get(document)
            if first != own:
                if identity and not document[0]:
                    raise FileRejected(Fault("E_FIELD", number, line.layout.identity, "", "必填/required"))
                known.setdefault(document, own)
                yield document, number, head, heads, values
            if "".join(line_texts(values)).strip():
                yield document, number, tag, heads, values

    def complete(self, layout: Layout, head: dict[str, Value], records: Mapping[str, Sequence[Row]]) -> list[Fault]:
        """Fill a head with what the file stands for and what follows from its document."""
        record = layout.records[layout.head]
        faults = []
        for name, text in self._rows.placeholders(layout).items():
            try:
                head[name] = self._value(layout, head, name, text)
            except BadValue as bad:
                faults.append(Fault(bad.code, 0, name, text, bad.expected))
        rows = {tag: rows for tag, rows in records.items() if tag != layout.head}
        if layout.interface != SNAPSHOT and "line_count" in record.mandatory:
            head.setdefault("line_count", len(rows.get(layout.line, ())))
        if "out_biz_code" in record.mandatory and "out_biz_code" not in head:
            head["out_biz_code"] = Document(layout.interface, head, rows).content_hash
        # A snapshot's rows are not counted yet.
        lacking = record.mandatory - head.keys() - ({"line_count"} if layout.interface == SNAPSHOT else set())
        return faults + [Fault("E_FIELD", 0, name, "", "必填/required") for name in sorted(lacking)]

    def _value(self, layout: Layout, head: Mapping[str, Value], name: str, text: str) -> Value:
        field = layout.records[layout.head].by_name[name]
        stamp, file_name, suffix = PLACEHOLDERS
        if text == stamp and field.type == "datetime":
            return self.name.stamp
        if suffix in text:
            kinds = {SUFFIXES[kind]: kind for kind in layout.kinds}
            text = text.replace(suffix, kinds.get(split_order_no(str(head["order_no"]))[1], ""))
        digits = self.name.stamp.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")
        return parser(field)(text.replace(stamp, digits).replace(file_name, self.name.text))

    def excerpts(self, lines: Collection[int]) -> dict[int, bytes]:
        """For each line, on which a document begins, a file with that document alone; nobody compares its counts."""
        owners: dict[int, Hashable] = {}
        for key, number, _, _, _ in self.walked([]):
            owners.setdefault(number, key)
        starts = [*owners, self._lines.count() + 1]
        texts = [line + b"\n" for line in self._data[self.start : self._end].removesuffix(b"\n").split(b"\n")]
        spans = {start: b"".join(texts[start - 1 : end - 1]) for start, end in pairwise(starts)}
        before = b"".join(texts[: self.frame.heads])
        trailer = trailer_line(self.frame, dict.fromkeys(_NAMES, 0)).encode("ascii")
        found = {}
        for line in lines:
            own = [span for start, span in spans.items() if owners[start] == owners[line]]
            found[line] = b"".join([before, *own, trailer])
        return found


def decode(profile: Profile, rows: TableRows, file: FileName, data: bytes, *, vouched: bool) -> Decoded:
    """Read a file. Raises FileRejected when frame or counts are broken; a bad record rejects its document only."""
    table = TableFile(profile, rows, file, data)
    warnings = list(file.warnings)
    if table.start and not profile.bom:
        warnings.append(Fault("W_BOM", 1))
    if table.has_cr and table.frame.newline == "LF":
        warnings.append(Fault("W_CR"))
    sender, receiver = profile.parties(file.interfaces[0])
    header = Header(
        format_version=profile.format_version,
        interface=file.interfaces[0],
        charset=profile.charset,
        sender=sender,
        receiver=receiver,
        message_id=file.text[:64],
        created_at=file.stamp,
        owner_code=profile.owner_code,
        test_flag="N",
    )
    reading = Reading(header, table.layouts, warnings, has_header=False)
    if "record_count" in table.stated and not vouched:
        check_count("record_count", table.stated["record_count"], table.records())
    assembly = Assembly(reading, rows, table.walked, profile.limits, complete=table.complete, scattered=table.is_flat)
    return assembly.decoded({} if vouched else table.stated)


def body_of(frame: Frame, data: bytes) -> tuple[int, dict[str, int]] | None:
    """Where the body ends, and what the trailer counts; None if the trailer that belongs there is missing."""
    if frame.trailer is None:
        return len(data), {}
    start = data.rstrip(b"\r\n").rfind(b"\n") + 1 or (len(BOM) if data.startswith(BOM) else 0)
    text = data[start:].rstrip(b"\r\n").decode("ascii", "replace")
    if frame.form == "fixed":
        width, behind = frame.trailer.width or 1, len(frame.trailer.tag)
        cells = [text[:behind], *(text[at : at + width] for at in range(behind, len(text), width))]
    else:
        cells = [cell.strip(frame.quote or None) for cell in text.split(frame.delimiter)]
    tag, *counts = [cell.strip() for cell in cells]
    if tag != frame.trailer.tag or len(counts) != len(frame.trailer.counts) or not all(map(_COUNT.fullmatch, counts)):
        return None
    names = [_NAMES[count] for count in frame.trailer.counts]
    return start, {name: int(count.partition(".")[0]) for name, count in zip(names, counts, strict=True)}


def has_ended(frame: Frame, data: bytes) -> bool:
    """Whether the trailer is there, be it with some lines behind it that nothing can put right."""
    for _ in range(_BEHIND_MAX):
        if body_of(frame, data) is not None:
            return True
        data = data.rstrip(b"\r\n")
        data = data[: data.rfind(b"\n") + 1]
    return False


def trailer_line(frame: Frame, counts: Mapping[str, int]) -> str:
    """The trailer with these counts by the words of the profile; empty for a frame without."""
    if frame.trailer is None:
        return ""
    cells = [str(counts[count]) for count in frame.trailer.counts]
    if frame.form == "fixed":
        text = frame.trailer.tag + "".join(cell.zfill(frame.trailer.width or 0) for cell in cells)
    else:
        text = frame.delimiter.join([frame.trailer.tag, *cells])
    return text + NEWLINES[frame.newline]
