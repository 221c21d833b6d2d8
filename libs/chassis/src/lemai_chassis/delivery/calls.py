"""Calls to systems outside: requested by handlers, made by a leased worker, never inside a transaction.

A call goes pending → sending → done | rejected, or back to pending when the other side says "later".
Whoever finds its lease run out while sending does not know whether it arrived: it becomes unknown, never
pending, and blocks its key until it is resolved by reading, or sent again where that is safe.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog

from lemai_chassis.delivery import metrics
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.delivery.wakeup import Wakeup
from lemai_chassis.state.unit_of_work import Cause, Ref, UnitOfWork

log = structlog.get_logger()
RECORD_AT_MOST = 100
RECHECK_S = 1.0
UNKNOWN_PAUSE = timedelta(seconds=5)


class Outcome(StrEnum):
    DONE = "done"
    REJECTED = "rejected"
    RETRY_LATER = "retry_later"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """How a call went. `detail` is what the handler of its end gets to know."""

    outcome: Outcome
    detail: Mapping[str, Any] = field(default_factory=dict)
    retry_after: timedelta = UNKNOWN_PAUSE


@dataclass(frozen=True)
class Call:
    """A requested call, claimed."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempts: int
    was_unknown: bool
    lease: UUID
    cause: Cause


@dataclass(frozen=True)
class Ended:
    """A call that is done or rejected."""

    call: Call
    answer: Answer


@dataclass(frozen=True)
class CallKind:
    """One row of a service's table of calls.

    `resolve` reads the other side to learn what became of an unknown call and returns None if it never
    arrived; without `resolve` the call is safe to send again.
    """

    name: str
    perform: Callable[[Call], Awaitable[Answer]]
    on_end: Callable[[Ended, UnitOfWork], object]
    touches: Callable[[Ended], Iterable[Ref]] = lambda _ended: ()
    resolve: Callable[[Call], Awaitable[Answer | None]] | None = None
    concurrency: int = 8
    timeout: timedelta = timedelta(seconds=6)


class CallWorker:
    """Makes the calls of one kind, at most `concurrency` at a time, and records their ends in batches."""

    def __init__(self, engine: Engine, kind: CallKind, wakeup: Wakeup) -> None:
        self._engine = engine
        self._kind = kind
        self._wakeup = wakeup
        self._lease_time = kind.timeout + timedelta(seconds=2)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Queue[Ended] = asyncio.Queue()

    async def run(self) -> None:
        """Until cancelled. What is in flight then stays leased and becomes unknown."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._record_ends())
            while True:
                seen = self._wakeup.seen()
                claimed = await self._claim()
                for call in claimed:
                    task = tasks.create_task(self._make(call))
                    self._in_flight.add(task)
                    task.add_done_callback(self._in_flight.discard)
                if len(self._in_flight) >= self._kind.concurrency:
                    await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
                elif not claimed:
                    await self._wakeup.wait(seen, RECHECK_S)

    async def _claim(self) -> Sequence[Call]:
        room = self._kind.concurrency - len(self._in_flight)
        lease = uuid4()
        async with self._engine.database.begin() as connection:
            await connection.exec_driver_sql(_EXPIRE, (self._kind.name,))
            rows = await connection.exec_driver_sql(_CLAIM, (self._kind.name, lease, self._lease_time, room))
            return [
                Call(
                    id=row.id,
                    kind=self._kind.name,
                    key=row.key,
                    payload=orjson.loads(row.payload),
                    attempts=row.attempts,
                    was_unknown=row.state == "unknown",
                    lease=lease,
                    cause=Cause(row.causationid, row.traceparent),
                )
                for row in rows
            ]

    async def _make(self, call: Call) -> None:
        try:
            async with asyncio.timeout(self._kind.timeout.total_seconds()):
                answer = await self._resolve_or_perform(call)
        except Exception as error:
            answer = Answer(Outcome.UNKNOWN, {"error": f"{type(error).__name__}: {error}"})
        if answer.outcome is Outcome.UNKNOWN:
            log.warning("outbound call unknown", kind=call.kind, key=call.key, **answer.detail)
        metrics.CALLS.labels(call.kind, answer.outcome).inc()
        self._ended.put_nowait(Ended(call, answer))

    async def _resolve_or_perform(self, call: Call) -> Answer:
        if call.was_unknown and self._kind.resolve:
            resolved = await self._kind.resolve(call)
            if resolved:
                return resolved
        return await self._kind.perform(call)

    async def _record_ends(self) -> None:
        while True:
            ended = [await self._ended.get()]
            while len(ended) < RECORD_AT_MOST and not self._ended.empty():
                ended.append(self._ended.get_nowait())

            async def record(transaction: Transaction, ended: Sequence[Ended] = ended) -> None:
                await self._record(transaction, ended)

            await self._engine.transact(record)
            self._wakeup.notify()

    async def _record(self, transaction: Transaction, ended: Sequence[Ended]) -> None:
        """Record what is still under our lease; another worker resolves the rest."""
        rows = await transaction.connection.exec_driver_sql(
            "SELECT id, lease FROM outbound_call WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE",
            ([end.call.id for end in ended],),
        )
        held = {(row.id, row.lease) for row in rows}
        ours = [end for end in ended if (end.call.id, end.call.lease) in held]
        finals = (Outcome.DONE, Outcome.REJECTED)
        await transaction.load(ref for end in ours if end.answer.outcome in finals for ref in self._kind.touches(end))
        recorded = []
        for end in ours:
            answer = end.answer
            if answer.outcome in finals:
                answer = await self._end(transaction, end)
            recorded.append(_row(replace(end, answer=answer)))
        await transaction.connection.exec_driver_sql(_RECORD, (orjson.dumps(recorded).decode(),))

    async def _end(self, transaction: Transaction, end: Ended) -> Answer:
        try:
            await transaction.run(self._kind.on_end, end, end.call.cause)
        except Exception as error:
            log.exception("end of outbound call not handled", kind=end.call.kind, key=end.call.key)
            return Answer(Outcome.UNKNOWN, {"error": f"{type(error).__name__}: {error}"}, timedelta(minutes=1))
        return end.answer


def _row(end: Ended) -> Mapping[str, Any]:
    outcome = end.answer.outcome
    final = outcome in (Outcome.DONE, Outcome.REJECTED)
    pause = timedelta(0) if final else end.answer.retry_after
    return {
        "id": end.call.id,
        "state": "pending" if outcome is Outcome.RETRY_LATER else outcome,
        "answer": end.answer.detail,
        "pause_s": pause.total_seconds(),
        "final": final,
    }


_EXPIRE = """
UPDATE outbound_call SET state = 'unknown', lease = NULL
WHERE kind = $1 AND state = 'sending' AND leased_until < now()
"""
_CLAIM = """
WITH heads AS (
    SELECT DISTINCT ON (key) id, state, due_at, leased_until FROM outbound_call
    WHERE kind = $1 AND state IN ('pending', 'sending', 'unknown') ORDER BY key, id),
ready AS (
    SELECT c.id FROM outbound_call c JOIN heads USING (id)
    WHERE c.state IN ('pending', 'unknown') AND c.due_at <= now()
      AND (c.leased_until IS NULL OR c.leased_until < now())
    ORDER BY c.id LIMIT $4 FOR UPDATE OF c SKIP LOCKED)
UPDATE outbound_call c
SET state = CASE c.state WHEN 'pending' THEN 'sending' ELSE c.state END,
    lease = $2, leased_until = now() + $3::interval, attempts = attempts + 1
FROM ready WHERE c.id = ready.id
RETURNING c.id, c.key, c.payload::text AS payload, c.state, c.attempts, c.causationid, c.traceparent
"""
_RECORD = """
UPDATE outbound_call c
SET state = x.state, answer = x.answer, lease = NULL, leased_until = NULL,
    due_at = now() + x.pause_s * interval '1 second',
    ended_at = CASE WHEN x.final THEN now() END
FROM jsonb_to_recordset($1::text::jsonb)
    AS x(id bigint, state text, answer jsonb, pause_s double precision, final boolean)
WHERE c.id = x.id
"""
