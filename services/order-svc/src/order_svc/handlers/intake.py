"""Trades become orders: de-duplicated, one order per owner, lines mapped to items, combos split."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import ParkAwaiting, Ref, UnitOfWork, ref
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.marketplace import TradeChangedV1, TradesPulledV1, TradeStatus
from lemai_contracts.order import IntakeAdvancedV1
from lemai_contracts.values import OrderKind
from order_svc import domain
from order_svc.domain import Component, Item, Line, Listing, Order, Trade
from order_svc.handlers.progress import advance, cancel_or_alert, place, step_ref

TO_SHIP = (TradeStatus.TO_SHIP, TradeStatus.PARTLY_SHIPPED)


def on_trade_changed(reference: Reference, event: TradeChangedV1, uow: UnitOfWork) -> None:
    """Place, hold, release or cancel what a trade is to us. Parks while a platform SKU has no item."""
    known = uow.get(Trade, event.store_code, event.trade_no)
    if known and known.trade_version >= event.version:
        return
    order_nos = known.order_nos if known else ()
    if order_nos:
        _follow(reference, event, order_nos, uow)
    elif event.status in TO_SHIP:
        orders = _orders_of(reference, event, uow)
        for order in orders:
            place(reference, order, uow)
        order_nos = tuple((order.owner_code, order.order_no) for order in orders)
    uow.put(Trade(event.store_code, event.trade_no, event.version, event.status, order_nos))


def trade_refs(reference: Reference, event: TradeChangedV1) -> Iterable[Ref]:
    yield ref(Trade, event.store_code, event.trade_no)
    for line in event.lines:
        yield ref(Listing, event.store_code, line.platform_item_id, line.platform_sku_id)
    for owner_code, order_no in _order_nos(reference, event):
        yield ref(Order, owner_code, order_no)
        yield step_ref(owner_code, order_no, "placed", event.trade_no)


def on_trades_pulled(event: TradesPulledV1, uow: UnitOfWork) -> None:
    """Hand the watermark on: what it vouches for on this partition has been taken before it."""
    uow.emit(IntakeAdvancedV1(store_code=event.store_code, partition=event.partition, until=event.until))


def on_listing_changed(event: ListingChangedV1, uow: UnitOfWork) -> None:
    """Know the mapping, and wake the trades that wait for it."""
    key = (event.store_code, event.platform_item_id, event.platform_sku_id)
    uow.get(Listing, *key)
    uow.put(Listing(*key, event.owner_code, event.item_code, event.active))
    uow.arrived(_awaited_listing(*key))


def on_item_changed(event: ItemChangedV1, uow: UnitOfWork) -> None:
    """Know the item, and wake the trades that wait for it."""
    uow.get(Item, event.owner_code, event.item_code)
    components = tuple(Component(part.item_code, part.quantity) for part in event.components)
    retail_minor = event.retail_price.minor if event.retail_price else 0
    uow.put(Item(event.owner_code, event.item_code, event.item_name, retail_minor, components))
    uow.arrived(_awaited_item(event.owner_code, event.item_code))


def _follow(reference: Reference, event: TradeChangedV1, order_nos: Sequence[tuple[str, str]], uow: UnitOfWork) -> None:
    """Hand a later version of a trade on to its orders."""
    for owner_code, order_no in order_nos:
        order = uow.get(Order, owner_code, order_no)
        assert order is not None
        if event.status is TradeStatus.CANCELLED:
            cancel_or_alert(reference, order, "交易已关闭 / the trade was closed", uow)
        else:
            advance(reference, order, order.follow_platform(event.holds), uow)


def _orders_of(reference: Reference, event: TradeChangedV1, uow: UnitOfWork) -> list[Order]:
    """Freight goes to the first owner's order; what lines do not explain of the paid sum is shared by goods."""
    lines = _lines_by_owner(event, uow)
    numbers = [(owner, number) for owner, number in _order_nos(reference, event) if owner in lines]
    goods = [sum(line.amount_minor for line in lines[owner]) for owner, _ in numbers]
    discounts = domain.apportion(sum(goods) + event.freight.minor - event.paid.minor, goods) if goods else []
    freights = [event.freight.minor, *[0] * len(numbers)]
    return [
        Order(
            owner_code=owner,
            order_no=number,
            family=event.family,
            kind=OrderKind.SALES,
            store_code=event.store_code,
            platform=event.platform,
            trade_no=event.trade_no,
            warehouse_code=reference.store(event.store_code).warehouse,
            placed_at=event.created_at,
            paid_at=event.paid_at,
            created_at=uow.now,
            ship_by=event.ship_by,
            currency=event.paid.currency,
            freight_minor=freight,
            discount_minor=discount,
            pay_no=event.pay_no,
            buyer_nick=event.buyer_nick,
            buyer_message=event.buyer_message,
            seller_message=event.seller_message,
            consignee=event.consignee.model_dump(mode="json"),
            lines=tuple(replace(line, line_no=line_no) for line_no, line in enumerate(lines[owner], 1)),
            holds=tuple(sorted(event.holds)),
        )
        for (owner, number), discount, freight in zip(numbers, discounts, freights, strict=False)
    ]


def _order_nos(reference: Reference, event: TradeChangedV1) -> list[tuple[str, str]]:
    prefix = reference.order_no_prefixes[event.platform]
    owners = reference.store(event.store_code).owners
    return [(owner, domain.order_no(prefix, event.trade_no, index)) for index, owner in enumerate(owners)]


def _lines_by_owner(event: TradeChangedV1, uow: UnitOfWork) -> dict[str, list[Line]]:
    lines: dict[str, list[Line]] = {}
    for line in event.lines:
        if line.status in TO_SHIP:
            listing = _listing(event.store_code, line.platform_item_id, line.platform_sku_id, uow)
            bought = Line(
                line_no=0,
                item_code=listing.item_code,
                item_name="",
                quantity=line.quantity,
                amount_minor=line.paid.minor,
                platform_line_no=line.platform_line_no,
                platform_quantity=line.quantity,
                gift=line.gift,
            )
            lines.setdefault(listing.owner_code, []).extend(_item_lines(listing.owner_code, bought, uow))
    return lines


def _item_lines(owner_code: str, line: Line, uow: UnitOfWork) -> list[Line]:
    item = _item(owner_code, line.item_code, uow)
    if not item.components:
        return [replace(line, item_name=item.item_name)]
    return domain.split_combo(line, item, [_item(owner_code, part.item_code, uow) for part in item.components])


def _listing(store_code: str, platform_item_id: str, platform_sku_id: str, uow: UnitOfWork) -> Listing:
    listing = uow.get(Listing, store_code, platform_item_id, platform_sku_id)
    if listing is None or not listing.active:
        awaited = _awaited_listing(store_code, platform_item_id, platform_sku_id)
        raise ParkAwaiting(f"平台 SKU 尚未映射商品 / platform SKU not mapped to an item: {awaited}", awaited)
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
