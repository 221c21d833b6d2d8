"""Rows of the text encoding (reference §1.16): columns compiled once, escapes, one cell at a time."""

import re
from collections.abc import Sequence
from functools import lru_cache

from lemai_docking.cells import REFUSED, Cells, Texts, fault_at
from lemai_docking.documents import Row, Value
from lemai_docking.faults import BadValue, Fault
from lemai_docking.layout import Record, layouts

_REFUSED_IN_VALUE = re.compile(f"[{REFUSED}]")
_REFUSED_IN_CELL = re.compile(f"[{REFUSED}\r]")
_SPECIAL = re.compile(f"[{REFUSED}%\t\n\r]")
_ESCAPE = re.compile("%(25|09|0A|0D)?")
_UNESCAPED = {"25": "%", "09": "\t", "0A": "\n", "0D": "\r"}
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A", "\r": "%0D"})
_PLANS_MAX = 128


def unescape(cell: str) -> str:
    """Undo the four escapes. Raises BadValue E_CHAR, or E_ESCAPE for a bare % and any other escape."""

    def character(found: re.Match[str]) -> str:
        if found[1] is None:
            raise BadValue("E_ESCAPE", "%25 | %09 | %0A | %0D")
        return _UNESCAPED[found[1]]

    if _REFUSED_IN_CELL.search(cell):
        raise BadValue("E_CHAR", "")
    return _ESCAPE.sub(character, cell)


def _plain(cell: str) -> str:
    return unescape(cell) if _SPECIAL.search(cell) else cell


def _wire(text: str) -> str:
    special = _SPECIAL.search(text)
    if special and _REFUSED_IN_VALUE.search(text):
        raise BadValue("E_CHAR", "")
    text = text.strip()
    return text.translate(_ESCAPED) if special else text


class _Ignored(dict[str, Value | None]):
    """A column the layout does not know."""

    def __missing__(self, cell: str) -> None:
        return None


class RowReader:
    """Reads the cells under one COL line of one record."""

    def __init__(self, record: Record, columns: Sequence[str]) -> None:
        fields = self._fields = record.by_name
        self._columns = [(name, Cells(fields[name], _plain) if name in fields else _Ignored()) for name in columns]
        self._absent = {name: field.default for name, field in fields.items() if field.default and name not in columns}
        self._missing = sorted(record.mandatory - set(columns))

    def read(self, cells: Sequence[str]) -> Row:
        """The row's values. Raises BadValue at the first bad cell; `faults` then tells them all."""
        if len(cells) != len(self._columns) or self._missing:
            raise BadValue("E_COLUMN", "")
        row: dict[str, Value] = {**self._absent}
        for (name, column), cell in zip(self._columns, cells, strict=True):
            value = column[cell]
            if value is not None:
                row[name] = value
        return row

    def faults(self, cells: Sequence[str], line: int) -> list[Fault]:
        """Everything wrong with a row that `read` refused."""
        if len(cells) != len(self._columns):
            return [Fault("E_COLUMN", line, "", str(len(cells)), f"{len(self._columns)} 列/columns")]
        found = [Fault("E_FIELD", line, name, "", "必填/required") for name in self._missing]
        for (name, column), cell in zip(self._columns, cells, strict=True):
            try:
                column[cell]
            except BadValue as bad:
                found.append(fault_at(self._fields[name], bad, line, cell))
        return found


class RowWriter:
    """Writes the rows of one record under a fixed list of columns."""

    def __init__(self, tag: str, record: Record, columns: Sequence[str]) -> None:
        self._tag = tag
        self._known = frozenset(record.by_name)
        self._columns = [(name, Texts(record.by_name[name], _wire)) for name in columns]

    def write(self, row: Row) -> str:
        """One line, without its LF. Raises BadValue at the first bad value, ValueError for an unknown field."""
        if not self._known.issuperset(row):
            raise ValueError(f"{self._tag}: unknown fields {sorted(set(row) - self._known)}")
        return "\t".join([self._tag, *[column[row.get(name)] for name, column in self._columns]])

    def faults(self, row: Row) -> list[Fault]:
        """Everything wrong with a row that `write` refused."""
        found = []
        for name, column in self._columns:
            try:
                column[row.get(name)]
            except BadValue as bad:
                found.append(fault_at(column.field, bad, 0, str(row.get(name, ""))))
        return found


@lru_cache(maxsize=_PLANS_MAX)
def row_reader(interface: str, tag: str, columns: tuple[str, ...]) -> RowReader:
    """The compiled reader of a record under these columns."""
    return RowReader(layouts()[interface].records[tag], columns)


@lru_cache(maxsize=_PLANS_MAX)
def row_writer(interface: str, tag: str, columns: tuple[str, ...]) -> RowWriter:
    """The compiled writer of a record under these columns."""
    return RowWriter(tag, layouts()[interface].records[tag], columns)
