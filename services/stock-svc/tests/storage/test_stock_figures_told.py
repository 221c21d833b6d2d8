"""When a store is told its figure: never before its trades are known far enough."""

import asyncio
from datetime import timedelta

import pytest
from stock_world import (
    FLAGSHIP,
    OUTLET,
    SET,
    SHOES,
    TSHIRT,
    World,
    cancelled,
    combo,
    counted,
    listed,
    pulled_until,
    received,
    requested,
    shipped,
    snapshot,
)

from lemai_contracts.stock import AvailabilityChangedV1
from stock_svc import settling


async def listing(world: World, *, tshirt: int, shoes: int = 0) -> None:
    """A T-shirt on sale in the flagship store, its figure told."""
    await world.hold(tshirt=tshirt, shoes=shoes)
    await world.take(listed(TSHIRT, "1001"), *pulled_until(world.now))
    await world.follow_up()
    assert await world.figures() == [("1001", tshirt, 1)]


async def pull(world: World, store_code: str = FLAGSHIP) -> None:
    """A second later the store's trades are known until then."""
    await world.take(*pulled_until(world.later(seconds=1), store_code))
    await world.follow_up()


async def test_a_new_listing_waits_for_the_watermark(world: World) -> None:
    await world.hold(tshirt=5)
    await world.take(listed(TSHIRT, "1001"), *pulled_until(world.now - timedelta(microseconds=1)))
    await world.follow_up()
    assert await world.figures() == []

    await world.take(*pulled_until(world.now))
    await world.follow_up()

    [told] = await world.published(AvailabilityChangedV1)
    assert (told.quantity, told.version, told.watermark, told.item_code) == (5, 1, world.now, TSHIRT)


async def test_the_watermark_is_that_of_the_slowest_partition(world: World) -> None:
    await world.hold(tshirt=5)
    *most, last = pulled_until(world.now)
    await world.take(listed(TSHIRT, "1001"), *most)
    await world.follow_up()
    assert await world.figures() == []

    await world.take(last)
    await world.follow_up()
    assert await world.figures() == [("1001", 5, 1)]


async def test_a_partition_that_lags_keeps_the_figure_back(world: World) -> None:
    await listing(world, tshirt=5)
    world.later(seconds=1)
    await world.take(received("PO1-c", "R1", tshirt=7, occurred_at=world.now))
    *most, last = pulled_until(world.later(seconds=1))
    await world.take(*most)
    await world.follow_up()
    assert await world.figures() == [("1001", 5, 1)]

    await world.take(requested("TM1", tshirt=2), last)
    await pull(world)
    assert await world.figures() == [("1001", 5, 1), ("1001", 10, 2)]


async def test_no_figure_before_a_full_count(world: World) -> None:
    await world.take(received("PO1-c", "R1", tshirt=5), listed(TSHIRT, "1001"), *pulled_until(world.now))
    await world.follow_up()
    assert await world.figures() == []

    await world.take(snapshot("IB1", counted(TSHIRT, 9), at=world.now))
    await world.count()
    await world.follow_up()
    assert await world.figures() == [("1001", 9, 1)]


async def test_no_figure_while_a_count_is_being_booked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "DIFFERENCES_AT_ONCE", 1)
    await world.take(listed(TSHIRT, "1001"), *pulled_until(world.now))
    await world.take(snapshot("IB1", counted(TSHIRT, 9), counted(SHOES, 4), at=world.now))

    await world.engine.transact(settling.count)
    await world.follow_up()
    assert await world.figures() == []

    await world.count()
    await world.follow_up()
    assert await world.figures() == [("1001", 9, 1)]


async def test_a_listed_item_that_was_not_counted_is_sold_out(world: World) -> None:
    await world.hold(shoes=5)

    await world.take(listed(TSHIRT, "1001"))
    await pull(world)

    assert await world.figures() == [("1001", 0, 1)]


async def test_what_an_order_takes_is_told_when_the_trades_until_then_are_known(world: World) -> None:
    await listing(world, tshirt=5)
    world.later(seconds=1)
    await world.take(requested("TM1", tshirt=2))
    await world.follow_up()
    assert await world.figures() == [("1001", 5, 1)]

    await pull(world)

    assert await world.figures() == [("1001", 5, 1), ("1001", 3, 2)]


async def test_a_store_that_keeps_selling_an_item_is_not_told_a_figure_that_undoes_its_own_counting(
    world: World,
) -> None:
    await listing(world, tshirt=50)
    for number in range(3):
        await world.take(requested(f"TM{number}", tshirt=1))
        until = world.now
        world.later(seconds=1)
        await world.take(requested(f"TN{number}", tshirt=1), *pulled_until(until))
        await world.follow_up()
    assert await world.figures() == [("1001", 50, 1)]

    await pull(world)

    assert await world.figures() == [("1001", 50, 1), ("1001", 44, 2)]


async def test_a_store_that_shares_the_stock_is_told_while_another_keeps_selling(world: World) -> None:
    await listing(world, tshirt=53)
    await world.take(listed(TSHIRT, "2001", OUTLET))
    for number in range(3):
        await world.take(requested(f"TM{number}", tshirt=10))
        until = world.now
        world.later(seconds=1)
        await world.take(requested(f"TN{number}", tshirt=2), *pulled_until(until), *pulled_until(until, OUTLET))
        await world.follow_up()

    assert await world.figures(OUTLET) == [("2001", 19, 1), ("2001", 13, 2), ("2001", 7, 3)]
    assert await world.figures(FLAGSHIP) == [("1001", 53, 1)]


async def test_an_arrival_is_told_when_the_trades_until_then_are_known(world: World) -> None:
    await listing(world, tshirt=5)
    world.later(seconds=1)
    await world.take(received("PO1-c", "R1", tshirt=7, occurred_at=world.now))
    await world.follow_up()
    assert await world.figures() == [("1001", 5, 1)]

    await pull(world)

    assert await world.figures() == [("1001", 5, 1), ("1001", 12, 2)]


async def test_what_leaves_as_promised_is_nothing_to_tell(world: World) -> None:
    await listing(world, tshirt=5)
    await world.take(requested("TM1", tshirt=2))
    await pull(world)

    await world.take(shipped("TM1", "A1", tshirt=2, final=True, occurred_at=world.now))
    await pull(world)

    assert await world.figures() == [("1001", 5, 1), ("1001", 3, 2)]


async def test_a_change_that_was_undone_is_not_told(world: World) -> None:
    await listing(world, tshirt=5)
    await world.take(received("PO1-c", "R1", tshirt=2, occurred_at=world.now))
    await world.take(shipped("LOSS-v", "A1", tshirt=2, occurred_at=world.now))
    await pull(world)

    assert await world.figures() == [("1001", 5, 1)]
    assert await world.rows("SELECT due_since FROM figure") == [{"due_since": None}]


@pytest.mark.parametrize("undone_by", ["cancellation", "arrival"])
async def test_an_order_that_was_made_up_for_is_told_because_the_platform_counted_it(
    world: World, undone_by: str
) -> None:
    await listing(world, tshirt=5)
    world.later(seconds=1)
    await world.take(requested("TM1", tshirt=2))
    undoing = {"cancellation": cancelled("TM1"), "arrival": received("PO1-c", "R1", tshirt=2, occurred_at=world.now)}
    await world.take(undoing[undone_by])
    await pull(world)

    assert await world.figures() == [("1001", 5, 1), ("1001", 5, 2)]


async def test_an_order_that_gets_nothing_is_told_because_the_platform_counted_it(world: World) -> None:
    await listing(world, tshirt=5)
    world.later(seconds=1)
    await world.take(requested("TM1", tshirt=9))
    await pull(world)

    assert await world.figures() == [("1001", 5, 1), ("1001", 5, 2)]


async def test_a_combo_is_told_when_one_of_its_parts_changes(world: World) -> None:
    await world.hold(tshirt=10, shoes=4)
    await world.take(combo(SET, tshirt=2, shoes=1), listed(SET, "3001"))
    await pull(world)
    assert await world.figures() == [("3001", 4, 1)]

    await world.take(requested("TM1", tshirt=4))
    await pull(world)

    assert await world.figures() == [("3001", 4, 1), ("3001", 3, 2)]


async def test_a_combo_is_told_when_it_consists_of_something_else(world: World) -> None:
    await world.hold(tshirt=10, shoes=4)
    await world.take(combo(SET, tshirt=2, shoes=1), listed(SET, "3001"))
    await pull(world)

    await world.take(combo(SET, tshirt=2))
    await pull(world)
    await world.take(combo(SET))
    await pull(world)

    assert await world.figures() == [("3001", 4, 1), ("3001", 5, 2), ("3001", 0, 3)]


async def test_a_store_that_sells_a_part_of_a_combo_waits_for_its_own_orders_of_that_part(world: World) -> None:
    await world.hold(tshirt=10, shoes=4)
    await world.take(combo(SET, tshirt=2, shoes=1), listed(SET, "3001"))
    until = world.later(seconds=1)
    world.later(seconds=1)
    await world.take(requested("TM1", tshirt=1), *pulled_until(until))
    await world.follow_up()
    assert await world.figures() == []

    await pull(world)
    assert await world.figures() == [("3001", 4, 1)]


async def test_a_platform_sku_that_sells_another_item_is_told_at_once_more(world: World) -> None:
    await listing(world, tshirt=5, shoes=5)

    await world.take(listed(SHOES, "1001"))
    await pull(world)

    told = await world.published(AvailabilityChangedV1)
    assert [(figure.item_code, figure.quantity, figure.version) for figure in told] == [(TSHIRT, 5, 1), (SHOES, 5, 2)]


async def test_what_is_not_listed_any_more_is_not_told(world: World) -> None:
    await listing(world, tshirt=5)

    await world.take(listed(TSHIRT, "1001", active=False), requested("TM1", tshirt=2))
    await pull(world)
    assert await world.figures() == [("1001", 5, 1)]

    await world.take(listed(TSHIRT, "1001"))
    await pull(world)
    assert await world.figures() == [("1001", 5, 1), ("1001", 3, 2)]


async def test_changes_while_figures_are_told_are_not_lost(world: World) -> None:
    await listing(world, tshirt=100)

    async def sell() -> None:
        for number in range(15):
            await world.take(requested(f"TM{number}", tshirt=1), *pulled_until(world.now + timedelta(seconds=number)))

    async def tell() -> None:
        for _ in range(15):
            await world.follow_up()

    await asyncio.gather(sell(), tell(), tell())
    await world.take(*pulled_until(world.now + timedelta(minutes=1)))
    await world.follow_up()

    figures = await world.figures()
    assert figures[-1][1] == 85
    assert [version for _, _, version in figures] == list(range(1, len(figures) + 1))


@pytest.mark.parametrize(("rule", "told"), [({"safety_stock": 3}, 7), ({"stock_share_percent": 50}, 5)])
async def test_a_new_rule_of_a_store_reaches_a_sku_that_nobody_buys(
    world: World, rule: dict[str, int], told: int
) -> None:
    await settling.follow_rules(world.engine, world.reference)
    await listing(world, tshirt=10)
    stores = tuple(s.model_copy(update=rule) if s.code == FLAGSHIP else s for s in world.reference.stores)
    restarted = World(world.database, world.reference.model_copy(update={"stores": stores}), world.later(hours=1))

    await settling.follow_rules(restarted.engine, restarted.reference)
    await pull(restarted)

    assert await restarted.figures() == [("1001", 10, 1), ("1001", told, 2)]


async def test_a_start_without_a_new_rule_makes_nothing_due(world: World) -> None:
    await settling.follow_rules(world.engine, world.reference)
    await listing(world, tshirt=10)

    await settling.follow_rules(world.engine, world.reference)

    assert await world.rows("SELECT 1 FROM figure WHERE due_since IS NOT NULL") == []
