"""Sheets in general: a head that names columns in any order, and rows that are read or refused."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeVar

from catalog_svc.domain.cells import Cell, CellRefused, Form, read

K = TypeVar("K")
ROWS_MAX = 10_000
SHOWN_LENGTH_MAX = 200


class SheetRefused(Exception):
    """A sheet cannot be read at all; `value` is what is wrong with it."""

    def __init__(self, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


@dataclass(frozen=True)
class Column:
    """One column a sheet may have: its English key, its Chinese head, and what its cells say.

    A blank cell of an optional column says `blank`; a column that is not in the sheet says nothing.
    """

    key: str
    head: str
    form: Form
    required: bool = False
    blank: Any = ""
    attribute: str = ""
    """What holds the value, where that is not named as the key."""

    @property
    def field(self) -> str:
        return self.attribute or self.key

    @property
    def label(self) -> str:
        return f"{self.head} {self.key}"


@dataclass(frozen=True)
class Line:
    """A row as it stands in the file; `number` counts from 1 as a spreadsheet program does."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Row:
    """The values of a row by field; a cell that was refused, or has no column, has none."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Why a row is not taken: which column (its label), what was there, what is wrong with it."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Reading:
    rows: tuple[Row, ...]
    """All of them, also those with refused cells."""
    refusals: tuple[Refusal, ...]


def read_sheet(lines: Sequence[Line], columns: Sequence[Column], needed: Sequence[str]) -> Reading:
    """Read the rows below the head; `needed` are keys the head must have. Raises SheetRefused."""
    if not lines:
        raise SheetRefused("表格没有内容 / the sheet is empty")
    if len(lines) > ROWS_MAX + 1:
        raise SheetRefused(f"超过 {ROWS_MAX} 行，请拆成几份 / more than {ROWS_MAX} rows; split the sheet")
    head = _head(lines[0], columns, needed)
    rows: list[Row] = []
    refusals: list[Refusal] = []
    for line in lines[1:]:
        values, refused = _read_line(line, head)
        rows.append(Row(line.number, values))
        refusals += refused
    return Reading(tuple(rows), tuple(refusals))


def repeats(keyed: Iterable[tuple[int, K]]) -> Iterator[tuple[int, K, str]]:
    """Each row whose key another row has too, and a reason: which of them is meant is not for us to say."""
    rows: dict[K, list[int]] = {}
    for row, key in keyed:
        rows.setdefault(key, []).append(row)
    for key, same in rows.items():
        for row in same if len(same) > 1 else ():
            other = next(number for number in same if number != row)
            yield row, key, f"与第 {other} 行重复 / the same as in row {other}"


def _head(line: Line, columns: Sequence[Column], needed: Sequence[str]) -> Sequence[Column | None]:
    """The column of each cell of the head; None under a blank one."""
    known = {_squeezed(name): column for column in columns for name in (column.key, column.head)}
    head = [None if cell.blank else known.get(_squeezed(cell.text)) for cell in line.cells]
    choice = "、".join(column.label for column in columns)
    if unknown := [cell.text for cell, column in zip(line.cells, head, strict=True) if not cell.blank and not column]:
        names = "、".join(unknown)[:SHOWN_LENGTH_MAX]
        raise SheetRefused(f"有不认识的列；可用的列 / unknown columns; the known ones are: {choice}", names)
    counts = Counter(column.label for column in head if column)
    if twice := [label for label, count in counts.items() if count > 1]:
        raise SheetRefused("同一列出现多次 / a column is there more than once", "、".join(twice))
    if missing := [column.label for column in columns if column.key in needed and column.label not in counts]:
        raise SheetRefused(f"缺少列 / columns are missing: {'、'.join(missing)}")
    return head


def _squeezed(name: str) -> str:
    return "".join(name.split()).casefold()


def _read_line(line: Line, head: Sequence[Column | None]) -> tuple[Mapping[str, Any], Sequence[Refusal]]:
    values: dict[str, Any] = {}
    refusals = []
    for position, (cell, column) in enumerate(zip_longest(line.cells, head), 1):
        try:
            values |= _read_cell(cell or Cell(""), column)
        except CellRefused as reason:
            label = column.label if column else f"第 {position} 列 / column {position}"
            refusals.append(Refusal(line.number, label, cell.text[:SHOWN_LENGTH_MAX] if cell else "", str(reason)))
    return values, refusals


def _read_cell(cell: Cell, column: Column | None) -> Mapping[str, Any]:
    if column is None:
        if not cell.blank:
            raise CellRefused("该格没有表头 / the cell stands under no head")
        return {}
    if not cell.blank:
        return {column.field: read(cell, column.form)}
    if column.required:
        raise CellRefused("必填 / required")
    return {column.field: column.blank}
