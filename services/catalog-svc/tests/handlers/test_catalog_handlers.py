"""What confirming a sheet and putting listings do to the catalog."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest

from catalog_svc import handlers
from catalog_svc.domain.item_sheets import CatalogMoved, ItemChange, ItemSheet, Known, Preview, RowsRefused
from catalog_svc.domain.items import Catalog, Component, Item
from catalog_svc.domain.listings import Listing, ListingLine, ListingsRefused
from catalog_svc.domain.sheets import Reading, Refusal, Row
from catalog_svc.handlers import Confirmation, ListingsPut, SheetNotFound, Upload
from lemai_chassis.testing import Handled, handle
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.examples import example

BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
GOLDEN = example(ItemChangedV1)
SHIRT = Item(
    owner_code="JFY",
    item_code="GB-TS-001-R-90",
    item_name="婴儿连体衣",
    barcodes=("6901234567892",),
    unit="Pcs",
    changed_at=BEFORE,
    goods_code="GB-TS-001",
    specification="红色;90cm",
    color="红色",
    size="90cm",
    category_code="CLS01",
    category_name="童装",
    brand_code="GB",
    brand_name="金宝贝",
    item_type="ZC",
    tag_price_minor=9900,
    retail_price_minor=7900,
    purchase_price=Decimal("32.50"),
    gross_weight=Decimal("0.210"),
    remark="面料100%棉",
)
SET = Item("JFY", "SET", "套装", ("0690",), "套", BEFORE, item_type="ZH", components=(Component("GB-TS-001-R-90", 2),))
REFUSED = Refusal(4, "单位 unit", "米", "…")
STORES = {"TM-JFY-01": ("JFY",), "TM-MIX-01": ("NB", "JFY")}


def a_sheet(preview: Preview) -> ItemSheet:
    return ItemSheet("s1", "JFY", "items.xlsx", "", BEFORE, 3, preview)


def confirmed(sheet: ItemSheet, *, revision: int = 3, accept_refused: bool = False) -> Handled:
    command = Confirmation("s1", accept_refused)
    return handle(
        handlers.confirm_sheet, command, [sheet, Catalog("JFY", revision), replace(SET, remark="旧")], now=NOW
    )


def test_an_upload_is_kept_with_its_preview_and_changes_nothing() -> None:
    values = {"item_code": "HAT", "item_name": "帽子", "barcodes": ("0690",), "unit": "顶"}
    upload = Upload("s1", "JFY", "items.csv", "ab12", Reading((Row(2, values),), ()))

    handled = handle(partial(handlers.preview_sheet, Known({}, {})), upload, [Catalog("JFY", 7)], now=NOW)

    hat = Item("JFY", "HAT", "帽子", ("0690",), "顶", NOW, item_type="ZC")
    assert handled.answer == ItemSheet("s1", "JFY", "items.csv", "ab12", NOW, 7, Preview((hat,), (), (), ()))
    assert handled.aggregate(ItemSheet, "s1") == handled.answer
    assert handled.aggregate(Catalog, "JFY") == Catalog("JFY", 7)
    assert handled.events == []


def test_confirming_publishes_each_added_and_changed_item_once() -> None:
    handled = confirmed(a_sheet(Preview((SHIRT,), (ItemChange(SET, ()),), ("OTHER",), ())))

    assert handled.events == [
        GOLDEN,
        ItemChangedV1.model_validate(
            {
                "owner_code": "JFY",
                "item_code": "SET",
                "item_name": "套装",
                "barcodes": ["0690"],
                "unit": "套",
                "item_type": "ZH",
                "components": [{"item_code": "GB-TS-001-R-90", "quantity": 2}],
                "changed_at": NOW,
            }
        ),
    ]
    assert handled.aggregate(Item, "JFY", "GB-TS-001-R-90") == replace(SHIRT, changed_at=NOW)
    assert handled.aggregate(Item, "JFY", "SET") == replace(SET, changed_at=NOW)
    assert handled.aggregate(Catalog, "JFY") == Catalog("JFY", 4)
    assert handled.answer.confirmed_at == NOW


def test_confirming_a_sheet_that_changes_nothing_leaves_the_catalog_where_it_was() -> None:
    handled = confirmed(a_sheet(Preview((), (), ("SET",), ())))

    assert handled.events == []
    assert handled.aggregate(Catalog, "JFY") == Catalog("JFY", 3)
    assert handled.answer.confirmed_at == NOW


def test_confirming_again_does_nothing_even_when_the_catalog_moved() -> None:
    sheet = replace(a_sheet(Preview((SHIRT,), (), (), ())), confirmed_at=BEFORE)

    handled = confirmed(sheet, revision=4)

    assert handled.answer == sheet
    assert handled.events == []


def test_a_catalog_that_moved_since_the_preview_refuses_the_confirmation() -> None:
    with pytest.raises(CatalogMoved):
        confirmed(a_sheet(Preview((SHIRT,), (), (), ())), revision=4)


def test_good_rows_beside_refused_ones_are_taken_only_when_that_is_accepted() -> None:
    sheet = a_sheet(Preview((SHIRT,), (), (), (REFUSED,)))

    with pytest.raises(RowsRefused):
        confirmed(sheet)
    assert confirmed(sheet, accept_refused=True).events == [GOLDEN]


def test_an_unknown_sheet_cannot_be_confirmed() -> None:
    with pytest.raises(SheetNotFound):
        handle(handlers.confirm_sheet, Confirmation("s2"), now=NOW)


def put(*lines: ListingLine, listings: Sequence[Listing] = ()) -> Handled:
    return handle(partial(handlers.put_listings, STORES), lines, [SHIRT, SET, *listings], now=NOW)


def test_a_listing_is_published_with_the_default_owner_of_its_store() -> None:
    handled = put(ListingLine(1, "TM-JFY-01", "653200000001", "GB-TS-001-R-90", "5201000000001"))

    listing = Listing("TM-JFY-01", "653200000001", "5201000000001", "JFY", "GB-TS-001-R-90", True, NOW)
    assert handled.aggregate(Listing, *listing.key) == listing
    assert handled.events == [example(ListingChangedV1).model_copy(update={"changed_at": NOW})]
    assert handled.answer == ListingsPut(added=1, changed=0, unchanged=0)


def test_only_listings_that_change_are_published() -> None:
    same = Listing("TM-JFY-01", "1", "", "JFY", "SET", True, BEFORE)
    other = Listing("TM-JFY-01", "2", "", "JFY", "SET", True, BEFORE)

    handled = put(
        ListingLine(1, "TM-JFY-01", "1", "SET"),
        ListingLine(2, "TM-JFY-01", "2", "SET", active=False),
        listings=[same, other],
    )

    assert handled.aggregate(Listing, "TM-JFY-01", "1", "") == same
    assert handled.events == [ListingChangedV1.model_validate(vars(other) | {"active": False, "changed_at": NOW})]
    assert handled.answer == ListingsPut(added=0, changed=1, unchanged=1)


def test_one_bad_listing_refuses_all_and_every_fault_is_named() -> None:
    good = ListingLine(2, "TM-JFY-01", "1", "SET")

    with pytest.raises(ListingsRefused) as refused:
        put(
            good,
            ListingLine(3, "TM-NOWHERE", "2", "SET"),
            ListingLine(4, "TM-JFY-01", "3", "SET", owner_code="NB"),
            ListingLine(5, "TM-JFY-01", "4", "HAT"),
            ListingLine(6, "TM-MIX-01", "5", "SET"),
            replace(good, row=7),
        )

    assert refused.value.refusals == [
        Refusal(2, "平台SKUID platform_sku_id", "TM-JFY-01/1/", "与第 7 行重复 / the same as in row 7"),
        Refusal(
            3,
            "店铺 store_code",
            "TM-NOWHERE",
            "没有此店铺，应为 / no such store; expected TM-JFY-01、TM-MIX-01",
        ),
        Refusal(4, "货主 owner_code", "NB", "店铺不售此货主的商品，应为 / not an owner of this store; expected JFY"),
        Refusal(
            5, "商品编码 item_code", "HAT", "货主 JFY 没有此商品，请先导入 / JFY has no such item; import it first"
        ),
        Refusal(6, "商品编码 item_code", "SET", "货主 NB 没有此商品，请先导入 / NB has no such item; import it first"),
        Refusal(7, "平台SKUID platform_sku_id", "TM-JFY-01/1/", "与第 2 行重复 / the same as in row 2"),
    ]
