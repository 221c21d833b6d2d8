"""One process of a service: its HTTP face and its loops, alive together or not at all."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from lemai_toy import STORAGE
from pydantic import SecretStr
from toy_kafka import a_new_group, produce, unique
from toy_kit import count_of, create_tables, eventually, fetch, message, trade
from toy_process import Toys

from lemai_chassis import service as service_module
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.service import Process, Service
from lemai_chassis.settings import Settings
from lemai_contracts.topics import CATALOG_LISTING, MARKETPLACE_TRADE
from lemai_tools.platform.home import Home
from lemai_tools.platform.people import authorization
from lemai_tools.platform.processes import Processes


@pytest.fixture
async def toys(database_url: str, kafka_servers: str, tmp_path: Path) -> AsyncIterator[Toys]:
    """A toy service that can be started, with an empty database and nothing to take."""
    await create_tables(database_url)
    group = await a_new_group(kafka_servers, [MARKETPLACE_TRADE, CATALOG_LISTING])
    processes = Processes(Home(tmp_path))
    yield Toys(processes, database_url, kafka_servers, group)
    for name in processes.names:
        processes.kill(name)


async def members(servers: str, group: str) -> int:
    """How many members a group has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([group])
        return len(answer.groups[0][5])
    finally:
        await admin.close()


async def test_a_service_answers_takes_and_publishes(toys: Toys) -> None:
    url = await toys.launch("toy")
    family = unique("F")
    await produce(toys.bootstrap_servers, [message(trade(family))])
    database = connect(toys.database_url)
    await eventually(lambda: is_published(database))
    await database.dispose()

    async with httpx.AsyncClient(base_url=url, headers=authorization(toys.processes.home)) as client:
        assert (await client.get("/healthz")).json() == {"alive": True, "reasons": [], "failing": []}
        assert (await client.get("/readyz")).json() == {"alive": True, "reasons": [], "failing": []}
        assert (await client.get("/v1/parked")).json() == {"items": [], "next": None}
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert {"/healthz", "/readyz", "/metrics", "/v1/parked", "/v1/parked/redrive"} <= set(paths)
        metrics = (await client.get("/metrics")).text
    assert 'lemai_published_total{topic="lemai.order.order"} 1.0' in metrics
    assert "lemai_consumer_lag{" in metrics


async def is_published(database: Any) -> bool:
    return await count_of(database, "event") == 1 and await count_of(database, "outbox") == 0


async def test_a_service_that_is_told_to_stop_ends_in_order_and_leaves_its_group(toys: Toys) -> None:
    await toys.launch("toy")
    assert await members(toys.bootstrap_servers, toys.group) == 1
    pid = toys.processes.pid("toy")
    assert pid
    process = psutil.Process(pid)

    process.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(process.wait, 5) == 0
    assert await members(toys.bootstrap_servers, toys.group) == 0


def a_service(name: str, url: str, *loops: Callable[[], Awaitable[None]], **more: Any) -> Service:
    return Service(name, Engine(connect(url), name, STORAGE), loops=loops, **more)


def settings(url: str, servers: str, port: int) -> Settings:
    return Settings(database_url=SecretStr(url), kafka_bootstrap_servers=servers, http_port=port)


@asynccontextmanager
async def serving(service: Service, url: str, servers: str, tmp_path: Path) -> AsyncIterator[str]:
    """A process of a service within this one; it is told to stop at the end."""
    port = Home(tmp_path).port("toy")
    running = asyncio.create_task(Process(service, settings(url, servers, port)).run())
    address = f"http://127.0.0.1:{port}"
    try:
        await eventually(lambda: answers(address, running))
        yield address
    finally:
        if not running.done():
            signal.raise_signal(signal.SIGTERM)
        await asyncio.wait([running], timeout=10)
    running.result()


async def answers(address: str, running: "asyncio.Task[None]") -> bool:
    if running.done():
        running.result()
    with suppress(httpx.ConnectError):
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{address}/healthz")).is_success
    return False


async def test_a_loop_that_meets_a_fault_outside_begins_again_with_a_pause(
    toy_url: str, kafka_servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "BACKOFF_S", (0.01, 0.02))
    monkeypatch.setattr(service_module, "STEADY_S", 0.5)
    begun = []

    async def loop() -> None:
        begun.append(asyncio.get_running_loop().time())
        if len(begun) < 4:
            raise ConnectionResetError("the partner went away")
        await asyncio.Event().wait()

    service = a_service("toy", toy_url, loop)
    async with serving(service, toy_url, kafka_servers, tmp_path):
        await eventually(lambda: len(begun) == 4)
        [row] = await fetch(service.engine.database, "SELECT code, about, reason, failures FROM trouble")
        assert row == ("loop_failed", loop.__qualname__, "ConnectionResetError: the partner went away", 3)
        await eventually(lambda: works_again(service))
    await service.engine.database.dispose()


async def works_again(service: Service) -> bool:
    return await fetch(service.engine.database, "SELECT * FROM trouble") == []


async def test_a_bug_in_a_loop_ends_the_process(toy_url: str, kafka_servers: str, tmp_path: Path) -> None:
    async def loop() -> None:
        raise KeyError("a bug")

    service = a_service("toy", toy_url, loop)
    process = Process(service, settings(toy_url, kafka_servers, Home(tmp_path).port("toy")))
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(process.run(), 20)
    assert ended.group_contains(KeyError)
    await service.engine.database.dispose()


async def test_what_must_be_ready_first_is_and_what_was_opened_is_closed(
    toy_url: str, kafka_servers: str, tmp_path: Path
) -> None:
    order = []

    async def prepare() -> None:
        order.append("prepared")

    async def loop() -> None:
        order.append("loop")
        await asyncio.Event().wait()

    async def close() -> None:
        order.append("closed")

    service = a_service("toy", toy_url, loop, on_start=[prepare])
    service.resources.push_async_callback(service.engine.database.dispose)
    service.resources.push_async_callback(close)
    async with serving(service, toy_url, kafka_servers, tmp_path):
        await eventually(lambda: "loop" in order)

    assert order == ["prepared", "loop", "closed"]


async def test_a_service_that_takes_nothing_is_alive_and_ready(
    toy_url: str, kafka_servers: str, tmp_path: Path
) -> None:
    service = a_service("toy", toy_url)
    async with serving(service, toy_url, kafka_servers, tmp_path) as address, httpx.AsyncClient() as client:
        await eventually(lambda: is_ready(client, address))
        assert (await client.get(f"{address}/healthz")).is_success
        assert await fetch(service.engine.database, "SELECT name FROM schedule") == [("housekeeping",)]
    await service.engine.database.dispose()


async def test_a_service_whose_broker_is_away_says_so_and_stops_all_the_same(toy_url: str, tmp_path: Path) -> None:
    service = a_service("toy", toy_url)
    async with serving(service, toy_url, "127.0.0.1:1", tmp_path) as address, httpx.AsyncClient() as client:
        await eventually(lambda: is_ready(client, address, "broker 127.0.0.1:1: KafkaConnectionError: "))
    await service.engine.database.dispose()


async def is_ready(client: httpx.AsyncClient, address: str, *reasons: str) -> bool:
    told = (await client.get(f"{address}/readyz")).json()["reasons"]
    return len(told) == len(reasons) and all(map(str.startswith, told, reasons))
