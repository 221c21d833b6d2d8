"""The adapter on databases and a folder of its own, alone or with a Kingdee at the other end."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

# Where kingdee_world, k3_world and their like are; the tests themselves are found by path.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "k3cloud"))

from k3_docking import World as K3World
from k3_docking import a_world
from k3_fake import FakeK3
from kingdee_world import DRESS, SHOES, Exchange, World, adapter, an_item, simulator


@pytest.fixture
async def world(postgres: Any, tmp_path: Path) -> AsyncIterator[World]:
    async with adapter(postgres, tmp_path) as world:
        yield world


@pytest.fixture
def k3() -> FakeK3:
    return FakeK3()


@pytest.fixture
async def docked(database_url: str, k3: FakeK3) -> AsyncIterator[K3World]:
    """A docking on a database of its own, and a K/3 Cloud in memory."""
    async with a_world(database_url, k3.http()) as docked:
        yield docked


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    """Both at work for a module whose tests have orders of their own; the sample items are sent and on the shelf."""
    folder = tmp_path_factory.mktemp("exchange")
    async with adapter(postgres, folder) as world, simulator(world.folder, folder / "kingdee") as kingdee:
        await kingdee.stock("JFY", {DRESS: 50, SHOES: 50})
        await world.take(an_item(), an_item(item_code=SHOES))
        async with world.running():
            yield Exchange(world, kingdee)
