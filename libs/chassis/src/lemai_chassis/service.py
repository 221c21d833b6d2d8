"""One process of a service: its HTTP face and its loops, alive together or not at all."""

import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import structlog
import uvicorn
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI
from pydantic import SecretStr

from lemai_chassis import database, kafka, logging, operations, stuck, trace, waiting_calls
from lemai_chassis.access import Access
from lemai_chassis.delivery.calls import CallKind, CallWorker
from lemai_chassis.delivery.consumer import ConsumerLoop
from lemai_chassis.delivery.engine import Engine, explain
from lemai_chassis.delivery.redrive import Redriver
from lemai_chassis.delivery.relay import Relay
from lemai_chassis.housekeeping import housekeeping
from lemai_chassis.misconfigured import EXIT_CODE, Misconfigured, Problems
from lemai_chassis.schedules import Schedule, Scheduler
from lemai_chassis.settings import Settings, read
from lemai_chassis.state.aggregates import ConcurrentUpdateError
from lemai_chassis.strict import Watch, application
from lemai_chassis.troubles import Troubles
from lemai_chassis.wakeup import Wakeup, listening

log = structlog.get_logger()
S = TypeVar("S", bound=Settings)
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 60
"""A loop that ran so long works."""
TELL_TIMEOUT_S = 2
STOP_TIMEOUT_S = 3
READY_POLL_S = 0.1
GARBAGE_THRESHOLD = 50_000
INFRASTRUCTURE_ERRORS = (*database.ERRORS, ConcurrentUpdateError, KafkaError)


@dataclass(frozen=True)
class Service:
    """What a service's bootstrap puts together."""

    name: str
    engine: Engine
    routers: Sequence[APIRouter] = ()
    calls: Sequence[CallKind] = ()
    schedules: Sequence[Schedule] = ()
    stuck: Sequence[str] = ()
    """Queries for what waits for a person or a thing here, in the columns of `lemai_chassis.stuck.Stuck`."""
    loops: Sequence[Callable[[], Awaitable[None]]] = ()
    """Further endless work; begun again with a pause when database, broker or files fail."""
    on_start: Sequence[Callable[[], Awaitable[None]]] = ()
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Closed when the process ends."""


class _Server(uvicorn.Server):
    """Leaves the signals to the process: uvicorn's own way would end it before its loops have."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


class Process:
    """The loops and the HTTP server of one service."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._wakeups = {name: Wakeup() for name in ("outbox", "outbound_call", "parked_key")}
        self._troubles = Troubles(service.engine)
        self._loop: ConsumerLoop | None = None
        self._relay_trouble = "not connected"
        self._producer: AIOKafkaProducer | None = None

    def app(self) -> FastAPI:
        probes = (self._consumer_trouble, self._broker_trouble)
        engine = self._service.engine
        ours = [
            operations.router(engine, self._heartbeat, probes, self._service.stuck),
            stuck.router(engine, self._service.stuck),
            waiting_calls.router(engine, self._service.calls),
        ]
        people = Access.read(self._settings.access_file)
        app = application(self._service.name, [*self._service.routers, *ours], people)
        app.add_middleware(Watch, database=engine.database)
        return app

    async def run(self) -> None:
        """Until the process is told to stop; a bug in a loop ends it, a fault outside does not."""
        config = uvicorn.Config(
            self.app(),
            host=self._settings.http_host,
            port=self._settings.http_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
        server = _Server(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        async with self._service.resources as resources:
            listener = resources.enter_context(_listener(self._settings))
            for prepare in self._service.on_start:
                await prepare()
            async with asyncio.TaskGroup() as tasks:
                loops = [tasks.create_task(self._keep_running(loop)) for loop in self._loops()]
                loops.append(tasks.create_task(self._tell_ready()))
                await server.serve([listener])
                log.info("stopping")
                for loop in loops:
                    loop.cancel()

    def _loops(self) -> Sequence[Callable[[], Awaitable[None]]]:
        service = self._service
        calls = [CallWorker(service.engine, kind, self._wakeups["outbound_call"]).run for kind in service.calls]
        redriver = Redriver(service.engine, self._wakeups["parked_key"])
        scheduler = Scheduler(service.engine, [housekeeping(service.engine), *service.schedules])
        consuming = [self._consume] if service.engine.topics else []
        return [self._listen, self._relay, redriver.run, scheduler.run, *consuming, *calls, *service.loops]

    async def _keep_running(self, loop: Callable[[], Awaitable[None]]) -> None:
        failures, name = 0, trace.name_of(loop)
        trace.CURRENT.set(trace.Cause(f"loop:{name}"))
        while True:
            started = asyncio.get_running_loop().time()
            steady = asyncio.create_task(self._steady(name))
            try:
                await loop()
            except* INFRASTRUCTURE_ERRORS as errors:
                await self._fails(name, list(_each(errors)))
            finally:
                steady.cancel()
            lasted_s = asyncio.get_running_loop().time() - started
            failures = 0 if lasted_s > BACKOFF_S[-1] else failures + 1
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    async def _tell_ready(self) -> None:
        while await self._consumer_trouble() or self._relay_trouble:  # noqa: ASYNC110 - two loops say it, and once
            await asyncio.sleep(READY_POLL_S)
        log.info("ready", host=self._settings.http_host, port=self._settings.http_port)

    async def _fails(self, loop: str, errors: Sequence[Exception]) -> None:
        log.warning("begins again", loop=loop, errors=[explain(error) for error in errors])
        with suppress(*INFRASTRUCTURE_ERRORS, TimeoutError):  # It may be the database itself that is away.
            async with asyncio.timeout(TELL_TIMEOUT_S):
                await self._troubles.failed("loop_failed", loop, errors[0])

    async def _steady(self, loop: str) -> None:
        await asyncio.sleep(STEADY_S)
        with suppress(*INFRASTRUCTURE_ERRORS):
            await self._troubles.worked("loop_failed", loop)

    async def _listen(self) -> None:
        async with listening(self._service.engine.database, self._wakeups) as ended:
            await ended.wait()

    async def _relay(self) -> None:
        producer = kafka.producer(self._settings.kafka_bootstrap_servers, **kafka.security(self._settings))
        engine = self._service.engine
        try:
            async with kafka.running(producer):
                self._relay_trouble, self._producer = "", producer
                await Relay(engine.database, engine.source, producer, self._wakeups["outbox"]).run()
        except INFRASTRUCTURE_ERRORS as error:
            self._relay_trouble = f"{type(error).__name__}: {error}"
            raise

    async def _consume(self) -> None:
        settings = self._settings
        servers, security = settings.kafka_bootstrap_servers, kafka.security(settings)
        consumer = kafka.consumer(servers, self._service.name, **security)
        self._loop = ConsumerLoop(self._service.engine, consumer)
        async with kafka.running(consumer):
            await self._loop.run()

    def _heartbeat(self) -> float:
        return self._loop.heartbeat if self._loop else time.monotonic()

    async def _broker_trouble(self) -> str:
        trouble = self._relay_trouble
        if self._producer and not trouble:
            try:
                async with asyncio.timeout(operations.READY_WITHIN_S):
                    await self._producer.client.fetch_all_metadata()
            except (KafkaError, TimeoutError) as error:
                trouble = f"{type(error).__name__}: {error or '没有回答 / no answer'}"
        return trouble and f"broker {self._settings.kafka_bootstrap_servers}: {trouble}"

    async def _consumer_trouble(self) -> str:
        if not self._service.engine.topics:
            return ""
        trouble = self._loop.trouble if self._loop else "not connected"
        return f"consumer: {trouble}" if trouble else ""


def _each(error: Exception) -> Iterator[Exception]:
    """Every error that is in a group of them."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _each(inner)
    else:
        yield error


def _listener(settings: Settings) -> socket.socket:
    """Taken before anything is begun, since a port in use stops everything."""
    host, port = settings.http_host, settings.http_port
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Misconfigured(
            f"HTTP_HOST:HTTP_PORT = {host}:{port}: 无法监听，请换端口或停掉占用者 / "
            f"cannot listen there, take another or stop what does: {error.strerror}"
        ) from error


def main(settings_type: type[S], build: Callable[[S], Service], migrations: Path) -> None:
    """`python -m <service>` serves; `migrate` brings the database up to date; `revision TEXT` writes a new one.

    `check` says whether it could serve. What cannot start says why in words, and ends with exit code 2.
    """
    try:
        match sys.argv[1:]:
            case []:
                uvloop.run(_serve(read(settings_type), build))
            case ["migrate"]:
                asyncio.run(database.migrate(read(settings_type).database_url.get_secret_value(), migrations))
            case ["revision", message]:
                asyncio.run(database.revise(read(settings_type).database_url.get_secret_value(), migrations, message))
            case ["check"]:
                settings = read(settings_type)
                Process(_built(settings, build), settings).app()
                sys.stdout.write("配置无误，可以启动 / sound, it can start\n")
            case _:  # To serve because of a misspelt command would be the last thing meant.
                sys.stderr.write("用法 / usage: python -m <service> [check | migrate | revision TEXT]\n")
                sys.exit(EXIT_CODE)
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_CODE)


def collect_garbage_rarely() -> None:
    """A batch makes tens of thousands of objects that live as long as it does: to search amidst it finds nothing."""
    gc.collect()
    gc.freeze()  # What was imported stays for good.
    gc.set_threshold(GARBAGE_THRESHOLD)


def _built(settings: S, build: Callable[[S], Service]) -> Service:
    """The service put together. Raises Misconfigured; a file that its settings name and that is not there is one."""
    problems = Problems()
    with problems.of(Misconfigured):
        Access.read(settings.access_file)
    if settings.kafka_user and not settings.kafka_password:
        problems.append("KAFKA_PASSWORD: 缺少 KAFKA_USER 的密码，请设置 / not set, KAFKA_USER cannot log in without it")
    try:
        kafka.security(settings)  # Its loops would meet a file without certificates at every try.
        with problems.of(Misconfigured):
            service = build(settings)
    except OSError as error:
        problems.append(f"{error.filename or 'KAFKA_CA_FILE'}: 无法读取 / cannot be read: {error.strerror}")
    problems.raise_any()
    return service


async def _serve(settings: S, build: Callable[[S], Service]) -> None:
    service = _built(settings, build)
    logging.configure(service.name, settings.log_level)
    if settings.otel_exporter_otlp_endpoint:
        service.resources.callback(trace.export(service.name, settings.otel_exporter_otlp_endpoint).shutdown)
    secret = {name for name, value in settings if isinstance(value, SecretStr)}
    shown = settings.model_dump(mode="json", exclude=secret)
    log.info("started", version=version("lemai-chassis"), settings=shown)
    collect_garbage_rarely()
    await Process(service, settings).run()
    log.info("stopped")
