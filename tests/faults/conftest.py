"""A store that does not run out while things are killed."""

import pytest_asyncio

from lemai_tools.demo import scenario
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.verdict import Step
from lemai_tools.demo.world import World


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(world: World, stocked: tuple[Shop, Step]) -> Shop:
    """The store with plenty of everything."""
    shop, _ = stocked
    shop.shelf = 10_000
    await scenario.take_snapshot(world, shop)
    return shop
