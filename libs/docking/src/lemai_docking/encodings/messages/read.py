"""Reading documents out of plain trees (reference §1.17, §1.18): what stands where, then its values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from lemai_docking.definitions.layout import Field, Record, envelope, layouts
from lemai_docking.documents import Row, Value
from lemai_docking.encodings.cells import Cells, fault_at
from lemai_docking.encodings.messages.tree import STANDS, TEXT_MAX, Parts, Shape, checked
from lemai_docking.faults import BadValue, Fault

_NUMERIC = re.compile(r"int|qty|dec\(.*")


class Number(str):
    """A JSON number, as it was spelled."""

    __slots__ = ()


class Item(NamedTuple):
    """A child element, or a key and its value."""

    name: str
    line: int
    content: "Content"


@dataclass(frozen=True, slots=True)
class Node:
    """An element with children, or a JSON object."""

    line: int
    items: list[Item]


Content = str | bool | Node | list["Content"] | None
"""An empty element is an empty text."""


class Unit(NamedTuple):
    """A part of a message that is read alone: `header`, `trailer`, a record that stands alone, or "" for an unknown.

    `start` and `end` bound it in the source.
    """

    kind: str
    name: str
    line: int
    start: int
    end: int
    content: Content


@dataclass(slots=True)
class RawRow:
    """A record as it stands in the tree: the text of each field with its line."""

    tag: str
    line: int
    holder: "RawRow | None"
    cells: dict[str, tuple[str, int]] = field(default_factory=dict)

    def cell(self, name: str) -> tuple[str, int]:
        """A field's text and line, its holder's where it takes that."""
        if self.holder and name in STANDS[self.tag].taken:
            return self.holder.cell(name)
        return self.cells.get(name, ("", self.line))


@dataclass(slots=True)
class Gathered:
    """What was found in one document."""

    rows: list[RawRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unknown: list[Fault] = field(default_factory=list)

    def head(self) -> dict[str, str]:
        """The texts of the document's head."""
        return {name: text for name, (text, _) in self.rows[0].cells.items()}

    def row(self, shape: Shape, line: int, content: Content, holder: RawRow | None = None) -> None:
        """Take in a record and all that stands in it."""
        row = RawRow(shape.tag, line, holder)
        self.rows.append(row)
        if isinstance(own := shape.parts.get(""), Field):
            self._text(own, Item(own.name, line, content), row)
        else:
            self._parts(shape.parts, shape.tag, line, content, row)

    def _parts(self, parts: Parts, name: str, line: int, content: Content, row: RawRow) -> None:
        if not isinstance(content, Node):
            if content is not None and content != "":
                self.faults.append(Fault("E_FIELD", line, name, "", "下级元素/an object"))
            return
        for item in content.items:
            part = parts.get(item.name)
            if part is None:
                self.unknown.append(Fault("W_COLUMN", item.line, row.tag, item.name[:100]))
            elif isinstance(part, Field):
                self._text(part, item, row)
            elif isinstance(part, dict):
                self._parts(part, item.name, item.line, item.content, row)
            else:
                self._rows(part, item, row)

    def _text(self, part: Field, item: Item, row: RawRow) -> None:
        text = item.content
        if text is None:
            return
        if not isinstance(text, str) or (isinstance(text, Number) and not _NUMERIC.fullmatch(part.type)):
            self.faults.append(Fault("E_FIELD", item.line, part.name, "", "文本/a text"))
        elif len(text) > TEXT_MAX:
            self.faults.append(Fault("E_LIMIT", item.line, part.name, str(len(text)), f"≤ {TEXT_MAX} 字符/characters"))
        elif part.name in row.cells:
            self.faults.append(Fault("E_COLUMN", item.line, part.name, "", "只一次/once"))
        else:
            row.cells[part.name] = (text, item.line)

    def _rows(self, part: Shape, item: Item, holder: RawRow) -> None:
        """An XML element is one row, a JSON array all of them."""
        if not isinstance(item.content, list):
            if item.content is not None:
                self.row(part, item.line, item.content, holder)
            return
        for content in item.content:
            self.row(part, content.line if isinstance(content, Node) else item.line, content, holder)


class RowReader:
    """Reads the rows of one record."""

    def __init__(self, record: Record) -> None:
        self._cells = [Cells(one, checked) for one in record.fields]

    def read(self, raw: RawRow, faults: list[Fault]) -> Row:
        """The row's values; what is wrong with it is added to `faults`."""
        return dict(self._values(raw, faults))

    def _values(self, raw: RawRow, faults: list[Fault]) -> Iterator[tuple[str, Value]]:
        for cells in self._cells:
            text, line = raw.cell(cells.field.name)
            try:
                value = cells[text]
            except BadValue as bad:
                faults.append(fault_at(cells.field, bad, line, text))
            else:
                if value is not None:
                    yield cells.field.name, value


@cache
def row_reader(interface: str, tag: str) -> RowReader:
    """The compiled reader of a record."""
    return RowReader(layouts()[interface].records[tag])


@cache
def header_reader() -> RowReader:
    """The compiled reader of the envelope."""
    return RowReader(envelope())
