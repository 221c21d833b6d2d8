"""One process of a service: its HTTP face and its loops, alive together or not at all."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog
import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import DBAPIError

from lemai_chassis import database, logging, operations
from lemai_chassis.delivery.calls import CallKind, CallWorker
from lemai_chassis.delivery.consumer import ConsumerLoop
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.delivery.redrive import Redriver
from lemai_chassis.delivery.relay import Relay
from lemai_chassis.delivery.wakeup import Wakeup, listening
from lemai_chassis.schedules import Schedule, Scheduler
from lemai_chassis.settings import Settings
from lemai_chassis.web import add_problem_handlers

log = structlog.get_logger()
S = TypeVar("S", bound=Settings)
SESSION_TIMEOUT_MS = 6000
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
INFRASTRUCTURE_ERRORS = (DBAPIError, OSError, KafkaError, TimeoutError)


@dataclass(frozen=True)
class Service:
    """What a service's bootstrap puts together."""

    name: str
    engine: Engine
    routers: Sequence[APIRouter] = ()
    calls: Sequence[CallKind] = ()
    schedules: Sequence[Schedule] = ()
    loops: Sequence[Callable[[], Awaitable[None]]] = ()
    """Further endless work; begun again with a pause when database, broker or files fail."""
    on_start: Sequence[Callable[[], Awaitable[None]]] = ()
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Closed when the process ends."""


class Process:
    """The loops and the HTTP server of one service."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._wakeups = {name: Wakeup() for name in ("outbox", "outbound_call", "parked_key")}
        self._loop: ConsumerLoop | None = None
        self._relay_trouble = "relay not started"
        self._started_at = asyncio.get_running_loop().time()

    def app(self) -> FastAPI:
        app = FastAPI(title=self._service.name, version="1", docs_url="/docs", openapi_url="/openapi.json")
        add_problem_handlers(app)
        for router in self._service.routers:
            app.include_router(router)
        probes = (self._consumer_trouble, lambda: self._relay_trouble)
        app.include_router(operations.router(self._service.engine, self._heartbeat, probes))
        return app

    async def run(self) -> None:
        """Until the HTTP server is told to stop; a bug in a loop ends the process, a fault outside does not."""
        for prepare in self._service.on_start:
            await prepare()
        settings = self._settings
        config = uvicorn.Config(
            self.app(), host=settings.http_host, port=settings.http_port, log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        async with self._service.resources, asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self._keep_running(loop)) for loop in self._loops()]
            await server.serve()
            for loop in loops:
                loop.cancel()

    def _loops(self) -> Sequence[Callable[[], Awaitable[None]]]:
        service = self._service
        calls = [CallWorker(service.engine, kind, self._wakeups["outbound_call"]).run for kind in service.calls]
        redriver = Redriver(service.engine, self._wakeups["parked_key"])
        scheduler = Scheduler(service.engine.database, service.schedules)
        consuming = [self._consume] if service.engine.topics else []
        return [self._listen, self._relay, redriver.run, scheduler.run, *consuming, *calls, *service.loops]

    async def _keep_running(self, loop: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await loop()
            except* INFRASTRUCTURE_ERRORS as errors:
                log.warning("begins again", loop=loop.__qualname__, errors=[str(e)[:200] for e in errors.exceptions])
            lasted_s = asyncio.get_running_loop().time() - started
            failures = 0 if lasted_s > BACKOFF_S[-1] else failures + 1
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    async def _listen(self) -> None:
        async with listening(self._service.engine.database, self._wakeups) as ended:
            await ended.wait()

    async def _relay(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers, enable_idempotence=True, acks="all"
        )
        try:
            await producer.start()
            self._relay_trouble = ""
            await Relay(self._service.engine.database, self._service.name, producer, self._wakeups["outbox"]).run()
        except INFRASTRUCTURE_ERRORS as error:
            self._relay_trouble = f"relay: {type(error).__name__}"
            raise
        finally:
            await producer.stop()

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            group_id=self._service.name,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 3,
        )
        try:
            await consumer.start()
            self._loop = ConsumerLoop(self._service.engine, consumer)
            await self._loop.run()
        finally:
            await consumer.stop()

    def _heartbeat(self) -> float:
        return self._loop.heartbeat if self._loop else self._started_at

    def _consumer_trouble(self) -> str:
        if not self._service.engine.topics:
            return ""
        trouble = self._loop.trouble if self._loop else "not connected"
        return f"consumer: {trouble}" if trouble else ""


def main(settings_type: type[S], build: Callable[[S], Service], migrations: Path) -> None:
    """`python -m <service>` serves; `migrate` brings the database up to date; `revision TEXT` writes a new revision."""
    settings = settings_type()
    url = settings.database_url.get_secret_value()
    match sys.argv[1:]:
        case ["migrate"]:
            asyncio.run(database.migrate(url, migrations))
        case ["revision", message]:
            asyncio.run(database.revise(url, migrations, message))
        case _:
            uvloop.run(_serve(settings, build))


async def _serve(settings: S, build: Callable[[S], Service]) -> None:
    service = build(settings)
    logging.configure(service.name)
    await Process(service, settings).run()
