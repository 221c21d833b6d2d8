"""`kill -9` of any process, broker or database at any moment loses nothing and does nothing twice.

The toy runs as real processes on a PostgreSQL with fsync on and a Kafka of their own.
"""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from lemai_toy import ROUTES, STORAGE
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kafka import Reader, a_new_group, produce, unique, written_meanwhile
from toy_kit import count_of, create_tables, eventually, fetch, is_waiting_for_a_lock, listing, message, parked, trade
from toy_process import Toys

from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.delivery.message import Message
from lemai_contracts.topics import CATALOG_LISTING, MARKETPLACE_TRADE, ORDER, TOPICS
from lemai_tools.platform.home import Home
from lemai_tools.platform.kafka import Kafka
from lemai_tools.platform.postgres import Postgres
from lemai_tools.platform.processes import Processes
from lemai_tools.platform.topics import create_topics

FAMILIES = 30
VERSIONS = 10
CALLING = 5
SETTLED_WITHIN_S = 60
LOADING = "SELECT FROM tally FOR UPDATE"
FLUSHING = "LOCK TABLE tally IN SHARE MODE"


@dataclass(frozen=True)
class Platform:
    processes: Processes
    postgres: Postgres
    kafka: Kafka

    async def start(self) -> None:
        await self.processes.launch(await self.postgres.prepare())
        await self.processes.launch(await self.kafka.prepare())
        await create_topics(self.kafka.bootstrap_servers, TOPICS)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    folder = Path(tempfile.mkdtemp(prefix="lemai-faults-"))
    home = Home(folder)
    started = Platform(Processes(home), Postgres(home), Kafka(home))
    try:
        asyncio.run(started.start())
        yield started
    finally:
        for name in started.processes.names:
            started.processes.kill(name)
        shutil.rmtree(folder)


class Load:
    """Some hundred messages: families that flow, each with a call, one that waits, and one poison after the other."""

    def __init__(self) -> None:
        self.families = [unique("F") for _ in range(FAMILIES)]
        self.poisoned = [unique("P") for _ in range(VERSIONS)]
        waiting, awaited = unique("W"), unique("S")
        self.flowing = [*self.families, waiting]
        self.messages: list[Message] = []
        for version, poisoned in enumerate(self.poisoned):
            told = "call" if version == CALLING else ""
            self.messages += [message(trade(family, str(version), told)) for family in self.families]
            self.messages += [message(trade(poisoned, "1", "fail")), message(trade(poisoned, "2"))]
            self.messages.append(message(trade(waiting, str(version), f"await {awaited}")))
        self.messages.append(message(listing(awaited)))
        self.first_part = self.messages[: len(self.messages) // 3]
        self.rest = self.messages[len(self.first_part) :]


@dataclass(frozen=True)
class Run:
    """A load, the toy that takes it, its database, and what it publishes."""

    toys: Toys
    database: AsyncEngine
    topic: Reader
    load: Load

    async def produce(self, messages: Sequence[Message]) -> None:
        await produce(self.toys.bootstrap_servers, messages)

    async def until_taken(self, messages: Sequence[Message]) -> None:
        async def taken() -> bool:
            return await count_of(self.database, "inbox") >= len(messages)

        await eventually(taken, SETTLED_WITHIN_S)

    async def until_settled(self) -> None:
        """Everything is taken, published, called and written down."""
        await self.until_taken(self.load.messages)

        async def settled() -> bool:
            unsettled = ("outbound_call WHERE state <> 'done'", "outbox", "parked_key")
            return [await count_of(self.database, table) for table in unsettled] == [0, 0, len(self.load.poisoned)]

        await eventually(settled, SETTLED_WITHIN_S)

    @asynccontextmanager
    async def midway(self, lock: str) -> AsyncIterator[None]:
        """A first part is taken, and the toy is held in the middle of its next batch, where `lock` stops it."""
        await self.produce(self.load.first_part)
        await self.until_taken(self.load.first_part)
        other = await asyncpg.connect(self.toys.database_url.replace("+asyncpg", ""))
        try:
            await other.execute(f"BEGIN; {lock}")
            await self.produce(self.load.rest)
            await eventually(lambda: is_waiting_for_a_lock(self.database), SETTLED_WITHIN_S)
            yield
        finally:
            other.terminate()

    async def check(self) -> None:
        """Nothing lost, nothing twice, everything in its order: in the tables and on the topic."""
        versions = [str(version) for version in range(VERSIONS)]
        rows = await fetch(
            self.database, "SELECT name, version, array(SELECT jsonb_array_elements_text(notes)) FROM tally"
        )
        noted = {name: (version, notes) for name, version, notes in rows}
        for family in self.load.flowing:
            assert noted[family] == (VERSIONS, versions)
        for family in self.load.families:
            assert noted[f"echo {family}"] == (1, [str(CALLING)])
        assert await parked(self.database) == {key: ["1", "2"] for key in self.load.poisoned}
        assert await count_of(self.database, "inbox") == len(self.load.messages)
        await self._check_topic(versions)

    async def _check_topic(self, versions: list[str]) -> None:
        events = await fetch(
            self.database,
            "SELECT id::text, partitionkey, data->>'reason' FROM event WHERE topic = $1 ORDER BY seq",
            ORDER.name,
        )
        assert len(events) == len(self.load.flowing) * VERSIONS
        alerts = await fetch(self.database, "SELECT data->>'about' FROM event WHERE topic <> $1", ORDER.name)
        assert sorted(about for (about,) in alerts) == sorted([*self.load.poisoned, self.load.flowing[-1]])
        first_come: dict[str, str] = {}
        for record in await self.topic.read():
            first_come.setdefault(dict(record.headers)["ce_id"].decode(), record.key.decode())
        reasons = {event_id: reason for event_id, _, reason in events}
        published = defaultdict(list)
        for event_id, family in first_come.items():
            if family in self.load.flowing:
                published[family].append(reasons[event_id])
        assert published == dict.fromkeys(self.load.flowing, versions)


@asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[Run]:
    """A toy with a database and a group of its own, not yet started; what was started is stopped at the end."""
    servers = platform.kafka.bootstrap_servers
    url = await platform.postgres.create_database(unique("toy"))
    await create_tables(url)
    group = await a_new_group(servers, [MARKETPLACE_TRADE, CATALOG_LISTING])
    database = connect(url)
    try:
        async with written_meanwhile(servers, ORDER) as topic:
            yield Run(Toys(platform.processes, url, servers, group), database, topic, Load())
    finally:
        await database.dispose()
        for name in platform.processes.names:
            if name.startswith("toy"):
                await platform.processes.stop(name)


async def test_kill_9_of_the_service_in_the_middle_of_a_batch(platform: Platform) -> None:
    async with running(platform) as run:
        await run.toys.launch("toy")
        async with run.midway(FLUSHING):
            platform.processes.kill("toy")
        assert await count_of(run.database, "inbox") < len(run.load.messages)

        await platform.processes.restart("toy")
        await run.until_settled()
        await run.check()


async def test_kill_9_of_the_relay_between_acknowledgement_and_delete(platform: Platform) -> None:
    async with running(platform) as run:
        await run.produce(run.load.messages)
        await Engine(run.database, run.toys.group, STORAGE, ROUTES).run(run.load.messages)
        async with run.database.connect() as other:
            await other.exec_driver_sql("SELECT FROM outbox FOR UPDATE")
            launching = asyncio.create_task(run.toys.launch("toy"))
            await eventually(lambda: is_waiting_for_a_lock(run.database))
            await launching
            platform.processes.kill("toy")
            # PostgreSQL does not look whether a client is still there before it has its lock.
            await fetch(run.database, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
        acknowledged = len(await run.topic.read())
        assert acknowledged == FAMILIES * VERSIONS

        await platform.processes.restart("toy")
        await run.until_settled()
        await run.check()
        assert len(await run.topic.read()) == 2 * acknowledged + VERSIONS


async def test_kill_9_of_postgresql_in_the_middle_of_a_batch(platform: Platform) -> None:
    async with running(platform) as run:
        await run.toys.launch("toy")
        async with run.midway(FLUSHING):
            await platform.processes.restart("postgres")

        await run.until_settled()
        await run.check()


async def test_kill_9_of_kafka_in_the_middle_of_a_batch(platform: Platform) -> None:
    async with running(platform) as run:
        await run.toys.launch("toy")
        async with run.midway(FLUSHING):
            platform.processes.kill("kafka")
        await eventually(lambda: has_unpublished(run.database), SETTLED_WITHIN_S)

        await platform.processes.restart("kafka")
        await run.until_settled()
        await run.check()


async def test_a_rebalance_in_the_middle_of_a_batch(platform: Platform) -> None:
    async with running(platform) as run:
        await run.toys.launch("toy-1")
        async with run.midway(LOADING):
            await run.toys.launch("toy-2")

        await run.until_settled()
        await run.check()


async def has_unpublished(database: AsyncEngine) -> bool:
    return await count_of(database, "outbox") > 0
