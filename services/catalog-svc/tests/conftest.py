"""A catalog database as its migrations make it, and the service's HTTP face on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

import catalog_svc
from catalog_svc import api
from catalog_svc.storage import STORAGE
from lemai_chassis.database import connect, migrate
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.reference import Reference
from lemai_chassis.strict import application
from lemai_chassis.testing import access, token


@pytest.fixture
def reference() -> Reference:
    store = {"platform": "tmall", "warehouse": "WH01", "carrier": "SF"}
    return Reference.model_validate(
        {
            "version": "1",
            "owners": [{"code": "JFY"}, {"code": "NB"}],
            "counterparts": [
                {
                    "code": "KD",
                    "kind": "kingdee",
                    "profile": "kingdee-default",
                    "channel": {"kind": "folder", "folder": "kd"},
                }
            ],
            "warehouses": [{"code": "WH01", "counterpart": "KD"}],
            "carriers": [{"code": "SF"}],
            "stores": [
                {"code": "TM-JFY-01", "owners": ["JFY"], **store},
                {"code": "TM-MIX-01", "owners": ["NB", "JFY"], **store},
            ],
            "order_no_prefixes": {"tmall": "TM"},
        }
    )


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    await migrate(database_url, Path(catalog_svc.__file__).parent / "migrations")
    engine = connect(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def app(database: AsyncEngine, reference: Reference) -> FastAPI:
    return application("catalog-svc", [api.router(Engine(database, "catalog-svc", STORAGE), reference)], access())


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://catalog", headers=token()) as client:
        yield client
