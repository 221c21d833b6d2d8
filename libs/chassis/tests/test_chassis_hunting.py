"""Only an error of the flush itself is hunted, by halving: whoever is to blame parks, and nobody else."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from lemai_toy import OWNER_CODE, STORAGE, Tally, on_trade_changed, state_changed, tally_refs
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import count_of, fetch, message, notes, parked, trade

from lemai_chassis.delivery.effects import EVENT_BYTES_MAX
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.ops import AlertRaisedV1

Spoil = Callable[[TradeChangedV1, UnitOfWork], None]


def puts_text_no_database_stores(event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.put(Tally(OWNER_CODE, event.family, notes=("\0",)))


def puts_a_name_too_long_to_index(event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.get(Tally, OWNER_CODE, event.raw_status)
    uow.put(Tally(OWNER_CODE, event.raw_status))


def puts_a_count_out_of_range(event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.put(Tally(OWNER_CODE, event.family, count=2**70))


def reads_a_name_no_database_stores(_event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.get(Tally, OWNER_CODE, "\0")


def emits_more_than_kafka_takes(event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.emit(state_changed(event).model_copy(update={"reason": "x" * EVENT_BYTES_MAX}))


def requests_a_call_that_is_not_json(event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.call("echo", event.family, {"amount": Decimal(1)})


def appends_what_nobody_stores(event: TradeChangedV1, uow: UnitOfWork) -> None:
    uow.append(event)


def an_engine(database: AsyncEngine, spoil: Spoil) -> Engine:
    def handler(event: TradeChangedV1, uow: UnitOfWork) -> None:
        on_trade_changed(event, uow)
        if event.version == "bad":
            spoil(event, uow)

    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, handler, tally_refs)])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (puts_text_no_database_stores, "unsupported Unicode escape sequence"),
        (puts_a_name_too_long_to_index, "maximum"),
        (puts_a_count_out_of_range, "out of range for type integer"),
        (reads_a_name_no_database_stores, "invalid byte sequence for encoding"),
        (emits_more_than_kafka_takes, "EventTooLargeError"),
        (requests_a_call_that_is_not_json, "Type is not JSON serializable: decimal.Decimal"),
        (appends_what_nobody_stores, "KeyError"),
    ],
)
@pytest.mark.parametrize("position", [0, 6, 12])
async def test_only_the_message_whose_effects_cannot_be_written_parks(
    database: AsyncEngine, spoil: Spoil, reason: str, position: int
) -> None:
    raw = secrets.token_hex(5000)
    trades = [trade(f"F{number}", "bad" if number == position else "1") for number in range(13)]
    batch = [message(event.model_copy(update={"raw_status": raw})) for event in trades]

    await an_engine(database, spoil).run([*batch, message(trade(f"F{position}", "2"))])

    assert await notes(database) == {f"F{number}": ["1"] for number in range(13) if number != position}
    assert await parked(database) == {f"F{position}": ["bad", "2"]}
    [(why, due_at)] = await fetch(database, "SELECT reason, due_at FROM parked_key")
    assert reason in why
    assert due_at is None
    told = await fetch(database, "SELECT subject FROM event WHERE type = $1", AlertRaisedV1.type)
    assert told == [(f"parked/F{position}",)]
    assert await count_of(database, "event") == 12 + len(told)


async def test_several_bad_messages_of_a_batch_all_park(database: AsyncEngine) -> None:
    batch = [message(trade(f"F{number}", "bad" if number % 3 == 0 else "1")) for number in range(12)]

    await an_engine(database, puts_text_no_database_stores).run(batch)

    assert set(await parked(database)) == {"F0", "F3", "F6", "F9"}
    assert len(await notes(database)) == 8


async def test_earlier_messages_of_the_same_key_are_done(database: AsyncEngine) -> None:
    batch = [message(trade("F1", version)) for version in ("1", "2", "bad", "3")]

    await an_engine(database, puts_text_no_database_stores).run(batch)

    assert await notes(database) == {"F1": ["1", "2"]}
    assert await parked(database) == {"F1": ["bad", "3"]}


async def test_aggregates_that_cannot_be_looked_for_park_their_message(database: AsyncEngine) -> None:
    def touches(event: TradeChangedV1) -> Any:
        return [ref(Tally, OWNER_CODE, "\0" if event.version == "bad" else event.family)]

    engine = Engine(database, "toy", STORAGE, [On(TradeChangedV1, on_trade_changed, touches)])
    await engine.run([message(trade("F1")), message(trade("F2", "bad")), message(trade("F3"))])
    assert await parked(database) == {"F2": ["bad"]}

    assert not await engine.redrive("F2")
    assert await fetch(database, "SELECT attempts, due_at FROM parked_key") == [(2, None)]
    assert await notes(database) == {"F1": ["1"], "F3": ["1"]}


async def test_a_redrive_whose_effects_cannot_be_written_parks_again(database: AsyncEngine) -> None:
    engine = an_engine(database, puts_text_no_database_stores)
    await engine.run([message(trade("F1", "bad")), message(trade("F1", "2"))])

    assert not await engine.redrive("F1")

    assert await parked(database) == {"F1": ["bad", "2"]}
    assert await fetch(database, "SELECT attempts, due_at FROM parked_key") == [(2, None)]


async def test_a_key_of_a_kind_that_is_not_kept_parks_its_message(database: AsyncEngine) -> None:
    class Stranger(Tally):
        pass

    def handler(_event: TradeChangedV1, uow: UnitOfWork) -> None:
        uow.get(Stranger, OWNER_CODE, "x")

    engine = Engine(database, "toy", replace(STORAGE), [On(TradeChangedV1, handler)])
    await engine.run([message(trade("F1"))])

    assert await parked(database) == {"F1": ["1"]}
