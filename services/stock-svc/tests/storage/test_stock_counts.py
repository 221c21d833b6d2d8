"""What a counterpart counted, and what moved meanwhile."""

import asyncio
from datetime import datetime, timedelta

import pytest
from stock_world import SHOES, TSHIRT, World, counted, received, requested, shipped, snapshot

from lemai_contracts.stock import SnapshotScope, StockMovedV1
from lemai_contracts.values import Grade
from stock_svc import settling
from stock_svc.storage import work

SECOND = timedelta(seconds=1)
PARTIAL = SnapshotScope.PARTIAL


async def differences(world: World, snapshot_id: str) -> list[tuple[str, int, int]]:
    rows = await world.rows(
        "SELECT item_code, expected, counted FROM difference WHERE snapshot_id = $1 ORDER BY position", snapshot_id
    )
    return [(row["item_code"], row["expected"], row["counted"]) for row in rows]


async def state(world: World, snapshot_id: str) -> str:
    [row] = await world.rows("SELECT state FROM snapshot WHERE snapshot_id = $1", snapshot_id)
    return str(row["state"])


async def test_a_full_snapshot_waits_for_its_last_chunk(world: World) -> None:
    await world.hold(tshirt=5, shoes=5)
    world.later(seconds=1)

    await world.take(snapshot("IB1", counted(TSHIRT, 7), chunk=2, chunks=2, at=world.now))
    await world.count()
    assert await world.on_hand(TSHIRT) == (5, 0, 0)

    await world.take(snapshot("IB1", counted(SHOES, 1), chunk=1, chunks=2, at=world.now))
    await world.count()
    assert await world.on_hand(TSHIRT) == (7, 0, 0)
    assert await world.on_hand(SHOES) == (1, 0, 0)


async def test_what_a_full_snapshot_does_not_name_is_gone(world: World) -> None:
    await world.hold(tshirt=5, shoes=5)

    await world.take(snapshot("IB1", counted(TSHIRT, 5), at=world.now))
    await world.count()

    assert await world.on_hand(SHOES) == (0, 0, 0)
    assert await differences(world, "IB1") == [(SHOES, 5, 0)]


async def test_a_partial_snapshot_touches_only_what_it_names(world: World) -> None:
    await world.hold(tshirt=5, shoes=5)

    await world.take(snapshot("IB1", counted(TSHIRT, 4), at=world.now, scope=PARTIAL))
    await world.count()

    assert await world.on_hand(TSHIRT) == (4, 0, 0)
    assert await world.on_hand(SHOES) == (5, 0, 0)


async def test_lots_of_one_item_count_together_and_grades_apart(world: World) -> None:
    lines = [counted(TSHIRT, 3), counted(TSHIRT, 4), counted(TSHIRT, 2, grade=Grade.DEFECTIVE)]

    await world.take(snapshot("IB1", *lines[:2], chunk=1, chunks=2), snapshot("IB1", lines[2], chunk=2, chunks=2))
    await world.count()

    assert await world.on_hand(TSHIRT) == (7, 0, 0)
    assert await world.on_hand(TSHIRT, "defective") == (2, 0, 0)


async def test_a_correction_is_in_the_ledger_and_told(world: World) -> None:
    await world.hold(tshirt=5)

    await world.take(snapshot("IB1", counted(TSHIRT, 3), at=world.now))
    await world.count()

    moved = (await world.published(StockMovedV1))[-1]
    assert (moved.change, moved.on_hand, moved.cause, moved.reference) == (-2, 3, "snapshot", "IB1")
    assert moved.moved_at == world.now
    async with world.database.connect() as connection:
        assert await work.ledger_faults(connection) == []


async def test_promises_outlive_a_count(world: World) -> None:
    await world.hold(tshirt=5)
    await world.take(requested("TM1", tshirt=4))

    await world.take(snapshot("IB1", counted(TSHIRT, 3), at=world.now))
    await world.count()

    assert await world.on_hand() == (3, 4, 0)


async def test_locked_pieces_are_our_own_open_orders(world: World) -> None:
    await world.take(snapshot("IB1", counted(TSHIRT, 10, locked=4)))
    await world.count()

    assert await world.on_hand() == (10, 0, 0)


async def test_locked_pieces_of_others_are_frozen_until_the_next_count(world: World) -> None:
    await world.take(snapshot("IB1", counted(TSHIRT, 10, locked=4), counterpart_code="WMS-JFY", at=world.now))
    await world.count()
    assert await world.on_hand() == (10, 0, 4)

    world.later(seconds=1)
    await world.take(snapshot("IB2", counted(TSHIRT, 10, locked=1), counterpart_code="WMS-JFY", at=world.now))
    await world.count()
    assert await world.on_hand() == (10, 0, 1)


async def test_defective_pieces_are_never_frozen(world: World) -> None:
    line = counted(TSHIRT, 10, locked=4, grade=Grade.DEFECTIVE)

    await world.take(snapshot("IB1", line, counterpart_code="WMS-JFY"))
    await world.count()

    assert await world.on_hand(TSHIRT, "defective") == (10, 0, 0)


async def test_what_moved_after_the_count_is_not_lost(world: World) -> None:
    await world.hold(tshirt=10)
    await world.take(
        shipped("TM1", "A1", tshirt=1, occurred_at=world.now - SECOND),
        shipped("TM2", "A2", tshirt=2, occurred_at=world.now + SECOND),
    )

    await world.take(snapshot("IB1", counted(TSHIRT, 8), at=world.now))
    await world.count()

    assert await world.on_hand() == (6, 0, 0)
    assert await differences(world, "IB1") == [(TSHIRT, 9, 8)]


async def test_what_was_counted_before_it_was_reported_moves_once(world: World) -> None:
    await world.hold(tshirt=10)
    await world.take(requested("TM1", tshirt=2))
    await world.take(snapshot("IB1", counted(TSHIRT, 8), at=world.now))
    await world.count()

    await world.take(shipped("TM1", "A1", tshirt=2, final=True, occurred_at=world.now - SECOND))

    assert await world.on_hand() == (8, 0, 0)


async def test_an_older_full_snapshot_is_ignored(world: World) -> None:
    await world.take(snapshot("IB2", counted(TSHIRT, 5), at=world.now))
    await world.count()

    await world.take(snapshot("IB1", counted(TSHIRT, 99), at=world.now - SECOND))
    await world.count()

    assert await world.on_hand() == (5, 0, 0)
    assert await state(world, "IB1") == "stale"
    assert await world.rows("SELECT * FROM counted_line") == []


async def test_a_full_snapshot_does_not_undo_a_newer_partial_one(world: World) -> None:
    await world.hold(tshirt=10, shoes=10)
    await world.take(snapshot("IB2", counted(TSHIRT, 5), at=world.now, scope=PARTIAL))
    await world.count()

    await world.take(snapshot("IB1", counted(TSHIRT, 7), counted(SHOES, 7), at=world.now - SECOND))
    await world.count()

    assert await world.on_hand(TSHIRT) == (5, 0, 0)
    assert await world.on_hand(SHOES) == (7, 0, 0)


async def test_two_snapshots_at_once_are_applied_one_after_the_other(world: World) -> None:
    await world.take(
        snapshot("IB2", counted(TSHIRT, 7), at=world.now), snapshot("IB1", counted(TSHIRT, 5), at=world.now - SECOND)
    )
    await world.count()

    assert await world.on_hand() == (7, 0, 0)
    assert [await state(world, name) for name in ("IB1", "IB2")] == ["applied", "applied"]
    assert await differences(world, "IB2") == [(TSHIRT, 5, 7)]


async def test_a_count_that_broke_off_is_booked_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "DIFFERENCES_AT_ONCE", 1)
    await world.take(snapshot("IB1", counted(TSHIRT, 5), counted(SHOES, 4), at=world.now))
    await world.engine.transact(settling.count)
    await world.engine.transact(settling.count)
    assert await state(world, "IB1") == "correcting"
    await world.take(shipped("TM1", "A1", tshirt=2, shoes=1, occurred_at=world.now + SECOND))

    await world.count()

    assert await world.on_hand(TSHIRT) == (3, 0, 0)
    assert await world.on_hand(SHOES) == (3, 0, 0)
    assert await state(world, "IB1") == "applied"


async def test_actuals_that_come_while_a_warehouse_is_counted_move_once(world: World) -> None:
    await world.hold(tshirt=100)
    at = world.later(seconds=10)

    async def report(start: int, occurred_at: datetime) -> None:
        for number in range(start, start + 10):
            await world.take(shipped(f"TM{number}", "A1", tshirt=1, occurred_at=occurred_at))

    async def count() -> None:
        await world.take(snapshot("IB1", counted(TSHIRT, 90), at=at))
        await world.count()

    await asyncio.gather(report(0, at - SECOND), count(), report(10, at + SECOND))

    assert await world.on_hand() == (80, 0, 0)


async def test_returned_goods_counted_by_a_partial_snapshot_move_once(world: World) -> None:
    await world.take(snapshot("IB1", counted(TSHIRT, 3), at=world.now, scope=PARTIAL))
    await world.count()

    await world.take(received("TM1-t", "R1", tshirt=1, occurred_at=world.now - SECOND))
    await world.take(received("TM2-t", "R2", tshirt=1, occurred_at=world.now + SECOND))

    assert await world.on_hand() == (4, 0, 0)
