"""Redrives parked keys whose time has come."""

from lemai_chassis.delivery import parking
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.wakeup import Wakeup

KEYS_AT_ONCE = 100
SWEEP_S = 1.0


class Redriver:
    """Takes due keys one after the other, each as far as its messages can be handled."""

    def __init__(self, engine: Engine, wakeup: Wakeup) -> None:
        self._engine = engine
        self._wakeup = wakeup

    async def run(self) -> None:
        """Until cancelled, or until the database fails."""
        while True:
            seen = self._wakeup.seen()
            async with self._engine.database.connect() as connection:
                keys = await parking.due(connection, KEYS_AT_ONCE)
            moved = False
            for key in keys:
                while await self._engine.redrive(key):
                    moved = True
            if not moved:
                await self._wakeup.wait(seen, SWEEP_S)
