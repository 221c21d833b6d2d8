"""Fixtures for every member: one real PostgreSQL and one real Kafka per test run.

`LEMAI_TEST_POSTGRES` (an administrator's `postgresql+asyncpg://` URL) and `KAFKA_BOOTSTRAP_SERVERS` name servers
to use instead. Without xdist a server starts when a test first asks for it. With xdist the controller starts both,
because they must outlive the worker that would ask first.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest
from sqlalchemy.engine import URL, make_url

from lemai_tools.platform.home import Home
from lemai_tools.platform.kafka import Kafka
from lemai_tools.platform.postgres import ADMIN, Postgres
from lemai_tools.platform.processes import Processes

# How fast a shared machine happens to be is no property of what is tested.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")


class Databases:
    """Makes and drops databases on the run's PostgreSQL."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = make_url(admin_url)
        self._made: list[str] = []

    def url(self, database: str) -> str:
        """The administrator's `postgresql+asyncpg://` URL of a database."""
        return _text(self._admin_url.set(database=database))

    async def fresh_database(self, prefix: str) -> str:
        """Make a new empty database and return its URL; it is dropped at the end of the run."""
        name = f"{prefix}_{secrets.token_hex(4)}"
        await self._run(f'CREATE DATABASE "{name}"')
        self._made.append(name)
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Drop a database made by `fresh_database`, whoever is still connected to it."""
        name = make_url(url).database
        assert name in self._made
        await self._run(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._made.remove(name)

    async def drop_all(self) -> None:
        for name in tuple(self._made):
            await self.drop(self.url(name))

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(_text(self._admin_url.set(drivername="postgresql")))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@contextmanager
def _running(server_type: type[Postgres] | type[Kafka]) -> Iterator[str]:
    """Run a server on a throw-away folder; yields PostgreSQL's administrator URL or Kafka's bootstrap servers."""
    folder = Path(tempfile.mkdtemp(prefix="lemai-test-"))
    home = Home(folder)
    processes = Processes(home)
    server = Postgres(home, durable=False) if server_type is Postgres else Kafka(home)
    try:
        asyncio.run(_start(server, processes))
        yield server.url(ADMIN) if isinstance(server, Postgres) else server.bootstrap_servers
    finally:
        asyncio.run(processes.stop_all())
        shutil.rmtree(folder)


async def _start(server: Postgres | Kafka, processes: Processes) -> None:
    await processes.launch(await server.prepare())


@contextmanager
def _postgres_url() -> Iterator[str]:
    if external := os.environ.get("LEMAI_TEST_POSTGRES"):
        yield external
    else:
        with _running(Postgres) as url:
            yield url


@contextmanager
def _kafka_bootstrap() -> Iterator[str]:
    if external := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield external
    elif os.environ.get("LEMAI_TEST_KAFKA") == "container":
        from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415  only where Docker is

        container = KafkaContainer("confluentinc/cp-kafka:8.1.0").with_kraft()
        with container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"):
            yield container.get_bootstrap_server()
    else:
        with _running(Kafka) as bootstrap_servers:
            yield bootstrap_servers


class SharedServers:
    """In an xdist controller: keeps both servers for the run and tells every worker where they are."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def pytest_sessionstart(self) -> None:
        self.postgres_url = self._stack.enter_context(_postgres_url())
        self.kafka_bootstrap = self._stack.enter_context(_kafka_bootstrap())

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput |= {"postgres_url": self.postgres_url, "kafka_bootstrap": self.kafka_bootstrap}

    def pytest_sessionfinish(self) -> None:
        self._stack.close()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SharedServers(), "shared-servers")


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """The run's PostgreSQL."""
    shared = getattr(request.config, "workerinput", None)
    with nullcontext(shared["postgres_url"]) if shared else _postgres_url() as admin_url:
        server = Databases(admin_url)
        yield server
        asyncio.run(server.drop_all())


@pytest.fixture
async def database_url(postgres: Databases) -> AsyncIterator[str]:
    """A new empty database, dropped after the test."""
    url = await postgres.fresh_database("test")
    yield url
    await postgres.drop(url)


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of the run's Kafka; give your topics and groups names of their own."""
    shared = getattr(request.config, "workerinput", None)
    with nullcontext(shared["kafka_bootstrap"]) if shared else _kafka_bootstrap() as bootstrap_servers:
        yield bootstrap_servers
