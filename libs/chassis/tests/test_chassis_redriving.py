"""Redrive runs the messages of a parked key in order, as far as they can be handled."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lemai_toy import OWNER_CODE, STORAGE, Tally, listing_refs, on_listing_changed, on_trade_changed, tally_refs
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import ParkUntil, count_of, eventually, fetch, listing, message, notes, parked, trade

from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.delivery.redrive import Redriver
from lemai_chassis.state.unit_of_work import Park, UnitOfWork
from lemai_chassis.wakeup import Wakeup, listening
from lemai_contracts.catalog import ListingChangedV1
from lemai_contracts.marketplace import TradeChangedV1

FREE = "UPDATE parked_key SET due_at = now()"


class Weather:
    """A handler that raises while the weather is bad."""

    def __init__(self) -> None:
        self.bad: Iterator[bool] | None = None
        self.error: Exception = Park("bad weather")

    def __call__(self, event: TradeChangedV1, uow: UnitOfWork) -> None:
        if self.bad is None or next(self.bad, False):
            raise self.error
        on_trade_changed(event, uow)


class RecordingWakeup(Wakeup):
    """Tells when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = asyncio.Event()

    async def wait(self, seen: int, timeout_s: float) -> None:
        self.waited.set()
        await super().wait(seen, timeout_s)


@pytest.fixture
def weather() -> Weather:
    return Weather()


def an_engine(database: AsyncEngine, handler: Any = on_trade_changed, **route: Any) -> Engine:
    routes: list[On[Any]] = [
        On(TradeChangedV1, handler, tally_refs, **route),
        On(ListingChangedV1, on_listing_changed, listing_refs),
    ]
    return Engine(database, "toy", STORAGE, routes)


@asynccontextmanager
async def redriving(engine: Engine) -> AsyncIterator[None]:
    """A Redriver at work."""
    wakeup = Wakeup()
    async with listening(engine.database, {"parked_key": wakeup}):
        running = asyncio.create_task(Redriver(engine, wakeup).run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_a_redrive_runs_the_queue_in_order_and_frees_the_key(database: AsyncEngine, weather: Weather) -> None:
    engine = an_engine(database, weather)
    await engine.run([message(trade("F1", version)) for version in "123"])

    weather.bad = iter([])
    assert [await engine.redrive("F1") for _ in range(4)] == [True, True, True, False]

    assert await notes(database) == {"F1": ["1", "2", "3"]}
    assert await count_of(database, "parked_message") == 0
    assert await count_of(database, "parked_key") == 0
    await engine.run([message(trade("F1", "4"))])
    assert await notes(database) == {"F1": ["1", "2", "3", "4"]}


async def test_a_redrive_stops_where_a_message_cannot_be_handled(database: AsyncEngine, weather: Weather) -> None:
    engine = an_engine(database, weather)
    await engine.run([message(trade("F1", version)) for version in "1234"])

    weather.bad = iter([False, False, True])
    weather.error = RuntimeError("hail")
    assert [await engine.redrive("F1") for _ in range(3)] == [True, True, False]
    await engine.run([message(trade("F1", "5"))])

    assert await notes(database) == {"F1": ["1", "2"]}
    assert await parked(database) == {"F1": ["3", "4", "5"]}
    assert await fetch(database, "SELECT reason, attempts, due_at FROM parked_key") == [("RuntimeError: hail", 1, None)]


async def test_the_next_message_of_a_key_has_all_its_attempts(database: AsyncEngine, weather: Weather) -> None:
    engine = an_engine(database, weather, retry=(timedelta(minutes=1),))
    await engine.run([message(trade("F1", version)) for version in "12"])
    await engine.redrive("F1")

    weather.bad = iter([False, True])
    weather.error = RuntimeError("hail")
    assert [await engine.redrive("F1") for _ in range(2)] == [True, False]

    assert await fetch(database, "SELECT attempts, due_at > now() FROM parked_key") == [(1, True)]


async def test_a_redrive_of_nothing_does_nothing(database: AsyncEngine) -> None:
    assert not await an_engine(database).redrive("F1")


async def test_an_infrastructure_error_leaves_a_parked_key_as_it_was(database: AsyncEngine) -> None:
    engine = an_engine(database)
    await engine.run([message(trade("F1", told="fail"))])
    before = await fetch(database, "SELECT * FROM parked_key")

    await fetch(database, "ALTER TABLE tally RENAME TO hidden")
    try:
        with pytest.raises(ProgrammingError):
            await engine.redrive("F1")
    finally:
        await fetch(database, "ALTER TABLE hidden RENAME TO tally")

    assert await fetch(database, "SELECT * FROM parked_key") == before


async def test_a_type_that_is_not_taken_any_more_is_skipped(database: AsyncEngine) -> None:
    await an_engine(database).run([message(trade("F1", told="fail"))])

    assert await Engine(database, "toy", STORAGE, []).redrive("F1")
    assert await count_of(database, "parked_key") == 0


async def test_a_body_that_became_readable_is_handled(database: AsyncEngine) -> None:
    came = message(trade("F1"))
    engine = an_engine(database)
    await engine.run([message(trade("F1"), value=b"{")])
    assert not await engine.redrive("F1")

    await fetch(database, "UPDATE parked_message SET value = $1", came.value)
    assert await engine.redrive("F1")

    assert await notes(database) == {"F1": ["1"]}


async def test_a_redrive_loads_what_the_consumer_table_names(database: AsyncEngine) -> None:
    weather = iter([Park("bad weather")])

    def puts_blindly(event: TradeChangedV1, uow: UnitOfWork) -> None:
        for bad in weather:
            raise bad
        uow.put(Tally(OWNER_CODE, event.family, count=1, notes=(event.version,)))

    engine = an_engine(database, puts_blindly)
    await engine.run([message(trade("F1"))])

    assert await engine.redrive("F1")
    assert await notes(database) == {"F1": ["1"]}


async def test_a_key_is_redriven_when_its_time_has_come(database: AsyncEngine, weather: Weather) -> None:
    engine = an_engine(database, weather)
    weather.error = ParkUntil("later", datetime(2999, 1, 1, tzinfo=UTC))
    await engine.run([message(trade("F1", version)) for version in "12"] + [message(trade("F2"))])

    weather.bad = iter([])
    await fetch(database, f"{FREE} WHERE key = 'F1'")
    async with redriving(engine):
        await eventually(lambda: is_free(database, "F1"))

    assert await notes(database) == {"F1": ["1", "2"]}
    assert await parked(database) == {"F2": ["1"]}


async def test_a_key_is_redriven_as_soon_as_what_it_awaits_arrives(database: AsyncEngine) -> None:
    engine = an_engine(database)
    await engine.run([message(trade("F1", "1", "await S1")), message(trade("F1", "2")), message(trade("F2", "1"))])
    assert await parked(database) == {"F1": ["1", "2"]}

    async with redriving(engine):
        await engine.run([message(listing("S1"))])
        await eventually(lambda: is_free(database, "F1"), timeout_s=0.9)

    assert (await notes(database))["F1"] == ["1", "2"]


async def test_a_key_whose_time_is_past_but_cannot_go_on_is_no_hot_loop(
    database: AsyncEngine, weather: Weather
) -> None:
    weather.error = ParkUntil("a clock that is slow", datetime(2000, 1, 1, tzinfo=UTC))
    engine = an_engine(database, weather)
    await engine.run([message(trade("F1"))])

    wakeup = RecordingWakeup()
    running = asyncio.create_task(Redriver(engine, wakeup).run())
    await asyncio.wait_for(wakeup.waited.wait(), 10)
    running.cancel()

    assert await fetch(database, "SELECT attempts FROM parked_key") == [(2,)]


async def test_two_redrivers_do_not_run_a_key_twice(database: AsyncEngine, weather: Weather) -> None:
    engine = an_engine(database, weather)
    families = [f"F{number}" for number in range(20)]
    await engine.run([message(trade(family, version)) for version in "123" for family in families])

    weather.bad = iter([])
    await fetch(database, FREE)
    async with redriving(engine), redriving(an_engine(database, weather)):
        await eventually(lambda: all_free(database))

    assert await notes(database) == {family: ["1", "2", "3"] for family in families}


async def is_free(database: AsyncEngine, key: str) -> bool:
    return not await fetch(database, "SELECT key FROM parked_key WHERE key = $1", key)


async def all_free(database: AsyncEngine) -> bool:
    return await count_of(database, "parked_key") == 0
