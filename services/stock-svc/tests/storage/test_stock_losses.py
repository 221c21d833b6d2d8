"""Nothing empties a shop: a snapshot that takes too much from the stores waits for a person."""

import pytest
from stock_world import SHOES, TSHIRT, World, counted, listed, pulled_until, snapshot

from lemai_chassis.testing import handle
from lemai_contracts.stock import SnapshotLine, SnapshotScope
from lemai_contracts.values import Grade
from stock_svc.domain import NotWaiting, Snapshot
from stock_svc.handlers.snapshots import Decision, decide

KEY = ("JFY", "WH01", "IB1")
LIMIT = "CAUTIOUS"
"""A counterpart that may take 30 % of what can be sold."""


async def report(
    world: World, snapshot_id: str, *lines: SnapshotLine, scope: SnapshotScope = SnapshotScope.FULL
) -> str:
    """The state of a snapshot a second later, as far as it goes by itself."""
    world.later(seconds=1)
    await world.take(snapshot(snapshot_id, *lines, at=world.now, scope=scope, counterpart_code=LIMIT))
    await world.count()
    [row] = await world.rows("SELECT state FROM snapshot WHERE snapshot_id = $1", snapshot_id)
    return str(row["state"])


async def say(world: World, *, apply: bool) -> None:
    await world.engine.execute(decide, Decision(KEY, apply, "wh01", "电话核实 / asked by phone"))
    await world.count()


async def staged(world: World) -> int:
    return len(await world.rows("SELECT 1 FROM counted_line"))


async def test_an_empty_full_snapshot_changes_nothing_and_alarms(world: World) -> None:
    await world.hold(tshirt=5, shoes=5)
    await world.take(listed(TSHIRT, "1001"), *pulled_until(world.later(hours=1)))
    await world.follow_up()

    assert await report(world, "IB1") == "waiting"

    assert await world.on_hand(TSHIRT) == (5, 0, 0)
    await world.take(*pulled_until(world.later(hours=1)))
    await world.follow_up()
    assert await world.figures() == [("1001", 5, 1)]
    [alert] = await world.alerts()
    assert (alert.code, alert.about) == ("snapshot_waits", "JFY/WH01/IB1")
    assert "10 件可售" in alert.message
    assert "lemai stock snapshots" in alert.message


async def test_an_empty_first_snapshot_waits_too(world: World) -> None:
    assert await report(world, "IB1") == "waiting"


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([counted(TSHIRT, 80), counted(SHOES, 90)], "applied"),
        ([counted(TSHIRT, 70), counted(SHOES, 70)], "applied"),
        ([counted(TSHIRT, 70), counted(SHOES, 69)], "waiting"),
        ([counted(TSHIRT, 100)], "waiting"),
        # As many pieces as before, but none of what the stores sell.
        ([counted(TSHIRT, 200)], "waiting"),
        # All there, none of it good.
        ([counted(TSHIRT, 100, grade=Grade.DEFECTIVE), counted(SHOES, 100, grade=Grade.DEFECTIVE)], "waiting"),
        ([counted(TSHIRT, 900), counted(SHOES, 900)], "applied"),
    ],
)
async def test_up_to_its_share_it_may_take_away(world: World, lines: list[SnapshotLine], state: str) -> None:
    await world.hold(tshirt=100, shoes=100)

    assert await report(world, "IB1", *lines) == state


async def test_a_partial_snapshot_may_take_no_more(world: World) -> None:
    await world.hold(tshirt=100, shoes=100)
    zeros = [counted(TSHIRT, 0), counted(SHOES, 0)]

    assert await report(world, "IB1", *zeros, scope=SnapshotScope.PARTIAL) == "waiting"
    assert await world.on_hand(TSHIRT) == (100, 0, 0)

    await say(world, apply=True)
    assert await world.on_hand(TSHIRT) == (0, 0, 0)


async def test_a_person_who_believes_it_has_it_booked_as_the_books_are_by_then(world: World) -> None:
    await world.hold(tshirt=100, shoes=100)
    await report(world, "IB1", counted(TSHIRT, 10))
    assert await staged(world) == 1

    await say(world, apply=True)

    assert (await world.on_hand(TSHIRT), await world.on_hand(SHOES)) == ((10, 0, 0), (0, 0, 0))
    [row] = await world.rows("SELECT state, decided_by, sellable, lost FROM snapshot WHERE snapshot_id = 'IB1'")
    assert row == {"state": "applied", "decided_by": "wh01", "sellable": 200, "lost": 190}
    assert await staged(world) == 0


async def test_a_person_who_does_not_ends_it(world: World) -> None:
    await world.hold(tshirt=100)
    await report(world, "IB1")

    await say(world, apply=False)

    assert await world.on_hand(TSHIRT) == (100, 0, 0)
    assert [row["state"] for row in await world.rows("SELECT state FROM snapshot WHERE snapshot_id = 'IB1'")] == [
        "refused"
    ]
    assert await staged(world) == 0
    with pytest.raises(NotWaiting):
        await say(world, apply=True)


async def test_the_next_good_snapshot_settles_it(world: World) -> None:
    await world.hold(tshirt=100)
    await report(world, "IB1", counted(TSHIRT, 1))

    assert await report(world, "IB2", counted(TSHIRT, 99)) == "applied"

    assert [row["state"] for row in await world.rows("SELECT state FROM snapshot WHERE snapshot_id = 'IB1'")] == [
        "stale"
    ]
    assert await staged(world) == 0


def test_only_a_waiting_snapshot_is_decided(world: World) -> None:
    received = Snapshot(*KEY, LIMIT, world.now, True, False, 30, 1, world.now)

    with pytest.raises(NotWaiting, match="receiving"):
        handle(decide, Decision(KEY, True, "wh01", ""), [received], now=world.now)
