"""Endless work: follow up what changed, tell the stores, book what was counted. One process at a time does each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import ref
from stock_svc.domain import GOOD, AppliedCount, Balance, Combo, Commitment, Figure, Snapshot, SnapshotState
from stock_svc.handlers import commitments, figures, shelf, snapshots
from stock_svc.storage import work
from stock_svc.storage.work import Changed, Stores

ITEMS_AT_ONCE = 200
ORDERS_AT_ONCE = 200
FIGURES_AT_ONCE = 500
DIFFERENCES_AT_ONCE = 1000

Step = Callable[[Transaction], Awaitable[bool]]
"""One transaction of endless work; whether there is more to do at once."""


def following_up(reference: Reference) -> Sequence[Step]:
    """What makes figures due and what tells them: one after the other, so that no change slips between."""
    stores = Stores([store.code for store in reference.stores], [store.warehouse for store in reference.stores])
    return [partial(settle, stores), partial(tell, reference, stores)]


@dataclass(frozen=True)
class Repeated:
    """Steps that are done over and over, with a pause when there is nothing to do."""

    engine: Engine
    steps: Sequence[Step]
    pause_s: float

    async def run(self) -> None:
        """Until cancelled, or until the database fails."""
        while True:
            more = [await self.engine.transact(step) for step in self.steps]
            if not any(more):
                await asyncio.sleep(self.pause_s)


async def settle(stores: Stores, transaction: Transaction) -> bool:
    """Fill the orders that wait for what is free now, first come first, and hand the changes on to the figures.

    The items are locked before the waiting orders are looked up: who asks afterwards sees what is left.
    """
    connection = transaction.connection
    if not await work.is_alone(connection, "follow up"):
        return False
    items = await work.due_balances(connection, ITEMS_AT_ONCE)
    combos = await work.due_combos(connection, stores, ITEMS_AT_ONCE)
    if not items and not combos:
        return False
    balances = [ref(Balance, item.owner_code, item.warehouse_code, item.item_code, GOOD) for item in items]
    changed_combos = [ref(Combo, combo.owner_code, combo.item_code) for combo in combos]
    await transaction.load([*balances, *changed_combos])
    if await _fill(transaction, items) == ORDERS_AT_ONCE:
        return True
    sold = await work.sold_from(connection, [*items, *combos], stores)
    await transaction.load(ref(Figure, *key) for key in sold)
    settled = figures.Settled([its.key for its in balances], [its.key for its in changed_combos], sold)
    await transaction.run(figures.settle, settled)
    return len(items) == ITEMS_AT_ONCE


async def tell(reference: Reference, stores: Stores, transaction: Transaction) -> bool:
    """Tell the stores the figures that are due, each true for all the store's trades until its watermark."""
    if not await work.is_alone(transaction.connection, "follow up"):
        return False
    due = await work.tellable(transaction.connection, stores, FIGURES_AT_ONCE)
    await transaction.load(ref(Figure, *figure.key) for figure in due)
    for figure in due:
        await transaction.run(partial(figures.tell, reference), figure)
    return len(due) == FIGURES_AT_ONCE


async def count(transaction: Transaction) -> bool:
    """Bring the next snapshot a step on: compare it with the books, or book a slice of its differences."""
    if not await work.is_alone(transaction.connection, "count"):
        return False
    snapshot = await work.next_snapshot(transaction.connection)
    if snapshot is None:
        return False
    if snapshot.state is SnapshotState.RECEIVING:
        await _compare(transaction, snapshot)
    else:
        await _correct(transaction, snapshot)
    return True


async def follow_rules(engine: Engine, reference: Reference) -> None:
    """A new safety stock, share or warehouse of a store reaches its quiet SKUs too. Done at start."""
    await engine.transact(
        lambda transaction: work.follow_rules(transaction.connection, reference.stores, engine.clock())
    )


async def check_ledger(engine: Engine) -> None:
    """Raise an alert if a balance is not what its ledger adds up to."""
    async with engine.database.connect() as connection:
        faults = await work.ledger_faults(connection)
    if faults:
        await engine.execute(shelf.report_faults, faults)


async def _fill(transaction: Transaction, items: Sequence[Changed]) -> int:
    waiting = await work.fillable(transaction.connection, items, ORDERS_AT_ONCE)
    await transaction.load(
        ref(Balance, order.owner_code, order.warehouse_code, item, GOOD)
        for order in waiting
        for item in order.item_codes
    )
    await transaction.load(ref(Commitment, order.owner_code, order.order_no) for order in waiting)
    for order in waiting:
        await transaction.run(commitments.fill, (order.owner_code, order.order_no))
    return len(waiting)


async def _compare(transaction: Transaction, snapshot: Snapshot) -> None:
    """While AppliedCount is locked no actual moves the warehouse, so books and ledger are of one moment."""
    count_ref = ref(AppliedCount, snapshot.owner_code, snapshot.warehouse_code)
    await transaction.load([count_ref, ref(Snapshot, *snapshot.key)])
    connection = transaction.connection
    stale = snapshot.is_stale(transaction.uow.get(AppliedCount, *count_ref.key))
    comparison = None if stale else await work.compare(connection, snapshot)
    await transaction.run(snapshots.compare, snapshots.Compared(snapshot.key, comparison))
    compared = transaction.uow.get(Snapshot, *snapshot.key)
    assert compared is not None
    if compared.state in (SnapshotState.WAITING, SnapshotState.STALE):
        return
    if not snapshot.full:
        await work.mark_counted(connection, snapshot)
        return
    for key in await work.waiting_before(connection, snapshot):
        await transaction.run(snapshots.outdate, key)


async def _correct(transaction: Transaction, snapshot: Snapshot) -> None:
    differences = await work.differences(transaction.connection, snapshot, DIFFERENCES_AT_ONCE)
    await transaction.load(
        ref(Balance, snapshot.owner_code, snapshot.warehouse_code, difference.item_code, difference.grade)
        for difference in differences
    )
    correction = snapshots.Correction(snapshot.key, differences)
    await transaction.run(snapshots.correct, correction)
