"""What crosses the seam between a marketplace plugin and its caller.

Amounts are integer minor units of the record's own currency, times are aware UTC, ids are strings.
Our own states are enums; the platform's word stands beside each in `raw_status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class TradeStatus(StrEnum):
    """State of a trade or of one of its lines."""

    UNPAID = "unpaid"
    PAID_HELD = "paid_held"  # paid, and the platform says it must not be shipped yet
    TO_SHIP = "to_ship"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"  # the parent of trades the platform split it into
    UNKNOWN = "unknown"  # a word we do not know: alert, never guess


class RefundStatus(StrEnum):
    """State of the refund of one line."""

    REQUESTED = "requested"
    AWAIT_BUYER_RETURN = "await_buyer_return"
    AWAIT_SELLER_RECEIPT = "await_seller_receipt"
    REJECTED = "rejected"
    SUCCEEDED = "succeeded"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"

    @property
    def undecided(self) -> bool:
        """True while the refund may still be granted: the line must not be shipped."""
        return self not in (RefundStatus.REJECTED, RefundStatus.SUCCEEDED, RefundStatus.WITHDRAWN)


class Hold(StrEnum):
    """Why a paid trade must wait."""

    PRESALE = "presale"  # the deposit is paid, the rest is not
    PLATFORM = "platform"  # the platform forbids shipping
    REFUND = "refund"  # a line still to ship has an undecided refund


class LineKind(StrEnum):
    """What a trade line stands for."""

    GOODS = "goods"
    GIFT = "gift"
    SERVICE = "service"  # nothing to ship


class ChargeKind(StrEnum):
    """A part of what the buyer paid that belongs to no line."""

    FREIGHT = "freight"
    ROUNDING = "rounding"  # at most one minor unit per line
    UNEXPLAINED = "unexplained"  # the platform's own figures do not add up; for finance to look at


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount beside the lines; a deduction is negative."""

    kind: ChargeKind
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedConsignee:
    """The consignee as the platform shows it, masked; `token` buys the plain data from the platform."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    town: str
    address: str
    postcode: str
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine:
    """One line of a trade. `paid_minor` is for the whole quantity, after every discount, without freight."""

    line_id: str
    kind: LineKind
    platform_item_id: str
    platform_sku_id: str | None
    merchant_sku: str | None
    title: str
    quantity: int
    unit_price_minor: int
    paid_minor: int
    status: TradeStatus
    raw_status: str
    refund_status: RefundStatus | None
    ship_with: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade as the platform has it now: sum of `paid_minor` + charges == `buyer_paid_minor`.

    `buyer_paid_minor` of an unpaid trade is what there is to pay. `version` grows with every change the
    platform dates; two contents changed within its grain (TOP: one second) share it, so compare `raw` too.
    """

    trade_no: str
    version: int
    status: TradeStatus
    raw_status: str
    holds: frozenset[Hold]
    created_at: datetime
    paid_at: datetime | None
    modified_at: datetime
    ship_by: datetime | None
    currency: str
    buyer_paid_minor: int
    charges: tuple[Charge, ...]
    lines: tuple[TradeLine, ...]
    consignee: MaskedConsignee
    buyer: str
    buyer_note: str
    seller_note: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A trade the plugin could not read: park it with its raw body, the others flow on."""

    trade_no: str | None
    raw: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of time, [start, end)."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() != timedelta(0) or self.end.utcoffset() != timedelta(0):
            raise ValueError("a window is in aware UTC")
        if self.start > self.end:
            raise ValueError("a window starts before it ends")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the platform allows, so that a caller can stay inside it.

    `lag` keeps a window's end behind now: every later change then leaves the window instead of moving in it.
    `overlap` is how far to read back because a change may become visible after its own timestamp.
    """

    window_max: timedelta
    lookback_max: timedelta
    lag: timedelta
    overlap: timedelta
    stock_quantity_max: int


@dataclass(frozen=True, slots=True)
class ParcelLine:
    """`quantity` pieces of a trade line in a parcel."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """One waybill. `carrier` is our carrier code; read back, the platform's own word if we do not know it.

    `company` is the platform's code where the site's configuration gives one; else the plugin's own table has it.
    """

    carrier: str
    waybill: str
    contents: tuple[ParcelLine, ...]
    company: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Parcels of one trade, contents in the trade's own lines.

    `unfinished` names the lines here whose pieces have not all left with this; the others are shipped whole.
    """

    trade_no: str
    parcels: tuple[Parcel, ...]
    unfinished: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The pieces a store may sell of one platform SKU: absolute, so sending it twice does no harm."""

    platform_item_id: str
    platform_sku_id: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class PlatformSku:
    """A SKU as listed; `merchant_sku` is the code the seller wrote on it."""

    platform_item_id: str
    platform_sku_id: str | None
    merchant_sku: str | None
    title: str
    properties: str


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """A good session: whose it is, if the platform tells, and how far the platform's clock is ahead of ours."""

    seller: str | None
    clock_offset: timedelta


class OutcomeState(StrEnum):
    """What became of a command."""

    APPLIED = "applied"
    ACCEPTED = "accepted"  # taken, not yet done: read it back later
    REJECTED = "rejected"
    RETRY = "retry"  # nothing happened or sending again is harmless: send again later
    CONFLICT = "conflict"  # the platform's state is another than the command supposes: for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one command, `key` naming it (trade number, SKU)."""

    key: str
    state: OutcomeState
    code: str | None = None
    message: str | None = None
    retry_after_s: float | None = None
