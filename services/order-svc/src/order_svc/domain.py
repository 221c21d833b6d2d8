"""Orders: what was bought, what it waits for, what of it left the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    OPEN = "open"
    INSTRUCTED = "instructed"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    SHORT_SHIPPED = "short_shipped"
    CANCELLED = "cancelled"


class Commitment(StrEnum):
    REQUESTED = "requested"
    COMMITTED = "committed"
    SHORT = "short"
    RELEASED = "released"


MANUAL = "manual:"
SHIPPABLE = frozenset({State.INSTRUCTED, State.PARTLY_SHIPPED})


class OrderError(Exception):
    """A fact that contradicts the order. `code` is the word of kingdee.md §2.3 where it has one."""

    code = "E_STATE"


class OrderCancelled(OrderError):
    """Goods left for a cancelled order."""


class NotInstructed(OrderError):
    """Goods left for an order nobody was asked to ship."""


class AfterFinal(OrderError):
    """A report after the one that was called final."""

    code = "E_AFTER_FINAL"


class OverShipped(OrderError):
    """More left than was ordered."""

    code = "E_OVER_SHIP"


class NotOrdered(OrderError):
    """A line or an item that the order does not have."""

    code = "E_SKU_NOT_ORDERED"


class CannotCancel(OrderError):
    """The warehouse has been told already."""


@dataclass(frozen=True)
class Line:
    """One line; `amount_minor` is for the whole line."""

    line_no: int
    item_code: str
    item_name: str
    quantity: int
    amount_minor: int
    platform_line_no: str = ""
    platform_quantity: int = 0
    """Pieces of the platform's line this line belongs to; a combo is one piece there and several lines here."""
    gift: bool = False
    shipped: int = 0

    @property
    def platform_shipped(self) -> int:
        """How many of the platform's pieces what was shipped of this line makes up."""
        return self.shipped * self.platform_quantity // self.quantity

    def amount_of(self, shipped_before: int, shipped_after: int) -> int:
        """What the pieces between two shipped counts cost; all shares of a line add up to its amount."""
        return self.amount_minor * shipped_after // self.quantity - self.amount_minor * shipped_before // self.quantity


@dataclass(frozen=True)
class Order:
    """One order of one owner. `consignee` is sealed; it is carried, never read here."""

    owner_code: str
    order_no: str
    family: str
    kind: str
    store_code: str
    platform: str
    trade_no: str
    warehouse_code: str
    placed_at: datetime
    paid_at: datetime | None
    created_at: datetime
    ship_by: datetime | None
    currency: str
    freight_minor: int
    discount_minor: int
    pay_no: str
    buyer_nick: str
    buyer_message: str
    seller_message: str
    consignee: Mapping[str, Any]
    lines: tuple[Line, ...]
    state: State = State.OPEN
    commitment: Commitment = Commitment.REQUESTED
    holds: tuple[str, ...] = ()
    approved_at: datetime | None = None
    approved_by: str = ""
    revision: int = 0
    final: bool = False
    actual_nos: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.order_no

    @property
    def goods_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.goods_minor + self.freight_minor - self.discount_minor

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """What an open order waits for, in the order in which people can do something about it."""
        if self.state is not State.OPEN:
            return ()
        waits = [f"hold:{hold}" for hold in self.holds]
        if self.approved_at is None:
            waits.append("approval")
        if self.commitment is not Commitment.COMMITTED:
            waits.append("stock" if self.commitment is Commitment.SHORT else "commitment")
        return tuple(waits)

    def approve(self, by: str, at: datetime) -> "Order":
        """Approve once; a second approval changes nothing."""
        return self if self.approved_at else replace(self, approved_at=at, approved_by=by)

    def answer_commitment(self, answer: Commitment) -> "Order":
        return replace(self, commitment=answer) if self.state is State.OPEN else self

    def hold(self, reason: str) -> "Order":
        """Customer service keeps an open order from going out."""
        return self._with_holds({*self.holds, MANUAL + reason})

    def release(self) -> "Order":
        """Customer service lets go; what the platform holds stays held."""
        return self._with_holds({hold for hold in self.holds if not hold.startswith(MANUAL)})

    def follow_platform(self, holds: Sequence[str]) -> "Order":
        """Take over what the platform holds now; a hold by hand stays."""
        return self._with_holds({*holds, *(hold for hold in self.holds if hold.startswith(MANUAL))})

    def _with_holds(self, holds: set[str]) -> "Order":
        return replace(self, holds=tuple(sorted(holds))) if self.state is State.OPEN else self

    def instruct(self) -> "Order":
        """Tell the warehouse. Only an open order that waits for nothing may be instructed."""
        if self.state is not State.OPEN or self.waiting_for:
            raise NotInstructed(f"{self.order_no} waits for {', '.join(self.waiting_for) or self.state}")
        return replace(self, state=State.INSTRUCTED, revision=self.revision + 1)

    def cancel(self) -> "Order":
        """Cancel an order the warehouse has not heard of. Raises CannotCancel afterwards."""
        if self.state is State.CANCELLED:
            return self
        if self.state is not State.OPEN:
            raise CannotCancel(f"{self.order_no} is {self.state}")
        return replace(self, state=State.CANCELLED)

    def ship(self, actual_no: str, pieces: Mapping[int, int], *, final: bool) -> "Order":
        """Book what left: `pieces` by line number. Raises what contradicts the order, booking nothing."""
        self._check_shippable()
        lines = tuple(self._shipped(line, pieces.get(line.line_no, 0)) for line in self.lines)
        if unknown := sorted(set(pieces) - {line.line_no for line in self.lines}):
            raise NotOrdered(f"{self.order_no} has no line {', '.join(map(str, unknown))}")
        complete = all(line.shipped == line.quantity for line in lines)
        if complete:
            state = State.SHIPPED
        elif final:
            state = State.SHORT_SHIPPED
        else:
            state = State.PARTLY_SHIPPED
        return replace(
            self, lines=lines, state=state, final=final or complete, actual_nos=(*self.actual_nos, actual_no)
        )

    def shipment_amount(self, before: "Order") -> int:
        """What the pieces shipped since `before` cost; freight and discount come with the first that left."""
        pairs = zip(before.lines, self.lines, strict=True)
        goods = sum(line.amount_of(earlier.shipped, line.shipped) for earlier, line in pairs)
        begins = self.pieces_shipped > 0 and before.pieces_shipped == 0
        return goods + self.freight_minor - self.discount_minor if begins else goods

    @property
    def pieces_shipped(self) -> int:
        return sum(line.shipped for line in self.lines)

    def platform_shipped(self) -> dict[str, int]:
        """Shipped pieces by platform line; a combo counts once all its parts have left."""
        shipped: dict[str, int] = {}
        for line in self.lines:
            number = line.platform_line_no
            if number:
                shipped[number] = min(shipped.get(number, line.platform_shipped), line.platform_shipped)
        return shipped

    def unfinished_platform_lines(self) -> tuple[str, ...]:
        """Platform lines of which pieces are still to ship."""
        if self.final:
            return ()
        left = {line.platform_line_no for line in self.lines if line.shipped < line.quantity}
        return tuple(sorted(left - {""}))

    def _check_shippable(self) -> None:
        if self.state is State.CANCELLED:
            raise OrderCancelled(f"{self.order_no} was cancelled")
        if self.final:
            raise AfterFinal(f"{self.order_no} is {self.state}, its last report was final")
        if self.state not in SHIPPABLE:
            raise NotInstructed(f"{self.order_no} is {self.state}")

    def _shipped(self, line: Line, pieces: int) -> Line:
        shipped = line.shipped + pieces
        if shipped > line.quantity:
            raise OverShipped(f"{self.order_no} line {line.line_no}: {shipped} of {line.quantity}")
        return replace(line, shipped=shipped)


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


@dataclass(frozen=True)
class HeldActual:
    """An actual that contradicts its order: the goods have moved, a person decides what it means."""

    owner_code: str
    order_no: str
    leg: str
    actual_no: str
    code: str
    reason: str
    actual: Mapping[str, Any]
    held_at: datetime
    resolved_at: datetime | None = None
    resolution: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.owner_code, self.order_no, self.leg, self.actual_no


@dataclass(frozen=True)
class Step:
    """One step of an order's journey, from whichever service it came."""

    owner_code: str
    order_no: str
    kind: str
    reference: str
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.owner_code, self.order_no, self.kind, self.reference


def order_no(prefix: str, trade_no: str, owner_index: int) -> str:
    """The order number of a trade: readable, the same however often the trade comes, and unique per owner."""
    return f"{prefix}{trade_no}" if owner_index == 0 else f"{prefix}{trade_no}_{owner_index + 1}"


def apportion(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights; the rounding rest goes to the largest share (tie: the first)."""
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


def approves_by_rule(order: Order, total_max_minor: int, *, with_seller_message: bool) -> bool:
    """Whether customer service need not look at an order."""
    return order.total_minor <= total_max_minor and (with_seller_message or not order.seller_message)
