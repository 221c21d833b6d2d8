"""Items and listings: full state, compacted by identity."""

from lemai_contracts import topics
from lemai_contracts.event import Event
from lemai_contracts.values import DecimalText, Instant, Money, Quantity, Value


class Component(Value):
    """A part of a combo and how many of it one combo holds."""

    item_code: str
    quantity: Quantity


class ItemChangedV1(
    Event,
    type="lemai.catalog.item_changed.v1",
    topic=topics.CATALOG_ITEM,
    subject="{owner_code}/{item_code}",
    key="{owner_code}/{item_code}",
):
    """The item master of one SKU as it is now."""

    owner_code: str
    item_code: str
    item_name: str
    goods_code: str = ""
    short_name: str = ""
    barcodes: tuple[str, ...]
    specification: str = ""
    color: str = ""
    size: str = ""
    unit: str
    category_code: str = ""
    category_name: str = ""
    brand_code: str = ""
    brand_name: str = ""
    item_type: str = "ZC"
    """The code list of kingdee.md §1.14: ZC normal, ZH combo, ZP gift, …"""
    tag_price: Money | None = None
    retail_price: Money | None = None
    purchase_price: Money | None = None
    """Of one piece, tax included, at most 6 places."""
    gross_weight: DecimalText | None = None
    """Kilograms."""
    components: tuple[Component, ...] = ()
    """Of a combo; empty for a plain item."""
    valid: bool = True
    remark: str = ""
    changed_at: Instant


class ListingChangedV1(
    Event,
    type="lemai.catalog.listing_changed.v1",
    topic=topics.CATALOG_LISTING,
    subject="{store_code}/{platform_item_id}/{platform_sku_id}",
    key="{store_code}/{platform_item_id}/{platform_sku_id}",
):
    """Which item a store sells as which platform SKU."""

    store_code: str
    platform_item_id: str
    platform_sku_id: str
    owner_code: str
    item_code: str
    active: bool = True
    """False once it is off the shelf: it gets no stock, trades that name it are still of its item."""
    changed_at: Instant
