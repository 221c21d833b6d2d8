"""A WebAPI server over the ERP of the sample items, and a client that is logged in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from k3_client import ACCOUNT, K3, Clock

from sim_kingdee.api import create_app
from sim_kingdee.faces.folder import Folder
from sim_kingdee.webapi.approval import Site
from sim_kingdee.webapi.server import Server


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC))


@pytest.fixture
def server(folder: Folder) -> Server:
    return Server(folder.erp, ACCOUNT, Site(org="100", item_org="1", owner_code="JFY", warehouse_code="WH01"))


@pytest.fixture
def app(folder: Folder, server: Server, clock: Clock) -> FastAPI:
    return create_app([folder], clock, server)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://erp.example.com") as http:
        yield http


@pytest.fixture
async def k3(http: httpx.AsyncClient) -> K3:
    client = K3(http)
    await client.login()
    return client
