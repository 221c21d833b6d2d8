"""The service as its bootstrap puts it together, without a broker."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from stock_world import FLAGSHIP, NOW, TSHIRT, World, counted, listed, pulled_until, requested, snapshot

from lemai_chassis.service import Service
from lemai_chassis.settings import Settings
from stock_svc.bootstrap import build

CONFIG = Path(__file__).parents[4] / "config" / "lemai.yaml"
DEADLINE_S = 20


@pytest.fixture
async def service(world: World, stock_database_url: str) -> AsyncIterator[Service]:
    """The endless work of the real thing, beside what the test does to the same database."""
    settings = Settings(
        lemai_config=CONFIG, database_url=SecretStr(stock_database_url), kafka_bootstrap_servers="127.0.0.1:1"
    )
    built = build(settings)
    loops = [asyncio.ensure_future(loop()) for loop in built.loops]
    yield built
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    await built.engine.database.dispose()


async def test_counting_filling_and_telling_go_on_by_themselves(world: World, service: Service) -> None:
    await world.take(requested("TM1", tshirt=2, store_code=FLAGSHIP), listed(TSHIRT, "1001"))
    await world.take(*pulled_until(world.later(hours=1)))

    await world.take(snapshot("IB1", counted(TSHIRT, 5), at=NOW))

    deadline = time.monotonic() + DEADLINE_S
    while await world.figures() != [("1001", 3, 1)] and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert await world.answers() == [("TM1", "short"), ("TM1", "committed")]
    assert await world.figures() == [("1001", 3, 1)]


async def test_the_ledger_is_checked_every_day(service: Service) -> None:
    [schedule] = service.schedules

    await schedule.run()

    assert (schedule.name, schedule.every.days) == ("check ledger", 1)


def test_every_event_it_should_know_has_a_handler(service: Service) -> None:
    assert service.engine.topics == (
        "lemai.catalog.item",
        "lemai.catalog.listing",
        "lemai.fulfilment.actual",
        "lemai.marketplace.publication",
        "lemai.order.order",
        "lemai.stock.snapshot",
    )
