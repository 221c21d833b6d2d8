"""What every service's database needs once an hour: next months' partitions, and an end to what nobody asks for."""

from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_chassis.database import add_event_partitions
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.schedules import Schedule
from lemai_contracts import event_types

INBOX_KEPT = timedelta(days=30)
"""Longer than Kafka keeps anything that is not compacted (14 days): what can come again is still known."""
ANSWERS_KEPT = timedelta(days=30)
CALLS_KEPT = timedelta(days=30)
PASSING_KEPT = timedelta(days=1)
PASSING_SOUGHT = timedelta(days=8)
"""So far back they are looked for: a service that slept longer left no more of them than it made in a day."""
PASSING = sorted(name for name, event in event_types().items() if event.passing)
ROWS_AT_ONCE = 10_000


def housekeeping(engine: Engine) -> Schedule:
    return Schedule("housekeeping", timedelta(hours=1), partial(_keep_house, engine))


async def _keep_house(engine: Engine) -> None:
    async with engine.database.begin() as connection:
        await add_event_partitions(connection, engine.clock())
    for table, time, kept in (
        ("inbox", "claimed_at", INBOX_KEPT),
        ("idempotency", "created_at", ANSWERS_KEPT),
        ("outbound_call", "ended_at", CALLS_KEPT),
    ):
        while await _delete_some(engine.database, table, time, kept) == ROWS_AT_ONCE:
            pass
    while await _delete_passing(engine.database) == ROWS_AT_ONCE:
        pass


async def _delete_some(database: AsyncEngine, table: str, time: str, kept: timedelta) -> int:
    """Delete in small transactions, so that nobody waits for one; how many rows."""
    async with database.begin() as connection:
        deleted = await connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - the names are those above
            f"SELECT ctid FROM {table} WHERE {time} < now() - $1::interval LIMIT $2))",
            (kept, ROWS_AT_ONCE),
        )
        return deleted.rowcount


async def _delete_passing(database: AsyncEngine) -> int:
    """Drop marks that others have replaced long since; one that nobody published yet stays."""
    async with database.begin() as connection:
        deleted = await connection.exec_driver_sql(
            "DELETE FROM event WHERE (seq, recorded_at) IN ("
            "SELECT seq, recorded_at FROM event WHERE type = ANY($1::text[]) "
            "AND recorded_at BETWEEN now() - $2::interval AND now() - $3::interval "
            "AND NOT EXISTS (SELECT FROM outbox WHERE outbox.seq = event.seq) LIMIT $4)",
            (PASSING, PASSING_SOUGHT, PASSING_KEPT, ROWS_AT_ONCE),
        )
        return deleted.rowcount
