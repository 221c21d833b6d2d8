"""The whole platform, started once for all flows and faults, with a store whose items are listed and in stock."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from lemai_tools.demo import scenario
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.verdict import Step
from lemai_tools.demo.world import World
from lemai_tools.platform.home import Home, default_config
from lemai_tools.platform.local import Platform
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.people import authorization


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with Platform(Home(tmp_path_factory.mktemp("platform")), default_config()) as platform:
        await platform.start_all()
        yield platform


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(platform: Platform) -> AsyncIterator[World]:
    async with httpx.AsyncClient(timeout=30, headers=authorization(platform.home)) as http:
        yield World.of(http, {name: platform.members[name].url for name in (*SERVICES, *SIMULATORS)})


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def synced(world: World) -> tuple[Shop, Step]:
    """Flow 1 has run: the shop, and what item sync showed."""
    shop = Shop()
    step = await scenario.sync_items(world, shop)
    await scenario.list_items(world, shop)
    return shop, step


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stocked(world: World, synced: tuple[Shop, Step]) -> tuple[Shop, Step]:
    """The ERP's snapshot is applied and on the platform: the shop, and what it showed."""
    shop, _ = synced
    return shop, await scenario.take_snapshot(world, shop)
