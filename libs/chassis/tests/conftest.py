"""A database with the toy service's tables."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from lemai_toy import METADATA
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_chassis.database import add_event_partitions, connect


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = connect(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await add_event_partitions(connection, datetime.now(UTC))
    yield engine
    await engine.dispose()
