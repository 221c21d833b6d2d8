"""Work that is due by the clock: rows of the service that owns it, so that it needs nothing but the service."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger()


@dataclass(frozen=True)
class Schedule:
    """Runs `run` every so often, in one process at a time. What it raises is logged; it is due again as usual."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]


class Scheduler:
    """Runs a service's schedules."""

    def __init__(self, database: AsyncEngine, schedules: Sequence[Schedule]) -> None:
        self._database = database.execution_options(isolation_level="AUTOCOMMIT")
        self._schedules = schedules

    async def run(self) -> None:
        """Until cancelled, or until the database fails."""
        async with asyncio.TaskGroup() as tasks:
            for schedule in self._schedules:
                tasks.create_task(self._repeat(schedule))

    async def _repeat(self, schedule: Schedule) -> None:
        while True:
            pause_s = await self._run_if_due(schedule)
            await asyncio.sleep(max(0.01, min(pause_s, schedule.every.total_seconds())))

    async def _run_if_due(self, schedule: Schedule) -> float:
        """Run it if it is due and nobody else does; seconds until it is due again."""
        async with self._database.connect() as connection:
            locked = await connection.exec_driver_sql(
                "SELECT pg_try_advisory_lock(hashtext('schedule'), hashtext($1))", (schedule.name,)
            )
            if not locked.scalar():
                return schedule.every.total_seconds()
            try:
                claimed = await connection.exec_driver_sql(_CLAIM, (schedule.name, schedule.every))
                if claimed.scalar():
                    error = await _outcome(schedule)
                    await connection.exec_driver_sql(
                        "UPDATE schedule SET last_error = $2 WHERE name = $1", (schedule.name, error)
                    )
                rows = await connection.exec_driver_sql(
                    "SELECT extract(epoch FROM due_at - now())::float8 FROM schedule WHERE name = $1", (schedule.name,)
                )
                return float(rows.scalar_one())
            finally:
                await connection.exec_driver_sql(
                    "SELECT pg_advisory_unlock(hashtext('schedule'), hashtext($1))", (schedule.name,)
                )


async def _outcome(schedule: Schedule) -> str | None:
    try:
        await schedule.run()
    except Exception as error:
        log.exception("schedule failed", schedule=schedule.name)
        return f"{type(error).__name__}: {error}"
    return None


_CLAIM = """
INSERT INTO schedule AS s (name, due_at, last_run_at) VALUES ($1, now() + $2::interval, now())
ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, last_run_at = now() WHERE s.due_at <= now()
RETURNING true
"""
