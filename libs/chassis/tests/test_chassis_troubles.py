"""What keeps failing is told within minutes, once, hourly when it goes on, and when it works again."""

from datetime import UTC, datetime, timedelta

import pytest
from lemai_toy import STORAGE
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import fetch

from lemai_chassis.delivery.engine import Engine
from lemai_chassis.troubles import PAUSE_MAX, Troubles

BEGAN = datetime(2026, 11, 22, 9, tzinfo=UTC)
NO_NETWORK = ConnectionError("no network\0 at all")


class Clock:
    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def troubles(database: AsyncEngine, clock: Clock) -> Troubles:
    return Troubles(Engine(database, "toy", STORAGE, clock=clock))


async def told(database: AsyncEngine) -> list[tuple[object, ...]]:
    return await fetch(
        database,
        "SELECT data->>'code', data->>'about', data->>'severity' FROM event "
        "WHERE type = 'lemai.ops.alert_raised.v1' ORDER BY seq",
    )


async def test_a_hiccup_calls_nobody(database: AsyncEngine, troubles: Troubles, clock: Clock) -> None:
    await troubles.failed("channel_failed", "JFY", NO_NETWORK)
    clock.now += timedelta(seconds=59)
    await troubles.failed("channel_failed", "JFY", NO_NETWORK)
    await troubles.worked("channel_failed", "JFY")

    assert await told(database) == []


async def test_a_streak_is_told_after_a_minute_and_then_hourly(
    database: AsyncEngine, troubles: Troubles, clock: Clock
) -> None:
    for seconds in (0, 60, 61, 120, 3659, 3660, 3661):
        clock.now = BEGAN + timedelta(seconds=seconds)
        await troubles.failed("channel_failed", "JFY", NO_NETWORK)

    assert await told(database) == [("channel_failed", "JFY", "critical")] * 2


async def test_the_alert_says_since_when_how_often_and_why(
    database: AsyncEngine, troubles: Troubles, clock: Clock
) -> None:
    await troubles.failed("channel_failed", "JFY", NO_NETWORK)
    clock.now += timedelta(minutes=2)
    await troubles.failed("channel_failed", "JFY", NO_NETWORK)

    [(message,)] = await fetch(database, "SELECT data->>'message' FROM event")
    assert message == (
        "JFY 自 2026-11-22 09:00Z 起一直失败（2 次），自动重试中 / "
        "failing since then (2 times), tried again by itself: ConnectionError: no network at all"
    )


async def test_a_told_streak_that_ends_says_so_and_the_next_is_a_new_one(
    database: AsyncEngine, troubles: Troubles, clock: Clock
) -> None:
    for _ in range(2):
        for _ in range(2):
            await troubles.failed("channel_failed", "JFY", NO_NETWORK)
            clock.now += timedelta(minutes=1)
        await troubles.worked("channel_failed", "JFY")

    streak = [("channel_failed", "JFY", "critical"), ("recovered", "channel_failed/JFY", "warning")]
    assert await told(database) == streak * 2
    assert await fetch(database, "SELECT * FROM trouble") == []


async def test_the_pause_grows_from_seconds_to_minutes(troubles: Troubles) -> None:
    pauses = [await troubles.failed("channel_failed", "JFY", NO_NETWORK) for _ in range(9)]

    assert [pause.total_seconds() for pause in pauses[:4]] == [5, 10, 20, 40]
    assert pauses[-1] == PAUSE_MAX
