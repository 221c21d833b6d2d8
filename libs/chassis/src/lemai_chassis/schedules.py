"""Work that is due by the clock: rows of the service that owns it, so that it needs nothing but the service."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from lemai_chassis.database import POOL_SIZE
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.trace import CURRENT, Cause, span
from lemai_chassis.troubles import Troubles

log = structlog.get_logger()
RECHECK_S = 10.0
AT_ONCE = POOL_SIZE
"""A run has a connection for its lock, and needs others: no more of them than leave half of all connections free."""


@dataclass(frozen=True)
class Schedule:
    """Runs `run` every so often, in one process at a time. What it raises is logged; it is tried again soon.

    The pause after a failure grows from seconds to minutes, never beyond the usual turn. A schedule that goes on
    failing raises the alert `alert`. A run that a crash ended begins anew, here or in another process.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    alert: str = "schedule_failed"


class Scheduler:
    """Runs a service's schedules."""

    def __init__(self, engine: Engine, schedules: Sequence[Schedule]) -> None:
        self._database = engine.database
        self._troubles = Troubles(engine)
        self._schedules = schedules
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Until cancelled, or until the database fails."""
        async with asyncio.TaskGroup() as tasks:
            for schedule in self._schedules:
                tasks.create_task(self._repeat(schedule))

    async def _repeat(self, schedule: Schedule) -> None:
        while True:
            async with self._room:
                pause_s = await self._run_if_due(schedule)
            await asyncio.sleep(min(pause_s, RECHECK_S))

    async def _run_if_due(self, schedule: Schedule) -> float:
        """Run it if it is due and nobody else does; seconds until it is due again."""
        async with self._database.begin() as connection:
            locked = await connection.exec_driver_sql(
                "SELECT pg_try_advisory_xact_lock(hashtext('schedule'), hashtext($1))", (schedule.name,)
            )
            if not locked.scalar():
                return schedule.every.total_seconds()
            due = (await connection.exec_driver_sql(_DUE, (schedule.name, schedule.alert))).one()
            if due.pause_s > 0:
                return float(due.pause_s)
            turn = await self._turn(schedule, failing=due.failing)
            return float((await connection.exec_driver_sql(_RAN, (schedule.name, due.now, turn))).scalar_one())

    async def _turn(self, schedule: Schedule, *, failing: bool) -> timedelta:
        """Run it; how long after this run's beginning the next is due."""
        cause = Cause(f"schedule:{schedule.name}")
        CURRENT.set(cause)
        try:
            with span(cause.causationid, cause):
                await schedule.run()
        except Exception as error:
            log.exception("schedule failed", schedule=schedule.name)
            return min(schedule.every, await self._troubles.failed(schedule.alert, schedule.name, error))
        if failing:
            await self._troubles.worked(schedule.alert, schedule.name)
        return schedule.every


_DUE = """
SELECT clock_timestamp() AS now,
       coalesce((SELECT extract(epoch FROM due_at - clock_timestamp()) FROM schedule WHERE name = $1), 0) AS pause_s,
       EXISTS (SELECT FROM trouble WHERE code = $2 AND about = $1) AS failing
"""
_RAN = """
INSERT INTO schedule (name, last_run_at, due_at)
VALUES ($1, $2::timestamptz, greatest($2::timestamptz + $3::interval, clock_timestamp()))
ON CONFLICT (name) DO UPDATE
SET last_run_at = excluded.last_run_at, due_at = excluded.due_at
RETURNING extract(epoch FROM due_at - clock_timestamp())
"""
