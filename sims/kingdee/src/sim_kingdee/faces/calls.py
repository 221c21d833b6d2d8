"""What the SOAP and HTTP faces share: a call is stored and judged once, and answered at once."""

import asyncio

from fastapi import HTTPException

from sim_kingdee.ack import Ack, Arrival
from sim_kingdee.exchange import Exchange
from sim_kingdee.layouts import INTERFACES, Interface
from sim_kingdee.message import FrameError, Message
from sim_kingdee.misdeeds import ErrorAfterStoring, TimeoutAfterStoring

_SILENCE_S = 60


def instruction_named(name: str) -> Interface | None:
    """An interface that Lemai may call."""
    interface = INTERFACES.get(name)
    return interface if interface and interface.sender == "LEQEE" else None


class Calls(Exchange):
    """A face that Lemai calls."""

    async def answer(self, arrival: Arrival, message: Message | FrameError) -> Ack:
        """Store a call and judge it; raises HTTPException when it was planned that no answer comes."""
        with self.store.transaction():
            file_id, ack = self.judge(arrival, lambda: _read(message))
            self.journal.set_status(file_id, "ANSWERED")
            is_silent = self.store.is_silent(self.face, arrival.file_name)
        if self.erp.misdeeds.take(ErrorAfterStoring, self.face):
            raise HTTPException(500, "已保存，但未能作答 / stored, but the answer failed")
        held = self.erp.misdeeds.take(TimeoutAfterStoring, self.face)
        if held or is_silent:
            await asyncio.sleep(held.seconds if held else _SILENCE_S)
            raise HTTPException(504, "没有及时作答 / no answer in time")
        return ack


def _read(message: Message | FrameError) -> Message:
    if isinstance(message, FrameError):
        raise message
    return message
