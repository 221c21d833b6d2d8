"""Promises in bulk, under contention, and the orders that wait."""

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError
from stock_world import MIGRATIONS, SHOES, TSHIRT, World, cancelled, counted, received, requested, shipped, snapshot

from lemai_chassis import database
from lemai_chassis.delivery.engine import Transaction
from stock_svc import settling
from stock_svc.storage import work


async def test_the_migrations_make_the_tables(database_url: str) -> None:
    await database.migrate(database_url, MIGRATIONS)

    await database.check(database_url, MIGRATIONS)


@pytest.mark.parametrize("change", ["UPDATE movement SET change = 1", "DELETE FROM movement", "TRUNCATE movement"])
async def test_the_ledger_cannot_be_changed(world: World, change: str) -> None:
    await world.hold(tshirt=5)

    with pytest.raises(DBAPIError, match="append-only"):
        async with world.database.begin() as connection:
            await connection.exec_driver_sql(change)


async def test_one_popular_item_in_every_order_of_a_batch(world: World) -> None:
    await world.hold(tshirt=150)

    await world.take(*[requested(f"TM{number:03}", tshirt=1) for number in range(200)])

    answers = await world.answers()
    assert answers[:150] == [(f"TM{number:03}", "committed") for number in range(150)]
    assert answers[150:] == [(f"TM{number:03}", "short") for number in range(150, 200)]
    assert await world.on_hand() == (150, 150, 0)


async def test_a_whole_sale_in_one_batch(world: World) -> None:
    await world.hold(tshirt=5)

    await world.take(requested("TM1", tshirt=2), shipped("TM1", "A1", tshirt=2, final=True, occurred_at=world.now))

    assert await world.on_hand() == (3, 0, 0)
    assert await world.rows("SELECT change, on_hand, cause FROM movement ORDER BY entry_no") == [
        {"change": 5, "on_hand": 5, "cause": "snapshot"},
        {"change": -2, "on_hand": 3, "cause": "actual"},
    ]


async def test_two_processes_never_promise_the_same_piece(world: World) -> None:
    await world.hold(tshirt=30, shoes=30)
    batches = [
        [requested(f"TM{batch}-{number}", tshirt=1, shoes=1 + number % 2) for number in range(10)] for batch in range(4)
    ]

    await asyncio.gather(*[world.take(*batch) for batch in batches])

    committed = [order_no for order_no, state in await world.answers() if state == "committed"]
    assert len(committed) >= 15
    assert await world.on_hand(TSHIRT) == (30, len(committed), 0)
    on_hand, held, _ = await world.on_hand(SHOES)
    assert len(committed) <= held <= on_hand


async def test_waiting_orders_are_filled_in_order_of_asking(world: World) -> None:
    await world.hold(tshirt=0)
    for order_no in ("TM3", "TM1", "TM2"):
        world.later(seconds=1)
        await world.take(requested(order_no, tshirt=2))

    await world.take(received("PO1-c", "R1", tshirt=5, occurred_at=world.now))
    await world.follow_up()

    assert (await world.answers())[3:] == [("TM3", "committed"), ("TM1", "committed")]
    assert await world.on_hand() == (5, 4, 0)


async def test_an_order_that_needs_more_does_not_keep_the_others_waiting(world: World) -> None:
    await world.hold(tshirt=0)
    await world.take(requested("BIG", tshirt=100))
    world.later(seconds=1)
    await world.take(requested("SMALL", tshirt=1))

    await world.take(received("PO1-c", "R1", tshirt=5, occurred_at=world.now))
    await world.follow_up()

    assert (await world.answers())[2:] == [("SMALL", "committed")]


async def test_an_order_waits_for_all_its_items(world: World) -> None:
    await world.hold(tshirt=0, shoes=0)
    await world.take(requested("TM1", tshirt=1, shoes=1))

    await world.take(received("PO1-c", "R1", tshirt=5, occurred_at=world.now))
    await world.follow_up()
    assert await world.on_hand() == (5, 0, 0)

    await world.take(received("PO1-c", "R2", shoes=1, occurred_at=world.now))
    await world.follow_up()
    assert (await world.answers())[1:] == [("TM1", "committed")]


@pytest.mark.parametrize("freed_by", ["cancellation", "smaller ask", "short close", "snapshot"])
async def test_whatever_frees_pieces_fills_who_waits(world: World, freed_by: str) -> None:
    await world.hold(tshirt=3)
    await world.take(requested("TM1", tshirt=3), requested("TM2", tshirt=2))
    freeing = {
        "cancellation": cancelled("TM1"),
        "smaller ask": requested("TM1", ask_no=2, tshirt=1),
        "short close": shipped("TM1", "A1", final=True),
        "snapshot": snapshot("IB2", counted(TSHIRT, 5), at=world.later(seconds=1)),
    }

    await world.take(freeing[freed_by])
    await world.count()
    await world.follow_up()

    assert (await world.answers())[-1] == ("TM2", "committed")


async def test_more_waiting_orders_than_are_filled_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "ORDERS_AT_ONCE", 3)
    await world.hold(tshirt=0)
    await world.take(*[requested(f"TM{number}", tshirt=1) for number in range(8)])

    await world.take(received("PO1-c", "R1", tshirt=7, occurred_at=world.now))
    await world.follow_up()

    filled = [order_no for order_no, state in await world.answers() if state == "committed"]
    assert filled == [f"TM{number}" for number in range(7)]


async def test_nothing_is_forgotten_when_following_up_breaks_off(world: World) -> None:
    await world.hold(tshirt=0)
    await world.take(requested("TM1", tshirt=1))
    await world.take(received("PO1-c", "R1", tshirt=1, occurred_at=world.now))
    settle, _tell = settling.following_up(world.reference)

    async def broken(transaction: Transaction) -> None:
        await settle(transaction)
        raise OSError

    with pytest.raises(OSError):
        await world.engine.transact(broken)
    assert await world.answers() == [("TM1", "short")]

    await world.follow_up()
    assert await world.answers() == [("TM1", "short"), ("TM1", "committed")]


async def test_asking_and_following_up_at_once_leave_nobody_waiting_for_what_is_there(world: World) -> None:
    await world.hold(tshirt=0)

    async def ask() -> None:
        for number in range(10):
            await world.take(requested(f"TM{number}", tshirt=1))

    async def supply() -> None:
        for number in range(10):
            await world.take(received("PO1-c", f"R{number}", tshirt=1, occurred_at=world.now))
            await world.follow_up()

    await asyncio.gather(ask(), supply())
    await world.follow_up()

    assert await world.on_hand() == (10, 10, 0)


async def test_a_ledger_that_does_not_add_up_is_found(world: World) -> None:
    await world.hold(tshirt=5, shoes=2)
    await world.take(shipped("TM1", "A1", tshirt=2, occurred_at=world.now))
    async with world.database.begin() as connection:
        assert await work.ledger_faults(connection) == []
        await connection.exec_driver_sql("UPDATE balance SET on_hand = on_hand + 1 WHERE item_code = $1", (SHOES,))

    await settling.check_ledger(world.engine)

    [alert] = [alert for alert in await world.alerts() if alert.code == "ledger_fault"]
    assert f"JFY/WH01/{SHOES}/good" in alert.message
