"""What the SOAP and HTTP faces share: a call to us is stored, judged and answered at once; ours go on until acked."""

import asyncio
import contextlib
from abc import abstractmethod

import httpx
from fastapi import HTTPException

from sim_kingdee.ack import Ack, Arrival
from sim_kingdee.encodings import Encoding
from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Exchange, Pace
from sim_kingdee.journal import Outgoing
from sim_kingdee.layouts import INTERFACES, Interface
from sim_kingdee.message import FrameError, Message
from sim_kingdee.misdeeds import ErrorAfterStoring, TimeoutAfterStoring

_SILENCE_S = 60


class NoAck(Exception):
    """A call brought no acknowledgement; `is_refused` when these bytes will never get one."""

    def __init__(self, message: str, *, is_refused: bool) -> None:
        super().__init__(message)
        self.is_refused = is_refused


def instruction_named(name: str) -> Interface | None:
    """An interface that Lemai may call."""
    interface = INTERFACES.get(name)
    return interface if interface and interface.sender == "LEQEE" else None


class Calls(Exchange):
    """A face of calls instead of files."""

    def __init__(self, face: str, erp: Erp, encoding: Encoding, *, timeout_s: float, retry_s: float) -> None:
        super().__init__(face, erp, encoding)
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._has_more = asyncio.Event()

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

    async def serve(self, pace: Pace) -> None:
        """Write actuals and call Lemai with them."""
        async with asyncio.TaskGroup() as group, httpx.AsyncClient(timeout=self._timeout_s) as http:
            group.create_task(super().serve(pace))
            while True:
                self._has_more.clear()
                await self.push(http)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._has_more.wait(), self._retry_s)

    async def push(self, http: httpx.AsyncClient) -> None:
        """Call Lemai with everything it has not acknowledged, in order; the first call that fails ends the turn."""
        for file in self.journal.unfinished():
            try:
                self.journal.set_ack(file.id, "ANSWERED", await self._call(http, file))
            except httpx.HTTPError:
                return
            except NoAck as error:
                if not file.damage or not error.is_refused:
                    return
                # Damaged bytes never get an acknowledgement; their documents come again in another call.
                self.journal.set_ack(file.id, "REFUSED", {"refusal": str(error)})

    @abstractmethod
    async def _call(self, http: httpx.AsyncClient, file: Outgoing) -> dict[str, object]:
        """Lemai's acknowledgement; raises httpx.HTTPError or NoAck when there is none."""

    def _send(self, file: Outgoing) -> None:
        """Lemai is called with it."""
        self._has_more.set()


def _read(message: Message | FrameError) -> Message:
    if isinstance(message, FrameError):
        raise message
    return message
