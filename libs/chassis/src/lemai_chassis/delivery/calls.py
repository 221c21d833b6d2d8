"""Calls to systems outside: requested by handlers, made by a leased worker, never inside a transaction.

A call goes pending → sending → done | rejected, or back to pending when the other side says "later".
Whoever finds its lease run out while sending does not know whether it arrived: it becomes unknown, never
pending, and blocks its key until it is resolved by reading, or sent again where that is safe. One that stays
unknown is tried at growing pauses, and then waits for a person: what cannot be read is not sent for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog
from sqlalchemy.exc import DBAPIError

from lemai_chassis.delivery import metrics
from lemai_chassis.delivery.engine import Engine, Transaction, is_about_the_work
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork
from lemai_chassis.trace import CLIENT, CURRENT, Cause, names, span
from lemai_chassis.troubles import pause_after, tell_of_call
from lemai_chassis.wakeup import Wakeup
from lemai_contracts.text import fit

log = structlog.get_logger()
RECORD_AT_MOST = 100
RECHECK_S = 1.0
UNKNOWN_PAUSE = timedelta(seconds=5)
UNRECORDED_PAUSE = timedelta(minutes=1)
TOLD_AT = 6
"""Somebody is told after so many attempts: minutes."""
WAITS_AT = 20
"""A call unknown after so many, an hour and more, waits for a person."""


class Outcome(StrEnum):
    DONE = "done"
    REJECTED = "rejected"
    RETRY_LATER = "retry_later"
    UNKNOWN = "unknown"


FINAL = (Outcome.DONE, Outcome.REJECTED)


@dataclass(frozen=True)
class Answer:
    """How a call went. `detail` is what the handler of its end gets to know."""

    outcome: Outcome
    detail: Mapping[str, Any] = field(default_factory=dict)
    retry_after: timedelta = UNKNOWN_PAUSE

    @classmethod
    def unknown(cls, error: Exception, retry_after: timedelta = UNKNOWN_PAUSE) -> "Answer":
        return cls(Outcome.UNKNOWN, {"error": f"{type(error).__name__}: {error}"}, retry_after)


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
        room, lease = self._kind.concurrency - len(self._in_flight), uuid4()
        async with self._engine.database.begin() as connection:
            rows = await connection.exec_driver_sql(_CLAIM, (self._kind.name, lease, self._lease_time, room))
            return [self._call(row, lease) for row in rows]

    def _call(self, row: Any, lease: UUID) -> Call:
        payload, cause = orjson.loads(row.payload), Cause(row.causationid, row.traceparent)
        return Call(row.id, self._kind.name, row.key, payload, row.attempts, row.was_unknown, lease, cause)

    async def _make(self, call: Call) -> None:
        CURRENT.set(call.cause)
        try:
            with span(f"call {call.kind}", call.cause, CLIENT, key=call.key):
                async with asyncio.timeout(self._kind.timeout.total_seconds()):
                    answer = await self._resolve_or_perform(call)
        except Exception as error:
            answer = Answer.unknown(error)
        if answer.outcome is Outcome.UNKNOWN:
            detail = {name: value for name, value in answer.detail.items() if name != "answer"}
            log.warning("outbound call unknown", kind=call.kind, key=call.key, detail=detail)
        metrics.CALLS.labels(call.kind, answer.outcome).inc()
        self._ended.put_nowait(Ended(call, replace(answer, detail=fit(dict(answer.detail)))))

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
            await self._settle(ended)
            self._wakeup.notify()

    async def _settle(self, ended: Sequence[Ended]) -> None:
        """Record them together; what cannot be recorded is hunted, and stays unknown."""
        try:
            await self._engine.transact(partial(self._record, ended))
        except Exception as error:
            if not is_about_the_work(error):
                raise
            log.exception("end of outbound calls not recorded", kind=self._kind.name, calls=len(ended))
            if len(ended) == 1:
                unrecorded = replace(ended[0], answer=Answer.unknown(error, UNRECORDED_PAUSE))
                await self._engine.transact(partial(self._record, [unrecorded]))
                return
            for end in ended:
                await self._settle([end])

    async def _record(self, ended: Sequence[Ended], transaction: Transaction) -> None:
        """Record what is still under our lease; another worker resolves the rest."""
        rows = await transaction.connection.exec_driver_sql(
            "SELECT id, lease FROM outbound_call WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE",
            ([end.call.id for end in ended],),
        )
        held = {(row.id, row.lease) for row in rows}
        ours = [end for end in ended if (end.call.id, end.call.lease) in held]
        finals = [end for end in ours if end.answer.outcome in FINAL]
        await transaction.load(ref for end in finals for ref in self._kind.touches(end))
        recorded = [_row(end.call, await self._answer(transaction, end)) for end in ours]
        for end in ours:
            if end.answer.outcome not in FINAL and end.call.attempts in (TOLD_AT, WAITS_AT):
                await transaction.run(_tell, end, end.call.cause)
        if recorded:
            columns = (list(column) for column in zip(*recorded, strict=True))
            await transaction.connection.exec_driver_sql(_RECORD, tuple(columns))

    async def _answer(self, transaction: Transaction, end: Ended) -> Answer:
        """Let the handler know of an end; one it cannot take is told to it again later."""
        if end.answer.outcome in FINAL:
            try:
                await transaction.run(self._kind.on_end, end, end.call.cause)
            except DBAPIError:
                raise
            except Exception as error:
                log.exception("end of call not handled", kind=end.call.kind, key=end.call.key, **names(end.call.cause))
                return Answer.unknown(error, UNRECORDED_PAUSE)
        return end.answer


def _row(call: Call, answer: Answer) -> tuple[Any, ...]:
    state = "pending" if answer.outcome is Outcome.RETRY_LATER else answer.outcome.value
    if _waits(call, answer):
        state = "waiting"
    pause = pause_after(call.attempts, answer.retry_after)
    return call.id, state, orjson.dumps(answer.detail).decode(), pause, answer.outcome in FINAL


def _waits(call: Call, answer: Answer) -> bool:
    return answer.outcome is Outcome.UNKNOWN and call.attempts >= WAITS_AT


def _tell(end: Ended, uow: UnitOfWork) -> None:
    call, answer = end.call, end.answer
    tell_of_call(uow, f"{call.kind} {call.key}", call.attempts, answer.detail, waits=_waits(call, answer))


_CLAIM = """
WITH ready AS (
    SELECT c.id FROM outbound_call c
    WHERE c.kind = $1 AND c.state IN ('pending', 'sending', 'unknown') AND c.due_at <= now()
      AND (c.leased_until IS NULL OR c.leased_until < now())
      AND c.id = (SELECT first.id FROM outbound_call first
                  WHERE first.kind = $1 AND first.key = c.key
                    AND first.state IN ('pending', 'sending', 'unknown', 'waiting')
                  ORDER BY first.id LIMIT 1)
    ORDER BY c.id LIMIT $4 FOR UPDATE OF c SKIP LOCKED)
UPDATE outbound_call c
SET state = CASE c.state WHEN 'pending' THEN 'sending' ELSE 'unknown' END,
    lease = $2, leased_until = now() + $3::interval, attempts = attempts + 1
FROM ready WHERE c.id = ready.id
RETURNING c.id, c.key, c.payload::text AS payload, c.attempts, c.state = 'unknown' AS was_unknown, c.causationid,
          c.traceparent
"""
_RECORD = """
UPDATE outbound_call c
SET state = x.state, answer = x.answer::jsonb, lease = NULL, leased_until = NULL,
    due_at = now() + x.pause, ended_at = CASE WHEN x.final THEN now() END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::interval[], $5::boolean[])
    AS x(id, state, answer, pause, final)
WHERE c.id = x.id
"""
