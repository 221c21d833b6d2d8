"""Trades, watermarks, movements and counts in any order: no figure lies, no piece is lost or moved twice.

Each example is an owner of its own on one database, because the ledger cannot be emptied.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stock_world import (
    FLAGSHIP,
    MIGRATIONS,
    NOW,
    OUTLET,
    SHOES,
    TSHIRT,
    World,
    counted,
    listed,
    received,
    requested,
    shipped,
    snapshot,
)

from lemai_chassis.database import connect, migrate
from lemai_contracts import Event
from lemai_contracts.order import IntakeAdvancedV1, OrderState, OrderStateChangedV1
from lemai_contracts.stock import AvailabilityChangedV1, SnapshotScope
from lemai_contracts.topics import ORDER_PARTITIONS
from stock_svc.domain import Part, sellable
from stock_svc.storage import work

OWNERS = (f"OWNER-{number}" for number in count())
STORES = (FLAGSHIP, OUTLET)
Player = Callable[[Callable[[World], Awaitable[None]]], None]
"""Plays one example to its end."""
SECOND = timedelta(seconds=1)
ON_ONE_DATABASE = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def played(database_url: str) -> Iterator[Player]:
    """Runs an example after the other on one loop and one database."""
    with asyncio.Runner() as runner:
        runner.run(migrate(database_url, MIGRATIONS))
        world = World(connect(database_url))
        yield lambda example: runner.run(_awaited(example(world)))
        runner.run(world.database.dispose())


async def _awaited(example: Awaitable[None]) -> None:
    await example


@dataclass
class Trades:
    """Two stores that sell the same item: what their buyers bought, and what of it has reached stock-svc."""

    world: World
    owner_code: str
    streams: list[deque[Event]] = field(default_factory=lambda: [deque() for _ in range(ORDER_PARTITIONS)])
    bought: list[tuple[str, datetime, str]] = field(default_factory=list)
    """(store, moment, order)."""
    seen: set[str] = field(default_factory=set)
    asked: dict[str, datetime] = field(default_factory=dict)
    """When each store's newest order reached stock-svc."""
    told: int = 0

    async def begin(self) -> None:
        await self.world.forget()
        await self.world.hold(tshirt=20, owner_code=self.owner_code)
        for number, store_code in enumerate(STORES):
            await self.world.take(listed(TSHIRT, str(number), store_code, owner_code=self.owner_code))
            self.pull(number)
        await self.deliver(range(ORDER_PARTITIONS), 1000)
        await self.follow_up()

    def buy(self, store: int, partition: int, pieces: int) -> None:
        """A buyer buys; the order will come on a partition."""
        order_no = f"{self.owner_code}-{len(self.bought)}"
        self.bought.append((STORES[store], self.world.later(seconds=1), order_no))
        request = requested(order_no, tshirt=pieces, store_code=STORES[store], owner_code=self.owner_code)
        self.streams[partition].append(request)

    def pull(self, store: int) -> None:
        """The store's trades until now are known: said on each partition, behind the orders of those trades."""
        until = self.world.later(seconds=1)
        for partition, stream in enumerate(self.streams):
            stream.append(IntakeAdvancedV1(store_code=STORES[store], partition=partition, until=until))

    async def deliver(self, partitions: Iterable[int], messages: int) -> None:
        """The next messages of some partitions arrive in one batch."""
        self.world.later(seconds=1)
        streams = [self.streams[partition] for partition in partitions]
        batch = [stream.popleft() for stream in streams for _ in range(min(messages, len(stream)))]
        for event in batch:
            if not isinstance(event, IntakeAdvancedV1):
                order_no, store_code = event.order_no, event.store_code  # type: ignore[attr-defined]
                self.seen.add(order_no)
                self.asked[store_code] = self.world.now
        await self.world.take(*batch)

    async def end(self, order: int, how: str) -> None:
        """An order that stock-svc knows is shipped or cancelled."""
        known = sorted(self.seen)
        if not known:
            return
        order_no = known[order % len(known)]
        ends = {
            "shipped": shipped(
                order_no, "A1", tshirt=1, final=True, occurred_at=self.world.now, owner_code=self.owner_code
            ),
            "cancelled": OrderStateChangedV1(
                family=order_no, owner_code=self.owner_code, order_no=order_no, state=OrderState.CANCELLED
            ),
        }
        self.world.later(seconds=1)
        await self.world.take(ends[how])

    async def arrive(self, pieces: int) -> None:
        self.world.later(seconds=1)
        number = f"{self.owner_code}-R{self.world.now.timestamp()}"
        await self.world.take(
            received("PO-c", number, tshirt=pieces, occurred_at=self.world.now, owner_code=self.owner_code)
        )

    async def follow_up(self) -> None:
        """Whatever is told now is true: nothing bought until the watermark is missing, nothing newer is undone."""
        await self.world.follow_up()
        told = (await self.world.published(AvailabilityChangedV1))[self.told :]
        self.told += len(told)
        for figure in told:
            missing = [
                order_no
                for store_code, moment, order_no in self.bought
                if store_code == figure.store_code and moment <= figure.watermark and order_no not in self.seen
            ]
            assert missing == []
            assert self.asked.get(figure.store_code, figure.watermark) <= figure.watermark
        newest = {figure.store_code: figure.quantity for figure in told}
        for store_code, quantity in newest.items():
            assert quantity == await self.sellable(store_code)

    async def sellable(self, store_code: str) -> int:
        store = self.world.reference.store(store_code)
        [row] = await self.world.rows(
            "SELECT on_hand - committed - frozen AS free FROM balance WHERE owner_code = $1", self.owner_code
        )
        return sellable([Part(1, row["free"])], safety=store.safety_stock, share_percent=store.stock_share_percent)

    async def come_to_rest(self) -> None:
        """Everything arrives and both stores are pulled: each has been told what it may sell."""
        for _ in STORES:
            await self.deliver(range(ORDER_PARTITIONS), 1000)
            await self.follow_up()
            for store in range(len(STORES)):
                self.pull(store)
        await self.deliver(range(ORDER_PARTITIONS), 1000)
        await self.follow_up()
        told = await self.world.published(AvailabilityChangedV1)
        for store_code in STORES:
            quantities = [figure.quantity for figure in told if figure.store_code == store_code]
            assert quantities[-1] == await self.sellable(store_code)
        await self._nobody_waits_for_what_is_there()

    async def _nobody_waits_for_what_is_there(self) -> None:
        waiting = await self.world.rows(
            "SELECT (lines->0->>'open')::bigint AS pieces FROM commitment WHERE state = 'short' AND owner_code = $1",
            self.owner_code,
        )
        [row] = await self.world.rows(
            "SELECT on_hand - committed - frozen AS free FROM balance WHERE owner_code = $1", self.owner_code
        )
        assert all(order["pieces"] > row["free"] for order in waiting)


PARTITIONS = [range(1), range(1, 2), range(1, ORDER_PARTITIONS), range(2, ORDER_PARTITIONS), range(ORDER_PARTITIONS)]
STEPS = st.one_of(
    st.tuples(st.just("buy"), st.integers(0, 1), st.integers(0, 2), st.integers(1, 6)),
    st.tuples(st.just("pull"), st.integers(0, 1)),
    st.tuples(st.just("deliver"), st.sampled_from(PARTITIONS), st.sampled_from([1, 2, 1000])),
    st.tuples(st.just("end"), st.integers(0, 20), st.sampled_from(["shipped", "cancelled"])),
    st.tuples(st.just("arrive"), st.integers(1, 8)),
    st.tuples(st.just("follow_up")),
)


@ON_ONE_DATABASE
@given(steps=st.lists(STEPS, min_size=15, max_size=40))
def test_no_figure_misses_an_order_from_before_its_watermark(played: Player, steps: list[tuple[Any, ...]]) -> None:
    async def example(world: World) -> None:
        trades = Trades(world, next(OWNERS))
        await trades.begin()
        for name, *arguments in steps:
            step = getattr(trades, name)(*arguments)
            if asyncio.iscoroutine(step):
                await step
        await trades.come_to_rest()

    played(example)


@dataclass(frozen=True)
class Arrival:
    """An actual or a chunk of a snapshot, and whether the counting goes on after it arrived."""

    event: Event
    then_count: bool


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Arrival], dict[str, int]]:
    """Actuals and snapshots in any order, and what must be on the shelf when all are there.

    A snapshot's figures need not fit the actuals: pieces vanish and turn up. Nothing occurs at its very second.
    """
    events: list[Event] = []
    moments = st.integers(0, 10).map(lambda step: NOW + 2 * step * SECOND)
    moved: list[tuple[datetime, str, int]] = []
    for number in range(draw(st.integers(0, 8))):
        occurred_at = draw(moments)
        tshirt, shoes = draw(st.integers(0, 5)), draw(st.integers(0, 5))
        out = draw(st.booleans())
        report = shipped if out else received
        events.append(report(f"O{number}", "A1", tshirt=tshirt, shoes=shoes, occurred_at=occurred_at))
        for item, pieces in ((TSHIRT, tshirt), (SHOES, shoes)):
            moved.append((occurred_at, item, -pieces if out else pieces))
    newest: dict[str, tuple[datetime, int]] = {}
    for step in draw(st.lists(st.integers(0, 9), unique=True, max_size=3)):
        at = NOW + (2 * step + 1) * SECOND
        full = draw(st.booleans())
        totals = {item: draw(st.integers(-2, 20)) for item in draw(st.sets(st.sampled_from([TSHIRT, SHOES])))}
        chunks = [[counted(item, total)] for item, total in totals.items()] or [[counted("NOT-SOLD", 0)]]
        events += [
            snapshot(
                f"S{step}",
                *lines,
                at=at,
                scope=SnapshotScope.FULL if full else SnapshotScope.PARTIAL,
                chunk=chunk,
                chunks=len(chunks),
            )
            for chunk, lines in enumerate(chunks, 1)
        ]
        for item in (TSHIRT, SHOES):
            if (full or item in totals) and (item not in newest or newest[item][0] < at):
                newest[item] = (at, totals.get(item, 0))
    shelf = {
        item: newest.get(item, (None, 0))[1]
        + sum(change for at, what, change in moved if what == item and (item not in newest or at > newest[item][0]))
        for item in (TSHIRT, SHOES)
    }
    return [Arrival(event, draw(st.booleans())) for event in draw(st.permutations(events))], shelf


@ON_ONE_DATABASE
@given(arrivals())
def test_counts_and_actuals_lead_to_the_same_shelf_in_any_order(
    played: Player, drawn: tuple[list[Arrival], dict[str, int]]
) -> None:
    coming, shelf = drawn

    async def example(world: World) -> None:
        owner_code = next(OWNERS)
        for arrival in coming:
            await world.take(arrival.event.model_copy(update={"owner_code": owner_code}))
            if arrival.then_count:
                await world.count()
        await world.count()

        rows = await world.rows("SELECT item_code, on_hand FROM balance WHERE owner_code = $1", owner_code)
        on_hand = Counter({row["item_code"]: row["on_hand"] for row in rows})
        assert {item: on_hand[item] for item in shelf} == shelf
        async with world.database.connect() as connection:
            assert await work.ledger_faults(connection) == []

    played(example)
