"""Rows of tables: which cells of a line hold which field of which record."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from lemai_docking.definitions.columns import DERIVED, PART, PLACEHOLDERS, Column, starts, tags_of
from lemai_docking.definitions.layout import Field, Layout, layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.definitions.spelling import Spelling, spelling
from lemai_docking.documents import Row, Value
from lemai_docking.encodings.cells import Cells, Texts
from lemai_docking.encodings.judging import Fit
from lemai_docking.encodings.text.rows import Columns, RowReader, RowWriter, respelled
from lemai_docking.encodings.text.table_lines import CODECS, Widths, plain_of, wire_of
from lemai_docking.encodings.values import parser
from lemai_docking.faults import BadValue, Fault

_HEADS_MAX = 32


class TableRow:
    """One record in one kind of line."""

    def __init__(self, line: "TableLine", tag: str, *, checks: bool) -> None:
        self._line = line
        self._picks = line.picks[tag]
        places = list(self._picks.values())
        self._first_places = [one[0] for one in places] if all(len(one) == 1 for one in places) else None
        self._checks = checks
        self._record = line.layout.records[tag]
        self._given = line.given(tag)
        columns = [
            (name, _optional(tag, self._record.by_name[name]), [line.columns[place] for place in places])
            for name, places in self._picks.items()
        ]
        self._reader = RowReader(
            self._record,
            [(name, Cells(field, line.plain(field, parts))) for name, field, parts in columns],
            self._given,
        )
        self._writer = RowWriter([(name, Texts(field, line.wire(field, parts))) for name, field, parts in columns])

    def texts(self, cells: Sequence[str]) -> Sequence[str]:
        """The cells of its fields, those of one field joined."""
        if self._first_places is not None:
            return [cells[place] for place in self._first_places]
        return [PART.join(cells[place] for place in places) for places in self._picks.values()]

    def read(self, cells: Sequence[str]) -> dict[str, Value]:
        """The row's values. Raises BadValue at the first bad cell; `faults` then tells them all."""
        if self._checks and self._line.faults(cells, 0):
            raise BadValue("E_COLUMN", "")
        return self._reader.read(self.texts(cells))

    def faults(self, cells: Sequence[str], line: int) -> list[Fault]:
        """Everything wrong with a row that `read` refused."""
        found = self._line.faults(cells, line) if self._checks else []
        if len(cells) != len(self._line.columns):
            return found
        return found + self._reader.faults(self.texts(cells), line)

    def write(self, row: Row, cells: list[str]) -> None:
        """Put the cells of its fields into those of a line. Raises BadValue; `write_faults` then tells them all."""
        if self._contradictions(row):
            raise BadValue("E_FIELD", "")
        for places, text in zip(self._picks.values(), self._writer.write(row), strict=True):
            for place, cell in zip(places, text.split(PART) if len(places) > 1 else [text], strict=True):
                cells[place] = cell

    def write_faults(self, row: Row) -> list[Fault]:
        """Everything wrong with a row: bad values, and others than the file stands for."""
        return self._writer.faults(row) + self._contradictions(row)

    def _contradictions(self, row: Row) -> list[Fault]:
        return [
            Fault("E_FIELD", 0, name, str(row[name]), str(value))
            for name, value in self._given.items()
            if row.get(name, value) != value
        ]


class TableLine:
    """One kind of line of an interface's table."""

    def __init__(self, profile: Profile, layout: Layout, key: str, columns: Sequence[Column]) -> None:
        self.layout = layout
        self.columns = columns
        self.tags = tags_of(key)
        self.frame = profile.frame_of(layout.interface)
        self._profile = profile
        self._how = profile.interfaces[layout.interface]
        self.word = self.frame.word(key) if len(self._how.columns) > 1 else ""
        self.picks: dict[str, dict[str, list[int]]] = {tag: {} for tag in self.tags}
        for place, column in enumerate(columns):
            if column.field and (tag := column.tag(self.tags, layout)):
                self.picks[tag].setdefault(column.name, []).append(place)
        self._constants = [
            (place, column.constant) for place, column in enumerate(columns) if column.constant is not None
        ]
        self.rows = {tag: TableRow(self, tag, checks=tag == self.tags[-1]) for tag in self.tags}
        self.widths = Widths(columns, starts(tuple(columns), len(self.word)), self.word)

    @property
    def _charset(self) -> str:
        return CODECS[self._profile.charset]

    def given(self, tag: str) -> dict[str, Value]:
        """What the profile says of a record, without what depends on the file."""
        by_name = self.layout.records[tag].by_name
        return {
            name: parser(by_name[name])(text)
            for name, text in self._how.values.get(tag, {}).items()
            if not any(placeholder in text for placeholder in PLACEHOLDERS)
        }

    def faults(self, cells: Sequence[str], line: int) -> list[Fault]:
        """Whether there are as many cells as columns, and constants are what they are."""
        if len(cells) != len(self.columns):
            if self.frame.form == "fixed":
                size = str(len(cells[0].encode(self._charset, "replace")) if cells else 0)
                return [Fault("E_COLUMN", line, "", size, f"{self.widths.bytes} 字节/bytes")]
            return [Fault("E_COLUMN", line, "", str(len(cells)), f"{len(self.columns)} 列/columns")]
        return [
            Fault("E_FIELD", line, self.columns[place].head, cells[place].strip()[:100], text)
            for place, text in self._constants
            if cells[place].strip() != text
        ]

    @cached_property
    def blank(self) -> list[str]:
        """A line's cells before any row is put into them."""
        return [
            wire_of(self.frame, self._profile.charset, column, is_number=False)(column.constant or "")
            for column in self.columns
        ]

    def joined(self, cells: Sequence[str]) -> str:
        """The cells as a line."""
        if self.frame.form == "fixed":
            return self.widths.line(cells)
        return self.frame.delimiter.join([self.word, *cells] if self.word else cells)

    def plain(self, field: Field, columns: Sequence[Column]) -> Callable[[str], str]:
        """Undoes frame and spelling of a field's cells."""
        unframed, spelled = plain_of(self.frame, len(columns)), self._spelling(field, columns)
        return (lambda cell: spelled.read(unframed(cell))) if spelled else unframed

    def wire(self, field: Field, columns: Sequence[Column]) -> Callable[[str], str]:
        """Spells and frames a field's text."""
        is_number = field.type.partition("(")[0] in {"int", "qty", "dec"}
        wires = [wire_of(self.frame, self._profile.charset, column, is_number=is_number) for column in columns]
        spelled = self._spelling(field, columns)

        def framed(text: str) -> str:
            text = spelled.write(text) if spelled else text.strip()
            parts = text.split(PART) if text and len(wires) > 1 else [text] * len(wires)
            return PART.join(wire(part) for wire, part in zip(wires, parts, strict=True))

        return framed

    def respelled(self, tag: str, cells: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The texts of a record by field, as we spell them where they can be read at all."""
        for name, places in self.picks[tag].items():
            if all(place < len(cells) for place in places):
                columns = [self.columns[place] for place in places]
                spelled = self._spelling(self.layout.records[tag].by_name[name], columns)
                text = PART.join(cells[place] for place in places)
                yield name, respelled(spelled, text) if spelled else text.strip()

    def _spelling(self, field: Field, columns: Sequence[Column]) -> Spelling | None:
        return spelling(field, columns, self._profile.codes_of(self.layout.interface))


def _optional(tag: str, field: Field) -> Field:
    """A field that a table may lack is not required of a cell."""
    may_lack = field.name in DERIVED.get(tag, ())
    return field.model_copy(update={"required": "O"}) if may_lack else field


class TableRows:
    """The rows of one counterpart's tables, compiled when first met."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._lines: dict[tuple[str, Columns], dict[str, TableLine]] = {}

    def lines(self, interface: str, heads: Columns = ()) -> dict[str, TableLine]:
        """The kinds of line of an interface by the key of their columns; under these heads, if a file has some."""
        key = interface, heads
        if key not in self._lines:
            if len(self._lines) >= _HEADS_MAX:
                self._lines.clear()
            layout, how = layouts()[interface], self._profile.interfaces[interface]
            self._lines[key] = {
                each: TableLine(self._profile, layout, each, ordered(layout, tags_of(each), columns, heads))
                for each, columns in how.columns.items()
            }
        return self._lines[key]

    def line(self, interface: str, tag: str, heads: Columns = ()) -> TableLine:
        """The kind of line that holds a record."""
        return next(line for line in self.lines(interface, heads).values() if tag in line.tags)

    def fit(self, profile: Profile, interface: str) -> Fit:
        """A text for people without what its table has no way to write: line breaks, delimiters, other characters."""
        frame, charset = profile.frame_of(interface), CODECS[profile.charset]

        def fitted(tag: str, field: Field, text: str) -> str:
            text = text.encode(charset, "replace").decode(charset)
            if not frame.quote:
                text = re.sub("[\r\n]", " ", text)
                if frame.delimiter in (text + frame.delimiter)[:-1]:
                    text = re.sub(f"[{re.escape(frame.delimiter)}]", " ", text)
            if frame.form != "fixed" or field.prose == "whole":
                return text
            line = next((line for line in self.lines(interface).values() if tag in line.tags), None)
            places = line.picks[tag].get(field.name) if line else None
            width = (line.columns[places[0]].width or 0) if line and places else len(text) * 4
            return text.encode(charset)[:width].decode(charset, "ignore")

        return fitted

    def reader(self, layout: Layout, tag: str, heads: Columns) -> TableRow:
        """For a record."""
        return self.line(layout.interface, tag, heads).rows[tag]

    def placeholders(self, layout: Layout) -> dict[str, str]:
        """What the profile says of a head that depends on the file."""
        values = self._profile.interfaces[layout.interface].values.get(layout.head, {})
        return {name: text for name, text in values.items() if any(one in text for one in PLACEHOLDERS)}

    def raw(self, layout: Layout, heads: Columns, cells: Sequence[str]) -> dict[str, str]:
        """The texts of a head by field, as we spell them where they can be read at all."""
        return dict(self.line(layout.interface, layout.head, heads).respelled(layout.head, cells))


def head_of(layout: Layout, tags: tuple[str, ...], column: Column) -> str:
    """A column's word in a line of heads: its own, or its field's Chinese label."""
    tag = column.tag(tags, layout) if column.field else None
    return column.head or (layout.records[tag].by_name[column.name].label if tag else "")


def ordered(layout: Layout, tags: tuple[str, ...], columns: Sequence[Column], heads: Columns) -> Sequence[Column]:
    """The columns as these heads put them; an unknown head is a column to be read past."""
    if not heads:
        return columns
    by_head = {head_of(layout, tags, column): column for column in columns}
    return [by_head.get(head, Column()) for head in heads]
