"""At least once on the wire, once in effect: the inbox takes each event once."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

from lemai_toy import STORAGE, on_trade_changed, tally_refs
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import count_of, eventually, is_waiting_for_a_lock, message, notes, parked, trade

from lemai_chassis.delivery.engine import Engine, On
from lemai_contracts.examples import example
from lemai_contracts.marketplace import TradeChangedV1, TradesPulledV1

ROUTES = [On(TradeChangedV1, on_trade_changed, tally_refs)]


async def test_an_event_that_comes_again_has_no_second_effect(database: AsyncEngine) -> None:
    came = message(trade("F1"))

    await Engine(database, "toy", STORAGE, ROUTES).run([came])
    await Engine(database, "toy", STORAGE, ROUTES).run([came])

    assert await notes(database) == {"F1": ["1"]}
    assert await count_of(database, "event") == 1
    assert await count_of(database, "outbox") == 1


async def test_an_event_that_comes_twice_in_one_batch_is_taken_once(database: AsyncEngine) -> None:
    event_id = uuid4()
    twins = [message(trade("F1"), event_id), message(trade("F1"), event_id)]

    await Engine(database, "toy", STORAGE, ROUTES).run([*twins, message(trade("F2"))])

    assert await notes(database) == {"F1": ["1"], "F2": ["1"]}
    assert await count_of(database, "event") == 2


async def test_two_processes_with_the_same_batch_take_it_once(database: AsyncEngine) -> None:
    batch = [message(trade(f"F{number % 10}", str(number))) for number in range(50)]
    engines = [Engine(database, "toy", STORAGE, ROUTES) for _ in range(3)]

    await asyncio.gather(*(engine.run(batch) for engine in engines))

    assert await notes(database) == {f"F{family}": [str(n) for n in range(family, 50, 10)] for family in range(10)}
    assert await count_of(database, "event") == 50


async def test_two_processes_with_overlapping_batches_take_each_event_once(database: AsyncEngine) -> None:
    messages = [message(trade(f"F{number}")) for number in range(40)]
    engine = Engine(database, "toy", STORAGE, ROUTES)

    await asyncio.gather(engine.run(messages[:30]), engine.run(messages[:9:-1]))

    assert await notes(database) == {f"F{number}": ["1"] for number in range(40)}


async def test_an_event_whose_handler_raised_is_in_the_inbox_too(database: AsyncEngine) -> None:
    failing = message(trade("F1", told="fail"))
    engine = Engine(database, "toy", STORAGE, ROUTES)

    await engine.run([failing])
    await engine.run([failing])

    assert await parked(database) == {"F1": ["1"]}


async def test_a_batch_that_was_not_committed_is_not_in_the_inbox(database: AsyncEngine) -> None:
    came = message(trade("F1"))
    engine = Engine(database, "toy", STORAGE, ROUTES)

    async with database.connect() as other:
        await other.exec_driver_sql("LOCK TABLE tally IN SHARE MODE")
        batch = asyncio.create_task(engine.run([came]))
        await eventually(lambda: is_waiting_for_a_lock(database))
        batch.cancel()
        await asyncio.wait([batch])

    assert await count_of(database, "inbox") == 0
    await engine.run([came])
    assert await notes(database) == {"F1": ["1"]}


async def test_a_mark_that_the_next_one_replaces_is_not_kept_in_the_inbox(database: AsyncEngine) -> None:
    seen: list[datetime] = []
    routes: list[On[Any]] = [On(TradesPulledV1, lambda mark, _uow: seen.append(mark.until)), *ROUTES]
    mark = message(example(TradesPulledV1))

    await Engine(database, "toy", STORAGE, routes).run([mark, message(trade("F1")), mark])

    assert len(seen) == 2
    assert await count_of(database, "inbox") == 1
