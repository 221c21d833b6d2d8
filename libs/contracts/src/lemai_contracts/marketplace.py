"""What the marketplaces told us, and what came of telling them something."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from lemai_contracts import topics
from lemai_contracts.event import Event
from lemai_contracts.values import Consignee, Instant, Money, Quantity, Value

STORE_PARTITIONS = Annotated[int, Field(ge=0, lt=topics.ORDER_PARTITIONS)]


class TradeStatus(StrEnum):
    """Where a trade stands on its platform, in words that fit every platform."""

    UNPAID = "unpaid"
    PAID_HELD = "paid_held"
    TO_SHIP = "to_ship"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


class TradeLine(Value):
    """One line of a trade; `paid` is for the whole line."""

    platform_line_no: str
    platform_item_id: str
    platform_sku_id: str
    merchant_sku: str = ""
    title: str
    quantity: Quantity
    paid: Money
    gift: bool = False
    status: TradeStatus
    raw_status: str


class TradeChangedV1(
    Event,
    type="lemai.marketplace.trade_changed.v1",
    topic=topics.MARKETPLACE_TRADE,
    subject="{platform}/{trade_no}",
    key="{family}",
):
    """A trade as its platform shows it now: full state, sent once for each version of it."""

    family: str
    platform: str
    store_code: str
    trade_no: str
    version: str
    """Grows with each change on the platform; compared as text."""
    status: TradeStatus
    raw_status: str
    holds: tuple[str, ...] = ()
    """Why it must not ship although paid: presale, risk, refund, … (the plugin's documented list)."""
    created_at: Instant
    paid_at: Instant | None = None
    modified_at: Instant
    ship_by: Instant | None = None
    lines: tuple[TradeLine, ...]
    freight: Money
    discount: Money
    paid: Money
    pay_no: str = ""
    buyer_nick: str = ""
    buyer_message: str = ""
    seller_message: str = ""
    consignee: Consignee
    cleaned: tuple[str, ...] = ()
    """Which texts held what nothing can keep (NUL, half an emoji) or were too long, and what was done, for people."""


class TradesPulledV1(
    Event,
    type="lemai.marketplace.trades_pulled.v1",
    topic=topics.MARKETPLACE_TRADE,
    subject="{store_code}",
    key="{store_code}",
    passing=True,
):
    """Watermark: every trade of the store changed before `until` stands before this on the same partition.

    Written once to each partition, so that who reads it there knows what it has seen of the store.
    """

    store_code: str
    partition: STORE_PARTITIONS
    until: Instant

    @property
    def explicit_partition(self) -> int:
        return self.partition


class PublicationState(StrEnum):
    """How a publication to a platform ended."""

    DONE = "done"
    REJECTED = "rejected"


class ShipmentPublishedV1(
    Event,
    type="lemai.marketplace.shipment_published.v1",
    topic=topics.MARKETPLACE_PUBLICATION,
    subject="{owner_code}/{order_no}",
    key="{family}",
):
    """The platform took, or refused, carrier and waybill of one shipment of an order."""

    family: str
    owner_code: str
    order_no: str
    store_code: str
    trade_no: str
    actual_no: str
    waybills: tuple[str, ...]
    corrected_by: str = ""
    """Who had it sent again, corrected or as it was; empty for the first time."""
    reason: str = ""
    """Why they did."""
    state: PublicationState
    code: str = ""
    message: str = ""
    published_at: Instant


class StockPublishedV1(
    Event,
    type="lemai.marketplace.stock_published.v1",
    topic=topics.MARKETPLACE_PUBLICATION,
    subject="{store_code}/{platform_item_id}/{platform_sku_id}",
    key="{store_code}/{platform_item_id}/{platform_sku_id}",
):
    """The platform took, or refused, an absolute stock figure."""

    store_code: str
    platform_item_id: str
    platform_sku_id: str
    quantity: Quantity
    availability_version: int
    state: PublicationState
    code: str = ""
    message: str = ""
    published_at: Instant
