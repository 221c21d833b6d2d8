"""The services put together without a server; the whole platform, started once for all flows and faults.

Its store has items that are listed and in stock.
"""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
import pytest_asyncio

from lemai_chassis import reference
from lemai_chassis.service import Process, Service
from lemai_tools.demo import scenario
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.verdict import Step
from lemai_tools.demo.world import World
from lemai_tools.platform.home import Home, default_config
from lemai_tools.platform.local import Platform
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.people import authorization


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with Platform(Home(tmp_path_factory.mktemp("platform")), default_config()) as platform:
        await platform.start_all()
        yield platform


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(platform: Platform) -> AsyncIterator[World]:
    async with httpx.AsyncClient(timeout=30, headers=authorization(platform.home)) as http:
        yield World.of(http, {name: platform.members[name].url for name in (*SERVICES, *SIMULATORS)})


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def synced(world: World) -> tuple[Shop, Step]:
    """Flow 1 has run: the shop, and what item sync showed."""
    shop = Shop()
    step = await scenario.sync_items(world, shop)
    await scenario.list_items(world, shop)
    return shop, step


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stocked(world: World, synced: tuple[Shop, Step]) -> tuple[Shop, Step]:
    """The ERP's snapshot is applied and on the platform: the shop, and what it showed."""
    shop, _ = synced
    return shop, await scenario.take_snapshot(world, shop)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Mapping[str, Service]]:
    """Every service by name, as its own bootstrap builds it; nothing is connected."""
    built = {name: _build(name, tmp_path) for name in SERVICES}
    yield built
    for service in built.values():
        await service.resources.aclose()


@pytest.fixture
def openapi(services: Mapping[str, Service], tmp_path: Path) -> Mapping[str, dict[str, Any]]:
    """The OpenAPI document of each service."""
    return {name: Process(service, _settings(name, tmp_path)).app().openapi() for name, service in services.items()}


def _build(name: str, folder: Path) -> Service:
    service: Service = _bootstrap(name).build(_settings(name, folder))
    return service


def _settings(name: str, folder: Path) -> Any:
    stores = reference.read(default_config()).stores
    credentials = dict.fromkeys(("endpoint", "app_key", "app_secret", "session"), "none")
    files = {
        "master_key_file": base64.b64encode(secrets.token_bytes(32)).decode(),
        "store_secrets_file": json.dumps({store.code: credentials for store in stores}),
    }
    for file, content in files.items():
        (folder / file).write_text(content)
    nowhere = "postgresql+asyncpg://nobody@localhost/nothing"
    return _settings_type(name)(
        lemai_config=default_config(),
        database_url=nowhere,
        keyring_database_url=nowhere,
        kafka_bootstrap_servers="localhost:9",
        docking_root=folder,
        **{file: folder / file for file in files},
    )


def _settings_type(name: str) -> Any:
    return get_type_hints(_bootstrap(name).build)["settings"]


def _bootstrap(name: str) -> Any:
    return import_module(f"{name.replace('-', '_')}.bootstrap")
