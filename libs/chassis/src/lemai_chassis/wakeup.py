"""LISTEN/NOTIFY, with a sweep as safety net: a lost notification only costs the sweep's pause."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine


class Wakeup:
    """Counts notifications, so that one that comes while its listener works is not missed."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = asyncio.Event()

    def seen(self) -> int:
        return self._count

    def notify(self) -> None:
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Until there was a notification after `seen`, or the time is over."""
        if self._count == seen:
            try:
                await asyncio.wait_for(self._changed.wait(), timeout_s)
            except TimeoutError:
                return


@asynccontextmanager
async def listening(database: AsyncEngine, channels: Mapping[str, Wakeup]) -> AsyncIterator[asyncio.Event]:
    """Turn notifications on `channels` into wake-ups; the event is set when the connection is lost."""
    ended = asyncio.Event()
    async with database.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None

        def heard(_connection: object, _pid: int, channel: str, _payload: str) -> None:
            channels[channel].notify()

        for channel in channels:
            await driver.add_listener(channel, heard)
        driver.add_termination_listener(lambda _connection: ended.set())
        yield ended
