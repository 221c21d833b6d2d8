"""What is due by the clock for one counterpart: answers that did not come, and bytes past their retention."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

from kingdee_adapter import handlers, storage
from kingdee_adapter.docking import Docking
from kingdee_adapter.handlers import Unanswered
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.reference import Counterpart
from lemai_chassis.schedules import Schedule
from lemai_docking.journal.retention import forget

REMIND_EVERY = timedelta(minutes=1)
FORGET_EVERY = timedelta(hours=1)


class Upkeep:
    """Reminders and retention of one counterpart."""

    def __init__(self, engine: Engine, docking: Docking, counterpart: Counterpart) -> None:
        self._engine = engine
        self._docking = docking
        self._counterpart = counterpart

    @property
    def schedules(self) -> Sequence[Schedule]:
        code = self._counterpart.code
        return [
            Schedule(f"remind {code}", REMIND_EVERY, self.remind),
            Schedule(f"forget {code}", FORGET_EVERY, self.forget),
        ]

    async def remind(self) -> None:
        """Tell of each document that was not acknowledged, and of each instruction not answered, by its deadline."""
        minutes = self._counterpart.acknowledge_within_minutes
        if minutes and self._docking.profile.acknowledge != "none":
            await self._engine.transact(partial(self._remind, "acknowledgement", timedelta(minutes=minutes)))
        if hours := self._counterpart.answer_within_hours:
            await self._engine.transact(partial(self._remind, "actual", timedelta(hours=hours)))

    async def forget(self) -> None:
        """Delete what was exchanged before the retention, as stored and as it lies at the channel."""
        before = self._engine.clock() - timedelta(days=self._counterpart.keep_bytes_days)
        forgotten = 1
        while forgotten:
            async with self._engine.database.begin() as connection:
                forgotten = await forget(connection, storage.JOURNAL, self._counterpart.code, before)
        if self._docking.channel and self._docking.channel.purge:
            await self._docking.channel.purge(before)

    async def _remind(
        self, awaiting: Literal["acknowledgement", "actual"], within: timedelta, transaction: Transaction
    ) -> None:
        now = transaction.uow.now
        overdue = await self._docking.outgoing.overdue(transaction.connection, awaiting, now - within, now)
        command = Unanswered(self._counterpart.code, awaiting, overdue)
        await transaction.run(handlers.on_unanswered, command)
