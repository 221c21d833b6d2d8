"""A finance database as its migrations make it, and the service on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

import finance_svc
from finance_svc import api, consumers
from finance_svc.storage import STORAGE
from lemai_chassis.database import connect, migrate
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import add_problem_handlers


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
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(api.router(engine))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://finance") as client:
        yield client
