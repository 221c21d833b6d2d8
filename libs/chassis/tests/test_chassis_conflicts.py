"""A deadlock, a serialisation failure or somebody who was faster: the whole batch again, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from lemai_toy import OWNER_CODE, STORAGE, Tally, on_trade_changed, tally_refs
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from toy_kit import eventually, fetch, is_waiting_for_a_lock, message, notes, parked, trade

from lemai_chassis.delivery.engine import CONFLICT_ATTEMPTS, Engine, On, Transaction
from lemai_chassis.state.aggregates import Aggregates, ConcurrentUpdateError
from lemai_chassis.state.unit_of_work import UnitOfWork, Versioned
from lemai_contracts.marketplace import TradeChangedV1

LOCK = "SELECT FROM tally WHERE name = $1 FOR UPDATE"
CREATE = "INSERT INTO tally (owner_code, name, version, count, notes) VALUES ($1, $2, 1, 1, '[\"theirs\"]')"


def an_engine(database: AsyncEngine, handler: Any = on_trade_changed) -> Engine:
    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, handler, tally_refs)])


def conflicts() -> float:
    return REGISTRY.get_sample_value("lemai_conflicts_total") or 0


@asynccontextmanager
async def meanwhile(
    database: AsyncEngine, batch: Awaitable[None], first: Callable[[AsyncConnection], Awaitable[Any]]
) -> AsyncIterator[AsyncConnection]:
    """Runs `batch` against a transaction that did `first` before; yields that when the batch waits for it."""
    async with database.connect() as other, other.begin():
        await first(other)
        running = asyncio.ensure_future(batch)
        await eventually(lambda: is_waiting_for_a_lock(database))
        yield other
    await running


async def test_a_deadlock_runs_the_whole_batch_again(database: AsyncEngine) -> None:
    runs = []

    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        runs.append(event.family)
        uow.get(Tally, OWNER_CODE, "F0")
        on_trade_changed(event, uow)

    await an_engine(database).run([message(trade("F0")), message(trade("F1")), message(trade("F2"))])
    before = conflicts()
    batch = an_engine(database, handler).run([message(trade("F1", "2")), message(trade("F2", "2"))])

    async with meanwhile(database, batch, lambda other: other.exec_driver_sql(LOCK, ("F0",))) as other:
        await other.exec_driver_sql("SET LOCAL deadlock_timeout = '1min'")
        await other.exec_driver_sql(LOCK, ("F1",))

    assert runs == ["F1", "F1", "F1", "F2"]
    assert await notes(database) == {"F0": ["1"], "F1": ["1", "2"], "F2": ["1", "2"]}
    assert conflicts() == before + 1


async def test_a_serialisation_failure_runs_the_whole_batch_again(database: AsyncEngine) -> None:
    await an_engine(database).run([message(trade("F1"))])
    strict = database.execution_options(isolation_level="REPEATABLE READ")
    batch = an_engine(strict).run([message(trade("F1", "2")), message(trade("F2"))])

    async with meanwhile(database, batch, lambda other: other.exec_driver_sql(LOCK, ("F1",))) as other:
        await other.exec_driver_sql("UPDATE tally SET count = 10, version = 2 WHERE name = 'F1'")

    assert await fetch(database, "SELECT name, count, version FROM tally ORDER BY name") == [
        ("F1", 11, 3),
        ("F2", 1, 1),
    ]


async def test_who_creates_an_aggregate_a_moment_too_late_finds_it_the_second_time(database: AsyncEngine) -> None:
    before = conflicts()
    batch = an_engine(database).run([message(trade("F1")), message(trade("F2"))])

    async with meanwhile(database, batch, lambda other: other.exec_driver_sql(CREATE, (OWNER_CODE, "F1"))):
        pass

    assert await notes(database) == {"F1": ["theirs", "1"], "F2": ["1"]}
    assert await fetch(database, "SELECT aggregateversion FROM event WHERE partitionkey = 'F1'") == [(2,)]
    assert conflicts() == before + 1


async def test_a_key_that_was_parked_a_moment_before_is_queued_behind(database: AsyncEngine) -> None:
    async def park(other: AsyncConnection) -> None:
        await other.exec_driver_sql("INSERT INTO parked_key (key, reason) VALUES ('F1', 'theirs')")

    async with meanwhile(database, an_engine(database).run([message(trade("F1", told="fail"))]), park):
        pass

    assert await parked(database) == {"F1": ["1"]}
    assert await fetch(database, "SELECT reason FROM parked_key") == [("theirs",)]


async def test_a_batch_waits_for_a_redrive_of_its_key_and_queues_behind_what_is_left(database: AsyncEngine) -> None:
    engine = an_engine(database)
    await engine.run([message(trade("F1", "1", "fail"))])
    lock = "SELECT FROM parked_key WHERE key = 'F1' FOR UPDATE"

    async with meanwhile(database, engine.run([message(trade("F1", "2"))]), lambda other: other.exec_driver_sql(lock)):
        assert not await engine.redrive("F1")

    assert await parked(database) == {"F1": ["1", "2"]}


async def test_two_services_that_create_and_change_the_same_aggregates_at_once_lose_nothing(
    database: AsyncEngine,
) -> None:
    engines = [an_engine(database) for _ in range(4)]
    batches = [[message(trade(f"F{family}", f"{n}")) for family in range(8)] for n in range(4)]

    await asyncio.gather(*(engine.run(batch) for engine, batch in zip(engines, batches, strict=True)))

    assert await fetch(database, "SELECT DISTINCT count, version FROM tally") == [(4, 4)]
    versions = await fetch(
        database, "SELECT partitionkey, array_agg(aggregateversion ORDER BY seq) FROM event GROUP BY partitionkey"
    )
    assert dict(versions) == {f"F{family}": [1, 2, 3, 4] for family in range(8)}


async def test_a_row_that_moved_since_it_was_loaded_is_not_overwritten(database: AsyncEngine) -> None:
    tallies: Aggregates[Any] = STORAGE.aggregates[Tally]
    await an_engine(database).run([message(trade("F1"))])

    async with database.connect() as connection:
        for loaded in (2, 7):
            with pytest.raises(ConcurrentUpdateError, match="Tally"):
                await tallies.save(connection, [(loaded, Versioned(Tally(OWNER_CODE, "F1"), loaded + 1))])


async def test_who_never_gets_through_says_so(database: AsyncEngine) -> None:
    attempts = []

    async def work(_transaction: Transaction) -> None:
        attempts.append(1)
        raise ConcurrentUpdateError("always")

    with pytest.raises(ConcurrentUpdateError):
        await an_engine(database).transact(work)
    assert len(attempts) == CONFLICT_ATTEMPTS


async def test_an_error_that_is_no_conflict_is_not_tried_again(database: AsyncEngine) -> None:
    attempts = []

    async def work(_transaction: Transaction) -> None:
        attempts.append(1)
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await an_engine(database).transact(work)
    assert len(attempts) == 1


async def test_a_commands_effects_are_committed_when_it_returns_and_its_errors_are_the_callers(
    database: AsyncEngine,
) -> None:
    def handler(command: str, uow: UnitOfWork) -> str:
        uow.get(Tally, OWNER_CODE, command)
        uow.put(Tally(OWNER_CODE, command))
        if command == "bad":
            raise ValueError(command)
        return command.upper()

    engine = an_engine(database)
    assert await engine.execute(handler, "good") == "GOOD"
    with pytest.raises(ValueError, match="bad"):
        await engine.execute(handler, "bad")

    assert set(await notes(database)) == {"good"}
