"""Schedules are due rows in the service that owns them: no clock but the database's, one process at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from lemai_toy import STORAGE
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import count_of, eventually, fetch

from lemai_chassis import schedules
from lemai_chassis.database import POOL_SIZE, add_event_partitions, connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.housekeeping import INBOX_KEPT, housekeeping
from lemai_chassis.schedules import Schedule, Scheduler
from lemai_chassis.troubles import PAUSE_MIN
from lemai_contracts.marketplace import TradeChangedV1, TradesPulledV1
from lemai_contracts.topics import TOPICS

DAY = timedelta(days=1)
INSTANT = timedelta(milliseconds=20)


class Work:
    """Counts its runs and how many run at once; waits until released, if told to."""

    def __init__(self, *errors: Exception, waiting: bool = False) -> None:
        self.runs = 0
        self.busy = 0
        self.busiest = 0
        self.errors = list(errors)
        self.release = asyncio.Event()
        if not waiting:
            self.release.set()

    async def __call__(self) -> None:
        self.runs += 1
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await self.release.wait()
            if self.errors:
                raise self.errors.pop(0)
        finally:
            self.busy -= 1


@asynccontextmanager
async def scheduling(database: AsyncEngine, *planned: Schedule) -> AsyncIterator[asyncio.Task[None]]:
    running = asyncio.create_task(Scheduler(Engine(database, "toy", STORAGE), planned).run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until_run(work: Work, runs: int) -> None:
    async def reached() -> bool:
        return work.runs >= runs

    await eventually(reached)


async def last_run(database: AsyncEngine) -> list[tuple[object, ...]]:
    return await fetch(database, "SELECT name, due_at - last_run_at FROM schedule")


async def until_recorded(database: AsyncEngine) -> None:
    async def recorded() -> bool:
        return await count_of(database, "schedule") > 0

    await eventually(recorded)


async def test_a_schedule_is_due_at_once_and_then_every_so_often(database: AsyncEngine) -> None:
    daily, often = Work(), Work()

    async with scheduling(database, Schedule("daily", DAY, daily), Schedule("often", INSTANT, often)):
        await until_run(often, 5)

    assert daily.runs == 1


async def test_a_schedule_that_ran_is_not_due_for_the_next_process(database: AsyncEngine) -> None:
    work, often = Work(), Work()

    for _ in range(2):
        async with scheduling(database, Schedule("daily", DAY, work), Schedule("often", INSTANT, often)):
            await until_run(often, often.runs + 2)
            await until_recorded(database)

    assert work.runs == 1


async def test_a_schedule_runs_in_one_process_at_a_time(database: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "RECHECK_S", 0.01)
    work = Work()
    schedule = Schedule("often", INSTANT, work)

    async with scheduling(database, schedule), scheduling(database, schedule), scheduling(database, schedule):
        await until_run(work, 10)

    assert work.busiest == 1


async def test_more_schedules_than_connections_leave_each_run_the_ones_it_needs(database: AsyncEngine) -> None:
    ran: set[str] = set()

    def planned(name: str) -> Schedule:
        async def run() -> None:
            await count_of(database, "schedule")
            ran.add(name)

        return Schedule(name, DAY, run)

    async def all_ran() -> bool:
        return len(ran) == 4 * POOL_SIZE

    async with scheduling(database, *(planned(f"daily {number}") for number in range(4 * POOL_SIZE))):
        await eventually(all_ran)


async def test_a_schedule_that_raised_is_due_again_in_seconds_not_in_a_day(database: AsyncEngine) -> None:
    work = Work(RuntimeError("no such folder"))

    async with scheduling(database, Schedule("daily", DAY, work)):
        await until_recorded(database)
        assert await last_run(database) == [("daily", PAUSE_MIN)]
        assert await troubles(database) == [("schedule_failed", "daily", "RuntimeError: no such folder")]
        assert work.runs == 1

    await fetch(database, "UPDATE schedule SET due_at = now()")
    async with scheduling(database, Schedule("daily", DAY, work)):
        await eventually(lambda: has_no_trouble(database))
        await eventually(lambda: is_due_in(database, DAY))
    assert work.runs == 2


async def test_a_failed_turn_never_waits_longer_than_a_usual_one(database: AsyncEngine) -> None:
    work = Work(*[RuntimeError("no")] * 3)

    async with scheduling(database, Schedule("often", INSTANT, work)):
        await until_run(work, 4)


async def test_a_run_that_a_crash_ended_begins_anew_in_another_process(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "RECHECK_S", 0.01)
    dying, living = Work(waiting=True), Work()

    async with scheduling(database, Schedule("daily", DAY, dying)) as process:
        await until_run(dying, 1)
        async with scheduling(database, Schedule("daily", DAY, living)):
            process.cancel()
            await until_run(living, 1)

    assert (dying.runs, living.runs) == (1, 1)


async def test_a_run_that_takes_longer_than_its_pause_is_due_at_once_and_not_in_the_past(
    database: AsyncEngine,
) -> None:
    work = Work(waiting=True)

    async with scheduling(database, Schedule("often", timedelta(microseconds=1), work)):
        await until_run(work, 1)
        work.release.set()
        await until_run(work, 3)

    assert work.busiest == 1
    assert await fetch(database, "SELECT due_at > last_run_at FROM schedule") == [(True,)]


async def test_a_database_that_fails_ends_the_scheduler_for_another_to_go_on(database_url: str) -> None:
    engine = connect(database_url)
    try:
        with pytest.raises(ExceptionGroup):
            await Scheduler(Engine(engine, "toy", STORAGE), [Schedule("daily", DAY, Work())]).run()
    finally:
        await engine.dispose()


async def test_housekeeping_makes_partitions_and_forgets_what_nobody_asks_for(database: AsyncEngine) -> None:
    now = datetime(2031, 11, 22, tzinfo=UTC)
    kept, over = "now() - interval '29 days'", "now() - interval '31 days'"
    for number, time in enumerate((kept, over)):
        await fetch(database, f"INSERT INTO inbox VALUES (gen_random_uuid(), {time})")
        await fetch(database, f"INSERT INTO idempotency VALUES ('{number}', '', NULL, {time})")
        await fetch(
            database,
            "INSERT INTO outbound_call (kind, key, payload, state, traceparent, causationid, ended_at) "
            f"VALUES ('k', '', '{{}}', 'done', '', '', {time}), ('k', '', '{{}}', 'unknown', '', '', NULL)",
        )

    schedule = housekeeping(Engine(database, "toy", STORAGE, clock=lambda: now))
    await schedule.run()
    await schedule.run()

    assert schedule.every == timedelta(hours=1)
    assert await count_of(database, "inbox") == 1
    assert await fetch(database, "SELECT key FROM idempotency") == [("0",)]
    states = await fetch(database, "SELECT state FROM outbound_call ORDER BY id")
    assert states == [("done",), ("unknown",), ("unknown",)]
    partitions = await fetch(
        database, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass"
    )
    assert {("event_2031_11",), ("event_2031_12",), ("event_2032_01",)} <= set(partitions)


async def test_housekeeping_forgets_marks_that_others_replaced_a_day_ago(database: AsyncEngine) -> None:
    mark, fact = TradesPulledV1.type, TradeChangedV1.type
    async with database.begin() as connection:
        await add_event_partitions(connection, datetime.now(UTC) - timedelta(days=2))
    for type_, hours, subject in ((mark, 23, "new"), (mark, 25, "old"), (mark, 25, "unpublished"), (fact, 25, "fact")):
        await fetch(
            database,
            "INSERT INTO event (recorded_at, id, type, topic, partitionkey, subject, aggregateversion, time, "
            "traceparent, causationid, data) "
            "VALUES (now() - make_interval(hours => $1), gen_random_uuid(), $2, '', '', $3, 0, now(), '', '', '{}')",
            hours,
            type_,
            subject,
        )
    await fetch(database, "INSERT INTO outbox SELECT seq, recorded_at FROM event WHERE subject = 'unpublished'")

    await housekeeping(Engine(database, "toy", STORAGE)).run()

    assert await fetch(database, "SELECT subject FROM event ORDER BY subject") == [
        ("fact",),
        ("new",),
        ("unpublished",),
    ]


def test_the_inbox_remembers_longer_than_kafka_does() -> None:
    hours = max(topic.retention_hours for topic in TOPICS if not topic.compacted)

    assert timedelta(hours=2 * hours) < INBOX_KEPT


async def troubles(database: AsyncEngine) -> list[tuple[object, ...]]:
    return await fetch(database, "SELECT code, about, reason FROM trouble")


async def has_no_trouble(database: AsyncEngine) -> bool:
    return await troubles(database) == []


async def is_due_in(database: AsyncEngine, pause: timedelta) -> bool:
    return await last_run(database) == [("daily", pause)]
