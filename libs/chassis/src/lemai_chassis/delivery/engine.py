"""A batch of messages in one transaction: inbox, state, events, calls and parking, all or nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_chassis.database import ERRORS, sqlstate
from lemai_chassis.delivery import effects, metrics, parking
from lemai_chassis.delivery.message import Message
from lemai_chassis.state.aggregates import Aggregates, ConcurrentUpdateError
from lemai_chassis.state.session import Session
from lemai_chassis.state.unit_of_work import Park, Parked, Ref, UnitOfWork
from lemai_chassis.trace import Cause, names
from lemai_contracts import Attributes, Event, MalformedEnvelope
from lemai_contracts.text import cleaned
from lemai_contracts.topics import TOPICS

log = structlog.get_logger()
E = TypeVar("E", bound=Event)
M = TypeVar("M")
R = TypeVar("R")
CONFLICT_ATTEMPTS = 8
CONFLICT_STATES = frozenset({"40001", "40P01", "55P03"})
DATA_CLASSES = frozenset({"21", "22", "23", "54"})
COMPACTED = frozenset(topic.name for topic in TOPICS if topic.compacted)


@dataclass(frozen=True)
class On(Generic[E]):
    """One row of a service's consumer table: which event, which handler, which aggregates it needs.

    `retry` says after which pauses a handler that raised is tried again before a person has to look.
    """

    event: type[E]
    handler: Callable[[E, UnitOfWork], object]
    touches: Callable[[E], Iterable[Ref]] = lambda _event: ()
    retry: tuple[timedelta, ...] = ()


class RevokedError(Exception):
    """The partitions of the batch belong to somebody else now: drop it, they will do it."""


@dataclass(frozen=True)
class _Work:
    """A message that has been read: an event, its route and what it touches, or why it cannot be read."""

    message: Message
    attributes: Attributes
    event: Event | None = None
    route: On[Any] | None = None
    refs: Sequence[Ref] = ()
    unreadable: str = ""

    @property
    def cause(self) -> Cause:
        return Cause(str(self.attributes.id), self.attributes.traceparent)


Sink = Callable[["Transaction", Sequence[Any]], Awaitable[None]]
"""Stores records of one type that handlers appended, in the order they did."""


@dataclass(frozen=True)
class Storage:
    """Where a service keeps its state: aggregates by their kind, and what handlers append by its type."""

    aggregates: Mapping[type, Aggregates[Any]]
    sinks: Mapping[type, Sink] = field(default_factory=dict)

    @classmethod
    def of(cls, *aggregates: Aggregates[Any], sinks: Mapping[type, Sink] | None = None) -> "Storage":
        return cls({kept.kind: kept for kept in aggregates}, sinks or {})


class Transaction(Session):
    """State, handlers and effects on one database transaction that somebody else commits."""

    def __init__(self, connection: AsyncConnection, now: datetime, storage: Storage) -> None:
        super().__init__(connection, storage.aggregates, now)
        self._sinks = storage.sinks

    async def flush(self) -> None:
        """Write everything: state first, then appended records, calls, wake-ups and events."""
        await self.save()
        records = self.uow.effects.records
        for kind in dict.fromkeys(map(type, records)):
            await self._sinks[kind](self, [record for record in records if type(record) is kind])
        await effects.request_calls(self.connection, self.uow.effects.calls)
        await parking.wake(self.connection, self.uow.effects.arrived)
        await effects.append_events(self.connection, self.uow.effects.events, self.uow.now)


class Engine:
    """Runs a service's handlers: batches of messages from Kafka, and commands from anywhere else."""

    def __init__(
        self,
        database: AsyncEngine,
        source: str,
        storage: Storage,
        routes: Sequence[On[Any]] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = database
        self.source = source
        self.clock = clock
        self._storage = storage
        self._routes: Mapping[str, On[Any]] = {route.event.type: route for route in routes}
        self.topics = tuple(sorted({route.event.topic.name for route in routes}))

    @asynccontextmanager
    async def joined(self, connection: AsyncConnection) -> AsyncIterator[Transaction]:
        """A Transaction on a connection whose transaction the caller commits."""
        transaction = Transaction(connection, self.clock(), self._storage)
        yield transaction
        await transaction.flush()

    async def transact(self, work: Callable[[Transaction], Awaitable[R]]) -> R:
        """Run `work` in a transaction of its own, again from the start where it met somebody else's."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self.database.begin() as connection, self.joined(connection) as transaction:
                    return await work(transaction)
            except (DBAPIError, ConcurrentUpdateError) as error:
                if attempt == CONFLICT_ATTEMPTS or not _is_conflict(error):
                    raise
                metrics.CONFLICTS.inc()
                await asyncio.sleep(0.01 * attempt)

    async def execute(
        self, handler: Callable[[M, UnitOfWork], R], command: M, touches: Iterable[Ref] = (), cause: Cause | None = None
    ) -> R:
        """Run a command: its effects are committed when this returns, its errors are the caller's."""
        refs = tuple(touches)

        async def work(transaction: Transaction) -> R:
            await transaction.load(refs)
            return await transaction.run(handler, command, cause)

        return await self.transact(work)

    async def run(self, messages: Sequence[Message], still_ours: Callable[[], bool] = lambda: True) -> None:
        """Take messages into effect, once each: handled, parked, or (an unknown type) skipped.

        Raises RevokedError, or the database's error when it is not about one message's data.
        """
        work = [read for message in messages if (read := self._read(message))]
        if work:
            await self._settle(work, still_ours)

    async def redrive(self, key: str) -> bool:
        """Handle the first message of a parked key. False when it parked again or there is none."""
        try:
            return await self.transact(partial(self._redrive, key, None))
        except Exception as error:
            if not is_about_the_work(error):
                raise
            return await self.transact(partial(self._redrive, key, Parked.refused(error)))

    async def _redrive(self, key: str, refused: Parked | None, transaction: Transaction) -> bool:
        first = await parking.first(transaction.connection, key)
        if first is None:
            return False
        message, attempt, before = first
        work = self._read(message)
        park = refused
        if work and not refused:
            await transaction.load(work.refs)
            park = await self._handle(transaction, work, attempt)
        if park is None:
            await parking.release_first(transaction.connection, key)
            log.info("redriven", key=key, **(names(work.cause) if work else {}))
        else:
            await parking.repark(transaction.connection, key, park)
            if work and park.waits_for != before.waits_for:
                self._tell(transaction, work, park)
        return park is None

    def _tell(self, transaction: Transaction, work: _Work, park: Parked) -> None:
        """Alert of a key that only a person or a thing frees, in the transaction that parks it."""
        key = work.message.key
        # Behind a colon stands what was refused, and a consignee may in it.
        log.info("parked", key=key, reason=park.reason.partition(":")[0], awaits=park.awaits, **names(work.cause))
        if park.waits_for:
            reason = cleaned(park.reason, parking.REASON_MAX).text
            why = f"消息停靠，等待 {park.waits_for} / parked, waits for it: {reason}"
            with transaction.uow.overlay(work.cause):
                transaction.uow.alert("parked", key, f"{why}; lemai parked redrive {self.source} {key}")

    async def _settle(self, work: Sequence[_Work], still_ours: Callable[[], bool]) -> None:
        try:
            await self.transact(partial(self._take, work, still_ours, None))
        except Exception as error:
            if not is_about_the_work(error):
                raise
            if len(work) == 1:
                await self.transact(partial(self._take, work, still_ours, Parked.refused(error)))
                return
            log.warning("batch refused, hunted by halving", messages=len(work), error=type(error).__name__)
            middle = len(work) // 2
            await self._settle(work[:middle], still_ours)
            await self._settle(work[middle:], still_ours)

    async def _take(
        self,
        work: Sequence[_Work],
        still_ours: Callable[[], bool],
        refused: Parked | None,
        transaction: Transaction,
    ) -> None:
        connection = transaction.connection
        claimed = await _claim(connection, work)
        metrics.DUPLICATES.inc(len(work) - len(claimed))
        parked = await parking.locked(connection, {item.message.key for item in claimed})
        if not refused:
            await transaction.load(ref for item in claimed if item.message.key not in parked for ref in item.refs)
        queued = []
        for item in claimed:
            key = item.message.key
            if key not in parked:
                park = refused or await self._handle(transaction, item, attempt=1)
                if park is None:
                    continue
                parked.add(key)
                await parking.park(connection, key, park)
                self._tell(transaction, item, park)
            queued.append(item.message)
        await parking.enqueue(connection, queued)
        if not still_ours():
            raise RevokedError

    async def _handle(self, transaction: Transaction, item: _Work, attempt: int) -> Parked | None:
        """Run the handler of one message; what it raises parks its key."""
        if item.route is None:
            return Parked(item.unreadable)
        now = transaction.uow.now
        try:
            with metrics.HANDLER_SECONDS.labels(item.attributes.type).time():
                await transaction.run(item.route.handler, item.event, item.cause)
        except Park as park:
            return Parked(str(park), park.awaits, park.due_at(now))
        except DBAPIError:
            raise
        except Exception as error:
            log.exception("handler failed", type=item.attributes.type, key=item.message.key, **names(item.cause))
            pauses = item.route.retry
            due_at = now + pauses[attempt - 1] if attempt <= len(pauses) else None
            return Parked(f"{type(error).__name__}: {error}", due_at=due_at)
        return None

    def _read(self, message: Message) -> _Work | None:
        """Parse one record; None for what says nothing to this service: a type it does not take, a tombstone."""
        if message.value is None and message.topic in COMPACTED:
            metrics.SKIPPED.labels("tombstone").inc()
            return None
        try:
            attributes = message.attributes()
        except MalformedEnvelope as error:
            return _Work(message, message.substitute_attributes(), unreadable=f"unreadable envelope: {error}")
        route = self._routes.get(attributes.type)
        if route is None:
            metrics.SKIPPED.labels(attributes.type).inc()
            return None
        try:
            event = route.event.model_validate_json(message.value or b"")
            return _Work(message, attributes, event, route, tuple(route.touches(event)))
        except Exception as error:
            return _Work(message, attributes, unreadable=f"unreadable {attributes.type}: {explain(error)}")


async def _claim(connection: AsyncConnection, work: Sequence[_Work]) -> list[_Work]:
    """Keep what nobody has taken before, and passing marks; inserted in id order: two claimers cannot deadlock."""
    first = {item.attributes.id: item for item in reversed(work) if not _is_passing(item)}
    rows = await connection.exec_driver_sql(
        "INSERT INTO inbox (event_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id",
        (sorted(first),),
    )
    fresh = set(rows.scalars())
    once = {id(item) for event_id, item in first.items() if event_id in fresh}
    return [item for item in work if id(item) in once or _is_passing(item)]


def _is_passing(item: _Work) -> bool:
    return item.route is not None and item.route.event.passing


def explain(error: Exception) -> str:
    """What is wrong with a body, without what stands in it: a consignee may."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {getattr(error, 'orig', error)}"
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ConcurrentUpdateError) or sqlstate(error) in CONFLICT_STATES


def is_about_the_work(error: Exception) -> bool:
    """Whether the work itself is to blame, and not the database: then to do it again is of no use."""
    if isinstance(error, DBAPIError):
        return sqlstate(error)[:2] in DATA_CLASSES
    return not isinstance(error, (*ERRORS, ConcurrentUpdateError, RevokedError))
