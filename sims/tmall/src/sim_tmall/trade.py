"""A trade as the platform knows it: lines, parcels, and the transitions it may make.

Money is integer fen, moments are epoch seconds. Statuses are TOP's own `trade.status` values.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim_tmall.refusals import IllegalTransition, Unknown

UNPAID = "WAIT_BUYER_PAY"
HELD = "PAID_FORBID_CONSIGN"
TO_SHIP = "WAIT_SELLER_SEND_GOODS"
PARTLY_SHIPPED = "SELLER_CONSIGNED_PART"
SHIPPED = "WAIT_BUYER_CONFIRM_GOODS"
FINISHED = "TRADE_FINISHED"
CLOSED = "TRADE_CLOSED"
CLOSED_UNPAID = "TRADE_CLOSED_BY_TAOBAO"

STATUSES = (UNPAID, HELD, TO_SHIP, PARTLY_SHIPPED, SHIPPED, FINISHED, CLOSED, CLOSED_UNPAID)
ENDED = frozenset({CLOSED, CLOSED_UNPAID, FINISHED})

LEGAL: Mapping[str, frozenset[str]] = {
    "pay": frozenset({UNPAID}),
    "hold": frozenset({TO_SHIP}),
    "release": frozenset({HELD}),
    "refund": frozenset({HELD, TO_SHIP, PARTLY_SHIPPED, SHIPPED}),
    "consign": frozenset({TO_SHIP, PARTLY_SHIPPED}),
    "reship": frozenset({PARTLY_SHIPPED, SHIPPED}),
    "finish": frozenset({SHIPPED}),
    "close": frozenset({UNPAID, HELD, TO_SHIP, PARTLY_SHIPPED, SHIPPED}),
    "address": frozenset({UNPAID, HELD, TO_SHIP}),
}


@dataclass(slots=True)
class Receiver:
    """Who gets the parcels, in plain."""

    name: str
    mobile: str
    state: str
    city: str
    district: str
    address: str
    town: str = ""
    zip: str = ""
    phone: str = ""


@dataclass(slots=True)
class Gift:
    """Goods that appear in the trade's promotions only, not among its lines."""

    item_id: str
    name: str
    num: int


@dataclass(slots=True)
class Line:
    """One sub-order. `price` is per piece, `discount` is the line's own, `shared_discount` its part of the trade's."""

    oid: int
    num_iid: int
    sku_id: int
    outer_id: str
    item_outer_id: str
    title: str
    properties_name: str
    num: int
    price: int
    discount: int
    shared_discount: int
    deducted: int
    status: str
    shipped: int = 0
    refund_status: str = "NO_REFUND"
    refund_id: int | None = None
    consigned_at: int | None = None

    @property
    def goods_fen(self) -> int:
        """What the line costs after its own discount."""
        return self.price * self.num - self.discount

    @property
    def paid_fen(self) -> int:
        """What the buyer paid for the line, the trade's discount shared, without freight."""
        return self.goods_fen - self.shared_discount

    @property
    def is_open(self) -> bool:
        """Whether pieces of the line are still to leave."""
        return self.status in (HELD, TO_SHIP, PARTLY_SHIPPED)


@dataclass(slots=True)
class Content:
    """Pieces of one line in a parcel; `num` is unknown when one line was sent in several parcels at once."""

    oid: int
    num: int | None


@dataclass(slots=True)
class Parcel:
    """A parcel the seller declared."""

    company_code: str
    company_name: str
    out_sid: str
    consigned_at: int
    contents: list[Content]
    is_reship: bool = False


@dataclass(slots=True)
class Event:
    """What happened to the trade and the status it then had."""

    at: int
    what: str
    status: str


@dataclass(slots=True)
class Trade:
    """A trade of one seller; `step_paid` is the deposit of a presale in fen."""

    tid: int
    nick: str
    type: str
    status: str
    created: int
    modified: int
    buyer_nick: str
    receiver: Receiver
    discount: int
    freight: int
    lines: list[Line]
    buyer_message: str = ""
    seller_memo: str = ""
    seller_flag: int = 0
    step_status: str | None = None
    step_paid: int = 0
    paid_at: int | None = None
    consigned_at: int | None = None
    ended_at: int | None = None
    gifts: list[Gift] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)

    @property
    def payment(self) -> int:
        """What the buyer pays: every line after all discounts, plus freight."""
        return sum(line.paid_fen for line in self.lines) + self.freight

    @property
    def receiver_digest(self) -> str:
        """Equal for trades that may travel in one parcel: same buyer, same receiver."""
        receiver = self.receiver
        parts = (self.buyer_nick, receiver.name, receiver.mobile, receiver.phone, receiver.state)
        place = (receiver.city, receiver.district, receiver.town, receiver.address)
        return hashlib.sha256("\x1f".join(parts + place).encode()).hexdigest()[:32]

    @property
    def oaid(self) -> str:
        """The opaque receiver id of this trade; another receiver gives another id."""
        return "1" + hashlib.sha256(f"oaid:{self.tid}:{self.receiver_digest}".encode()).hexdigest()[:47]

    def line(self, oid: int) -> Line | None:
        """The line with this sub-order id."""
        return next((line for line in self.lines if line.oid == oid), None)


def load(body: dict[str, Any]) -> Trade:
    """The trade whose dataclass fields `body` holds."""
    nested: dict[str, type[Any]] = {"lines": Line, "gifts": Gift, "history": Event}
    lists = {name: [kind(**row) for row in body[name]] for name, kind in nested.items()}
    parcels = [
        Parcel(**{**row, "contents": [Content(**content) for content in row["contents"]]}) for row in body["parcels"]
    ]
    return Trade(**{**body, **lists, "parcels": parcels, "receiver": Receiver(**body["receiver"])})


def _enter(trade: Trade, action: str) -> None:
    if trade.status not in LEGAL[action]:
        raise IllegalTransition(
            f"交易 {trade.tid} 状态为 {trade.status}，不能 {action} / {action} is not allowed in this status"
        )


def record(trade: Trade, what: str, now: int) -> None:
    """Note what happened; `modified` never goes back, also not when the clock does."""
    trade.modified = max(now, trade.modified)
    trade.history.append(Event(now, what, trade.status))


def _move(trade: Trade, status: str) -> None:
    for line in trade.lines:
        if line.status == trade.status:
            line.status = status
    trade.status = status


def pay(trade: Trade, now: int) -> None:
    """The buyer pays, or pays the rest after a deposit."""
    _enter(trade, "pay")
    trade.paid_at = now
    if trade.step_status:
        trade.step_status = "FRONT_PAID_FINAL_PAID"
    _move(trade, TO_SHIP)
    record(trade, "pay", now)


def hold(trade: Trade, now: int) -> None:
    """The platform forbids shipping a paid trade."""
    _enter(trade, "hold")
    _move(trade, HELD)
    record(trade, "hold", now)


def release(trade: Trade, now: int) -> None:
    """The platform allows shipping again."""
    _enter(trade, "release")
    _move(trade, TO_SHIP)
    record(trade, "release", now)


def change_receiver(trade: Trade, receiver: Receiver, now: int) -> None:
    """The buyer changes the address; the oaid handed out before no longer matches."""
    _enter(trade, "address")
    trade.receiver = receiver
    record(trade, "address", now)


def ask_refund(trade: Trade, oids: Collection[int], refund_ids: Sequence[int], now: int) -> None:
    """The buyer asks for a refund of these lines; shipping stays possible until the seller agrees.

    `refund_ids` are as many as the trade has lines; not all may be needed.
    """
    _enter(trade, "refund")
    for line, refund_id in zip(_chosen(trade, oids), refund_ids, strict=False):
        line.refund_status, line.refund_id = "WAIT_SELLER_AGREE", refund_id
    record(trade, "refund asked", now)


def close(trade: Trade, oids: Collection[int], now: int) -> list[tuple[Line, int]]:
    """Close these lines (all lines of an unpaid trade); gives back the pieces that return to stock."""
    _enter(trade, "close")
    unpaid = trade.status == UNPAID
    lines = _chosen(trade, () if unpaid else oids)
    returned = [(line, line.deducted - min(line.shipped, line.deducted)) for line in lines]
    for line in lines:
        line.status = CLOSED_UNPAID if unpaid else CLOSED
        line.refund_status = line.refund_status if unpaid else "SUCCESS"
    _settle(trade, now)
    record(trade, "close", now)
    return returned


def finish(trade: Trade, now: int) -> None:
    """The buyer confirms that everything arrived."""
    _enter(trade, "finish")
    _move(trade, FINISHED)
    trade.ended_at = now
    record(trade, "finish", now)


def consign(trade: Trade, parcels: Sequence[Parcel], complete: Collection[int], now: int) -> None:
    """The seller declares parcels; the lines named in `complete` are shipped whole, the others in part."""
    _enter(trade, "consign")
    for parcel in parcels:
        trade.parcels.append(parcel)
        for content in parcel.contents:
            line = _known(trade, content.oid)
            line.shipped = line.num if content.num is None else line.shipped + content.num
            line.status, line.consigned_at = PARTLY_SHIPPED, now
    for oid in complete:
        line = _known(trade, oid)
        line.status, line.consigned_at = SHIPPED, now
    trade.consigned_at = trade.consigned_at or now
    _settle(trade, now)
    record(trade, "consign", now)


def reship(trade: Trade, parcels: Sequence[Parcel], now: int) -> None:
    """The seller declares parcels that replace or complete shipped lines; nothing else changes."""
    _enter(trade, "reship")
    trade.parcels.extend(parcels)
    record(trade, "reship", now)


def _known(trade: Trade, oid: int) -> Line:
    line = trade.line(oid)
    if line is None:
        raise Unknown(f"交易 {trade.tid} 没有子订单 {oid} / has no line {oid}")
    return line


def _chosen(trade: Trade, oids: Collection[int]) -> list[Line]:
    lines = [_known(trade, oid) for oid in oids] or trade.lines
    return [line for line in lines if line.status not in ENDED]


def _settle(trade: Trade, now: int) -> None:
    """Derive the trade's status from its lines after one of them was shipped or closed."""
    kept = [line for line in trade.lines if line.status not in (CLOSED, CLOSED_UNPAID)]
    if not kept:
        trade.status = CLOSED_UNPAID if trade.status == UNPAID else CLOSED
        trade.ended_at = now
    elif all(line.status == SHIPPED for line in kept):
        trade.status = SHIPPED
    elif any(line.status in (PARTLY_SHIPPED, SHIPPED) for line in kept):
        trade.status = PARTLY_SHIPPED
