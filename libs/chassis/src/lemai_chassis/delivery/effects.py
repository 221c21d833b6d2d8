"""What handlers asked for besides state: events to publish and calls to make, written where they wait for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_chassis import logging, trace
from lemai_chassis.state.unit_of_work import Emitted, RequestedCall
from lemai_chassis.trace import Cause

EVENT_BYTES_MAX = 500_000


class EventTooLargeError(ValueError):
    """An event that Kafka would not take."""


async def append_events(connection: AsyncConnection, events: Sequence[tuple[Emitted, Cause]], now: datetime) -> None:
    """Append events in their order. Raises EventTooLargeError."""
    told = [(emitted, trace.onward(cause, emitted.event.type)) for emitted, cause in events]
    rows = [_event_row(emitted, cause) for emitted, cause in told]
    if rows:
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.exec_driver_sql(_APPEND_EVENTS, (now, *columns))
        logging.steps((emitted.event, cause) for emitted, cause in told)


async def request_calls(connection: AsyncConnection, calls: Sequence[tuple[RequestedCall, Cause]]) -> None:
    """Write requested calls, in their order; one that supersedes ends those of its key that wait unsent."""
    waiting: dict[tuple[str, str], list[tuple[RequestedCall, Cause]]] = {}
    for call, cause in calls:
        earlier = [] if call.supersede else waiting.get((call.kind, call.key), [])
        waiting[call.kind, call.key] = [*earlier, (call, trace.onward(cause, f"call {call.kind}"))]
    superseded = [key for key, queue in waiting.items() if queue[0][0].supersede]
    if superseded:
        kinds, keys = zip(*superseded, strict=True)
        await connection.exec_driver_sql(_SUPERSEDE_CALLS, (list(kinds), list(keys)))
    rows = [
        (call.kind, call.key, orjson.dumps(call.payload).decode(), cause.traceparent, cause.causationid)
        for queue in waiting.values()
        for call, cause in queue
    ]
    if rows:
        await connection.exec_driver_sql(_REQUEST_CALLS, tuple(list(column) for column in zip(*rows, strict=True)))


def _event_row(emitted: Emitted, cause: Cause) -> tuple[Any, ...]:
    event = emitted.event
    data = event.model_dump_json()
    if len(data.encode()) > EVENT_BYTES_MAX:
        raise EventTooLargeError(f"{event.type} of {event.subject}: {len(data.encode())} bytes")
    place = (event.type, event.topic.name, event.explicit_partition, event.partitionkey, event.subject)
    return uuid4(), *place, emitted.aggregateversion, cause.traceparent, cause.causationid, data


_APPEND_EVENTS = """
WITH appended AS (
    INSERT INTO event (time, id, type, topic, partition, partitionkey, subject, aggregateversion, traceparent,
                       causationid, data)
    SELECT $1, x.id, x.type, x.topic, x.partition, x.partitionkey, x.subject, x.aggregateversion, x.traceparent,
           x.causationid, x.data::jsonb
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::bigint[], $9::text[],
                $10::text[], $11::text[]) WITH ORDINALITY
        AS x(id, type, topic, partition, partitionkey, subject, aggregateversion, traceparent, causationid, data, n)
    ORDER BY x.n
    RETURNING seq, recorded_at),
queued AS (INSERT INTO outbox (seq, recorded_at) SELECT seq, recorded_at FROM appended)
SELECT pg_notify('outbox', '')
"""
_SUPERSEDE_CALLS = """
UPDATE outbound_call c SET state = 'superseded', ended_at = now()
FROM unnest($1::text[], $2::text[]) AS x(kind, key)
WHERE c.kind = x.kind AND c.key = x.key AND c.state IN ('pending', 'waiting')
"""
_REQUEST_CALLS = """
WITH requested AS (
    INSERT INTO outbound_call (kind, key, payload, traceparent, causationid)
    SELECT x.kind, x.key, x.payload::jsonb, x.traceparent, x.causationid
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS x(kind, key, payload, traceparent, causationid))
SELECT pg_notify('outbound_call', '')
"""
