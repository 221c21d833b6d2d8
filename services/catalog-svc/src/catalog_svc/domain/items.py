"""Items: one SKU of an owner and the record that describes it."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

CURRENCY = "CNY"
"""Sheets and item masters are in yuan (kingdee.md §1.14)."""
COMBO = "ZH"
ITEM_TYPES = ("ZC", "FX", COMBO, "ZP", "BC", "HC", "FL", "XN", "FS", "CC", "OTHER")
"""The code list of kingdee.md §1.14: ZC normal, ZH combo, ZP gift, …"""
PIECE_UNITS = ("Pcs", "EA", "Set", "Pair", *"件个只套双对盒条支瓶罐包袋本台把副张顶枚块片组")
"""What is counted, never weighed or measured: quantities are whole pieces everywhere."""


@dataclass(frozen=True)
class Component:
    """A part of a combo and how many of it one combo holds."""

    item_code: str
    quantity: int


@dataclass(frozen=True)
class Item:
    """One SKU as it is now. Sale prices are minor units of CURRENCY, the purchase price yuan, the weight kilograms."""

    owner_code: str
    item_code: str
    item_name: str
    barcodes: tuple[str, ...]
    unit: str
    changed_at: datetime
    goods_code: str = ""
    short_name: str = ""
    specification: str = ""
    color: str = ""
    size: str = ""
    category_code: str = ""
    category_name: str = ""
    brand_code: str = ""
    brand_name: str = ""
    item_type: str = ""
    tag_price_minor: int | None = None
    retail_price_minor: int | None = None
    purchase_price: Decimal | None = None
    gross_weight: Decimal | None = None
    components: tuple[Component, ...] = ()
    valid: bool = True
    remark: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.item_code

    def with_default_type(self) -> "Item":
        """An item whose sheet does not name its type is a combo if it has components."""
        return self if self.item_type else replace(self, item_type=COMBO if self.components else ITEM_TYPES[0])


@dataclass(frozen=True)
class Catalog:
    """All items of an owner: `revision` counts the times they were changed."""

    owner_code: str
    revision: int = 0

    @property
    def key(self) -> tuple[str]:
        return (self.owner_code,)
