"""Spreadsheet files as rows: encodings, cell kinds, limits, and files that are none."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.cells import Cell, Kind
from catalog_svc.domain.sheets import Line, SheetRefused
from catalog_svc.spreadsheets import FILE_BYTES_MAX, read_lines

TEXT = "商品编码,商品名称\nA1,连体衣\n"
LINES = [
    Line(1, (Cell("商品编码"), Cell("商品名称"))),
    Line(2, (Cell("A1"), Cell("连体衣"))),
]
NOT_A_SHEET = "不是 xlsx，也不是 UTF-8、UTF-16 或 GB18030 编码的 CSV / neither xlsx nor CSV in UTF-8, UTF-16 or GB18030"


def xlsx(*rows: tuple[object, ...]) -> bytes:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    return saved(workbook)


def saved(workbook: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def with_parts(content: bytes, parts: Mapping[str, bytes]) -> bytes:
    """The same workbook with some parts replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name, part)
    return buffer.getvalue()


def sheet_xml(rows: str) -> Mapping[str, bytes]:
    """The first worksheet's part with these rows, claiming an extent it does not have."""
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return {
        "xl/worksheets/sheet1.xml": (
            f'<worksheet xmlns="{namespace}"><dimension ref="A1:A1"/><sheetData>{rows}</sheetData></worksheet>'
        ).encode()
    }


def refusal(content: bytes) -> tuple[str, str]:
    with pytest.raises(SheetRefused) as refused:
        read_lines(content)
    return refused.value.value, refused.value.reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_is_read_in_each_encoding(encoding: str) -> None:
    assert read_lines(TEXT.encode(encoding)) == LINES


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_heads_show_what_separates_the_cells(separator: str) -> None:
    content = f"商品表\n商品编码{separator}条码\nA1{separator}069,070\n".encode()

    assert [line.cells for line in read_lines(content)[1:]] == [
        (Cell("商品编码"), Cell("条码")),
        (Cell("A1"), Cell("069,070")),
    ]


def test_csv_cells_are_text_without_the_space_around_them() -> None:
    content = 'A,B\r\n "x"\u3000,\t0690001\n\n,\n"a, ""b""","第一行\n第二行"'.encode()

    assert read_lines(content) == [
        Line(1, (Cell("A"), Cell("B"))),
        Line(2, (Cell('"x"'), Cell("0690001"))),
        Line(5, (Cell('a, "b"'), Cell("第一行 第二行", removed=("U+000A",)))),
    ]


@pytest.mark.parametrize(
    ("content", "value", "reason"),
    [
        (b"\xef\xbb\xbfA\nB\n\xc9\xcc,1\n", "第 3 行 / line 3", NOT_A_SHEET),
        (b"A\n\xff\xff\n", "第 2 行 / line 2", NOT_A_SHEET),
        (TEXT.encode("utf-16")[:-1], "第 2 行 / line 2", NOT_A_SHEET),
        (b'A,B\n"never closed', "第 2 行 / line 2", "不是有效的 CSV / not valid CSV: unexpected end of data"),
        (b'A,B\n"a"b,c', "第 2 行 / line 2", "不是有效的 CSV / not valid CSV: ',' expected after '\"'"),
        (
            b"A\n" + b"x" * 131_073,
            "第 2 行 / line 2",
            "不是有效的 CSV / not valid CSV: field larger than field limit (131072)",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "",
            "是 xls 或加密的工作簿，请另存为不加密的 xlsx / an xls or encrypted workbook; save it as plain xlsx",
        ),
        (b"A" * (FILE_BYTES_MAX + 1), "", "文件超过 10 MB / the file is larger than 10 MB"),
        (b"PK\x03\x04 not a zip", "BadZipFile", "不是有效的 xlsx，请重新另存 / not a valid xlsx; save it again"),
    ],
    ids=["marked utf-8", "binary", "utf-16", "open quote", "stray quote", "endless field", "xls", "size", "zip"],
)
def test_a_file_that_is_no_sheet(content: bytes, value: str, reason: str) -> None:
    assert refusal(content) == (value, reason)


def test_xlsx_cells_are_what_the_workbook_holds() -> None:
    content = xlsx(("商品编码", "价"), (" 00690 ", 79.9), ("A2", 0.1 + 0.2), ("A3", 100), (None, None), (True, False))

    assert read_lines(content) == [
        Line(1, (Cell("商品编码"), Cell("价"))),
        Line(2, (Cell("00690"), Cell("79.9", Kind.NUMBER))),
        Line(3, (Cell("A2"), Cell("0.3", Kind.NUMBER))),
        Line(4, (Cell("A3"), Cell("100", Kind.NUMBER))),
        Line(6, (Cell("Y"), Cell("N"))),
    ]


def test_formulas_are_never_computed_here() -> None:
    rows = (
        '<row r="1"><c r="A1" t="str"><f>"A"&amp;"1"</f><v>A1</v></c>'
        '<c r="B1"><f>1+1</f><v>3</v></c><c r="C1"><f>1+1</f></c></row>'
    )

    (line,) = read_lines(with_parts(xlsx(("x",)), sheet_xml(rows)))

    assert line.cells[:3] == (Cell("A1"), Cell("3", Kind.NUMBER), Cell("", Kind.UNCOMPUTED))


def test_the_extent_a_workbook_claims_is_not_believed() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row><row r="9"><c r="A9"><v>3</v></c></row>'

    lines = read_lines(with_parts(xlsx(("x",)), sheet_xml(rows)))

    assert [(line.number, line.cells[0].text, line.cells[1].text) for line in lines] == [(1, "1", "2"), (9, "3", "")]


def test_a_million_empty_rows_and_the_last_cell_cost_nothing() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'

    lines = read_lines(with_parts(xlsx(("x",)), sheet_xml(rows)))

    assert [line.number for line in lines] == [1]


def test_dates_of_the_1904_system_are_dates() -> None:
    workbook = openpyxl.Workbook()
    workbook.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    workbook.active.append(["尺码", 1])
    workbook.active["B1"].number_format = "yyyy-mm-dd"

    (line,) = read_lines(saved(workbook))

    assert line.cells[1] == Cell("1904-01-02 00:00:00", Kind.DATE)


def test_the_first_visible_worksheet_is_read() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["hidden"])
    workbook.active.sheet_state = "hidden"
    workbook.create_sheet("商品").append(["商品编码"])
    workbook.create_sheet("说明").append(["说明"])

    (line,) = read_lines(saved(workbook))

    assert line.cells[0] == Cell("商品编码")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_declaration_is_refused_before_any_parser_sees_it(encoding: str) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'

    content = with_parts(xlsx(("x",)), {"xl/styles.xml": bomb.encode(encoding)})

    assert refusal(content) == ("xl/styles.xml", "含 DTD 声明 / contains a document type declaration")


TOO_MUCH = (
    "解压后超过 64 MB 或 1000 个部件，请只复制有内容的行到新文件 / "
    "the workbook unpacks to too much; copy the rows that say something to a new file"
)


def test_a_zip_bomb_is_refused_by_what_it_declares() -> None:
    bomb = with_parts(xlsx(("x",)), {"xl/media/bomb.bin": bytes(65 * 1024 * 1024)})

    assert len(bomb) < 100_000
    assert refusal(bomb) == ("", TOO_MUCH)


def test_too_many_parts_are_refused() -> None:
    assert refusal(with_parts(xlsx(("x",)), {f"xl/{number}": b"" for number in range(1000)})) == ("", TOO_MUCH)


WORKBOOK = xlsx(("商品编码", "商品名称"), ("A1", "连体衣"))


def test_a_merged_range_says_the_same_in_each_of_its_rows() -> None:
    workbook = openpyxl.Workbook()
    for row in (("价格", None, "货号"), ("吊牌价", "零售价", None), (99, 79, "G1"), (89, 69, None), (None, None, None)):
        workbook.active.append(row)
    for merged in ("A1:B1", "C1:C2", "C3:C5"):
        workbook.active.merge_cells(merged)

    assert [[cell.text for cell in line.cells] for line in read_lines(saved(workbook))] == [
        ["价格", "价格", "货号"],
        ["吊牌价", "零售价", "货号"],
        ["99", "79", "G1"],
        ["89", "69", "G1"],
    ]


def test_merged_ranges_that_overlap_are_no_workbook() -> None:
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(1, 201))
    parts = sheet_xml(
        rows + "</sheetData><mergeCells>" + '<mergeCell ref="A1:AN200"/>' * 60 + "</mergeCells><sheetData>"
    )

    assert refusal(with_parts(xlsx(("x",)), parts))[0] == "ValueError"


def test_escapes_are_what_they_stand_for() -> None:
    written = "AA_x000D_BB", "MM_x005F_x0041_NN", "_xD83D__xDE00_", "A_B_x00_"

    (line,) = read_lines(xlsx(written))

    assert line.cells == (
        Cell("AA BB", removed=("U+000D",)),
        Cell("MM_x0041_NN"),
        Cell("😀"),
        Cell("A_B_x00_"),
    )


def test_shared_texts_are_read_without_how_they_are_pronounced() -> None:
    strings = (
        "<sst><si><r><t>连</t></r><r><t>体衣</t></r><rPh><t>liantiyi</t></rPh></si><si/>"
        "<si><t>_x000D_</t><phoneticPr/></si></sst>"
    )
    parts = sheet_xml(
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c>'
        '<c t="inlineStr"><is><t>鞋</t><rPh><t>xie</t></rPh></is></c></row>'
    )
    relations = zipfile.ZipFile(io.BytesIO(xlsx(("x",)))).read("xl/_rels/workbook.xml.rels").decode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    shared = f'<Relationship Id="s" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    parts = dict(parts) | {
        "xl/sharedStrings.xml": strings.encode(),
        "xl/_rels/workbook.xml.rels": relations.replace("</Relationships>", shared).encode(),
    }

    (line,) = read_lines(with_parts(xlsx(("x",)), parts))

    assert [cell.text for cell in line.cells] == ["连体衣", "", "", "鞋"]


def test_hidden_rows_are_read_and_known_as_hidden() -> None:
    workbook = openpyxl.Workbook()
    for row in range(1, 4):
        workbook.active.append([f"A{row}"])
    workbook.active.row_dimensions[2].hidden = True

    assert [line.hidden for line in read_lines(saved(workbook))] == [False, True, False]


@pytest.mark.parametrize("number_format", ["yyyy-mm-dd", "m/d/yy", None])
def test_dates_are_known_by_their_format_also_by_the_chinese_ones(number_format: str | None) -> None:
    parts = {}
    if number_format is None:
        styles = '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="57"/></cellXfs></styleSheet>'
        parts = {"xl/styles.xml": styles.encode()}
    workbook = openpyxl.Workbook()
    workbook.active.append([46000])
    workbook.active["A1"].number_format = number_format or "0.0"

    (line,) = read_lines(with_parts(saved(workbook), parts))

    assert line.cells[0] == Cell("2025-12-09 00:00:00", Kind.DATE)


EVERY_ROW = "".join(f'<row r="{row}" ht="20" customHeight="1"/>' for row in range(4, 1_048_577))
TAG = '<row r="2" x="' + "衣" * 20_000_000 + '"/>'


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [(EVERY_ROW, "1 lines"), (TAG, "refused 过于复杂")],
    ids=["every row is formatted", "a tag without end"],
)
def test_memory_does_not_grow_with_the_file(rows: str, outcome: str, tmp_path: Path) -> None:
    first = '<row r="1"><c r="A1" t="inlineStr"><is><t>商品编码</t></is></c></row>'
    (tmp_path / "sheet.xlsx").write_bytes(with_parts(xlsx(("x",)), sheet_xml(first + rows)))
    program = """
import re, sys
from pathlib import Path
from catalog_svc.spreadsheets import read_lines, SheetRefused
try:
    print(len(read_lines(Path(sys.argv[1]).read_bytes())), "lines")
except SheetRefused as refused:
    print("refused", refused.reason)
print(re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace("\\t", ""))[1])
"""
    command = [sys.executable, "-c", program, str(tmp_path / "sheet.xlsx")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    read, peak_kb = ran.stdout.splitlines()

    assert read.startswith(outcome)
    assert int(peak_kb) < 200 * 1024


@given(position=st.integers(0, len(WORKBOOK) - 1), junk=st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook_is_read_or_refused_never_a_crash(position: int, junk: bytes) -> None:
    with suppress(SheetRefused):
        assert read_lines(WORKBOOK[:position] + junk + WORKBOOK[position + len(junk) :])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_never_a_crash(content: bytes) -> None:
    with suppress(SheetRefused):
        read_lines(content)
