"""Items over HTTP: search, one."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog_svc import storage
from catalog_svc.api.fields import Code, ItemCode, OwnerCode, Viewer
from catalog_svc.domain.items import Item
from catalog_svc.handlers import item_changed
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Page, Paged
from lemai_chassis.web import not_found
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
        paging: Paged,
        owner_code: OwnerCode | None = None,
        prefix: Annotated[Code | None, Query(description="商品编码前缀 / how the item code begins")] = None,
        barcode: Annotated[Code | None, Query(description="条码 / barcode", examples=["6901234567892"])] = None,
        name: Annotated[str | None, Query(max_length=200, description="名称包含 / a part of it, in any case")] = None,
    ) -> Page[ItemView]:
        """Items in order of owner and code."""
        wanted = {"owner_code": person.narrowed(owner_code), "prefix": prefix, "barcode": barcode, "name": name}
        return await storage.ITEMS_BY_CODE.page(
            engine.database, lambda row: view(storage.ITEMS.parse(row)), paging, **wanted
        )

    @routes.get("/{owner_code}/{item_code}")
    async def get_item(_: Viewer, owner_code: OwnerCode, item_code: ItemCode) -> ItemView:
        """One item."""
        async with engine.database.connect() as connection:
            item = await storage.item(connection, owner_code, item_code)
        if item is None:
            raise not_found("item", f"{owner_code}/{item_code}")
        return view(item)

    return routes
