"""Trades become orders: de-duplicated, one order per owner, lines mapped to items, combos split."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import ParkAwaiting, Ref, UnitOfWork, ref
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.marketplace import TradeChangedV1, TradeLine, TradesPulledV1, TradeStatus
from lemai_contracts.order import IntakeAdvancedV1
from lemai_contracts.values import Money, OrderKind
from order_svc.domain.orders import SHIPPABLE, Alarm, Line, Order, State, Step, StepKind
from order_svc.domain.trades import Component, Item, Listing, Trade, apportion, order_no, split_combo
from order_svc.handlers.progress import advance, place

TO_SHIP = (TradeStatus.TO_SHIP, TradeStatus.PARTLY_SHIPPED)
GONE = (TradeStatus.CANCELLED, TradeStatus.SUPERSEDED)
ENDED = (*GONE, TradeStatus.SHIPPED, TradeStatus.COMPLETED)


def on_trade_changed(reference: Reference, event: TradeChangedV1, uow: UnitOfWork) -> None:
    """Place, hold, release or cancel what a trade is to us. Parks while a platform SKU has no item."""
    known = uow.get(Trade, event.store_code, event.trade_no)
    if known and known.trade_version >= event.version:
        return
    order_nos = known.order_nos if known else ()
    if known and order_nos:
        _follow(reference, event, known, uow)
    elif event.status in TO_SHIP:
        orders = _orders_of(reference, event, uow)
        for order in orders:
            place(reference, order, uow, event.cleaned)
        order_nos = tuple(order.key for order in orders)
    uow.put(Trade(event.store_code, event.trade_no, event.version, event.status, order_nos))


def trade_refs(reference: Reference, event: TradeChangedV1) -> Iterable[Ref]:
    """What an unknown trade needs. Sellers write our item code on a platform SKU; where not, the item is read late."""
    yield ref(Trade, event.store_code, event.trade_no)
    for owner_code, number in _order_nos(reference, event):
        yield ref(Order, owner_code, number)
        for line in event.lines:
            yield ref(Item, owner_code, line.merchant_sku)
    for line in event.lines:
        yield ref(Listing, event.store_code, line.platform_item_id, line.platform_sku_id)


def on_trades_pulled(event: TradesPulledV1, uow: UnitOfWork) -> None:
    """Hand the watermark on: what it vouches for on this partition has been taken before it."""
    uow.emit(IntakeAdvancedV1(store_code=event.store_code, partition=event.partition, until=event.until))


def on_listing_changed(event: ListingChangedV1, uow: UnitOfWork) -> None:
    """Know the mapping, and wake the trades that wait for it."""
    key = (event.store_code, event.platform_item_id, event.platform_sku_id)
    uow.put(Listing(*key, event.owner_code, event.item_code, event.active))
    uow.arrived(_awaited_listing(*key))


def listing_refs(event: ListingChangedV1) -> Iterable[Ref]:
    yield ref(Listing, event.store_code, event.platform_item_id, event.platform_sku_id)


def on_item_changed(event: ItemChangedV1, uow: UnitOfWork) -> None:
    """Know the item, and wake the trades that wait for it."""
    components = tuple(Component(part.item_code, part.quantity) for part in event.components)
    retail_minor = event.retail_price.minor if event.retail_price else 0
    uow.put(Item(event.owner_code, event.item_code, event.item_name, retail_minor, components))
    uow.arrived(_awaited_item(event.owner_code, event.item_code))


def item_refs(event: ItemChangedV1) -> Iterable[Ref]:
    yield ref(Item, event.owner_code, event.item_code)


def _follow(reference: Reference, event: TradeChangedV1, known: Trade, uow: UnitOfWork) -> None:
    """Hand a later version of a trade on to its orders."""
    closes = event.status in GONE and known.status not in GONE
    orders = [order for key in known.order_nos if (order := uow.get(Order, *key))]
    wanted = {} if closes else _wanted(event, orders)
    for order in orders:
        if order.state is State.OPEN:
            _change(reference, order, wanted.get(order.key), event, uow)
        elif order.state in SHIPPABLE:
            _warn(order, event, uow, closes=closes)


def _wanted(event: TradeChangedV1, orders: Sequence[Order]) -> dict[tuple[str, str], Order]:
    """Open orders without the lines the platform gave up; none where none is left.

    With a line that leaves, freight and discount are shared as if these orders were placed now.
    """
    gone = {line.platform_line_no for line in event.lines if line.status in GONE}
    is_open = [order for order in orders if order.state is State.OPEN]
    lines = {order.key: tuple(line for line in order.lines if line.platform_line_no not in gone) for order in is_open}
    wanted = [order for order in is_open if lines[order.key]]
    if all(lines[order.key] == order.lines for order in is_open):
        return {order.key: order for order in wanted}
    told = [order for order in orders if order.state not in (State.OPEN, State.CANCELLED)]
    shares = _shares(event, [lines[order.key] for order in wanted], told)
    return {order.key: order.reduce(lines[order.key], *share) for order, share in zip(wanted, shares, strict=True)}


def _change(reference: Reference, order: Order, wanted: Order | None, event: TradeChangedV1, uow: UnitOfWork) -> None:
    """The warehouse has not heard of the order: it becomes what is wanted of it now."""
    if wanted is None:
        reason = f"交易或各行已关闭 / the trade, or each line of it here, is closed: {event.status}"
        advance(reference, order, order.cancel(), uow, reason)
        uow.append(Step(*order.key, StepKind.CANCELLED, event.version, uow.now, {"reason": reason}))
        return
    if wanted.ask_no > order.ask_no:
        left = [line.line_no for line in order.lines if line not in wanted.lines]
        reason = "平台已关闭的行离开，运费与优惠重新分摊 / lines closed there left, freight and discount shared anew"
        detail = {"line_nos": left, "total": Money.of(wanted.total_minor, order.currency).model_dump(mode="json")}
        uow.append(Step(*order.key, StepKind.REDUCED, event.version, uow.now, {**detail, "reason": reason}))
    followed = wanted.follow_platform(
        holds=_holds(event, wanted.lines),
        consignee=event.consignee.model_dump(mode="json"),
        ship_by=event.ship_by,
        buyer_message=event.buyer_message,
        seller_message=event.seller_message,
    )
    advance(reference, order, followed, uow)


def _warn(order: Order, event: TradeChangedV1, uow: UnitOfWork, *, closes: bool) -> None:
    """The warehouse works on the order: a person must stop the parcel or correct its label."""
    if closes:
        message = f"交易已关闭而仓库已收到指示，请拦截 / the trade is {event.status}, intercept the parcel"
        uow.alert(Alarm.CLOSED_AFTER_INSTRUCTION, order.key, message)
    elif event.holds:
        message = (
            f"平台要求暂停发货，请拦截 / the platform wants it held, intercept the parcel: {', '.join(event.holds)}"
        )
        uow.alert(Alarm.HELD_AFTER_INSTRUCTION, order.key, message)
    if event.status not in GONE and event.consignee.shown_digest != order.consignee["shown_digest"]:
        uow.alert(
            Alarm.ADDRESS_AFTER_INSTRUCTION, order.key, "收件地址已变，请改单 / another address, correct the parcel"
        )


def _orders_of(reference: Reference, event: TradeChangedV1, uow: UnitOfWork) -> list[Order]:
    """What is to ship of a trade, as an order of each owner."""
    lines = _lines_by_owner(reference, event, uow)
    keys = [key for key in _order_nos(reference, event) if key[0] in lines]
    shares = _shares(event, [lines[owner_code] for owner_code, _ in keys])
    return [
        _order(reference, event, key, lines[key[0]], freight_minor=freight, discount_minor=discount, now=uow.now)
        for key, (freight, discount) in zip(keys, shares, strict=True)
    ]


def _shares(
    event: TradeChangedV1, orders: Sequence[Sequence[Line]], told: Sequence[Order] = ()
) -> list[tuple[int, int]]:
    """(freight, discount) of each order, given as its lines, of what the orders the warehouse was `told` do not have.

    Freight goes to the first owner's order; what lines do not explain of the paid sum is shared by goods.
    """
    if not orders:
        return []
    explained = sum(line.paid.minor for line in event.lines) + event.freight.minor
    freight = event.freight.minor - sum(order.freight_minor for order in told)
    discount = explained - event.paid.minor - sum(order.discount_minor for order in told)
    goods = [sum(line.amount_minor for line in lines) for lines in orders]
    freights = [freight] + [0] * (len(orders) - 1)
    return list(zip(freights, apportion(discount, goods), strict=True))


def _order(
    reference: Reference,
    event: TradeChangedV1,
    key: tuple[str, str],
    lines: list[Line],
    *,
    freight_minor: int,
    discount_minor: int,
    now: datetime,
) -> Order:
    owner_code, number = key
    return Order(
        owner_code=owner_code,
        order_no=number,
        family=event.family,
        kind=OrderKind.SALES,
        store_code=event.store_code,
        platform=event.platform,
        trade_no=event.trade_no,
        warehouse_code=reference.store(event.store_code).warehouse,
        placed_at=event.created_at,
        paid_at=event.paid_at,
        created_at=now,
        ship_by=event.ship_by,
        currency=event.paid.currency,
        freight_minor=freight_minor,
        discount_minor=discount_minor,
        pay_no=event.pay_no,
        buyer_nick=event.buyer_nick,
        buyer_message=event.buyer_message,
        seller_message=event.seller_message,
        consignee=event.consignee.model_dump(mode="json"),
        lines=tuple(replace(line, line_no=line_no) for line_no, line in enumerate(lines, 1)),
        holds=_holds(event, lines),
    )


def _order_nos(reference: Reference, event: TradeChangedV1) -> list[tuple[str, str]]:
    prefix = reference.order_no_prefixes[event.platform]
    owners = reference.store(event.store_code).owners
    return [(owner, order_no(prefix, event.trade_no, index)) for index, owner in enumerate(owners)]


def _holds(event: TradeChangedV1, lines: Collection[Line]) -> tuple[str, ...]:
    """The platform's holds, and every state of one of our lines but "to ship": that line must not go out."""
    ours = {line.platform_line_no for line in lines}
    states = {line.status for line in event.lines if line.platform_line_no in ours} - {TradeStatus.TO_SHIP}
    return tuple(sorted({*event.holds, *(f"line:{state}" for state in states)}))


def _lines_by_owner(reference: Reference, event: TradeChangedV1, uow: UnitOfWork) -> dict[str, list[Line]]:
    """What is still to ship, by owner, in our items."""
    owners = reference.store(event.store_code).owners
    lines: dict[str, list[Line]] = {}
    for line in event.lines:
        if line.status not in ENDED:
            listing = _listing(event.store_code, line, owners, uow)
            lines.setdefault(listing.owner_code, []).extend(_item_lines(listing, line, uow))
    return lines


def _item_lines(listing: Listing, line: TradeLine, uow: UnitOfWork) -> list[Line]:
    item = _item(listing.owner_code, listing.item_code, uow)
    bought = Line(
        line_no=0,
        item_code=item.item_code,
        item_name=item.item_name,
        quantity=line.quantity,
        amount_minor=line.paid.minor,
        platform_line_no=line.platform_line_no,
        platform_quantity=line.quantity,
        gift=line.gift,
    )
    if not item.components:
        return [bought]
    return split_combo(bought, item, [_item(item.owner_code, part.item_code, uow) for part in item.components])


def _listing(store_code: str, line: TradeLine, owners: Collection[str], uow: UnitOfWork) -> Listing:
    """The listing of a line, also one taken off the shelf since. Parks while none is of an owner of the store."""
    key = (store_code, line.platform_item_id, line.platform_sku_id)
    listing = uow.get(Listing, *key)
    if listing is None:
        awaited = _awaited_listing(*key)
        raise ParkAwaiting(f"平台 SKU 尚未映射商品 / platform SKU not mapped to an item: {awaited}", awaited)
    if listing.owner_code not in owners:
        reason = f"店铺不售货主 {listing.owner_code} 的商品 / not an owner of store {store_code}: {listing.owner_code}"
        raise ParkAwaiting(reason, _awaited_listing(*key))
    return listing


def _item(owner_code: str, item_code: str, uow: UnitOfWork) -> Item:
    item = uow.get(Item, owner_code, item_code)
    if item is None:
        awaited = _awaited_item(owner_code, item_code)
        raise ParkAwaiting(f"商品主档不存在 / no item master: {awaited}", awaited)
    return item


def _awaited_listing(store_code: str, platform_item_id: str, platform_sku_id: str) -> str:
    return f"listing:{store_code}/{platform_item_id}/{platform_sku_id}"


def _awaited_item(owner_code: str, item_code: str) -> str:
    return f"item:{owner_code}/{item_code}"
