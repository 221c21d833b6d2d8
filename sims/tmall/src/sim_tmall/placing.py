"""How an order becomes a trade: prices, shared discounts, stock taken. Pure: ids and time are given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sim_tmall.refusals import Contradiction, TooLittleStock
from sim_tmall.trade import TO_SHIP, UNPAID, Gift, Line, Receiver, Trade, record

TRADE_TYPES = frozenset(
    {
        "fixed",
        "auction",
        "guarantee_trade",
        "auto_delivery",
        "ec",
        "cod",
        "step",
        "game_equipment",
        "instant_trade",
        "eticket",
        "tmall_i18n",
        "nopaid",
    }
)


@dataclass(slots=True)
class Sku:
    """What is for sale: one SKU, or an item without SKUs (`sku_id` 0). `price` in fen."""

    num_iid: int
    sku_id: int
    outer_id: str
    item_outer_id: str
    title: str
    properties_name: str
    price: int
    quantity: int
    created: int
    modified: int


@dataclass(frozen=True)
class OrderedLine:
    """One line of an order; `discount` in fen is the line's own."""

    num_iid: int
    sku_id: int
    quantity: int
    discount: int = 0


@dataclass(frozen=True)
class NewOrder:
    """What a buyer orders. `pay` says how far they pay at once; a deposit makes it a presale."""

    lines: tuple[OrderedLine, ...]
    receiver: Receiver
    buyer_nick: str
    type: str = "fixed"
    discount: int = 0
    freight: int = 0
    buyer_message: str = ""
    seller_memo: str = ""
    gifts: tuple[Gift, ...] = field(default=())
    pay: Literal["full", "deposit", "none"] = "full"
    deposit: int = 0
    oversell: bool = False


Shelf = Mapping[tuple[int, int], Sku]


def share(total: int, weights: list[int]) -> list[int]:
    """Split an amount by weights; what rounding leaves goes to the heaviest, of equals the first."""
    whole = sum(weights)
    shares = [total * weight // whole if whole else 0 for weight in weights]
    shares[weights.index(max(weights))] += total - sum(shares)
    return shares


def place(order: NewOrder, shelf: Shelf, nick: str, ids: list[int], now: int) -> Trade:
    """Make the trade and take its pieces off the shelf; `ids` are the trade's id and one per line.

    Raises TooLittleStock unless the order may oversell, and Contradiction if discounts exceed the goods.
    """
    tid, *oids = ids
    lines = _lines(order, shelf, oids if len(order.lines) > 1 else [tid])
    trade = Trade(
        tid=tid,
        nick=nick,
        type="step" if order.pay == "deposit" else order.type,
        status=TO_SHIP if order.pay == "full" else UNPAID,
        created=now,
        modified=now,
        buyer_nick=order.buyer_nick,
        receiver=order.receiver,
        discount=order.discount,
        freight=order.freight,
        lines=lines,
        buyer_message=order.buyer_message,
        seller_memo=order.seller_memo,
        paid_at=now if order.pay == "full" else None,
        step_status="FRONT_PAID_FINAL_NOPAID" if order.pay == "deposit" else None,
        step_paid=order.deposit,
        gifts=list(order.gifts),
    )
    for line in lines:
        line.status = trade.status
    record(trade, "create", now)
    return trade


def _lines(order: NewOrder, shelf: Shelf, oids: list[int]) -> list[Line]:
    lines = [
        _line(ordered, shelf[ordered.num_iid, ordered.sku_id], oid, order.oversell)
        for ordered, oid in zip(order.lines, oids, strict=True)
    ]
    goods = [line.goods_fen for line in lines]
    if min(goods) < 0 or order.discount > sum(goods):
        raise Contradiction("优惠金额超过商品金额 / the discounts exceed the goods")
    for line, shared in zip(lines, share(order.discount, goods), strict=True):
        line.shared_discount = shared
    return lines


def _line(ordered: OrderedLine, sku: Sku, oid: int, oversell: bool) -> Line:
    if ordered.quantity > sku.quantity and not oversell:
        raise TooLittleStock(
            f"SKU {sku.sku_id}（{sku.outer_id}）库存 {sku.quantity} 不足 {ordered.quantity} / too little stock"
        )
    deducted = min(ordered.quantity, sku.quantity)
    sku.quantity -= deducted
    return Line(
        oid=oid,
        num_iid=sku.num_iid,
        sku_id=sku.sku_id,
        outer_id=sku.outer_id,
        item_outer_id=sku.item_outer_id,
        title=sku.title,
        properties_name=sku.properties_name,
        num=ordered.quantity,
        price=sku.price,
        discount=ordered.discount,
        shared_discount=0,
        deducted=deducted,
        status="",
    )
