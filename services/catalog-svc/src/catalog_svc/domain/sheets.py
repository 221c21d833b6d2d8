"""Sheets in general: a head that names columns in any order, and rows that are read or refused."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeVar

from catalog_svc.domain.cells import Cell, CellRefused, Form, read

K = TypeVar("K")
ROWS_MAX = 10_000
HEADS_WITHIN = 10
"""Among the first so many rows the heads are looked for."""
LINES_MAX = ROWS_MAX + HEADS_WITHIN + 1
COLUMNS_MAX = 40
"""What stands further to the right is not looked at: no sheet of ours is that wide."""
SHOWN_LENGTH_MAX = 200
ABOVE = "在表头之上，未读取 / stands above the heads and was not read"
HIDDEN = "隐藏或被筛选掉，仍会读取 / hidden or filtered out; read all the same"


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
    synonyms: tuple[str, ...] = ()
    """Other heads people write for it."""

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
    hidden: bool = False

    @property
    def blank(self) -> bool:
        return all(cell.blank for cell in self.cells)


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
class Note:
    """What a person should know of rows (`2–5、9`) that are taken all the same; of a column, or of the whole rows."""

    rows: str
    column: str
    reason: str


@dataclass(frozen=True)
class Reading:
    rows: tuple[Row, ...]
    """All of them, also those with refused cells."""
    refusals: tuple[Refusal, ...]
    notes: tuple[Note, ...] = ()


def read_sheet(lines: Sequence[Line], columns: Sequence[Column], needed: Sequence[str]) -> Reading:
    """Read the rows below the heads; `needed` are keys the heads must have. Raises SheetRefused."""
    if not lines:
        raise SheetRefused("表格没有内容 / the sheet is empty")
    known = {_squeezed(name): column for column in columns for name in (column.key, column.head, *column.synonyms)}
    at = max(range(min(len(lines), HEADS_WITHIN)), key=lambda place: len(_named(lines[place], known)))
    body = lines[at + 1 :]
    if len(body) > ROWS_MAX:
        raise SheetRefused(f"超过 {ROWS_MAX} 行，请拆成几份 / more than {ROWS_MAX} rows; split the sheet")
    head = _head(lines[at], known, columns, needed)
    if not body:
        raise SheetRefused("表头之下没有内容 / there is nothing below the heads")
    told: dict[tuple[str, str], list[int]] = {}
    for reason, numbers in (
        (ABOVE, [line.number for line in lines[:at]]),
        (HIDDEN, [line.number for line in body if line.hidden]),
    ):
        if numbers:
            told["", reason] = numbers
    rows: list[Row] = []
    refusals: list[Refusal] = []
    for line in body:
        values, refused, notes = _read_line(line, head)
        rows.append(Row(line.number, values))
        refusals += refused
        for note in notes:
            told.setdefault(note, []).append(line.number)
    said = (Note(_ranges(numbers), column, reason) for (column, reason), numbers in told.items())
    return Reading(tuple(rows), tuple(refusals), tuple(said))


def repeats(keyed: Iterable[tuple[int, K]]) -> Iterator[tuple[int, K, str]]:
    """Each row whose key another row has too, in any case: which of them is meant is not for us to say."""
    rows: dict[Any, list[tuple[int, K]]] = {}
    for row, key in keyed:
        rows.setdefault(key.casefold() if isinstance(key, str) else key, []).append((row, key))
    for same in rows.values():
        for row, key in same if len(same) > 1 else ():
            other, its_key = next(pair for pair in same if pair[0] != row)
            if its_key == key:
                yield row, key, f"与第 {other} 行重复 / the same as in row {other}"
            else:
                yield row, key, f"与第 {other} 行的 {its_key} 仅大小写不同 / only in case other than in row {other}"


def _named(line: Line, known: Mapping[str, Column]) -> Sequence[Column]:
    return [known[name] for cell in line.cells if (name := _squeezed(cell.text)) in known]


def _head(
    line: Line, known: Mapping[str, Column], columns: Sequence[Column], needed: Sequence[str]
) -> Sequence[Column | None]:
    """The column of each cell of the heads; None under a blank one."""
    head = [None if cell.blank else known.get(_squeezed(cell.text)) for cell in line.cells]
    choice = "、".join(column.label for column in columns)
    if unknown := [cell.text for cell, column in zip(line.cells, head, strict=True) if not cell.blank and not column]:
        names = "、".join(unknown)[:SHOWN_LENGTH_MAX]
        row = f"第 {line.number} 行有不认识的列；可用的列 / unknown columns in row {line.number}"
        raise SheetRefused(f"{row}; the known ones are: {choice}", names)
    counts = Counter(column.label for column in head if column)
    if twice := [label for label, count in counts.items() if count > 1]:
        raise SheetRefused("同一列出现多次 / a column is there more than once", "、".join(twice))
    if missing := [column.label for column in columns if column.key in needed and column.label not in counts]:
        raise SheetRefused(f"缺少列 / columns are missing: {'、'.join(missing)}")
    return head


def _squeezed(name: str) -> str:
    """A head as it is compared: in any case, width and spacing, and with the star of a column that must be filled."""
    return "".join(unicodedata.normalize("NFKC", name).split()).strip("*").casefold()


def _ranges(numbers: Sequence[int]) -> str:
    """`2–5、9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return "、".join("–".join(map(str, run)) for run in runs)[:SHOWN_LENGTH_MAX]


def _read_line(
    line: Line, head: Sequence[Column | None]
) -> tuple[Mapping[str, Any], Sequence[Refusal], Sequence[tuple[str, str]]]:
    """The values of a line, what of it is refused, and (column, note) of what is not quite as it was written."""
    values: dict[str, Any] = {}
    refusals = []
    notes = []
    for position, (cell, column) in enumerate(zip_longest(line.cells, head), 1):
        label = column.label if column else f"第 {position} 列 / column {position}"
        try:
            said, note = _read_cell(cell or Cell(""), column)
            values |= said
            if note:
                notes.append((label, note))
        except CellRefused as reason:
            refusals.append(Refusal(line.number, label, cell.text[:SHOWN_LENGTH_MAX] if cell else "", str(reason)))
    return values, refusals, notes


def _read_cell(cell: Cell, column: Column | None) -> tuple[Mapping[str, Any], str]:
    if column is None:
        if not cell.blank:
            raise CellRefused("该格没有表头 / the cell stands under no head")
        return {}, ""
    if not cell.blank:
        value, note = read(cell, column.form)
        return {column.field: value}, note
    if column.required:
        raise CellRefused("必填 / required")
    return {column.field: column.blank}, ""
