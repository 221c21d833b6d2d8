"""A docking on a database of its own, and a K/3 Cloud in memory."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # Where k3_world and its like are; the tests are found by path.

from k3_docking import World, a_world
from k3_fake import FakeK3


@pytest.fixture
def k3() -> FakeK3:
    return FakeK3()


@pytest.fixture
async def world(database_url: str, k3: FakeK3) -> AsyncIterator[World]:
    async with a_world(database_url, k3.http()) as world:
        yield world
