"""What a plugin can do, one small protocol each: a plugin implements those its platform has.

A caller asks with `isinstance(marketplace, PublishStock)` before it offers the action. Every method raises
`PlatformError`; reads are retried inside the plugin, writes never are.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from lemai_marketplace.types import (
    Limits,
    Malformed,
    Outcome,
    Parcel,
    PlatformSku,
    Shipment,
    StockLevel,
    StoreCheck,
    Trade,
    Window,
)


class Marketplace(Protocol):
    """One store on one platform; holds no state that matters after it."""

    limits: Limits


@runtime_checkable
class PullTrades(Protocol):
    """Trades by the time they were last changed."""

    def pull_trades(self, window: Window) -> AsyncIterator[list[Trade | Malformed]]:
        """Every trade last changed in `window`, page by page; a trade may come twice, none is left out.

        The window must end `limits.lag` before now and be no longer than `limits.window_max` (InvalidRequest).
        """

    async def trade(self, trade_no: str) -> Trade | Malformed:
        """The trade as it is now. Raises NotFound."""


@runtime_checkable
class PublishShipment(Protocol):
    """Waybills to the platform. `carriers` are our carrier codes that the plugin knows, with the platform's."""

    carriers: Mapping[str, str]

    async def publish_shipment(self, shipment: Shipment) -> Outcome:
        """Tell the platform what was shipped, after reading the trade: a hold is a conflict, a waybill that
        is there already is applied. So publishing again resolves an unknown outcome.
        """

    async def shipped(self, trade_no: str) -> list[Parcel]:
        """The parcels the platform knows of. Raises NotFound."""


@runtime_checkable
class PublishStock(Protocol):
    """Absolute stock figures to the platform."""

    async def publish_stock(self, levels: Sequence[StockLevel]) -> list[Outcome]:
        """Set `levels`; one outcome each, in their order. Any number: the plugin splits by the platform's limits.

        Of two levels for one SKU the later counts.
        """


@runtime_checkable
class ListSkus(Protocol):
    """What the store has listed."""

    def list_skus(self) -> AsyncIterator[list[PlatformSku]]:
        """Every SKU on sale, page by page; an item without SKUs comes with `platform_sku_id` None."""


@runtime_checkable
class Check(Protocol):
    """Are the credentials good?"""

    async def check(self) -> StoreCheck:
        """Make one call that needs everything to be right.

        Raises SignatureError, AuthExpired, PermissionDenied, ClockSkew.
        """
