"""The local platform: PostgreSQL, Kafka, services and simulators of one state folder, for people and for tests."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from aiokafka.errors import KafkaError

from lemai_chassis.misconfigured import Misconfigured
from lemai_contracts.topics import TOPICS
from lemai_tools.platform.home import Home, wrong_ports
from lemai_tools.platform.kafka import Kafka
from lemai_tools.platform.members import DATABASES, SIMULATORS, configured, members
from lemai_tools.platform.postgres import Postgres
from lemai_tools.platform.processes import Process, Processes, StartError
from lemai_tools.platform.records import Record, remove_record, sweep, write_record
from lemai_tools.platform.topics import create_topics

SUPERVISOR = "supervisor"
WATCH_S = 0.5


# Ports outlive the data. Logs do not: numbers begin anew, and an order would look as if it had been shipped twice.
DATA_FOLDERS = ("kafka", "kingdee", "logs", "postgres", "secrets", *SIMULATORS)


def forget(home: Home) -> None:
    """Delete the data of a state folder; raises HomeInUseError while something runs on it."""
    with home.lock():
        sweep(home)
        for name in DATA_FOLDERS:
            shutil.rmtree(home.root / name, ignore_errors=True)


def stop_on_signals() -> None:
    """A signal that asks this process to end cancels its current task, which then stops what it started."""
    task = asyncio.current_task()
    assert task is not None
    for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(stop_signal, task.cancel)


class Platform(Processes):
    """`async with Platform(home, config) as platform:` has the servers up, with databases and topics, no member yet.

    A server that the environment names (`DATABASE_URL_<SERVICE>`, `KAFKA_BOOTSTRAP_SERVERS`) is used, not started.
    Leaving stops everything. Names are those of `members.py`, `postgres` and `kafka`.
    """

    def __init__(self, home: Home, config: Path, report: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(home, report)
        self._config = config
        self._stack = AsyncExitStack()
        self.members: dict[str, Process] = {}
        self.databases: dict[str, str] = {}
        self.bootstrap_servers = ""

    async def __aenter__(self) -> Self:
        known = configured(self._config, wrong_ports())
        async with AsyncExitStack() as stack:
            stack.enter_context(self.home.lock())
            sweep(self.home)
            stack.callback(remove_record, self.home, SUPERVISOR)
            self._record_supervisor(ready=False)
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            stack.push_async_callback(self.stop_all)
            self.report(
                "准备 PostgreSQL 与 Kafka，首次要下载 / preparing PostgreSQL and Kafka; the first time they download"
            )
            async with asyncio.TaskGroup() as servers:
                databases, broker = servers.create_task(self._databases()), servers.create_task(self._broker())
            self.databases, self.bootstrap_servers = databases.result(), broker.result()
            self.members = members(
                self.home,
                http,
                config=self._config,
                known=known,
                databases=self.databases,
                bootstrap_servers=self.bootstrap_servers,
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def start(self, name: str) -> None:
        """Start one service or simulator; raises StartError."""
        await self.launch(self.members[name])

    async def start_all(self) -> None:
        """Start every service and simulator at once; raises an ExceptionGroup of StartError."""
        async with asyncio.TaskGroup() as starts:
            for name in self.members:
                starts.create_task(self.start(name))
        self._record_supervisor(ready=True)

    async def stop_all(self) -> None:
        """Stop the members at once, then the servers they use."""
        async with asyncio.TaskGroup() as stops:
            for name in self.names:
                if name in self.members:
                    stops.create_task(self.stop(name))
        await super().stop_all()

    async def keep_running(self) -> None:
        """Start again, for ever, what ends by itself, and report each time it does."""
        while True:
            for name in self.names:
                if self.pid(name) is None:
                    self.report(f"{name} 意外退出，重新启动 ended by itself, starting it again")
                    try:
                        await self.restart(name)
                    except StartError as error:
                        self.report(str(error))
            await asyncio.sleep(WATCH_S)

    def _record_supervisor(self, *, ready: bool) -> None:
        write_record(self.home, SUPERVISOR, Record.of(os.getpid(), ready=ready))

    async def _databases(self) -> dict[str, str]:
        outer = {name: url for name in DATABASES if (url := os.environ.get(f"DATABASE_URL_{name.upper()}"))}
        if len(outer) == len(DATABASES):
            return outer
        server = Postgres(self.home)
        await self.launch(await server.prepare())
        own = {name: await server.create_database(name) for name in DATABASES if name not in outer}
        return outer | own

    async def _broker(self) -> str:
        bootstrap_servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if not bootstrap_servers:
            server = Kafka(self.home)
            await self.launch(await server.prepare())
            bootstrap_servers = server.bootstrap_servers
        try:
            await create_topics(bootstrap_servers, TOPICS)
        except (KafkaError, ValueError) as error:
            raise Misconfigured(
                f"KAFKA_BOOTSTRAP_SERVERS = {bootstrap_servers!r}: 无法在此建立主题，请改正地址、启动它或取消此变量 / "
                f"cannot make the topics there: change it, start it or unset this variable: {error!r}"
            ) from error
        return bootstrap_servers
