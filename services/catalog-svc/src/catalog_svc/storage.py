"""Rows, and every query of catalog-svc."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, RowMapping, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from catalog_svc.domain.item_sheets import ItemSheet, Known
from catalog_svc.domain.items import Catalog, Item
from catalog_svc.domain.listings import Listing
from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage
from lemai_chassis.state.aggregates import Aggregates

METADATA = MetaData()
tables.tables(METADATA)


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _bigint() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


def _minor_or_null() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=True))


def _decimal_or_null() -> Any:
    """A decimal as text: as many places as it was given with."""
    return Field(sa_column=Column(Text, nullable=True))


class CatalogSvcRow(SQLModel):
    metadata = METADATA


class CatalogRow(CatalogSvcRow, table=True):
    __tablename__ = "catalog"
    owner_code: str = Field(primary_key=True, sa_type=Text)
    version: int = _bigint()
    revision: int = _bigint()


class ItemRow(CatalogSvcRow, table=True):
    __tablename__ = "item"
    __table_args__ = (
        Index("item_barcodes", "barcodes", postgresql_using="gin"),
        Index("item_code_in_any_case", "owner_code", text("lower(item_code)")),
    )
    owner_code: str = Field(primary_key=True, sa_type=Text)
    item_code: str = Field(primary_key=True, sa_type=Text)
    version: int = _bigint()
    item_name: str = Field(sa_type=Text)
    barcodes: list[str] = _json()
    unit: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))
    goods_code: str = Field(sa_type=Text)
    short_name: str = Field(sa_type=Text)
    specification: str = Field(sa_type=Text)
    color: str = Field(sa_type=Text)
    size: str = Field(sa_type=Text)
    category_code: str = Field(sa_type=Text)
    category_name: str = Field(sa_type=Text)
    brand_code: str = Field(sa_type=Text)
    brand_name: str = Field(sa_type=Text)
    item_type: str = Field(sa_type=Text)
    tag_price_minor: int | None = _minor_or_null()
    retail_price_minor: int | None = _minor_or_null()
    purchase_price: str | None = _decimal_or_null()
    gross_weight: str | None = _decimal_or_null()
    components: list[dict[str, Any]] = _json()
    valid: bool
    remark: str = Field(sa_type=Text)


class ItemSheetRow(CatalogSvcRow, table=True):
    __tablename__ = "item_sheet"
    sheet_id: str = Field(primary_key=True, sa_type=Text)
    version: int = _bigint()
    owner_code: str = Field(sa_type=Text)
    file_name: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    uploaded_at: datetime = Field(sa_type=DateTime(timezone=True))
    revision: int = _bigint()
    preview: dict[str, Any] = _json()
    confirmed_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class ListingRow(CatalogSvcRow, table=True):
    __tablename__ = "listing"
    __table_args__ = (Index("listing_item", "owner_code", "item_code"),)
    store_code: str = Field(primary_key=True, sa_type=Text)
    platform_item_id: str = Field(primary_key=True, sa_type=Text)
    platform_sku_id: str = Field(primary_key=True, sa_type=Text)
    version: int = _bigint()
    owner_code: str = Field(sa_type=Text)
    item_code: str = Field(sa_type=Text)
    active: bool
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))


ITEMS = Aggregates(Item, ItemRow)
ITEM_SHEETS = Aggregates(ItemSheet, ItemSheetRow)
LISTINGS = Aggregates(Listing, ListingRow)
STORAGE = Storage.of(Aggregates(Catalog, CatalogRow), ITEMS, ITEM_SHEETS, LISTINGS)


async def known(
    connection: AsyncConnection, owner_code: str, item_codes: Collection[str], barcodes: Collection[str]
) -> Known:
    """What the owner's catalog says of these items, in any case, and barcodes."""
    items = await connection.exec_driver_sql(
        "SELECT * FROM item WHERE owner_code = $1 AND lower(item_code) = ANY($2::text[])",
        (owner_code, sorted(item_code.lower() for item_code in item_codes)),
    )
    holders = await connection.exec_driver_sql(
        "SELECT barcode, item_code FROM item, jsonb_array_elements_text(barcodes) barcode "
        "WHERE owner_code = $1 AND barcodes ?| $2::text[] AND barcode = ANY($2::text[])",
        (owner_code, sorted(barcodes)),
    )
    return Known(
        items={row["item_code"]: ITEMS.parse(row) for row in items.mappings()},
        holders={row.barcode: row.item_code for row in holders},
    )


async def item(connection: AsyncConnection, owner_code: str, item_code: str) -> Item | None:
    rows = await connection.exec_driver_sql(
        "SELECT * FROM item WHERE owner_code = $1 AND item_code = $2", (owner_code, item_code)
    )
    found = rows.mappings().one_or_none()
    return ITEMS.parse(found) if found else None


async def item_sheet(connection: AsyncConnection, sheet_id: str) -> ItemSheet | None:
    rows = await connection.exec_driver_sql("SELECT * FROM item_sheet WHERE sheet_id = $1", (sheet_id,))
    found = rows.mappings().one_or_none()
    return ITEM_SHEETS.parse(found) if found else None


@dataclass(frozen=True)
class ItemSearch:
    """What items to look for; None looks for everything. `after` is the (owner, item) of the last one seen."""

    owner_code: str | None = None
    prefix: str | None = None
    barcode: str | None = None
    name: str | None = None
    after: tuple[str, str] | None = None
    limit: int = 50


async def search_items(connection: AsyncConnection, search: ItemSearch) -> Sequence[Item]:
    """Items in (owner, item) order. `name` is any part of the name, in any case."""
    conditions = {
        "owner_code = :owner_code": search.owner_code,
        "starts_with(item_code, :prefix)": search.prefix,
        "barcodes ? :barcode": search.barcode,
        "position(lower(:name) in lower(item_name)) > 0": search.name,
        "(owner_code, item_code) > (:after_0, :after_1)": search.after,
    }
    rows = await _search(connection, "item", conditions, vars(search), "owner_code, item_code")
    return [ITEMS.parse(row) for row in rows]


@dataclass(frozen=True)
class ListingSearch:
    """What listings to look for; None looks for everything. `after` is the key of the last one seen."""

    store_code: str | None = None
    owner_code: str | None = None
    item_code: str | None = None
    after: tuple[str, str, str] | None = None
    limit: int = 50


async def search_listings(connection: AsyncConnection, search: ListingSearch) -> Sequence[Listing]:
    """Listings in key order."""
    conditions = {
        "store_code = :store_code": search.store_code,
        "owner_code = :owner_code": search.owner_code,
        "item_code = :item_code": search.item_code,
        "(store_code, platform_item_id, platform_sku_id) > (:after_0, :after_1, :after_2)": search.after,
    }
    rows = await _search(
        connection, "listing", conditions, vars(search), "store_code, platform_item_id, platform_sku_id"
    )
    return [LISTINGS.parse(row) for row in rows]


async def _search(
    connection: AsyncConnection, table: str, conditions: Mapping[str, Any], search: Mapping[str, Any], order: str
) -> Sequence[RowMapping]:
    """Rows that meet the conditions whose value is not None."""
    given = [condition for condition, value in conditions.items() if value is not None] or ["true"]
    sql = f"SELECT * FROM {table} WHERE {' AND '.join(given)} ORDER BY {order} LIMIT :limit"  # noqa: S608 - names of our own
    after = {f"after_{position}": part for position, part in enumerate(search["after"] or ())}
    used = {name: value for name, value in {**search, **after}.items() if f":{name}" in sql}
    return (await connection.execute(text(sql), used)).mappings().all()


STUCK = (
    """
SELECT 'sheet_unconfirmed', sheet_id, owner_code, file_name, uploaded_at,
       format('POST /v1/item-sheets/%s/confirm', sheet_id)
FROM item_sheet sheet LEFT JOIN catalog USING (owner_code)
WHERE confirmed_at IS NULL AND sheet.revision = coalesce(catalog.revision, 0)
  AND (preview->'added' <> '[]' OR preview->'changed' <> '[]') AND uploaded_at < now() - interval '10 minutes'""",
)
"""What waits for a person here, in the columns of `lemai_chassis.stuck.Stuck`: sheets that can still be confirmed."""
