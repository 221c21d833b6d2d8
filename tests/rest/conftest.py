"""catalog-svc as its process builds it, reached by HTTP, on a database of its own and without a broker."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

import catalog_svc
from catalog_svc.bootstrap import build
from lemai_chassis.database import migrate
from lemai_chassis.service import Process
from lemai_chassis.settings import Settings
from lemai_chassis.testing import person
from lemai_tools.platform.home import default_config


@pytest.fixture
async def catalog(database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """Its address; the token `tester` may do everything."""
    people = tmp_path / "access.json"
    people.write_text(json.dumps([person().model_dump(mode="json")]), encoding="utf-8")
    await migrate(database_url, Path(catalog_svc.__file__).parent / "migrations")
    settings = Settings.model_validate(
        {
            "lemai_config": default_config(),
            "database_url": database_url,
            "kafka_bootstrap_servers": "127.0.0.1:9",
            "access_file": people,
        }
    )
    service = build(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(Process(service, settings).app(), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
    await service.engine.database.dispose()
