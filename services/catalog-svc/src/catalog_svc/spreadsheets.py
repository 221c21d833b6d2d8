"""Spreadsheet files as rows of cells: xlsx and CSV, values only, within limits. No I/O: bytes in, rows out."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import openpyxl
from openpyxl.styles import Font

from catalog_svc.domain.sheets import COLUMNS_MAX, LINES_MAX, Column, Line, SheetRefused
from catalog_svc.workbooks import MEGABYTE, cell, read_workbook

FILE_BYTES_MAX = 10 * MEGABYTE
_OLE = b"\xd0\xcf\x11\xe0"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SEPARATORS = re.compile("[,;\t]")


def read_lines(content: bytes) -> Sequence[Line]:
    """The rows of a file that are not blank, LINES_MAX at most. Raises SheetRefused."""
    if len(content) > FILE_BYTES_MAX:
        megabytes = FILE_BYTES_MAX // MEGABYTE
        raise SheetRefused(f"文件超过 {megabytes} MB / the file is larger than {megabytes} MB")
    if content.startswith(_OLE):
        raise SheetRefused(
            "是 xls 或加密的工作簿，请另存为不加密的 xlsx / an xls or encrypted workbook; save it as plain xlsx"
        )
    if content.startswith(b"PK"):
        return read_workbook(content)
    return list(islice((line for line in _csv(content) if not line.blank), LINES_MAX))


def _csv(content: bytes) -> Iterator[Line]:
    text = _decoded(content)
    # The first line with a separator has the heads: barcodes below may hold more semicolons than there are commas.
    first = next((line for line in text.splitlines() if _SEPARATORS.search(line)), ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=max(",;\t", key=first.count))
    try:
        for number, row in enumerate(reader, 1):
            yield Line(number, tuple(map(cell, row[:COLUMNS_MAX])))
    except csv.Error as error:
        place = f"第 {reader.line_num} 行 / line {reader.line_num}"
        raise SheetRefused(f"不是有效的 CSV / not valid CSV: {error}", place) from error


def _decoded(content: bytes) -> str:
    marked = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "")
    line = 0
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            line = line or error.object.count(b"\n", 0, error.start) + 1
    raise SheetRefused(
        "不是 xlsx，也不是 UTF-8、UTF-16 或 GB18030 编码的 CSV / neither xlsx nor CSV in UTF-8, UTF-16 or GB18030",
        f"第 {line} 行 / line {line}",
    )


def template(columns: Sequence[Column]) -> bytes:
    """An empty sheet to fill in, its cells text, so that codes keep their zeros; a second one explains the heads."""
    workbook = openpyxl.Workbook()
    sheet, notes = workbook.active, workbook.create_sheet("说明 notes")
    notes.append(("表头 head", "也可写作 or", "必填 required", "内容 content"))
    for number, column in enumerate(columns, 1):
        head = sheet.cell(1, number, column.head)
        head.font = Font(bold=column.required)
        sheet.column_dimensions[head.column_letter].number_format = "@"
        others = "、".join((column.key, *column.synonyms))
        notes.append((column.head, others, "是 yes" if column.required else "", column.form.says))
    sheet.title, sheet.freeze_panes = "商品 items", "A2"
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()
