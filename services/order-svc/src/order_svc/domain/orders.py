"""Orders: what was bought, what it waits for, what of it left the warehouse."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
COMPLETE = frozenset({State.SHIPPED, State.SHORT_SHIPPED})

Pieces = Mapping[tuple[int, str], int]
"""Pieces by the number and the item of their line."""


class NotOpen(Exception):
    """The warehouse has been told, or the order has ended."""


class StillWaiting(Exception):
    """Something keeps the order from going out."""


class NotRefused(Exception):
    """There is nothing to send again: the instruction was not refused."""


class Contradiction(Exception):
    """Goods left that should not have. `code` is the word of kingdee.md §2.3."""

    code = "E_STATE"


class NotInstructed(Contradiction):
    """Nobody asked for them, or nobody does any more."""


class AfterFinal(Contradiction):
    """The report before was called final."""

    code = "E_AFTER_FINAL"


class OverShipped(Contradiction):
    """More left than was ordered."""

    code = "E_OVER_SHIP"


class NotOrdered(Contradiction):
    """The order has no such line, or another item in it."""

    code = "E_SKU_NOT_ORDERED"


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

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"{self.item_code}: {self.quantity} pieces ordered")

    @property
    def key(self) -> tuple[int, str]:
        return self.line_no, self.item_code

    @property
    def platform_shipped(self) -> int:
        """How many of the platform's pieces what was shipped of this line makes up."""
        return self.shipped * self.platform_quantity // self.quantity

    @property
    def shipped_minor(self) -> int:
        """What the shipped pieces cost; all of them cost the line's amount, whatever the steps."""
        return self.amount_minor * self.shipped // self.quantity

    def ship(self, pieces: int) -> "Line":
        shipped = self.shipped + pieces
        if shipped > self.quantity:
            raise OverShipped(f"line {self.line_no}: {shipped} of {self.quantity}")
        return replace(self, shipped=shipped)


@dataclass(frozen=True)
class Corrections:
    """What a person has the warehouse told in place of what the platform says; None leaves that."""

    buyer_nick: str | None = None
    buyer_message: str | None = None
    seller_message: str | None = None
    ship_by: datetime | None = None
    carrier_code: str | None = None

    @property
    def made(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


NOTHING = Corrections()


@dataclass(frozen=True)
class Refusal:
    """Why the counterpart, or its docking, did not take the last instruction."""

    code: str
    field: str
    message: str
    at: datetime


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
    ask_no: int = 1
    """How often its stock was asked for: again with each change of its lines or amounts."""
    revision: int = 0
    actual_nos: tuple[str, ...] = ()
    corrections: Corrections = NOTHING
    refusal: Refusal | None = None
    traceparent: str = ""
    """Of what placed it: whatever becomes of it goes on in that trace."""

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
        if self.refusal:
            waits.append(f"refused:{self.refusal.code}")
        if self.approved_at is None:
            waits.append("approval")
        if self.commitment is not Commitment.COMMITTED:
            waits.append("stock" if self.commitment is Commitment.SHORT else "commitment")
        return tuple(waits)

    def approve(self, by: str, at: datetime) -> "Order":
        """Approve an open order; a second approval changes nothing."""
        if self.approved_at:
            return self
        self._check_open()
        return replace(self, approved_at=at, approved_by=by)

    def answer_commitment(self, answer: Commitment) -> "Order":
        return replace(self, commitment=answer) if self.state is State.OPEN else self

    def hold(self, reason: str) -> "Order":
        """Customer service keeps an open order from going out."""
        self._check_open()
        return replace(self, holds=tuple(sorted({*self.holds, MANUAL + reason})))

    def release(self) -> "Order":
        """Customer service lets go; what the platform holds stays held."""
        if not self._holds_by_hand:
            return self
        self._check_open()
        return replace(self, holds=tuple(sorted(set(self.holds) - self._holds_by_hand)))

    def follow_platform(
        self,
        *,
        holds: Iterable[str],
        consignee: Mapping[str, Any],
        ship_by: datetime | None,
        buyer_message: str,
        seller_message: str,
    ) -> "Order":
        """Take over what the platform says of an open order now; a hold by hand stays."""
        self._check_open()
        return replace(
            self,
            holds=tuple(sorted(self._holds_by_hand.union(holds))),
            consignee=consignee,
            ship_by=ship_by,
            buyer_message=buyer_message,
            seller_message=seller_message,
        )

    def reduce(self, lines: tuple[Line, ...], freight_minor: int, discount_minor: int) -> "Order":
        """Keep these of its lines, under their numbers, and another share of what the trade's orders share."""
        self._check_open()
        reduced = replace(self, lines=lines, freight_minor=freight_minor, discount_minor=discount_minor)
        if reduced == self:
            return self
        return replace(reduced, commitment=Commitment.REQUESTED, ask_no=self.ask_no + 1)

    def instruct(self) -> "Order":
        """Tell the warehouse. Raises StillWaiting."""
        self._check_open()
        if self.waiting_for:
            raise StillWaiting(f"{self.order_no} waits for {', '.join(self.waiting_for)}")
        return replace(self, state=State.INSTRUCTED, revision=self.revision + 1)

    def refused(self, revision: int, refusal: Refusal) -> "Order":
        """The warehouse has not taken this instruction: the order is open again, until a person corrects or ends it.

        A refusal of an earlier instruction, or of one of which goods left, says nothing of the order.
        """
        if self.state is not State.INSTRUCTED or self.revision != revision:
            return self
        return replace(self, state=State.OPEN, refusal=refusal)

    def accepted(self, revision: int) -> "Order":
        """The warehouse took a refused instruction after all: somebody there saw to it."""
        if self.state is not State.OPEN or not self.refusal or self.revision != revision:
            return self
        return replace(self, state=State.INSTRUCTED, refusal=None)

    def correct(self, corrections: Corrections) -> "Order":
        """Have the warehouse told something else than the platform says, with the next instruction."""
        self._check_open()
        return replace(self, corrections=replace(self.corrections, **corrections.made))

    def resend(self) -> "Order":
        """Send a refused instruction again, as it is now. Raises NotOpen or NotRefused."""
        self._check_open()
        if not self.refusal:
            raise NotRefused(f"{self.order_no} waits for {', '.join(self.waiting_for)}")
        return replace(self, refusal=None)

    def cancel(self) -> "Order":
        """Cancel an order the warehouse has not heard of, or has refused; a second time changes nothing."""
        if self.state is State.CANCELLED:
            return self
        self._check_open()
        return replace(self, state=State.CANCELLED)

    def ship(self, actual_no: str, pieces: Pieces, *, final: bool) -> "Order":
        """Book what left. Raises the Contradiction, booking nothing."""
        if self.state in COMPLETE:
            raise AfterFinal(f"{self.order_no} is {self.state}, its last report was final")
        if self.state not in SHIPPABLE:
            raise NotInstructed(f"{self.order_no} is {self.state}")
        if unknown := sorted(pieces.keys() - {line.key for line in self.lines}):
            line_no, item_code = unknown[0]
            raise NotOrdered(f"{self.order_no} has no line {line_no} of {item_code}")
        lines = tuple(line.ship(pieces.get(line.key, 0)) for line in self.lines)
        state = _state_after(lines, final=final)
        return replace(self, lines=lines, state=state, actual_nos=(*self.actual_nos, actual_no))

    @property
    def pieces_shipped(self) -> int:
        return sum(line.shipped for line in self.lines)

    def left_since(self, before: "Order") -> "Order":
        """What left since, as an order of its own. Freight and discount are due with the first that left, whole."""
        lines = tuple(
            replace(line, quantity=pieces, shipped=pieces, amount_minor=line.shipped_minor - then.shipped_minor)
            for then, line in zip(before.lines, self.lines, strict=True)
            if (pieces := line.shipped - then.shipped)
        )
        if lines and not before.pieces_shipped:
            return replace(self, lines=lines)
        return replace(self, lines=lines, freight_minor=0, discount_minor=0)

    def unfinished_platform_lines(self) -> set[str]:
        """Platform lines of which not every piece has left.

        It does not matter whether the rest will follow: until it is refunded or sent again, the platform must
        not take the line for shipped.
        """
        return {line.platform_line_no for line in self.lines if line.shipped < line.quantity} - {""}

    @property
    def _holds_by_hand(self) -> set[str]:
        return {hold for hold in self.holds if hold.startswith(MANUAL)}

    def _check_open(self) -> None:
        if self.state is not State.OPEN:
            raise NotOpen(f"{self.order_no} is {self.state}")


class StepKind(StrEnum):
    """What a step of an order's journey tells."""

    PARKED = "parked"
    PLACED = "placed"
    PAID = "paid"
    APPROVED = "approved"
    HELD = "held"
    RELEASED = "released"
    CORRECTED = "corrected"
    RESENT = "resent"
    REDUCED = "reduced"
    CANCELLED = "cancelled"
    COMMITMENT = "commitment"
    INSTRUCTED = "instructed"
    DOCUMENT_SENT = "document_sent"
    ACKNOWLEDGED = "acknowledged"
    DOCUMENT_REJECTED = "document_rejected"
    ACTUAL = "actual"
    RECEIVABLE = "receivable"
    PUBLISHED = "published"
    ALERTED = "alerted"


class Alarm(StrEnum):
    """Why somebody has to look at an order."""

    INSTRUCTION_REJECTED = "instruction_rejected"
    ACCEPTED_AFTER_CANCEL = "accepted_after_cancel"
    SHORT_SHIPPED = "short_shipped"
    ACTUAL_HELD = "actual_held"
    SHIPMENT_REFUSED = "shipment_refused"
    CLOSED_AFTER_INSTRUCTION = "closed_after_instruction"
    HELD_AFTER_INSTRUCTION = "held_after_instruction"
    ADDRESS_AFTER_INSTRUCTION = "address_after_instruction"


@dataclass(frozen=True)
class Step:
    """One step of an order's journey, from whichever service it came; one for each kind and reference."""

    owner_code: str
    order_no: str
    kind: StepKind
    reference: str
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


def causes_first(steps: Sequence[Step]) -> list[Step]:
    """Steps as they were recorded, but none before what made it possible.

    Services tell their facts by topics of their own, so an effect may be known before its cause; and by clocks of
    their own, some of which count seconds only.
    """
    told: dict[tuple[StepKind, str], Step] = {}

    def tell(step: Step) -> None:
        for cause in steps:
            if _causes(cause, step) and (cause.kind, cause.reference) not in told:
                tell(cause)
        told.setdefault((step.kind, step.reference), step)

    for step in steps:
        tell(step)
    return list(told.values())


def approves_by_rule(order: Order, total_max_minor: int, *, with_seller_message: bool) -> bool:
    """Whether customer service need not look at an order."""
    return order.total_minor <= total_max_minor and (with_seller_message or not order.seller_message)


def platform_shipped(lines: Iterable[Line]) -> Counter[str]:
    """Shipped pieces by platform line; a combo counts once all its parts have left."""
    shipped: Counter[str] = Counter()
    for line in lines:
        number = line.platform_line_no
        if number:
            shipped[number] = min(shipped.get(number, line.platform_shipped), line.platform_shipped)
    return shipped


def _causes(cause: Step, effect: Step) -> bool:
    """Whether one step of an order made another possible. Instructions go by revision, shipments by actual."""
    match cause.kind, effect.kind:
        case (StepKind.INSTRUCTED, StepKind.DOCUMENT_SENT) | (StepKind.DOCUMENT_SENT, StepKind.ACKNOWLEDGED):
            return cause.reference.rpartition("/")[2] == effect.reference.rpartition("/")[2]
        case StepKind.ACTUAL, StepKind.RECEIVABLE | StepKind.PUBLISHED:
            return cause.reference == effect.reference
        case StepKind.DOCUMENT_SENT, StepKind.ACTUAL:
            return True
        case StepKind.PLACED, kind:
            return kind not in (StepKind.PLACED, StepKind.PARKED)
    return False


def _state_after(lines: Sequence[Line], *, final: bool) -> State:
    if all(line.shipped == line.quantity for line in lines):
        return State.SHIPPED
    if final:
        return State.SHORT_SHIPPED
    return State.PARTLY_SHIPPED if any(line.shipped for line in lines) else State.INSTRUCTED
