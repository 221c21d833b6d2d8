"""Rows, and every query of catalog-svc."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from catalog_svc.domain.item_sheets import ItemSheet, Known
from catalog_svc.domain.items import Catalog, Item
from catalog_svc.domain.listings import Listing
from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage
from lemai_chassis.listing import Search
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


ITEMS_BY_CODE = Search(
    "SELECT * FROM item",
    {"owner_code": str, "item_code": str},
    conditions={
        "prefix": "starts_with(item_code, :prefix)",
        "barcode": "barcodes ? :barcode",
        "name": "position(lower(:name) in lower(item_name)) > 0",
    },
)
LISTINGS_BY_SKU = Search("SELECT * FROM listing", {"store_code": str, "platform_item_id": str, "platform_sku_id": str})
STUCK = (
    """
SELECT 'sheet_unconfirmed', sheet_id, owner_code, file_name, uploaded_at,
       format('POST /v1/item-sheets/%s/confirm', sheet_id)
FROM item_sheet sheet LEFT JOIN catalog USING (owner_code)
WHERE confirmed_at IS NULL AND sheet.revision = coalesce(catalog.revision, 0)
  AND (preview->'added' <> '[]' OR preview->'changed' <> '[]') AND uploaded_at < now() - interval '10 minutes'""",
)
"""What waits for a person here, in the columns of `lemai_chassis.stuck.Stuck`: sheets that can still be confirmed."""
