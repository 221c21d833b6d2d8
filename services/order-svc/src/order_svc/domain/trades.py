"""Trades as platforms show them, and how their lines become lines of orders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from order_svc.domain.orders import Line


@dataclass(frozen=True)
class Trade:
    """A platform's trade as last seen, and the orders that grew from it."""

    store_code: str
    trade_no: str
    trade_version: str
    status: str
    order_nos: tuple[tuple[str, str], ...] = ()
    """(owner_code, order_no)."""

    @property
    def key(self) -> tuple[str, str]:
        return self.store_code, self.trade_no


@dataclass(frozen=True)
class Listing:
    """Which item a store sells as which platform SKU (of catalog-svc)."""

    store_code: str
    platform_item_id: str
    platform_sku_id: str
    owner_code: str
    item_code: str
    active: bool

    @property
    def key(self) -> tuple[str, str, str]:
        return self.store_code, self.platform_item_id, self.platform_sku_id


@dataclass(frozen=True)
class Component:
    """A part of a combo and how many of it one combo holds."""

    item_code: str
    quantity: int


@dataclass(frozen=True)
class Item:
    """What orders need to know of an item (of catalog-svc); a combo has components."""

    owner_code: str
    item_code: str
    item_name: str
    retail_minor: int
    components: tuple[Component, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.item_code


def order_no(prefix: str, trade_no: str, owner_index: int) -> str:
    """The order number of a trade: readable, the same however often the trade comes, and unique per owner."""
    return f"{prefix}{trade_no}" if owner_index == 0 else f"{prefix}{trade_no}_{owner_index + 1}"


def apportion(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights; the rounding rest goes to the largest (tie: the first). No weight: equal shares."""
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    shares = [amount_minor * weight // whole for weight in weights]
    largest = max(range(len(weights)), key=lambda index: weights[index])
    shares[largest] += amount_minor - sum(shares)
    return shares


def split_combo(line: Line, combo: Item, parts: Sequence[Item]) -> list[Line]:
    """A combo's line as one line per component, its amount shared by their retail value; numbers are set later."""
    counts = [component.quantity * line.quantity for component in combo.components]
    values = [part.retail_minor * count for part, count in zip(parts, counts, strict=True)]
    return [
        replace(line, item_code=part.item_code, item_name=part.item_name, quantity=count, amount_minor=amount)
        for part, count, amount in zip(parts, counts, apportion(line.amount_minor, values), strict=True)
    ]
