"""Xlsx workbooks as rows of cells, in memory that does not grow with the file (ADR 022). No I/O: bytes in, rows out."""

import io
import posixpath
import re
import zipfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.cell import column_index_from_string, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from catalog_svc.domain.cells import NUMBER_DIGITS, Cell, Kind
from catalog_svc.domain.sheets import COLUMNS_MAX, LINES_MAX, Line, SheetRefused
from lemai_contracts.text import cleaned

MEGABYTE = 1024 * 1024
UNPACKED_BYTES_MAX = 64 * MEGABYTE
PARTS_MAX = 1000
ELEMENTS_MAX = 1_000_000
"""Of any part but the worksheet, of which the most are passed over: four times as many."""
CHARACTERS_MAX = 10_000_000
"""Of the cells of one part."""
DEPTH_MAX = 64
_CHUNK = 64 * 1024
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_LOCAL_DATES = {*range(27, 37), *range(50, 59)}
"""Built-in formats that are dates in Chinese workbooks (ECMA-376 part 1, 18.8.30), which openpyxl does not list."""
_TRUE = ("1", "true")
_KINDS = {"d": Kind.DATE, "e": Kind.ERROR}
_BLANK = Cell("")
Rows = dict[int, dict[int, Cell]]
"""Cells that say something, by row and column."""


@dataclass(frozen=True)
class _Shared:
    """What cells refer to: texts, styles that show a number as a date, the day that dates are counted from."""

    strings: Sequence[str]
    dates: set[str]
    epoch: datetime


def read_workbook(content: bytes) -> Sequence[Line]:
    """The rows of the first visible worksheet that are not blank, LINES_MAX at most. Raises SheetRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive)
            return _worksheet(archive)
    except SheetRefused:
        raise
    except Exception as error:  # A broken part makes zipfile, expat and numbers raise anything.
        raise SheetRefused(
            "不是有效的 xlsx，请重新另存 / not a valid xlsx; save it again", type(error).__name__
        ) from error


def cell(raw: str, kind: Kind = Kind.TEXT) -> Cell:
    """A cell as it can be kept: what is refused later is shown and stored as well."""
    fit = cleaned(raw.strip(), breaks="")
    return Cell(fit.text.strip(), kind, fit.removed)


def _check(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        limits = f"{UNPACKED_BYTES_MAX // MEGABYTE} MB 或 {PARTS_MAX} 个部件"
        raise SheetRefused(
            f"解压后超过 {limits}，请只复制有内容的行到新文件 / "
            "the workbook unpacks to too much; copy the rows that say something to a new file"
        )
    for part in parts:
        # Others may ask for a dictionary of gigabytes.
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SheetRefused(
                "压缩方式不支持，请重新另存 / compressed in an unknown way; save it again", part.filename
            )


def _worksheet(archive: zipfile.ZipFile) -> Sequence[Line]:
    root = next(part for kind, part in _related(archive, "").values() if kind == "officeDocument")
    related = _related(archive, root)
    parts = dict(related.values())
    epoch, sheets = CALENDAR_WINDOWS_1900, []
    for tag, attributes, _ in _elements(archive, root):
        if tag == "workbookPr" and attributes and attributes.get("date1904") in _TRUE:
            epoch = CALENDAR_MAC_1904
        elif tag == "sheet" and attributes and attributes.get("state", "visible") == "visible":
            sheets.append(related[next(value for name, value in attributes.items() if name.endswith(":id"))])
    strings = list(_strings(archive, parts["sharedStrings"])) if "sharedStrings" in parts else []
    dates = _date_styles(archive, parts["styles"]) if "styles" in parts else set()
    part = next(part for kind, part in sheets if kind == "worksheet")
    return _lines(archive, part, _Shared(strings, dates, epoch))


def _related(archive: zipfile.ZipFile, part: str) -> Mapping[str, tuple[str, str]]:
    """What kind of part each relation of a part leads to, and its name, by id."""
    folder, name = posixpath.split(part)
    return {
        attributes["Id"]: (
            posixpath.basename(attributes["Type"]),
            posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/"),
        )
        for tag, attributes, _ in _elements(archive, posixpath.join(folder, "_rels", f"{name}.rels"), PARTS_MAX)
        if tag == "Relationship" and attributes
    }


def _strings(archive: zipfile.ZipFile, part: str) -> Iterator[str]:
    """The texts that cells share; how a word is pronounced (`rPh`) is not part of it."""
    runs, aloud = "", False
    for tag, attributes, text in _elements(archive, part):
        if tag == "rPh":
            aloud = attributes is not None
        elif tag == "t" and attributes is None and not aloud:
            runs += text
        elif tag == "si" and attributes is None:
            yield runs
            runs = ""


def _date_styles(archive: zipfile.ZipFile, part: str) -> set[str]:
    """Which cell styles show a number as a date."""
    dates: set[str] = set()
    date_formats = {number for number, written in BUILTIN_FORMATS.items() if is_date_format(written)} | _LOCAL_DATES
    count = -1
    for tag, attributes, _ in _elements(archive, part):
        if tag == "cellXfs":
            count = -1 if attributes is None else 0
        elif tag == "numFmt" and attributes and is_date_format(attributes["formatCode"]):
            date_formats.add(int(attributes["numFmtId"]))
        elif tag == "xf" and attributes is not None and count >= 0:
            if int(attributes.get("numFmtId", 0)) in date_formats:
                dates.add(str(count))
            count += 1
    return dates


def _lines(archive: zipfile.ZipFile, part: str, shared: _Shared) -> Sequence[Line]:
    rows: Rows = {}
    hidden: set[int] = set()
    row = column = 0
    unseen = formula = aloud = False
    written: Mapping[str, str] = {}
    value = ""
    merged: list[str] = []
    for tag, attributes, text in _elements(archive, part, 4 * ELEMENTS_MAX):
        if tag == "row" and attributes is not None:
            row, column = int(attributes.get("r", row + 1)), 0
            unseen = attributes.get("hidden") in _TRUE
        elif tag == "c" and attributes is not None:
            place = attributes.get("r", "").rstrip("0123456789")
            column = column_index_from_string(place) if place else column + 1
            written, formula, value = attributes, False, ""
        elif tag == "c" and column <= COLUMNS_MAX and (row in rows or len(rows) < LINES_MAX):
            read = _cell(written, value, formula, shared)
            if not read.blank:
                rows.setdefault(row, {})[column] = read
                hidden.update([row] if unseen else ())
        elif tag == "f":
            formula = True
        elif tag == "rPh":
            aloud = attributes is not None
        elif tag in ("v", "t") and not aloud:
            value += text
        elif tag == "mergeCell" and attributes and len(merged) < ELEMENTS_MAX:
            merged.append(attributes["ref"])
    _fill(rows, merged)
    width = max((max(cells) for cells in rows.values()), default=0)
    return [
        Line(number, tuple(cells.get(column, _BLANK) for column in range(1, width + 1)), number in hidden)
        for number, cells in sorted(rows.items())
    ]


def _cell(written: Mapping[str, str], value: str, formula: bool, shared: _Shared) -> Cell:
    kind = written.get("t", "n")
    if not value:
        return Cell("", Kind.UNCOMPUTED) if formula and kind != "str" else _BLANK
    if kind == "b":
        return Cell("Y" if value in _TRUE else "N")
    if kind == "n" and written.get("s") in shared.dates:
        return Cell(str(from_excel(float(value), shared.epoch)), Kind.DATE)
    if kind == "n":
        # Further digits are noise of binary fractions, and a file may write any number with an exponent.
        return Cell(f"{Decimal(f'{float(value):.{NUMBER_DIGITS}g}'):f}", Kind.NUMBER)
    # What XML cannot hold stands as `_x000D_` (ECMA-376 part 1, 22.9.2.19).
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), shared.strings[int(value)] if kind == "s" else value)
    return cell(text, _KINDS.get(kind, Kind.TEXT))


def _fill(rows: Rows, merged: Sequence[str]) -> None:
    """A merged range says in each of its rows and columns what its first cell says. Blank rows stay blank."""
    numbers = sorted(rows)
    filled = 0
    for reference in merged:
        left, top, right, bottom = range_boundaries(reference)
        first = rows.get(top, {}).get(left)
        columns = range(left, min(right, COLUMNS_MAX) + 1)
        covered = numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)] if first else ()
        filled += len(covered) * len(columns)
        if filled > LINES_MAX * COLUMNS_MAX:
            raise ValueError("merged ranges overlap")
        for row, column in product(covered, columns):
            rows[row][column] = first or _BLANK


def _elements(
    archive: zipfile.ZipFile, part: str, most: int = ELEMENTS_MAX
) -> Iterator[tuple[str, Mapping[str, str] | None, str]]:
    """Each element of a part as it starts, with its attributes, and as it ends, with the text of a cell.

    No tree is built, so that memory is bounded whatever the part. Raises SheetRefused.
    """
    events: list[tuple[str, Mapping[str, str] | None, str]] = []
    texts: list[str] = []
    fed = count = length = depth = 0

    def started(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise SheetRefused("嵌套过深 / nested too deeply", part)
        texts.clear()
        events.append((tag.rpartition(":")[2], attributes, ""))

    def said(text: str) -> None:
        nonlocal length
        length += len(text)
        texts.append(text)
        if length > CHARACTERS_MAX:
            raise SheetRefused(f"文字超过 {CHARACTERS_MAX} 字 / more than {CHARACTERS_MAX} characters", part)

    def ended(tag: str) -> None:
        nonlocal depth
        depth -= 1
        events.append((tag.rpartition(":")[2], None, "".join(texts)))
        texts.clear()

    def declared(*_: Any) -> None:
        raise SheetRefused("含 DTD 声明 / contains a document type declaration", part)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = started, ended
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = said, declared
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk)
            fed += len(chunk)
            count += len(events)
            if count > 2 * most or fed - parser.CurrentByteIndex > MEGABYTE:
                raise SheetRefused("过于复杂，请复制内容到新文件 / too complex; copy what it says to a new file", part)
            yield from events
            events.clear()
    parser.Parse(b"", True)
    yield from events
