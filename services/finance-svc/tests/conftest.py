"""A finance database as its migrations make it, and the service on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import finance_svc
from finance_svc import api, consumers
from finance_svc.storage import STORAGE
from lemai_chassis.database import connect, migrate
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.strict import application
from lemai_chassis.testing import access, token


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    await migrate(database_url, Path(finance_svc.__file__).parent / "migrations")
    engine = connect(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def engine(database: AsyncEngine) -> Engine:
    return Engine(database, "finance-svc", STORAGE, consumers.routes())


@pytest.fixture
async def http(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    app = application("finance-svc", [api.router(engine)], access())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://finance", headers=token()) as client:
        yield client
