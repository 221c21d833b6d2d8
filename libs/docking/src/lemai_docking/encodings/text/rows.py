"""Rows of text files: cells in columns to values and back."""

import re
from collections.abc import Mapping, Sequence

from lemai_docking.definitions.layout import Field, Layout, Record, layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.definitions.spelling import Spelling, spelling
from lemai_docking.documents import Row, Value
from lemai_docking.encodings.cells import REFUSED, Cells, Texts, fault_at, refuse
from lemai_docking.faults import BadValue, Fault

_REFUSED_IN_VALUE = re.compile(f"[{REFUSED}]")
_REFUSED_IN_CELL = re.compile(f"[{REFUSED}\r]")
_SPECIAL = re.compile(f"[{REFUSED}%\t\n\r]")
_ESCAPE = re.compile("%(25|09|0A|0D)?")
_UNESCAPED = {"25": "%", "09": "\t", "0A": "\n", "0D": "\r"}
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A", "\r": "%0D"})
_PLANS_MAX = 128

Columns = tuple[str, ...]


def unescape(cell: str) -> str:
    """Undo the four escapes of §1.16. Raises BadValue E_CHAR, or E_ESCAPE for a bare % and any other escape."""

    def character(found: re.Match[str]) -> str:
        if found[1] is None:
            raise BadValue("E_ESCAPE", "%25 | %09 | %0A | %0D")
        return _UNESCAPED[found[1]]

    refuse(_REFUSED_IN_CELL.search(cell))
    return _ESCAPE.sub(character, cell)


def plain(cell: str) -> str:
    """The text of a cell of the described frame."""
    return unescape(cell) if _SPECIAL.search(cell) else cell


def wire(text: str) -> str:
    """The cell of a text in the described frame."""
    special = _SPECIAL.search(text)
    if special:
        refuse(_REFUSED_IN_VALUE.search(text))
    text = text.strip()
    return text.translate(_ESCAPED) if special else text


class _Ignored(dict[str, Value | None]):
    """A column the layout does not know."""

    def __missing__(self, cell: str) -> Value | None:
        return None


class RowReader:
    """Reads the cells of one record. `given` are values of fields without a column; defaults are added to them."""

    def __init__(self, record: Record, columns: Sequence[tuple[str, Cells | None]], given: Row) -> None:
        self._columns = [(name, cells if cells is not None else _Ignored()) for name, cells in columns]
        names = {name for name, _ in columns}
        defaults = {name: field.default for name, field in record.by_name.items() if field.default is not None}
        self._absent = {name: value for name, value in {**defaults, **given}.items() if name not in names}
        self._fields = record.by_name

    def read(self, cells: Sequence[str]) -> dict[str, Value]:
        """The row's values. Raises BadValue at the first bad cell; `faults` then tells them all."""
        if len(cells) != len(self._columns):
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
        found = []
        for (name, column), cell in zip(self._columns, cells, strict=True):
            try:
                column[cell]
            except BadValue as bad:
                found.append(fault_at(self._fields[name], bad, line, cell))
        return found


class RowWriter:
    """Writes the cells of one record."""

    def __init__(self, columns: Sequence[tuple[str, Texts]]) -> None:
        self._columns = list(columns)

    def write(self, row: Row) -> list[str]:
        """The cells. Raises BadValue at the first bad value; `faults` then tells them all."""
        return [column[row.get(name)] for name, column in self._columns]

    def faults(self, row: Row) -> list[Fault]:
        """Everything wrong with a row that `write` refused."""
        found = []
        for name, column in self._columns:
            try:
                column[row.get(name)]
            except BadValue as bad:
                found.append(fault_at(column.field, bad, 0, str(row.get(name, ""))))
        return found


class DescribedRows:
    """The rows of one counterpart's described files, compiled when first met."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._readers: dict[tuple[str, str, Columns], RowReader] = {}
        self._writers: dict[tuple[str, str], RowWriter] = {}
        self._spellings: dict[tuple[str, str], Mapping[str, Spelling]] = {}

    def reader(self, layout: Layout, tag: str, columns: Columns) -> RowReader:
        """For a record under the columns a COL line names."""
        key = layout.interface, tag, columns
        reader = self._readers.get(key)
        if reader is None:
            if len(self._readers) >= _PLANS_MAX:
                self._readers.clear()
            reader = self._readers[key] = self._compiled(*key)
        return reader

    def writer(self, interface: str, tag: str) -> RowWriter:
        """For a record under the profile's columns."""
        key = interface, tag
        if key not in self._writers:
            record = layouts()[interface].records[tag]
            names = [column.name for column in self._profile.interfaces[interface].columns[tag]]
            spelled = self._spelled(interface, tag)
            self._writers[key] = RowWriter(
                [(name, texts_of(record.by_name[name], spelled.get(name))) for name in names]
            )
        return self._writers[key]

    def raw(self, layout: Layout, columns: Columns, cells: Sequence[str]) -> dict[str, str]:
        """The texts of a head by field, as we spell them where they can be read at all."""
        texts = dict(zip(columns, cells, strict=False))
        for name, spelled in self._spelled(layout.interface, layout.head).items():
            if name in texts:
                texts[name] = respelled(spelled, texts[name])
        return texts

    def _compiled(self, interface: str, tag: str, columns: Columns) -> RowReader:
        record = layouts()[interface].records[tag]
        fields = record.by_name
        spelled = self._spelled(interface, tag)
        return RowReader(
            record,
            [(name, cells_of(fields[name], spelled.get(name)) if name in fields else None) for name in columns],
            {},
        )

    def _spelled(self, interface: str, tag: str) -> Mapping[str, Spelling]:
        key = interface, tag
        if key not in self._spellings:
            how = self._profile.interfaces[interface]
            fields = layouts()[interface].records[tag].by_name
            codes = self._profile.codes_of(interface)
            found = {column.name: spelling(fields[column.name], [column], codes) for column in how.columns.get(tag, ())}
            self._spellings[key] = {name: spelled for name, spelled in found.items() if spelled}
        return self._spellings[key]


def respelled(spelled: Spelling, text: str) -> str:
    """A foreign text as we spell it, or as it is where that cannot be."""
    try:
        return spelled.read(text)
    except BadValue:
        return text


def cells_of(field: Field, spelled: Spelling | None = None) -> Cells:
    """Cells of the described frame to values of a field."""
    return Cells(field, (lambda cell: spelled.read(plain(cell))) if spelled else plain)


def texts_of(field: Field, spelled: Spelling | None = None) -> Texts:
    """Values of a field to cells of the described frame."""
    return Texts(field, (lambda text: wire(spelled.write(text))) if spelled else wire)
