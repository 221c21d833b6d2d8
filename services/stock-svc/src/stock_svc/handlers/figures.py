"""What each store may sell: which items it lists, how far its trades are known, and the figure told it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Key, Ref, UnitOfWork, ref
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.marketplace import PublicationState, StockPublishedV1
from lemai_contracts.order import IntakeAdvancedV1
from lemai_contracts.stock import AvailabilityChangedV1
from stock_svc.domain import Balance, Combo, Component, Figure, Part, Watermark, sellable


@dataclass(frozen=True)
class Settled:
    """Balances and combos whose changes have been followed up, and the figures they make due, since when."""

    balances: Sequence[Key]
    combos: Sequence[Key]
    figures: Mapping[Key, datetime]


@dataclass(frozen=True)
class Due:
    """A figure that may be told: what is sold, what of it is free, and until when the store's trades are in that."""

    key: Key
    owner_code: str
    item_code: str
    watermark: datetime
    asked_at: datetime | None
    """When the store last asked for one of the parts."""
    parts: Sequence[Part]


def on_listing_changed(event: ListingChangedV1, uow: UnitOfWork) -> None:
    """Know what the store sells; a new or changed listing is due."""
    key = (event.store_code, event.platform_item_id, event.platform_sku_id)
    known = uow.get(Figure, *key) or Figure(*key, event.owner_code, event.item_code, event.active, due_since=uow.now)
    uow.put(known.sell(event.owner_code, event.item_code, active=event.active, now=uow.now))


def on_item_changed(event: ItemChangedV1, uow: UnitOfWork) -> None:
    """Know what a combo consists of."""
    parts = tuple(Component(part.item_code, part.quantity) for part in event.components if part.quantity)
    combo = uow.get(Combo, event.owner_code, event.item_code)
    if combo or parts:
        combo = combo or Combo(event.owner_code, event.item_code)
        uow.put(combo.consist_of(parts, uow.now))


def on_intake_advanced(event: IntakeAdvancedV1, uow: UnitOfWork) -> None:
    """Every order of the store's trades until then has been taken before this, on this partition."""
    known = uow.get(Watermark, event.store_code, event.partition)
    if known is None or known.until < event.until:
        uow.put(Watermark(event.store_code, event.partition, event.until))


def on_stock_published(event: StockPublishedV1, uow: UnitOfWork) -> None:
    """Remember what the platform took."""
    figure = uow.get(Figure, event.store_code, event.platform_item_id, event.platform_sku_id)
    if figure and event.state is PublicationState.DONE:
        uow.put(figure.publish(event.quantity, event.availability_version, event.published_at))


def figure_refs(event: ListingChangedV1 | StockPublishedV1) -> Iterable[Ref]:
    yield ref(Figure, event.store_code, event.platform_item_id, event.platform_sku_id)


def settle(command: Settled, uow: UnitOfWork) -> None:
    """Hand changes on from items to the figures of what is sold from them."""
    for key, since in command.figures.items():
        figure = uow.get(Figure, *key)
        if figure:
            uow.put(figure.mark(since))
    for key in command.balances:
        balance = uow.get(Balance, *key)
        if balance:
            uow.put(balance.settle())
    for key in command.combos:
        combo = uow.get(Combo, *key)
        if combo:
            uow.put(combo.settle())


def tell(reference: Reference, due: Due, uow: UnitOfWork) -> None:
    """Tell a store its figure unless its platform has it. A listing that changed meanwhile stays due."""
    before = uow.get(Figure, *due.key)
    if before is None or (before.owner_code, before.item_code, before.active) != (due.owner_code, due.item_code, True):
        return
    store = reference.store(before.store_code)
    quantity = sellable(due.parts, safety=store.safety_stock, share_percent=store.stock_share_percent)
    after = before.tell(quantity, due.watermark, due.asked_at)
    uow.put(after)
    if after.figure_no > before.figure_no:
        uow.emit(
            AvailabilityChangedV1(
                store_code=after.store_code,
                platform_item_id=after.platform_item_id,
                platform_sku_id=after.platform_sku_id,
                owner_code=after.owner_code,
                item_code=after.item_code,
                quantity=quantity,
                version=after.figure_no,
                watermark=due.watermark,
            ),
            after,
        )
