"""Rows of the text encoding (reference §1.16): columns compiled once, escapes, one cell at a time."""

import re
from collections.abc import Sequence
from functools import lru_cache

from lemai_docking.documents import Row, Value
from lemai_docking.faults import BadValue, Fault
from lemai_docking.layout import Field, Record, layouts
from lemai_docking.values import formatter, parser

_REFUSED = "\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\ud800-\udfff"
_REFUSED_IN_VALUE = re.compile(f"[{_REFUSED}]")
_REFUSED_IN_CELL = re.compile(f"[{_REFUSED}\r]")
_SPECIAL = re.compile(f"[{_REFUSED}%\t\n\r]")
_ESCAPE = re.compile("%(25|09|0A|0D)?")
_UNESCAPED = {"25": "%", "09": "\t", "0A": "\n", "0D": "\r"}
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A", "\r": "%0D"})
_MEMO_MAX = 1024
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


class _Cells(dict[str, Value | None]):
    """Cell text to value, for one column. Cells repeat (warehouses, items, days, small quantities), so each
    text is converted once; personal data is not remembered."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self._parse = parser(field)

    def __missing__(self, cell: str) -> Value | None:
        value = self._read(cell)
        if not self.field.personal:
            if len(self) >= _MEMO_MAX:
                self.clear()
            self[cell] = value
        return value

    def _read(self, cell: str) -> Value | None:
        text = (unescape(cell) if _SPECIAL.search(cell) else cell).strip()
        if text:
            return self._parse(text)
        if self.field.required == "M":
            raise BadValue("E_FIELD", "必填/required")
        return self.field.default


class _Ignored(dict[str, Value | None]):
    """A column the layout does not know."""

    def __missing__(self, cell: str) -> None:
        return None


class _Texts(dict[Value | None, str]):
    """Value to cell text, for one column; remembered like `_Cells`, but never a Decimal: 1.0 equals 1.00."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self._parse = parser(field)
        self._format = formatter(field)
        self._remember = not field.personal and not field.type.startswith("dec")

    def __missing__(self, value: Value | None) -> str:
        cell = self._write(value)
        if self._remember:
            if len(self) >= _MEMO_MAX:
                self.clear()
            self[value] = cell
        return cell

    def _write(self, value: Value | None) -> str:
        text = "" if value is None else self._format(value)
        special = _SPECIAL.search(text)
        if special and _REFUSED_IN_VALUE.search(text):
            raise BadValue("E_CHAR", "")
        text = text.strip()
        if text:
            self._parse(text)
        elif self.field.required == "M":
            raise BadValue("E_FIELD", "必填/required")
        return text.translate(_ESCAPED) if special else text


class RowReader:
    """Reads the cells under one COL line of one record."""

    def __init__(self, record: Record, columns: Sequence[str]) -> None:
        fields = self._fields = record.by_name
        self._columns = [(name, _Cells(fields[name]) if name in fields else _Ignored()) for name in columns]
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
        self._columns = [(name, _Texts(record.by_name[name])) for name in columns]

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


def fault_at(field: Field, bad: BadValue, line: int, cell: str) -> Fault:
    """A bad value with its place; personal values are masked."""
    return Fault(bad.code, line, field.name, "***" if field.personal and cell else cell[:100], bad.expected)
