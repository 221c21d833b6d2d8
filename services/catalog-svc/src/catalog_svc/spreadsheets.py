"""Spreadsheet files as rows of cells: xlsx and CSV, values only, within limits. No I/O: bytes in, rows out."""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import openpyxl
from openpyxl.cell.read_only import EMPTY_CELL

from catalog_svc.domain.cells import Cell, Kind
from catalog_svc.domain.sheets import ROWS_MAX, Line, SheetRefused

MEGABYTE = 1024 * 1024
FILE_BYTES_MAX = 10 * MEGABYTE
UNPACKED_BYTES_MAX = 64 * MEGABYTE
PARTS_MAX = 1000
COLUMNS_MAX = 40
"""What stands further to the right is not looked at: no sheet of ours is that wide."""

_OLE = b"\xd0\xcf\x11\xe0"
_UTF8_BOM = b"\xef\xbb\xbf"
_NUMBER_DIGITS = 15
"""A workbook holds 15 digits of a number and shows no more; further ones are noise of binary fractions."""
_KINDS = {"n": Kind.NUMBER, "d": Kind.DATE, "e": Kind.ERROR}


def read_lines(content: bytes) -> Sequence[Line]:
    """The rows of a file that are not blank, one more than a sheet may have at most. Raises SheetRefused."""
    if len(content) > FILE_BYTES_MAX:
        megabytes = FILE_BYTES_MAX // MEGABYTE
        raise SheetRefused(f"文件超过 {megabytes} MB / the file is larger than {megabytes} MB")
    if content.startswith(_OLE):
        raise SheetRefused(
            "是 xls 或加密的工作簿，请另存为不加密的 xlsx / an xls or encrypted workbook; save it as plain xlsx"
        )
    lines = _xlsx(content) if content.startswith(b"PK") else _csv(content)
    filled = (line for line in lines if not all(cell.blank for cell in line.cells))
    return list(islice(filled, ROWS_MAX + 2))


def _csv(content: bytes) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(_decoded(content), newline=""), strict=True)
    try:
        for number, row in enumerate(reader, 1):
            yield Line(number, tuple(Cell(text.strip()) for text in row))
    except csv.Error as error:
        place = f"第 {reader.line_num} 行 / line {reader.line_num}"
        raise SheetRefused(f"不是有效的 CSV / not valid CSV: {error}", place) from error


def _decoded(content: bytes) -> str:
    body = content.removeprefix(_UTF8_BOM)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        if not content.startswith(_UTF8_BOM):
            with suppress(UnicodeDecodeError):
                return body.decode("gb18030")
        line = body.count(b"\n", 0, error.start) + 1
        raise SheetRefused(
            "不是 xlsx，也不是 UTF-8 或 GB18030 编码的 CSV / neither xlsx nor CSV in UTF-8 or GB18030",
            f"第 {line} 行 / line {line}",
        ) from error


def _xlsx(content: bytes) -> Iterator[Line]:
    """The first visible worksheet."""
    try:
        _check_parts(content)
        # A second reading without values tells an empty cell from a formula that was never computed.
        computed, written = (
            openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False, data_only=data_only)
            for data_only in (True, False)
        )
        rows = zip(_rows(computed), _rows(written), strict=True)
        for number, (values, sources) in enumerate(rows, 1):
            # There may be a million rows between two that are in the file.
            if any(value is not EMPTY_CELL for value in values):
                yield Line(number, tuple(_cell(*pair) for pair in zip(values, sources, strict=True)))
    except SheetRefused:
        raise
    except Exception as error:  # A broken part makes zipfile, the XML parsers and openpyxl raise anything.
        raise SheetRefused(
            "不是有效的 xlsx，请重新另存 / not a valid xlsx; save it again", type(error).__name__
        ) from error


def _check_parts(content: bytes) -> None:
    """Bound what the parsers will see: they would unpack anything and expand entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
            limits = f"{UNPACKED_BYTES_MAX // MEGABYTE} MB 或 {PARTS_MAX} 个部件"
            raise SheetRefused(f"解压后超过 {limits} / the workbook unpacks to too much")
        for part in parts:
            # Without the zeros UTF-16 reads like ASCII here.
            if b"<!DOCTYPE" in archive.read(part).replace(b"\0", b""):
                raise SheetRefused("含 DTD 声明 / contains a document type declaration", part.filename)


def _rows(workbook: Any) -> Iterator[Sequence[Any]]:
    sheet = next(sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible")
    # What a workbook says of its own extent is not always so.
    sheet.reset_dimensions()
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_col=COLUMNS_MAX)
    return rows


def _cell(cell: Any, source: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("", Kind.UNCOMPUTED if source.data_type == "f" else Kind.TEXT)
    if isinstance(value, bool):
        return Cell("Y" if value else "N")
    if isinstance(value, float):
        return Cell(format(value, f".{_NUMBER_DIGITS}g"), Kind.NUMBER)
    return Cell(str(value).strip(), _KINDS.get(cell.data_type, Kind.TEXT))
