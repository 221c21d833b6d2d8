"""What order-svc decided about orders."""

from enum import StrEnum

from lemai_contracts import topics
from lemai_contracts.event import Event
from lemai_contracts.marketplace import STORE_PARTITIONS
from lemai_contracts.values import Instant, Money, OrderKind, Quantity, Value


class OrderState(StrEnum):
    """Where an order stands. What it waits for while open is named by `waiting_for`."""

    OPEN = "open"
    INSTRUCTED = "instructed"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    SHORT_SHIPPED = "short_shipped"
    CANCELLED = "cancelled"


class OrderLine(Value):
    """One line of an order in our items; `amount` is for the whole line."""

    line_no: int
    item_code: str
    item_name: str
    quantity: Quantity
    amount: Money
    platform_line_no: str = ""
    gift: bool = False


class OrderPlacedV1(
    Event, type="lemai.order.placed.v1", topic=topics.ORDER, subject="{owner_code}/{order_no}", key="{family}"
):
    """An order exists: de-duplicated, of one owner, its lines in our items, combos split.

    Told again, whole, when lines left it before the warehouse knew of it: the newest one counts.
    """

    family: str
    owner_code: str
    order_no: str
    kind: OrderKind
    store_code: str
    platform: str
    trade_no: str
    warehouse_code: str
    placed_at: Instant
    paid_at: Instant | None = None
    lines: tuple[OrderLine, ...]
    freight: Money
    discount: Money
    total: Money


class CommitmentLine(Value):
    """Pieces of one item."""

    item_code: str
    quantity: Quantity


class CommitmentRequestedV1(
    Event,
    type="lemai.order.commitment_requested.v1",
    topic=topics.ORDER,
    subject="{owner_code}/{order_no}",
    key="{family}",
):
    """Asks stock-svc to promise pieces to an order, all or none, in place of what an earlier ask was promised."""

    family: str
    owner_code: str
    order_no: str
    store_code: str
    warehouse_code: str
    ask_no: int = 1
    lines: tuple[CommitmentLine, ...]


class OrderStateChangedV1(
    Event,
    type="lemai.order.state_changed.v1",
    topic=topics.ORDER,
    subject="{owner_code}/{order_no}",
    key="{family}",
):
    """An order went to another state, or waits for something else now."""

    family: str
    owner_code: str
    order_no: str
    state: OrderState
    waiting_for: tuple[str, ...] = ()
    """While open: `commitment`, `approval`, or the name of a hold."""
    reason: str = ""


class ParcelContent(Value):
    """Pieces of one order line in a parcel."""

    line_no: int
    item_code: str
    quantity: Quantity


class PlatformPieces(Value):
    """Pieces as the platform counts them: of one line of its trade, a combo being one piece."""

    platform_line_no: str
    quantity: Quantity


class ShippedParcel(Value):
    """One parcel: who carries it, its waybill, and what is in it, by our lines and by the platform's."""

    carrier_code: str
    waybill_no: str
    contents: tuple[ParcelContent, ...]
    platform_lines: tuple[PlatformPieces, ...] = ()


class ShippedLine(Value):
    """Pieces of one order line that left, in whatever parcels."""

    line_no: int
    item_code: str
    quantity: Quantity
    amount: Money
    """Of these pieces; over all shipments the pieces of a line cost the line's amount."""


class OrderShippedV1(
    Event,
    type="lemai.order.shipped.v1",
    topic=topics.ORDER,
    subject="{owner_code}/{order_no}",
    key="{family}",
):
    """Goods of an order left the warehouse. One event per outbound actual."""

    family: str
    owner_code: str
    order_no: str
    kind: OrderKind
    store_code: str
    platform: str
    trade_no: str
    actual_no: str
    shipped_at: Instant
    parcels: tuple[ShippedParcel, ...]
    unfinished_platform_lines: tuple[str, ...] = ()
    """Platform lines in these parcels whose pieces have not all left; of a short order they never will."""
    lines: tuple[ShippedLine, ...]
    freight: Money
    """Of the whole order with its first shipment, 0 with the others."""
    discount: Money
    """Of the whole order with its first shipment, 0 with the others; below 0 if the buyer paid more than lines say."""
    amount: Money
    """What becomes due: the sum of `lines`, plus `freight`, less `discount`."""
    complete: bool
    """True when nothing of the order is left to ship, or nothing more will be."""


class IntakeAdvancedV1(
    Event,
    type="lemai.order.intake_advanced.v1",
    topic=topics.ORDER,
    subject="{store_code}",
    key="{store_code}",
    passing=True,
):
    """Watermark handed on: orders of the store's trades until `until` stand before this on the same partition."""

    store_code: str
    partition: STORE_PARTITIONS
    until: Instant

    @property
    def explicit_partition(self) -> int:
        return self.partition
