"""Bad item sheets: each kind of fault in the first and in the last row, as CSV and as xlsx, with its exact message."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from catalog_svc.domain.item_sheets import COLUMNS, Known, Preview, compare
from catalog_svc.domain.items import Component, Item
from catalog_svc.domain.sheets import Note, Refusal, SheetRefused, read_sheet
from catalog_svc.spreadsheets import read_lines

NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
GOOD = {"item_code": "A1", "item_name": "连体衣", "barcodes": "0690001", "unit": "件"}
OTHERS = (
    {"item_code": "A2", "item_name": "学步鞋", "barcodes": "0690002", "unit": "双"},
    {"item_code": "A3", "item_name": "卫衣", "barcodes": "0690003", "unit": "件"},
)
SHIRT = Item("JFY", "SHIRT", "衬衫", ("0691111",), "件", NOW, item_type="ZC")
SET = Item("JFY", "SET", "套装", ("0692222",), "套", NOW, item_type="ZH", components=(Component("SHIRT", 2),))
KNOWN = Known({"SHIRT": SHIRT, "SET": SET}, {"0691111": "SHIRT", "0692222": "SET"})
KEYS = tuple(column.key for column in COLUMNS)
LABELS = {column.key: column.label for column in COLUMNS}

NUMBER = (
    "单元格是数字，前导零和末位可能已丢失，请设为文本格式后重新填写 / "
    "the cell is a number and may have lost zeros or digits; format it as text and type it again"
)
SCIENTIFIC = (
    "是科学计数法，末位已丢失，请设为文本格式后重新填写 / "
    "scientific notation has lost digits; format the cell as text and type it again"
)
CODE = "只能含字母、数字和 - _ . / only letters, digits and - _ . are allowed"
MONEY = "应为不小于 0、最多 2 位小数的数字，如 79.90 / expected a number of at most 2 decimal places, not below 0"
PURCHASE = MONEY.replace("最多 2", "最多 6").replace("most 2", "most 6")
WEIGHT = MONEY.replace("最多 2", "最多 3").replace("most 2", "most 3")
UNITS = "Pcs、EA、Set、Pair、件、个、只、套、双、对、盒、条、支、瓶、罐、包、袋、本、台、把、副、张、顶、枚、块、片、组"
UNIT = f"不是按件计数的单位，应为其中之一：{UNITS} / not a unit of whole pieces; expected one of these"
TYPES = "应为其中之一：ZC、FX、ZH、ZP、BC、HC、FL、XN、FS、CC、OTHER / expected one of these"
PARTS = "应写作 商品编码*数量，多个用分号隔开，如 GB-A*2;GB-B*1 / expected item_code*quantity;…"
COMBO_TYPE = "只有 ZH 商品有组合明细 / items of type ZH have components, others have none"
SWITCHED = "普通商品与组合商品不能互换，请用新编码 / an item cannot become a combo or stop being one; use a new code"
ABSENT = "没有此商品 / there is no such item"
NESTED = "是组合商品，组合不能嵌套 / is a combo; combos cannot be nested"
TWIN = "与已有商品 SHIRT 仅大小写不同 / differs from item SHIRT only in case"
UNSEEN = "含不可见字符 U+{0}，请删除 / contains the invisible character U+{0}"
LONG = "超过 {0} 个字符（现 {1} 个）/ longer than {0} characters ({1})"
REQUIRED = "必填 / required"

Cells = Mapping[str, Any]
BAD_TEXTS: Sequence[tuple[str, Cells, str, str, str]] = [
    ("no code", {"item_code": ""}, "item_code", "", REQUIRED),
    ("no name", {"item_name": ""}, "item_name", "", REQUIRED),
    ("no barcode", {"barcodes": ""}, "barcodes", "", REQUIRED),
    ("no unit", {"unit": ""}, "unit", "", REQUIRED),
    ("code with a space", {"item_code": "A 1"}, "item_code", "A 1", CODE),
    ("code with full-width digits", {"item_code": "A１"}, "item_code", "A１", CODE),
    ("code in scientific notation", {"item_code": "6.9E+12"}, "item_code", "6.9E+12", SCIENTIFIC),
    ("code too long", {"item_code": "A" * 51}, "item_code", "A" * 51, LONG.format(50, 51)),
    ("name too long", {"item_name": "衣" * 201}, "item_name", "衣" * 200, LONG.format(200, 201)),
    ("name with a zero-width space", {"item_name": "连\u200b衣"}, "item_name", "连\u200b衣", UNSEEN.format("200B")),
    ("name turned right to left", {"item_name": "连\u202e衣"}, "item_name", "连\u202e衣", UNSEEN.format("202E")),
    ("code with a NUL", {"item_code": "A\0B"}, "item_code", "AB", UNSEEN.format("0000")),
    ("code with a byte order mark", {"goods_code": "\ufeffG1"}, "goods_code", "G1", UNSEEN.format("FEFF")),
    ("barcode with a line break", {"barcodes": "069\n1"}, "barcodes", "069 1", UNSEEN.format("000A")),
    ("code with a half surrogate", {"item_code": "A_xD83D_"}, "item_code", "A", UNSEEN.format("D83D")),
    ("code as other programs write exponents", {"item_code": "1e12"}, "item_code", "1e12", SCIENTIFIC),
    ("barcode as other programs write exponents", {"barcodes": "6.9e12"}, "barcodes", "6.9e12", SCIENTIFIC),
    ("barcode between the digits", {"barcodes": "6.901234567892E+11"}, "barcodes", "6.901234567892E+11", SCIENTIFIC),
    ("code of an item in another case", {"item_code": "shirt"}, "item_code", "shirt", TWIN),
    ("barcode in scientific notation", {"barcodes": "6.90123E+12"}, "barcodes", "6.90123E+12", SCIENTIFIC),
    ("barcode as a formula of text", {"barcodes": '="0690"'}, "barcodes", '="0690"', CODE),
    ("barcode twice in a cell", {"barcodes": "0691;0691"}, "barcodes", "0691;0691", "0691 重复 / 0691 is there twice"),
    ("an empty barcode between", {"barcodes": "0691;;0692"}, "barcodes", "0691;;0692", CODE),
    ("barcodes too long", {"barcodes": "1;" * 251}, "barcodes", "1;" * 100, LONG.format(500, 502)),
    ("weighed, not counted", {"unit": "千克"}, "unit", "千克", UNIT),
    ("carton, not piece", {"unit": "箱"}, "unit", "箱", UNIT),
    ("unknown type", {"item_type": "ZZ"}, "item_type", "ZZ", TYPES),
    ("price with three places", {"retail_price": "79.905"}, "retail_price", "79.905", MONEY),
    ("negative price", {"retail_price": "-1"}, "retail_price", "-1", MONEY),
    ("price with separators", {"tag_price": "1,299.00"}, "tag_price", "1,299.00", MONEY),
    ("price not a number", {"tag_price": "NaN"}, "tag_price", "NaN", MONEY),
    ("price beyond all digits", {"tag_price": "1" * 17}, "tag_price", "1" * 17, MONEY),
    ("purchase price with seven places", {"purchase_price": "1.0000001"}, "purchase_price", "1.0000001", PURCHASE),
    ("weight with four places", {"gross_weight": "0.1234"}, "gross_weight", "0.1234", WEIGHT),
    ("neither yes nor no", {"valid": "也许"}, "valid", "也许", "应为 Y 或 N（是/否）/ expected Y or N"),
    ("remark too long", {"remark": "注" * 501}, "remark", "注" * 200, LONG.format(500, 501)),
    ("component without quantity", {"components": "SHIRT"}, "components", "SHIRT", PARTS),
    ("component of quantity zero", {"components": "SHIRT*0"}, "components", "SHIRT*0", PARTS),
    ("half a component", {"components": "SHIRT*1.5"}, "components", "SHIRT*1.5", PARTS),
    ("component twice", {"components": "A2*1;A2*2"}, "components", "A2*1;A2*2", "A2 重复 / A2 is there twice"),
    ("component not there", {"components": "NONE*1"}, "components", "NONE", ABSENT),
    ("component is a combo", {"components": "SET*1"}, "components", "SET", NESTED),
    ("component is the combo itself", {"components": "A1*1"}, "components", "A1", NESTED),
    ("combo without components", {"item_type": "ZH"}, "components", "", COMBO_TYPE),
    ("plain item with components", {"item_type": "ZC", "components": "A2*1"}, "components", "A2*1", COMBO_TYPE),
    ("item becomes a combo", {"item_code": "SHIRT", "components": "A2*1"}, "components", "A2*1", SWITCHED),
    ("combo becomes an item", {"item_code": "SET"}, "components", "", SWITCHED),
    (
        "barcode of another item",
        {"barcodes": "0691111"},
        "barcodes",
        "0691111",
        "已属于商品 SHIRT / belongs to item SHIRT",
    ),
]
BAD_XLSX_CELLS: Sequence[tuple[str, Cells, str, str, str]] = [
    ("code is a number", {"item_code": 690}, "item_code", "690", NUMBER),
    ("barcode of too many digits", {"barcodes": 6901234567890123}, "barcodes", "6901234567890120", NUMBER),
    ("barcode with a fraction", {"barcodes": 69012345.5}, "barcodes", "69012345.5", NUMBER),
    ("brand code is a number", {"brand_code": 7}, "brand_code", "7", NUMBER),
    ("price of three places", {"retail_price": 79.905}, "retail_price", "79.905", MONEY),
    (
        "size turned into a date",
        {"size": date(2026, 1, 2)},
        "size",
        "2026-01-02 00:00:00",
        "单元格是日期，请设为文本格式后重新填写 / the cell is a date; format it as text and type it again",
    ),
    (
        "formula without a value",
        {"retail_price": "=79*2"},
        "retail_price",
        "",
        "公式没有计算结果，请粘贴为值 / the formula has no value; paste it as a value",
    ),
    (
        "formula that failed",
        {"item_name": "#N/A"},
        "item_name",
        "#N/A",
        "公式出错，请粘贴为值 / the formula failed; paste it as a value",
    ),
]
CONTROLS = ("code with a NUL",)
"""openpyxl refuses to write it."""
Write = Callable[[Sequence[Sequence[Any]]], bytes]


def as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def preview_of(content: bytes) -> Preview:
    return compare(read_sheet(read_lines(content), COLUMNS, ["item_code"]), "JFY", KNOWN, NOW)


def table(rows: Sequence[Cells]) -> Sequence[Sequence[Any]]:
    return [KEYS, *[[row.get(key, "") for key in KEYS] for row in rows]]


@pytest.mark.parametrize("last", [False, True], ids=["first row", "last row"])
@pytest.mark.parametrize(
    ("write", "cells", "column", "value", "reason"),
    [
        *[pytest.param(as_csv, *case, id=f"csv: {label}") for label, *case in BAD_TEXTS if "surrogate" not in label],
        *[
            pytest.param(as_xlsx, *case, id=f"xlsx: {label}")
            for label, *case in [*BAD_TEXTS, *BAD_XLSX_CELLS]
            # openpyxl would write this text as a formula.
            if label not in ("barcode as a formula of text", *CONTROLS)
        ],
    ],
)
def test_a_bad_cell_refuses_its_row_and_no_other(
    write: Write, cells: Cells, column: str, value: str, reason: str, last: bool
) -> None:
    bad = {**GOOD, **cells}
    rows = [*OTHERS, bad] if last else [bad, *OTHERS]

    preview = preview_of(write(table(rows)))

    assert preview.refused == (Refusal(4 if last else 2, LABELS[column], value, reason),)
    assert [item.item_code for item in preview.added] == ["A2", "A3"]


def test_every_fault_of_a_row_is_named() -> None:
    preview = preview_of(as_csv(table([{"item_code": "A1", "unit": "米", "tag_price": "abc"}])))

    assert [(refusal.column, refusal.reason) for refusal in preview.refused] == [
        ("商品名称 item_name", REQUIRED),
        ("条码 barcodes", REQUIRED),
        ("单位 unit", UNIT),
        ("吊牌价 tag_price", MONEY),
    ]


def test_rows_with_the_same_code_are_all_refused_also_when_one_has_other_faults() -> None:
    rows = [GOOD, OTHERS[0], GOOD | {"barcodes": "0690009"}, GOOD | {"barcodes": ""}]

    preview = preview_of(as_csv(table(rows)))

    assert preview.refused == (
        Refusal(2, "商品编码 item_code", "A1", "与第 4 行重复 / the same as in row 4"),
        Refusal(4, "商品编码 item_code", "A1", "与第 2 行重复 / the same as in row 2"),
        Refusal(5, "条码 barcodes", "", REQUIRED),
        Refusal(5, "商品编码 item_code", "A1", "与第 2 行重复 / the same as in row 2"),
    )
    assert [item.item_code for item in preview.added] == ["A2"]


def test_codes_that_differ_only_in_case_are_all_refused() -> None:
    preview = preview_of(as_csv(table([GOOD, GOOD | {"item_code": "a1", "barcodes": "0690009"}])))

    assert preview.refused == (
        Refusal(2, "商品编码 item_code", "A1", "与第 3 行的 a1 仅大小写不同 / only in case other than in row 3"),
        Refusal(3, "商品编码 item_code", "a1", "与第 2 行的 A1 仅大小写不同 / only in case other than in row 2"),
    )


def test_a_name_is_taken_without_what_cannot_be_kept_and_that_is_noted() -> None:
    preview = preview_of(as_csv(table([GOOD | {"item_name": "\ufeff连体\n衣"}, *OTHERS])))

    assert preview.added[0].item_name == "连体 衣"
    removed = "U+FEFF U+000A"
    assert preview.notes == (Note("2", "商品名称 item_name", f"已去除 {removed} / {removed} was taken out"),)


def test_barcodes_in_number_cells_are_taken_where_every_digit_is_there() -> None:
    numbers: Sequence[float] = (690123456789012, 6.901234567892e12)
    rows: list[Cells] = [{**GOOD, "barcodes": numbers[0]}, {**OTHERS[0], "barcodes": numbers[1]}, OTHERS[1]]

    preview = preview_of(as_xlsx(table(rows)))

    assert [item.barcodes for item in preview.added] == [("690123456789012",), ("6901234567892",), ("0690003",)]
    assert preview.notes == (
        Note(
            "2–3",
            "条码 barcodes",
            "取自数字单元格，若以 0 开头请设为文本格式后重新填写 / "
            "read from a number cell; if it begins with 0, format it as text and type it again",
        ),
    )


def test_an_exponent_that_has_every_digit_is_the_number_it_is() -> None:
    preview = preview_of(as_csv(table([GOOD | {"barcodes": "6.901234567892E+12;6.901234567893e12"}])))

    assert preview.added[0].barcodes == ("6901234567892", "6901234567893")


@pytest.mark.parametrize("write", [as_csv, as_xlsx])
def test_heads_are_found_below_a_title_and_by_the_words_people_use(write: Write) -> None:
    rows = [["2026 秋冬新品"], ["制表：张三", "", "11-22"], ["货品编码*", "品名", "条形码", "计量单位"]]

    preview = preview_of(write([*rows, ["A1", "连体衣", "0690001", "件"]]))

    assert [item.item_name for item in preview.added] == ["连体衣"]
    assert preview.notes == (Note("1–2", "", "在表头之上，未读取 / stands above the heads and was not read"),)


def test_no_word_names_two_columns() -> None:
    names = [name for column in COLUMNS for name in (column.key, column.head, *column.synonyms)]

    assert len(names) == len(set(names))


def test_rows_with_the_same_barcode_are_all_refused() -> None:
    preview = preview_of(as_csv(table([GOOD, OTHERS[0], OTHERS[1] | {"barcodes": "0693;0690001"}])))

    assert preview.refused == (
        Refusal(2, "条码 barcodes", "0690001", "与第 4 行重复 / the same as in row 4"),
        Refusal(4, "条码 barcodes", "0690001", "与第 2 行重复 / the same as in row 2"),
    )
    assert [item.item_code for item in preview.added] == ["A2"]


def test_a_combo_of_a_refused_row_is_refused_too() -> None:
    combo = GOOD | {"components": "A2*1;A3*1"}

    preview = preview_of(as_csv(table([combo, OTHERS[0] | {"unit": "米"}, OTHERS[1]])))

    assert preview.refused == (
        Refusal(2, "组合明细 components", "A2", ABSENT),
        Refusal(3, "单位 unit", "米", UNIT),
    )
    assert [item.item_code for item in preview.added] == ["A3"]


def test_a_new_item_needs_every_required_column() -> None:
    preview = preview_of(as_csv([["item_code", "retail_price"], ["A1", "79"], ["SHIRT", "79"]]))

    reason = "新增商品须有此列 / a new item needs this column"
    assert preview.refused == (
        Refusal(2, "商品名称 item_name", "", reason),
        Refusal(2, "条码 barcodes", "", reason),
        Refusal(2, "单位 unit", "", reason),
    )
    assert [change.item.item_code for change in preview.changed] == ["SHIRT"]


def test_a_cell_without_a_head_refuses_its_row() -> None:
    rows = [["商品编码", "", "零售价"], ["SHIRT", "", "79", "89"], ["SET", "x", "80"]]

    preview = preview_of(as_csv(rows))

    reason = "该格没有表头 / the cell stands under no head"
    assert preview.refused == (
        Refusal(2, "第 4 列 / column 4", "89", reason),
        Refusal(3, "第 2 列 / column 2", "x", reason),
    )


KNOWN_COLUMNS = "、".join(column.label for column in COLUMNS)


@pytest.mark.parametrize("write", [as_csv, as_xlsx])
@pytest.mark.parametrize(
    ("rows", "value", "reason"),
    [
        ([], "", "表格没有内容 / the sheet is empty"),
        ([["", ""], [" "]], "", "表格没有内容 / the sheet is empty"),
        (
            [["商品编码", "产地", "颜色", "season"], ["A1"]],
            "产地、season",
            f"第 1 行有不认识的列；可用的列 / unknown columns in row 1; the known ones are: {KNOWN_COLUMNS}",
        ),
        (
            [["商品编码", "零售价", "item_code"], ["A1"]],
            "商品编码 item_code",
            "同一列出现多次 / a column is there more than once",
        ),
        ([["商品编码"]], "", "表头之下没有内容 / there is nothing below the heads"),
        ([["商品名称"], ["连体衣"]], "", "缺少列 / columns are missing: 商品编码 item_code"),
        (
            [["商品编码"], *[[f"A{number}"] for number in range(10_001)]],
            "",
            "超过 10000 行，请拆成几份 / more than 10000 rows; split the sheet",
        ),
    ],
    ids=["no rows", "blank rows", "unknown columns", "column twice", "only heads", "no code column", "too many rows"],
)
def test_a_sheet_that_cannot_be_read_as_a_whole(
    write: Write, rows: Sequence[Sequence[Any]], value: str, reason: str
) -> None:
    with pytest.raises(SheetRefused) as refused:
        preview_of(write(rows))

    assert (refused.value.value, refused.value.reason) == (value, reason)
