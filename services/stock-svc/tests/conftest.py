"""stock-svc on a migrated database, emptied for each test."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # Where stock_world is; the tests themselves are found by path.

from stock_world import MIGRATIONS, World

from lemai_chassis.database import connect, migrate
from stock_svc.storage.rows import METADATA


@pytest.fixture(scope="session")
def stock_database_url(postgres: Any) -> Iterator[str]:
    url = asyncio.run(postgres.fresh_database("stock"))
    asyncio.run(migrate(url, MIGRATIONS))
    yield url
    asyncio.run(postgres.drop(url))


@pytest.fixture
async def world(stock_database_url: str) -> AsyncIterator[World]:
    database = connect(stock_database_url)
    async with database.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # The ledger refuses it else.
        await connection.exec_driver_sql(f"TRUNCATE {', '.join(METADATA.tables)}")
    yield World(database)
    await database.dispose()
