"""A batch of messages in one transaction: inbox, state, events, calls and parking, all or nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import uuid4

import orjson
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_chassis import trace
from lemai_chassis.delivery import metrics, parking
from lemai_chassis.delivery.message import Message
from lemai_chassis.state.aggregates import Aggregates, ConcurrentUpdateError
from lemai_chassis.state.unit_of_work import (
    ABSENT,
    Cause,
    Effects,
    Key,
    NotLoaded,
    Park,
    Ref,
    State,
    UnitOfWork,
    Versioned,
)
from lemai_contracts import Attributes, Event, MalformedEnvelope

E = TypeVar("E", bound=Event)
M = TypeVar("M")
R = TypeVar("R")
CONFLICT_ATTEMPTS = 8
CONFLICT_STATES = frozenset({"40001", "40P01", "55P03"})
DATA_CLASSES = frozenset({"21", "22", "23"})


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
    """A message that has been read: an event and its route, or why it cannot be read."""

    message: Message
    attributes: Attributes
    event: Event | None
    route: On[Any] | None
    unreadable: str = ""

    @property
    def refs(self) -> Iterable[Ref]:
        return self.route.touches(self.event) if self.route and self.event else ()


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


class Transaction:
    """State, handlers and effects on one database transaction that somebody else commits."""

    def __init__(self, connection: AsyncConnection, now: datetime, storage: Storage) -> None:
        self.connection = connection
        self._storage = storage
        self._loaded: State = {}
        self._state: State = {}
        self.uow = UnitOfWork(self._state, now)

    async def load(self, refs: Iterable[Ref]) -> None:
        """Lock and read what is not there yet, one query per kind, kinds and keys always in the same order."""
        missing: dict[type, set[Key]] = {}
        for ref in refs:
            if ref not in self._state:
                missing.setdefault(ref.kind, set()).add(ref.key)
        for kind, keys in sorted(missing.items(), key=lambda item: item[0].__name__):
            found = await self._storage.aggregates[kind].load(self.connection, keys)
            self._loaded |= {Ref(kind, key): found.get(key, ABSENT) for key in keys}
            self._state |= {Ref(kind, key): found.get(key, ABSENT) for key in keys}

    async def run(self, handler: Callable[[M, UnitOfWork], R], message: M, cause: Cause) -> R:
        """Run one handler in its own overlay, loading what it turns out to need."""
        while True:
            try:
                with self.uow.overlay(cause):
                    return handler(message, self.uow)
            except NotLoaded as missing:
                await self.load([missing.ref])

    async def flush(self) -> None:
        """Write everything: state first, then appended records, calls, wake-ups and events."""
        changed: dict[type, list[tuple[int, Versioned[Any]]]] = {}
        for ref, new in self._state.items():
            if new is not self._loaded[ref]:
                changed.setdefault(ref.kind, []).append((self._loaded[ref].version, new))
        for kind, rows in sorted(changed.items(), key=lambda item: item[0].__name__):
            await self._storage.aggregates[kind].save(self.connection, rows)
        records = self.uow.effects.records
        for kind in dict.fromkeys(map(type, records)):
            await self._storage.sinks[kind](self, [record for record in records if type(record) is kind])
        await _request_calls(self.connection, self.uow.effects)
        await parking.wake(self.connection, self.uow.effects.arrived)
        await self._publish()

    async def _publish(self) -> None:
        rows = [
            {
                "id": str(uuid4()),
                "type": emitted.event.type,
                "topic": emitted.event.topic.name,
                "partition": emitted.event.explicit_partition,
                "partitionkey": emitted.event.partitionkey,
                "subject": emitted.event.subject,
                "aggregateversion": emitted.aggregateversion,
                "time": self.uow.now,
                "traceparent": trace.child(cause.traceparent),
                "causationid": cause.causationid,
                "data": orjson.Fragment(emitted.event.model_dump_json()),
            }
            for emitted, cause in self.uow.effects.events
        ]
        if rows:
            await self.connection.exec_driver_sql(_APPEND_EVENTS, (orjson.dumps(rows).decode(),))


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
        for attempt in range(1, CONFLICT_ATTEMPTS + 1):
            try:
                async with self.database.begin() as connection, self.joined(connection) as transaction:
                    return await work(transaction)
            except (DBAPIError, ConcurrentUpdateError) as error:
                if attempt == CONFLICT_ATTEMPTS or not _is_conflict(error):
                    raise
                metrics.CONFLICTS.inc()
                await asyncio.sleep(0.01 * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def execute(
        self, handler: Callable[[M, UnitOfWork], R], command: M, touches: Iterable[Ref] = (), cause: Cause | None = None
    ) -> R:
        """Run a command: its effects are committed when this returns, its errors are the caller's."""
        refs = tuple(touches)

        async def work(transaction: Transaction) -> R:
            await transaction.load(refs)
            return await transaction.run(handler, command, cause or Cause("", trace.start()))

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
            return await self.transact(partial(self._redrive, key))
        except DBAPIError as error:
            if not _is_about_data(error):
                raise
            async with self.database.begin() as connection:
                await parking.repark(connection, key, str(error.orig), None, None)
            return False

    async def _redrive(self, key: str, transaction: Transaction) -> bool:
        parked = await parking.first(transaction.connection, key)
        if parked is None:
            return False
        message, attempts = parked
        work = self._read(message)
        park = await self._handle(transaction, work, attempts) if work else None
        if park is None:
            await parking.release_first(transaction.connection, key)
        else:
            await parking.repark(transaction.connection, key, park.reason, park.awaits, park.due_at)
        return park is None

    async def _settle(self, work: Sequence[_Work], still_ours: Callable[[], bool]) -> None:
        try:
            await self.transact(partial(self._take, work, still_ours, None))
        except DBAPIError as error:
            if not _is_about_data(error):
                raise
            if len(work) == 1:
                await self.transact(partial(self._take, work, still_ours, str(error.orig)))
                return
            middle = len(work) // 2
            await self._settle(work[:middle], still_ours)
            await self._settle(work[middle:], still_ours)

    async def _take(
        self, work: Sequence[_Work], still_ours: Callable[[], bool], refused: str | None, transaction: Transaction
    ) -> None:
        connection = transaction.connection
        claimed = await _claim(connection, work)
        metrics.DUPLICATES.inc(len(work) - len(claimed))
        parked = await parking.locked(connection, {item.message.key for item in claimed})
        await transaction.load(ref for item in claimed if item.message.key not in parked for ref in item.refs)
        for item in claimed:
            key = item.message.key
            if key not in parked:
                park = (
                    parking.Parked(refused, None, None) if refused else await self._handle(transaction, item, attempt=1)
                )
                if park is None:
                    continue
                parked.add(key)
                await parking.park(connection, key, park)
            await parking.enqueue(connection, item.message)
        if not still_ours():
            raise RevokedError

    async def _handle(self, transaction: Transaction, item: _Work, attempt: int) -> parking.Parked | None:
        """Run the handler of one message; what it raises parks its key."""
        if item.route is None:
            return parking.Parked(item.unreadable, None, None)
        cause = Cause(str(item.attributes.id), item.attributes.traceparent)
        now = transaction.uow.now
        try:
            with metrics.HANDLER_SECONDS.labels(item.attributes.type).time():
                await transaction.run(item.route.handler, item.event, cause)
        except Park as park:
            return parking.Parked(str(park), park.awaits, park.due_at(now))
        except (DBAPIError, OSError):
            raise
        except Exception as error:
            pauses = item.route.retry
            due_at = now + pauses[attempt - 1] if attempt <= len(pauses) else None
            return parking.Parked(f"{type(error).__name__}: {error}", None, due_at)
        return None

    def _read(self, message: Message) -> _Work | None:
        """Parse one record; None for an event type that this service does not take."""
        try:
            attributes = message.attributes()
        except MalformedEnvelope as error:
            return _Work(message, message.substitute_attributes(), None, None, f"unreadable envelope: {error}")
        route = self._routes.get(attributes.type)
        if route is None:
            metrics.SKIPPED.labels(attributes.type).inc()
            return None
        try:
            event = route.event.model_validate_json(message.value or b"")
        except ValidationError as error:
            return _Work(message, attributes, None, None, f"unreadable {attributes.type}: {error}")
        return _Work(message, attributes, event, route)


async def _claim(connection: AsyncConnection, work: Sequence[_Work]) -> list[_Work]:
    """Keep what nobody has taken before; inserted in id order, so that two claimers cannot deadlock."""
    ids = sorted({item.attributes.id for item in work})
    rows = await connection.exec_driver_sql(
        "INSERT INTO inbox (event_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id", (ids,)
    )
    fresh = set(rows.scalars())
    claimed = []
    for item in work:
        if item.attributes.id in fresh:
            fresh.remove(item.attributes.id)
            claimed.append(item)
    return claimed


async def _request_calls(connection: AsyncConnection, effects: Effects) -> None:
    if not effects.calls:
        return
    newest = {(call.kind, call.key): call for call, _ in effects.calls if call.supersede}
    rows = [
        {
            "kind": call.kind,
            "key": call.key,
            "payload": call.payload,
            "traceparent": trace.child(cause.traceparent),
            "causationid": cause.causationid,
        }
        for call, cause in effects.calls
        if newest.get((call.kind, call.key), call) is call
    ]
    if newest:
        kinds, keys = zip(*newest, strict=True)
        await connection.exec_driver_sql(_SUPERSEDE_CALLS, (list(kinds), list(keys)))
    await connection.exec_driver_sql(_REQUEST_CALLS, (orjson.dumps(rows).decode(),))


def _sqlstate(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ConcurrentUpdateError) or _sqlstate(error) in CONFLICT_STATES


def _is_about_data(error: BaseException) -> bool:
    return _sqlstate(error)[:2] in DATA_CLASSES


_APPEND_EVENTS = """
WITH appended AS (
    INSERT INTO event (id, type, topic, partition, partitionkey, subject, aggregateversion, time, traceparent,
                       causationid, data)
    SELECT x.id, x.type, x.topic, x.partition, x.partitionkey, x.subject, x.aggregateversion, x.time, x.traceparent,
           x.causationid, x.data
    FROM ROWS FROM (jsonb_to_recordset($1::text::jsonb) AS (
        id uuid, type text, topic text, partition int, partitionkey text, subject text, aggregateversion bigint,
        time timestamptz, traceparent text, causationid text, data jsonb)) WITH ORDINALITY x
    ORDER BY x.ordinality
    RETURNING seq, recorded_at),
queued AS (INSERT INTO outbox (seq, recorded_at) SELECT seq, recorded_at FROM appended)
SELECT pg_notify('outbox', '')
"""
_SUPERSEDE_CALLS = """
UPDATE outbound_call c SET state = 'superseded', ended_at = now()
FROM unnest($1::text[], $2::text[]) AS x(kind, key)
WHERE c.kind = x.kind AND c.key = x.key AND c.state = 'pending'
"""
_REQUEST_CALLS = """
WITH requested AS (
    INSERT INTO outbound_call (kind, key, payload, traceparent, causationid)
    SELECT x.kind, x.key, x.payload, x.traceparent, x.causationid
    FROM jsonb_to_recordset($1::text::jsonb)
        AS x(kind text, key text, payload jsonb, traceparent text, causationid text))
SELECT pg_notify('outbound_call', '')
"""
