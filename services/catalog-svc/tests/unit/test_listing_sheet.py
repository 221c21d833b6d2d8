"""Sheets of listings as lines."""

from dataclasses import replace

import pytest

from catalog_svc.domain.cells import FROM_NUMBER, Cell, Kind
from catalog_svc.domain.listings import PLATFORM_ITEM, ListingLine, ListingsRefused, read_listings
from catalog_svc.domain.sheets import HIDDEN, Line, Note, Refusal, SheetRefused


def lines(*rows: tuple[str | Cell, ...]) -> list[Line]:
    return [
        Line(number, tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row))
        for number, row in enumerate(rows, 1)
    ]


def test_every_column_is_read() -> None:
    read, notes = read_listings(
        lines(
            ("店铺", "平台商品ID", "平台 SKUID", "货主", "商品编码", "是否有效"),
            ("TM-JFY-01", "653200000001", "5201000000001", "JFY", "GB-TS-001-R-90", "N"),
        )
    )

    assert read == [ListingLine(2, "TM-JFY-01", "653200000001", "GB-TS-001-R-90", "5201000000001", "JFY", active=False)]
    assert notes == ()


def test_sku_owner_and_validity_may_be_left_out() -> None:
    read, _ = read_listings(lines(("store_code", "platform_item_id", "item_code"), ("TM-JFY-01", "1", "HAT")))

    assert read == [ListingLine(2, "TM-JFY-01", "1", "HAT", "", "", active=True)]


def test_hidden_rows_are_taken_and_named() -> None:
    head, *rows = lines(("店铺", "平台商品ID", "商品编码"), *(("TM-JFY-01", str(number), "HAT") for number in range(4)))
    hidden = [replace(row, hidden=row.number in (3, 4)) for row in rows]

    read, notes = read_listings([head, *hidden])

    assert [line.row for line in read] == [2, 3, 4, 5]
    assert notes == (Note("3–4", "", HIDDEN),)


def test_ids_of_the_platform_in_number_cells_are_taken_while_exact() -> None:
    exact = Cell("653200000001", Kind.NUMBER)

    [line], notes = read_listings(lines(("店铺编码", "宝贝ID", "商品编码"), ("TM-JFY-01", exact, "HAT")))

    assert line.platform_item_id == "653200000001"
    assert notes == (Note("2", PLATFORM_ITEM.label, FROM_NUMBER),)


def test_ids_that_a_number_cell_may_have_rounded_are_refused() -> None:
    with pytest.raises(ListingsRefused) as refused:
        read_listings(
            lines(
                ("店铺", "平台商品ID", "商品编码"),
                ("TM-JFY-01", Cell("6532000000010000", Kind.NUMBER), "HAT"),
                ("TM-JFY-01", "", "HAT"),
            )
        )

    assert refused.value.refusals == (
        Refusal(
            2,
            "平台商品ID platform_item_id",
            "6532000000010000",
            "单元格是数字，前导零和末位可能已丢失，请设为文本格式后重新填写 / "
            "the cell is a number and may have lost zeros or digits; format it as text and type it again",
        ),
        Refusal(3, "平台商品ID platform_item_id", "", "必填 / required"),
    )


def test_missing_columns_are_named() -> None:
    with pytest.raises(SheetRefused) as refused:
        read_listings(lines(("平台SKUID",), ("1",)))

    assert refused.value.reason == (
        "缺少列 / columns are missing: 店铺 store_code、平台商品ID platform_item_id、商品编码 item_code"
    )
