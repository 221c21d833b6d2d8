"""A migrated database, and stock-svc on it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # Where stock_world is; the tests themselves are found by path.

from stock_world import MIGRATIONS, World

from lemai_chassis.database import connect, migrate


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    await migrate(database_url, MIGRATIONS)
    database = connect(database_url)
    yield World(database)
    await database.dispose()
