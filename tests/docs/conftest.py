"""The pages, and the services they speak of, put together without a server."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from lemai_chassis import reference
from lemai_chassis.service import Process, Service

REPOSITORY = Path(__file__).parents[2]
SERVICES = sorted(project.parent.name for project in (REPOSITORY / "services").glob("*/pyproject.toml"))

CONFIG = REPOSITORY / "config" / "lemai.yaml"


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def pages() -> Mapping[Path, str]:
    """The text of every page people read."""
    found = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("deploy/**/*.md")]
    found += [page for folder in ("libs", "services", "sims", "tools") for page in REPOSITORY.glob(f"{folder}/*/*.md")]
    return {page: page.read_text(encoding="utf-8") for page in sorted(found)}


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
    stores = reference.read(CONFIG).stores
    credentials = dict.fromkeys(("endpoint", "app_key", "app_secret", "session"), "none")
    files = {
        "master_key_file": base64.b64encode(secrets.token_bytes(32)).decode(),
        "store_secrets_file": json.dumps({store.code: credentials for store in stores}),
    }
    for file, content in files.items():
        (folder / file).write_text(content)
    nowhere = "postgresql+asyncpg://nobody@localhost/nothing"
    return _settings_type(name)(
        lemai_config=CONFIG,
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
