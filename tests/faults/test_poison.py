"""A message nobody can read parks its key and nothing else."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from lemai_contracts import Attributes, to_headers
from lemai_contracts.marketplace import TradeChangedV1
from lemai_tools.demo import scenario, verdict
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.world import World, until
from lemai_tools.platform.local import Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRADES = 40
POISONS = 5


async def test_poison_parks_its_keys_while_every_trade_goes_through(
    platform: Platform, world: World, shop: Shop
) -> None:
    placed = (await world.tmall.post("/sim/trades/bulk", {"count": TRADES, "seed": 99, "lines_max": 2}))["tids"]
    poisoned = {f"tmall/poison-{number}" for number in range(POISONS)}
    async with AIOKafkaProducer(bootstrap_servers=platform.bootstrap_servers) as producer:
        for key in poisoned:
            attributes = Attributes(uuid4(), "test", TradeChangedV1.type, datetime.now(UTC), key, key, 0, "")
            await producer.send_and_wait(
                TradeChangedV1.topic.name, b'{"family": ', key=key.encode(), headers=to_headers(attributes)
            )

    every = [await scenario.told(world, tid) for tid in placed]

    async def parked() -> set[str]:
        return {key["key"] for key in (await world.orders.get("/v1/parked"))["items"]}

    await until("the poison is parked", parked, lambda keys: keys == poisoned)
    assert [problem for told in every for problem in verdict.trade_problems(told)] == []
