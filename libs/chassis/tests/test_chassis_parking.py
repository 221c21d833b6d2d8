"""A handler ends in one of three ways: done, parked, or an infrastructure error. Nothing waits in the loop."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lemai_toy import METADATA, OWNER_CODE, STORAGE, Tally, on_trade_changed, state_changed, tally_refs
from prometheus_client import REGISTRY
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import ParkUntil, count_of, fetch, listing, message, notes, parked, trade

from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.state.unit_of_work import Park, ParkAwaiting, UnitOfWork
from lemai_contracts.marketplace import TradeChangedV1

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WHY = "SELECT reason, awaits, due_at, attempts FROM parked_key WHERE key = $1"


def an_engine(database: AsyncEngine, handler: Any = on_trade_changed, **route: Any) -> Engine:
    routes = [On(TradeChangedV1, handler, tally_refs, **route)]
    return Engine(database, "toy", STORAGE, routes, clock=lambda: NOW)


def raising(error: Exception) -> Callable[[TradeChangedV1, UnitOfWork], None]:
    def handler(_event: TradeChangedV1, _uow: UnitOfWork) -> None:
        raise error

    return handler


async def test_a_handler_that_raises_leaves_nothing_but_its_parked_key(database: AsyncEngine) -> None:
    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        uow.put(Tally(OWNER_CODE, event.family))
        uow.emit(state_changed(event))
        uow.call("echo", event.family, {})
        uow.append(event)
        uow.arrived(event.family)
        raise RuntimeError("too late")

    came = message(trade("F1"))
    await an_engine(database, handler).run([came])

    left = {table: await count_of(database, table) for table in METADATA.tables}
    assert {table for table, rows in left.items() if rows} == {
        "inbox",
        "parked_key",
        "parked_message",
        "event",
        "outbox",
    }
    assert await alerts(database) == [
        "消息停靠，等待 人工处理 / a person / parked, waits for it: RuntimeError: too late; lemai parked redrive toy F1"
    ]
    assert await fetch(database, WHY, "F1") == [("RuntimeError: too late", None, None, 1)]
    [(value, topic)] = await fetch(database, "SELECT value, topic FROM parked_message")
    assert (value, topic) == (came.value, came.topic)


async def alerts(database: AsyncEngine) -> list[str]:
    """What was told of the parked key F1, and of nothing else."""
    rows = await fetch(
        database, "SELECT data->>'code', data->>'about', causationid <> '', data->>'message' FROM event ORDER BY seq"
    )
    assert {row[:3] for row in rows} <= {("parked", "F1", True)}
    return [row[3] for row in rows]


async def test_a_key_that_waits_for_a_thing_is_told_once_until_it_waits_for_another(database: AsyncEngine) -> None:
    awaited = iter(["item:1", "item:1", "item:2", "item:2"])

    def handler(_event: TradeChangedV1, _uow: UnitOfWork) -> None:
        thing = next(awaited)
        raise ParkAwaiting(f"no {thing}", thing)

    engine = an_engine(database, handler)
    await engine.run([message(trade("F1", "1")), message(trade("F1", "2"))])
    for _ in range(3):
        assert not await engine.redrive("F1")

    assert await alerts(database) == [
        f"消息停靠，等待 {thing} / parked, waits for it: no {thing}; lemai parked redrive toy F1"
        for thing in ("item:1", "item:2")
    ]


async def test_a_key_that_waits_for_a_time_is_told_when_only_a_person_is_left(database: AsyncEngine) -> None:
    engine = an_engine(database, raising(RuntimeError("again")), retry=(MINUTE,))

    await engine.run([message(trade("F1"))])
    assert await alerts(database) == []
    for _ in range(3):
        assert not await engine.redrive("F1")

    assert len(await alerts(database)) == 1


async def test_the_others_of_its_batch_flow(database: AsyncEngine) -> None:
    batch = [message(trade(f"F{number}", told="fail" if number == 3 else "")) for number in range(6)]

    await an_engine(database).run(batch)

    assert await notes(database) == {f"F{number}": ["1"] for number in range(6) if number != 3}
    assert await parked(database) == {"F3": ["1"]}


async def test_later_messages_of_a_parked_key_queue_behind_it(database: AsyncEngine) -> None:
    engine = an_engine(database)

    await engine.run([message(trade("F1", "1")), message(trade("F1", "2", "fail")), message(trade("F1", "3"))])
    await engine.run([message(trade("F1", "4")), message(trade("F2", "1")), message(trade("F1", "5"))])

    assert await parked(database) == {"F1": ["2", "3", "4", "5"]}
    assert await notes(database) == {"F1": ["1"], "F2": ["1"]}
    assert await fetch(database, "SELECT key FROM parked_key") == [("F1",)]


@pytest.mark.parametrize(
    ("park", "awaits", "due_at"),
    [
        (Park("look at it"), None, None),
        (ParkUntil("too early", NOW + MINUTE), None, NOW + MINUTE),
        (ParkAwaiting("no such item", "item:1"), "item:1", NOW + MINUTE),
    ],
    ids=["a person", "a time", "an awaited key"],
)
async def test_a_handler_parks_until(
    database: AsyncEngine, park: Park, awaits: str | None, due_at: datetime | None
) -> None:
    await an_engine(database, raising(park)).run([message(trade("F1"))])

    assert await fetch(database, WHY, "F1") == [(str(park), awaits, due_at, 1)]


async def test_an_arrival_in_the_same_batch_wakes_who_awaits_it(database: AsyncEngine) -> None:
    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        if event.family == "F2":
            uow.arrived("item:1")
        else:
            raise ParkAwaiting("no such item", "item:1")

    await an_engine(database, handler).run([message(trade("F1")), message(trade("F2"))])

    assert await fetch(database, "SELECT due_at <= now() FROM parked_key") == [(True,)]


async def test_a_handler_that_raises_is_tried_again_after_its_pauses_and_then_by_a_person(
    database: AsyncEngine,
) -> None:
    engine = an_engine(database, raising(RuntimeError("again")), retry=(MINUTE, 5 * MINUTE))
    due = []

    await engine.run([message(trade("F1"))])
    for _ in range(3):
        due += await fetch(database, "SELECT due_at, attempts FROM parked_key")
        assert not await engine.redrive("F1")
    due += await fetch(database, "SELECT due_at, attempts FROM parked_key")

    assert due == [(NOW + MINUTE, 1), (NOW + 5 * MINUTE, 2), (None, 3), (None, 4)]


async def test_an_unknown_type_is_skipped_and_counted_and_never_parked(database: AsyncEngine) -> None:
    def skipped() -> float:
        return REGISTRY.get_sample_value("lemai_skipped_total", {"type": listing("S1").type}) or 0

    before = skipped()
    await an_engine(database).run([message(listing("S1")), message(trade("F1"))])

    assert skipped() == before + 1
    assert await notes(database) == {"F1": ["1"]}
    assert await count_of(database, "parked_key") == 0
    assert await count_of(database, "inbox") == 1


async def test_a_tombstone_of_a_compacted_topic_says_nothing(database: AsyncEngine) -> None:
    await an_engine(database).run([message(listing("S1"), value=None), message(listing("S1"), value=None, headers=[])])

    assert await count_of(database, "parked_key") == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"family": "F1"', ": Invalid JSON: EOF while parsing an object at line 1 column 15"),
        (None, ": Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"\xff\x00", ": Invalid JSON: expected value at line 1 column 1"),
    ],
)
async def test_an_unreadable_body_is_parked_as_it_came(database: AsyncEngine, body: bytes | None, reason: str) -> None:
    came = message(trade("F1"), value=body)

    await an_engine(database).run([came, message(trade("F2"))])

    assert await fetch(database, WHY, "F1") == [(f"unreadable {trade('F1').type}: {reason}", None, None, 1)]
    assert await fetch(database, "SELECT value FROM parked_message") == [(body,)]
    assert await notes(database) == {"F2": ["1"]}


async def test_the_reason_names_the_wrong_field_but_not_what_stands_in_it(database: AsyncEngine) -> None:
    body = trade("F1").model_dump(mode="json")
    body["consignee"]["region"] = "余杭区 张三"
    body["lines"][1]["quantity"] = -1

    await an_engine(database).run([message(trade("F1"), value=json.dumps(body).encode())])

    [(reason, *_)] = await fetch(database, WHY, "F1")
    assert reason == (
        f"unreadable {trade('F1').type}: lines.1.quantity: Input should be greater than or equal to 0; "
        "consignee.region: Input should be an object"
    )


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "header ce_id is missing"),
        ([("ce_id", b"7"), ("x", b"\xff\x00")], "header ce_id is b'7': badly formed hexadecimal UUID string"),
    ],
)
async def test_an_unreadable_envelope_is_parked_as_it_came_once(
    database: AsyncEngine, headers: Any, reason: str
) -> None:
    came = message(trade("F1"), headers=headers)
    engine = an_engine(database)

    await engine.run([came])
    await engine.run([came])

    assert await fetch(database, WHY, "F1") == [(f"unreadable envelope: {reason}", None, None, 1)]
    assert await fetch(database, "SELECT value FROM parked_message") == [(came.value,)]


async def test_a_consumer_table_that_cannot_name_the_aggregates_parks_the_message(database: AsyncEngine) -> None:
    def touches(event: TradeChangedV1) -> Any:
        raise KeyError(event.family)

    engine = Engine(database, "toy", STORAGE, [On(TradeChangedV1, on_trade_changed, touches)])
    await engine.run([message(trade("F1"))])

    assert await fetch(database, WHY, "F1") == [(f"unreadable {trade('F1').type}: KeyError: 'F1'", None, None, 1)]


async def test_a_handler_that_puts_what_it_neither_named_nor_read_is_an_error(database: AsyncEngine) -> None:
    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        uow.put(Tally(OWNER_CODE, "somebody else's"))

    await an_engine(database, handler).run([message(trade("F1"))])

    assert await fetch(database, WHY, "F1") == [("UnnamedAggregate: Tally ('TOY', \"somebody else's\")", None, None, 1)]
    assert await count_of(database, "tally") == 0


async def test_an_error_of_the_system_is_the_handlers_own(database: AsyncEngine) -> None:
    await an_engine(database, raising(FileNotFoundError("no such file"))).run([message(trade("F1"))])

    assert await fetch(database, WHY, "F1") == [("FileNotFoundError: no such file", None, None, 1)]


async def test_an_infrastructure_error_stops_everything_and_parks_nothing(database_url: str) -> None:
    empty = connect(database_url)

    with pytest.raises(ProgrammingError):
        await an_engine(empty).run([message(trade("F1")), message(trade("F2"))])

    await empty.dispose()


async def test_a_reason_is_stored_whatever_is_in_it(database: AsyncEngine) -> None:
    await an_engine(database, raising(RuntimeError("a\0b\ud800" + "c" * 9000))).run([message(trade("F1"))])

    [(reason, *_)] = await fetch(database, WHY, "F1")
    assert reason == ("RuntimeError: ab" + "c" * 9000)[:4000]


async def test_headers_are_stored_whatever_is_in_them(database: AsyncEngine) -> None:
    came = message(trade("F1", told="fail"))
    odd = replace(came, headers=[*came.headers, ("n\0me", b"\x00\xff"), ("empty", b"")])

    await an_engine(database).run([odd])

    [(headers,)] = await fetch(database, "SELECT headers FROM parked_message")
    assert headers[-2:] == [["nme", "�"], ["empty", ""]]
