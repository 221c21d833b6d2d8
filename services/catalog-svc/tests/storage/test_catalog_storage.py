"""The catalog's tables: what goes in comes out, and migrations make what the code declares."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

import catalog_svc
from catalog_svc import storage
from catalog_svc.domain.item_sheets import FieldChange, ItemChange, ItemSheet, Known, Preview
from catalog_svc.domain.items import Component, Item
from catalog_svc.domain.sheets import Refusal
from catalog_svc.storage import STORAGE
from lemai_chassis.database import check
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.state.unit_of_work import Aggregate, Ref, UnitOfWork
from lemai_chassis.stuck import everything

NOW = datetime(2026, 11, 22, 1, 2, 3, 456789, UTC)
SHIRT = Item(
    owner_code="JFY",
    item_code="SHIRT",
    item_name="格纹衬衫 Plaid",
    barcodes=("0690001", "0690002"),
    unit="件",
    changed_at=NOW,
    item_type="ZC",
    tag_price_minor=999_999_999_999_999_999,
    retail_price_minor=0,
    purchase_price=Decimal("123456789012.123450"),
    gross_weight=Decimal("0.210"),
    remark="=1+1",
)
SET = Item("JFY", "SET", "套装", ("0690003",), "套", NOW, item_type="ZH", components=(Component("SHIRT", 2),))
OTHER = replace(SHIRT, owner_code="NB")
SHEET = ItemSheet(
    sheet_id="s1",
    owner_code="JFY",
    file_name="商品.xlsx",
    sha256="ab",
    uploaded_at=NOW,
    revision=2,
    preview=Preview(
        added=(SHIRT,),
        changed=(ItemChange(SET, (FieldChange("条码 barcodes", "1", "2"),)),),
        unchanged=("HAT",),
        refused=(Refusal(9, "单位 unit", "米", "…"),),
    ),
)


async def keep(database: AsyncEngine, *aggregates: Aggregate) -> None:
    def put(_: None, uow: UnitOfWork) -> None:
        for aggregate in aggregates:
            uow.put(aggregate)

    refs = [Ref(type(aggregate), aggregate.key) for aggregate in aggregates]
    await Engine(database, "catalog-svc", STORAGE).execute(put, None, refs)


async def test_migrations_make_what_the_tables_declare(database: AsyncEngine) -> None:
    url = database.url.render_as_string(hide_password=False)

    await check(url, Path(catalog_svc.__file__).parent / "migrations")


async def test_items_come_back_as_they_went_in(database: AsyncEngine) -> None:
    await keep(database, SHIRT, SET)

    async with database.connect() as connection:
        shirt = await storage.item(connection, "JFY", "SHIRT")
        assert shirt == SHIRT
        assert str(shirt.purchase_price) == "123456789012.123450"
        assert await storage.item(connection, "JFY", "SET") == SET
        assert await storage.item(connection, "NB", "SET") is None


async def test_a_sheet_comes_back_as_it_went_in(database: AsyncEngine) -> None:
    await keep(database, SHEET)

    async with database.connect() as connection:
        assert await storage.item_sheet(connection, "s1") == SHEET
        assert await storage.item_sheet(connection, "s2") is None


async def test_a_sheet_that_can_still_be_confirmed_is_stuck(database: AsyncEngine) -> None:
    await keep(database, SHEET, replace(SHEET, sheet_id="s2", revision=1), replace(SHEET, sheet_id="s3", revision=0))

    async def stuck(revision: int) -> list[tuple[str, str]]:
        async with database.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM catalog")
            if revision:
                await connection.exec_driver_sql(f"INSERT INTO catalog VALUES ('JFY', 1, {revision})")
            rows = await connection.exec_driver_sql(everything("catalog-svc", storage.STUCK))
            return [(row.kind, row.about) for row in rows]

    assert await stuck(0) == [("sheet_unconfirmed", "s3")]
    assert await stuck(2) == [("sheet_unconfirmed", "s1")]


async def test_what_is_known_is_of_one_owner(database: AsyncEngine) -> None:
    await keep(database, SHIRT, SET, OTHER)

    async with database.connect() as connection:
        known = await storage.known(connection, "JFY", {"SET", "HAT"}, {"0690002", "0690003", "0690009"})

    assert known == Known({"SET": SET}, {"0690002": "SHIRT", "0690003": "SET"})


async def test_items_are_found_by_each_criterion_and_by_all_together(database: AsyncEngine) -> None:
    await keep(database, SHIRT, SET, OTHER)

    async def found(**criteria: str) -> list[tuple[str, str]]:
        async with database.connect() as connection:
            rows = await storage.ITEMS_BY_CODE.rows(connection, 9, **criteria)
        return [(row["owner_code"], row["item_code"]) for row in rows]

    assert await found() == [("JFY", "SET"), ("JFY", "SHIRT"), ("NB", "SHIRT")]
    assert await found(owner_code="NB") == [("NB", "SHIRT")]
    assert await found(prefix="SHI") == [("JFY", "SHIRT"), ("NB", "SHIRT")]
    assert await found(barcode="0690003") == [("JFY", "SET")]
    assert await found(name="plaid") == [("JFY", "SHIRT"), ("NB", "SHIRT")]
    assert await found(name="%") == []
    assert await found(owner_code="JFY", prefix="S", barcode="0690001", name="衬衫") == [("JFY", "SHIRT")]
