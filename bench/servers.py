"""A PostgreSQL with fsync on and a Kafka of one's own, for the time of one benchmark."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lemai_contracts.topics import TOPICS
from lemai_tools.platform.home import Home
from lemai_tools.platform.kafka import Kafka
from lemai_tools.platform.postgres import Postgres
from lemai_tools.platform.processes import Processes
from lemai_tools.platform.topics import create_topics


@dataclass(frozen=True)
class Servers:
    """Running servers; the topics of the contracts exist."""

    postgres: Postgres
    bootstrap_servers: str


@asynccontextmanager
async def running() -> AsyncIterator[Servers]:
    """Start both in a folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lemai-bench-"))
    home = Home(folder)
    processes = Processes(home)
    postgres, kafka = Postgres(home), Kafka(home)
    try:
        await processes.launch(await postgres.prepare())
        await processes.launch(await kafka.prepare())
        await create_topics(kafka.bootstrap_servers, TOPICS)
        yield Servers(postgres, kafka.bootstrap_servers)
    finally:
        await processes.stop_all()
        shutil.rmtree(folder)
