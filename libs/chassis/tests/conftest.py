"""A database with the toy service's tables, emptied before each test."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from lemai_toy import METADATA
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import create_tables

from lemai_chassis.database import connect
from lemai_contracts.topics import TOPICS
from lemai_tools.platform.topics import create_topics

structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])


@pytest.fixture(scope="session")
def toy_url(postgres: Any) -> str:
    """The URL of a database with the toy's tables, shared by the tests of one worker."""
    url: str = asyncio.run(postgres.fresh_database("toy"))
    asyncio.run(create_tables(url))
    asyncio.run(find_deadlocks_quickly(url))
    return url


async def find_deadlocks_quickly(url: str) -> None:
    engine = connect(url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} SET deadlock_timeout = '50ms'")
    await engine.dispose()


@pytest.fixture
async def database(toy_url: str) -> AsyncIterator[AsyncEngine]:
    """The toy's tables, empty."""
    engine = connect(toy_url)
    async with engine.begin() as connection:
        for table in METADATA.tables:  # On tables of a few rows far quicker than TRUNCATE.
            await connection.exec_driver_sql(f'DELETE FROM "{table}"')
        await connection.exec_driver_sql("ALTER SEQUENCE outbound_call_id_seq RESTART")
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def kafka_servers(kafka_bootstrap: str) -> str:
    """Bootstrap servers of a Kafka with the topics of the contracts."""
    asyncio.run(create_topics(kafka_bootstrap, TOPICS))
    return kafka_bootstrap
