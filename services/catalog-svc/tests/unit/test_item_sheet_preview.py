"""What a good sheet adds, changes and leaves as it is."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.cells import Cell
from catalog_svc.domain.item_sheets import (
    COLUMNS,
    CatalogMoved,
    FieldChange,
    ItemChange,
    ItemSheet,
    Known,
    Preview,
    RowsRefused,
    compare,
)
from catalog_svc.domain.items import PIECE_UNITS, Component, Item
from catalog_svc.domain.sheets import Line, Reading, Refusal, read_sheet

BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
SHIRT = Item(
    "JFY",
    "SHIRT",
    "衬衫",
    ("0691111",),
    "件",
    BEFORE,
    item_type="ZC",
    retail_price_minor=7900,
    purchase_price=Decimal("32.5"),
)
SHOE = Item("JFY", "SHOE", "学步鞋", ("0692222",), "双", BEFORE, item_type="ZC")
SET = Item("JFY", "SET", "套装", ("0693333",), "套", BEFORE, item_type="ZH", components=(Component("SHIRT", 2),))
KNOWN = Known(
    {item.item_code: item for item in (SHIRT, SHOE, SET)},
    {barcode: item.item_code for item in (SHIRT, SHOE, SET) for barcode in item.barcodes},
)


def reading_of(rows: Sequence[Sequence[str]]) -> Reading:
    lines = [Line(number, tuple(map(Cell, row))) for number, row in enumerate(rows, 1)]
    return read_sheet(lines, COLUMNS, ["item_code"])


def preview_of(*rows: Sequence[str], known: Known = KNOWN) -> Preview:
    return compare(reading_of(rows), "JFY", known, NOW)


def test_a_new_item_has_what_its_row_says() -> None:
    preview = preview_of(
        [column.head for column in COLUMNS],
        [
            *(
                "GB-TS-001-R-90",
                "婴儿连体衣",
                "GB-TS-001",
                "连体衣",
                "0690123;6901234567892",
                "红色;90cm",
                "红色",
                "90cm",
            ),
            *("Pcs", "CLS01", "童装", "GB", "金宝贝", "ZP", "99", "79.9", "32.512345", "0.210", "", "N", "面料100%棉"),
        ],
    )

    item = Item(
        owner_code="JFY",
        item_code="GB-TS-001-R-90",
        item_name="婴儿连体衣",
        barcodes=("0690123", "6901234567892"),
        unit="Pcs",
        changed_at=NOW,
        goods_code="GB-TS-001",
        short_name="连体衣",
        specification="红色;90cm",
        color="红色",
        size="90cm",
        category_code="CLS01",
        category_name="童装",
        brand_code="GB",
        brand_name="金宝贝",
        item_type="ZP",
        tag_price_minor=9900,
        retail_price_minor=7990,
        purchase_price=Decimal("32.512345"),
        gross_weight=Decimal("0.210"),
        valid=False,
        remark="面料100%棉",
    )
    assert preview == Preview(added=(item,), changed=(), unchanged=(), refused=())


def test_columns_are_found_by_head_or_key_in_any_order_spelling_and_spacing() -> None:
    preview = preview_of(["单位", "Barcodes", "商品 名称", "ITEM_CODE"], ["件", "069", "帽子", "HAT"])

    assert preview.added == (Item("JFY", "HAT", "帽子", ("069",), "件", NOW, item_type="ZC"),)


def test_a_changed_field_is_shown_old_and_new() -> None:
    preview = preview_of(
        ["item_code", "item_name", "retail_price", "barcodes", "是否有效", "purchase_price"],
        ["SHIRT", "格纹衬衫", "69", "0691111;0694444", "否", "32.50"],
    )

    after = replace(SHIRT, item_name="格纹衬衫", retail_price_minor=6900, barcodes=("0691111", "0694444"), valid=False)
    fields = (
        FieldChange("商品名称 item_name", "衬衫", "格纹衬衫"),
        FieldChange("条码 barcodes", "0691111", "0691111;0694444"),
        FieldChange("零售价 retail_price", "79.00", "69.00"),
        FieldChange("是否有效 valid", "Y", "N"),
    )
    assert preview == Preview(added=(), changed=(ItemChange(after, fields),), unchanged=(), refused=())


def test_an_absent_column_leaves_its_field_and_a_blank_cell_empties_it() -> None:
    preview = preview_of(["item_code", "retail_price"], ["SHIRT", ""])

    (change,) = preview.changed
    assert change.item == replace(SHIRT, retail_price_minor=None)
    assert change.fields == (FieldChange("零售价 retail_price", "79.00", ""),)


def test_a_blank_type_is_what_the_components_say() -> None:
    preview = preview_of(
        ["item_code", "item_name", "barcodes", "unit", "item_type", "components"],
        ["PAIR", "两件装", "0691", "套", "", "SHIRT*1；SHOE × 2"],
        ["HAT", "帽子", "0692", "顶", "", ""],
    )

    assert [(item.item_type, item.components) for item in preview.added] == [
        ("ZH", (Component("SHIRT", 1), Component("SHOE", 2))),
        ("ZC", ()),
    ]


def test_the_same_sheet_again_changes_nothing() -> None:
    rows = [
        ["item_code", "item_name", "barcodes", "unit", "components"],
        ["SET", "套装", "0693333", "套", "SHIRT*2"],
        ["SHOE", "学步鞋", "0692222", "双", ""],
    ]

    assert preview_of(*rows) == Preview(added=(), changed=(), unchanged=("SET", "SHOE"), refused=())


def test_a_combo_may_use_items_of_its_own_sheet_and_of_the_catalog() -> None:
    preview = preview_of(
        ["item_code", "item_name", "barcodes", "unit", "components"],
        ["GIFT", "礼盒", "0694", "套", "HAT*1;SHOE*1"],
        ["HAT", "帽子", "0695", "顶", ""],
    )

    assert [item.item_code for item in preview.added] == ["GIFT", "HAT"]
    assert preview.refused == ()


def test_a_barcode_may_move_to_another_item_of_the_sheet() -> None:
    preview = preview_of(["item_code", "barcodes"], ["SHIRT", "0692222"], ["SHOE", "0691111"])

    assert [change.item.barcodes for change in preview.changed] == [("0692222",), ("0691111",)]


def test_a_barcode_stays_where_it_is_when_the_row_that_would_free_it_is_refused() -> None:
    preview = preview_of(
        ["item_code", "barcodes", "retail_price"], ["SHIRT", "0692222", "79"], ["SHOE", "0696666", "-1"]
    )

    assert preview.changed == ()
    assert preview.refused[0] == Refusal(2, "条码 barcodes", "0692222", "已属于商品 SHOE / belongs to item SHOE")


def test_a_refused_row_takes_along_every_row_that_hangs_on_it() -> None:
    preview = preview_of(
        ["item_code", "barcodes", "retail_price"],
        ["SHIRT", "0692222", "79"],
        ["SHOE", "0693333", "99"],
        ["SET", "0694444", "-1"],
    )

    assert preview.changed == ()
    assert [(refusal.row, refusal.column, refusal.value) for refusal in preview.refused] == [
        (2, "条码 barcodes", "0692222"),
        (3, "条码 barcodes", "0693333"),
        (4, "零售价 retail_price", "-1"),
    ]


def test_components_that_a_combo_has_already_are_not_looked_for_again() -> None:
    preview = preview_of(["item_code", "retail_price"], ["SET", "199"], known=Known({"SET": SET}, {}))

    assert [change.item for change in preview.changed] == [replace(SET, retail_price_minor=19900)]


@pytest.mark.parametrize("written", ["=1+1", "+86", "-5℃", "@家", '=HYPERLINK("x")', "|calc"])
def test_what_a_spreadsheet_would_run_is_kept_as_text(written: str) -> None:
    preview = preview_of(["item_code", "remark"], ["SHIRT", written])

    assert [change.item.remark for change in preview.changed] == [written]


def a_sheet(*refused: Refusal) -> ItemSheet:
    return ItemSheet("s1", "JFY", "items.csv", "", NOW, 3, Preview((SHIRT,), (), (), refused))


def test_a_sheet_is_confirmed_at_the_revision_of_its_preview() -> None:
    assert a_sheet().confirm(3, NOW, accept_refused=False).confirmed_at == NOW


@pytest.mark.parametrize("revision", [2, 4])
def test_a_sheet_is_not_confirmed_at_another_revision(revision: int) -> None:
    with pytest.raises(CatalogMoved):
        a_sheet().confirm(revision, NOW, accept_refused=True)


def test_refused_rows_must_be_accepted() -> None:
    refused = Refusal(2, "单位 unit", "米", "…")

    with pytest.raises(RowsRefused):
        a_sheet(refused).confirm(3, NOW, accept_refused=False)
    assert a_sheet(refused).confirm(3, NOW, accept_refused=True).confirmed_at == NOW


CODES = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,7}", fullmatch=True).filter(
    lambda code: not re.search("[0-9][Ee][0-9]", code)
)
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@st.composite
def items(draw: st.DrawFn) -> Item:
    values: dict[str, Any] = {
        name: draw(st.just("") | TEXTS) for name in ("specification", "color", "size", "short_name", "remark")
    }
    return Item(
        owner_code="JFY",
        item_code=draw(CODES),
        item_name=draw(TEXTS),
        barcodes=tuple(draw(st.lists(CODES, min_size=1, max_size=3, unique=True))),
        unit=draw(st.sampled_from(PIECE_UNITS)),
        changed_at=NOW,
        goods_code=draw(st.just("") | CODES),
        item_type=draw(st.sampled_from(["ZC", "ZP", "FX"])),
        tag_price_minor=draw(st.none() | st.integers(0, 10**18 - 1)),
        purchase_price=draw(st.none() | st.decimals(0, 10**11, places=6)),
        gross_weight=draw(st.none() | st.decimals(0, 10**11, places=3)),
        valid=draw(st.booleans()),
        **values,
    )


@given(item=items())
def test_an_item_written_as_a_row_is_read_as_the_same_item(item: Item) -> None:
    row = [column.form.write(getattr(item, column.field)) for column in COLUMNS]

    preview = preview_of([column.key for column in COLUMNS], row, known=Known({}, {}))

    assert preview.added == (item,)


@given(sheet=st.lists(items(), min_size=1, max_size=6), catalog=st.lists(items(), max_size=6))
def test_whatever_the_sheet_every_row_is_sorted_out_and_barcodes_stay_unique(
    sheet: list[Item], catalog: list[Item]
) -> None:
    kept: dict[str, Item] = {}
    for item in catalog:
        if not any(set(item.barcodes) & set(other.barcodes) for other in kept.values()):
            kept.setdefault(item.item_code, item)
    known = Known(kept, {barcode: item.item_code for item in kept.values() for barcode in item.barcodes})
    rows = [[column.form.write(getattr(item, column.field)) for column in COLUMNS] for item in sheet]

    preview = preview_of([column.key for column in COLUMNS], *rows, known=known)

    refused = {refusal.row for refusal in preview.refused}
    assert len(refused) + len(preview.to_publish) + len(preview.unchanged) == len(sheet)
    after = kept | {item.item_code: item for item in preview.to_publish}
    barcodes = [barcode for item in after.values() for barcode in item.barcodes]
    assert len(barcodes) == len(set(barcodes))
