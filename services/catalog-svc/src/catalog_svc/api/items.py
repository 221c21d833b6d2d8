"""Items over HTTP: search, one."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog_svc import storage
from catalog_svc.api.fields import Code, Limit, Text, Viewer, cursor_key
from catalog_svc.domain.items import Item
from catalog_svc.handlers import item_changed
from catalog_svc.storage import ItemSearch
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import Page, encode_cursor, not_found
from lemai_contracts.values import DecimalText, Money


class ComponentView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    item_code: str
    quantity: int


class ItemView(BaseModel):
    """One SKU as it is now."""

    model_config = ConfigDict(from_attributes=True)

    owner_code: str = Field(examples=["JFY"])
    item_code: str = Field(description="商品编码 / SKU", examples=["GB-TS-001-R-90"])
    item_name: str = Field(examples=["婴儿连体衣"])
    goods_code: str = Field(description="货号 / style", examples=["GB-TS-001"])
    short_name: str
    barcodes: list[str] = Field(examples=[["6901234567892"]])
    specification: str
    color: str
    size: str
    unit: str = Field(examples=["Pcs"])
    category_code: str
    category_name: str
    brand_code: str
    brand_name: str
    item_type: str = Field(description="ZC 普通 normal, ZH 组合 combo, ZP 赠品 gift, … (kingdee.md §1.14)")
    tag_price: Money | None
    retail_price: Money | None
    purchase_price: Money | None = Field(description="含税，最多 6 位小数 / tax included, at most 6 places")
    gross_weight: DecimalText | None = Field(description="千克 / kilograms")
    components: list[ComponentView] = Field(description="组合明细，普通商品为空 / of a combo; empty otherwise")
    valid: bool
    remark: str
    changed_at: datetime


def view(item: Item) -> ItemView:
    return ItemView.model_validate(item_changed(item))


def router(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/items", tags=["items"])

    @routes.get("")
    async def search_items(
        person: Viewer,
        owner_code: Code | None = None,
        prefix: Annotated[Code | None, Query(description="商品编码前缀 / how the item code begins")] = None,
        barcode: Code | None = None,
        name: Annotated[Text | None, Query(description="名称包含 / a part of the name, in any case")] = None,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> Page[ItemView]:
        """Items in order of owner and code."""
        search = ItemSearch(person.narrowed(owner_code), prefix, barcode, name, cursor_key(cursor, 2), limit)
        async with engine.database.connect() as connection:
            items = await storage.search_items(connection, search)
        return Page(
            items=[view(item) for item in items], next=encode_cursor(*items[-1].key) if len(items) == limit else None
        )

    @routes.get("/{owner_code}/{item_code}")
    async def one_item(_: Viewer, owner_code: Code, item_code: Code) -> ItemView:
        """One item."""
        async with engine.database.connect() as connection:
            item = await storage.item(connection, owner_code, item_code)
        if item is None:
            raise not_found("item", f"{owner_code}/{item_code}")
        return view(item)

    return routes
