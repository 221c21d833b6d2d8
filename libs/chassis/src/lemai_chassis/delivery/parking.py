"""Parking: a key whose message cannot be handled now waits with all its later messages; the others flow."""

from collections.abc import Collection, Sequence

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_chassis.delivery.message import Message
from lemai_chassis.state.aggregates import ConcurrentUpdateError
from lemai_chassis.state.unit_of_work import Parked
from lemai_contracts.text import cleaned, fit

REASON_MAX = 4000


async def locked(connection: AsyncConnection, keys: Collection[str]) -> set[str]:
    """Which of `keys` are parked. Their rows stay locked, so that a redrive cannot end between here and commit."""
    rows = await connection.exec_driver_sql(
        "SELECT key FROM parked_key WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE", (list(keys),)
    )
    return set(rows.scalars())


async def park(connection: AsyncConnection, key: str, parked: Parked) -> None:
    """Raises ConcurrentUpdateError when the key was parked meanwhile, for a message of another topic."""
    inserted = await connection.exec_driver_sql(
        "INSERT INTO parked_key (key, reason, awaits, due_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        (key, cleaned(parked.reason, REASON_MAX).text, parked.awaits, parked.due_at),
    )
    if not inserted.rowcount:
        raise ConcurrentUpdateError("parked key")


async def enqueue(connection: AsyncConnection, messages: Sequence[Message]) -> None:
    """Put messages at the ends of their parked keys."""
    if messages:
        rows = [(m.key, m.topic, m.partition, m.offset, _dump(m), m.value) for m in messages]
        await connection.exec_driver_sql(_ENQUEUE, tuple(list(column) for column in zip(*rows, strict=True)))


async def first(connection: AsyncConnection, key: str) -> tuple[Message, int, Parked] | None:
    """Lock a parked key; its first message, which attempt the next one is, and why it is parked.

    None: not parked, or being redriven.
    """
    rows = await connection.exec_driver_sql(
        "SELECT attempts, reason, awaits, due_at FROM parked_key WHERE key = $1 FOR UPDATE SKIP LOCKED", (key,)
    )
    parked = rows.one_or_none()
    if parked is None:
        return None
    found = await connection.exec_driver_sql(
        'SELECT topic, partition, "offset", headers::text AS headers, value FROM parked_message '
        "WHERE key = $1 ORDER BY seq LIMIT 1",
        (key,),
    )
    row = found.one()
    headers = [(name, text.encode()) for name, text in orjson.loads(row.headers)]
    message = Message(row.topic, row.partition, row.offset, key, headers, row.value)
    return message, parked.attempts + 1, Parked(parked.reason, parked.awaits, parked.due_at)


async def release_first(connection: AsyncConnection, key: str) -> None:
    """Drop the first message of a key that `first` has locked; with the last one the key is free again."""
    await connection.exec_driver_sql(
        "DELETE FROM parked_message WHERE seq = (SELECT min(seq) FROM parked_message WHERE key = $1)", (key,)
    )
    await connection.exec_driver_sql(
        "DELETE FROM parked_key WHERE key = $1 AND NOT EXISTS (SELECT FROM parked_message WHERE key = $1)", (key,)
    )
    await connection.exec_driver_sql(
        "UPDATE parked_key SET attempts = 0, awaits = NULL, due_at = now() WHERE key = $1", (key,)
    )


async def repark(connection: AsyncConnection, key: str, parked: Parked) -> None:
    await connection.exec_driver_sql(
        "UPDATE parked_key SET reason = $2, awaits = $3, due_at = $4, attempts = attempts + 1 WHERE key = $1",
        (key, cleaned(parked.reason, REASON_MAX).text, parked.awaits, parked.due_at),
    )


async def wake(connection: AsyncConnection, arrived: Sequence[str]) -> None:
    """Make every key that awaits one of `arrived` due now."""
    if arrived:
        await connection.exec_driver_sql(
            "WITH woken AS (UPDATE parked_key SET due_at = now() WHERE awaits = ANY($1::text[]) RETURNING 1) "
            "SELECT pg_notify('parked_key', '') FROM woken LIMIT 1",
            (list(arrived),),
        )


async def due(connection: AsyncConnection, limit: int) -> Sequence[str]:
    """Keys whose time has come, longest waiting first."""
    rows = await connection.exec_driver_sql(
        "SELECT key FROM parked_key WHERE due_at <= now() ORDER BY due_at LIMIT $1", (limit,)
    )
    return rows.scalars().all()


def _dump(message: Message) -> str:
    return orjson.dumps(fit([(name, value.decode("utf-8", "replace")) for name, value in message.headers])).decode()


_ENQUEUE = """
INSERT INTO parked_message (key, topic, partition, "offset", headers, value)
SELECT x.key, x.topic, x.partition, x."offset", x.headers::jsonb, x.value
FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::bytea[]) WITH ORDINALITY
    AS x(key, topic, partition, "offset", headers, value, n)
ORDER BY x.n
"""
