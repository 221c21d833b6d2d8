"""Reading what a counterpart leaves at a channel: whole files only, each once, each answered."""

import asyncio
import hashlib
import logging
from datetime import timedelta

from lemai_docking.backoff import Backoff
from lemai_docking.channel import Entry, Inlet, NotDone
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.receiver import Receiver

HALF_WRITTEN_AGE = timedelta(minutes=10)
FAILURES_MAX = 3

log = logging.getLogger(__name__)


class InboxReader:
    """Polls an inlet. Several may run."""

    def __init__(self, receiver: Receiver, inlet: Inlet) -> None:
        self._receiver = receiver
        self._inlet = inlet
        self._backoff = Backoff()
        self._prepared = False
        self._alerted: set[str] = set()
        self._halves: set[Entry] = set()

    async def run(self) -> None:
        """Read until cancelled, through every failure of the channel. Database errors end it; run it again."""
        while True:
            pause = self._inlet.poll_s
            try:
                await self.scan()
                self._backoff.worked()
            except NotDone as failure:
                pause = self._backoff.failed(self._receiver.now())
                if self._backoff.must_tell(self._receiver.now()):
                    await self._receiver.alert("", Fault("E_CHANNEL", field="inbox", value=str(failure)[:200]))
            await asyncio.sleep(pause)

    async def scan(self) -> None:
        """Take every whole file that is there, by the stamps in their names.

        Raises NotDone in the end if a file could not be dealt with, or at once after several in a row: then it is the
        channel.
        """
        if not self._prepared:
            await self._inlet.prepare()
            self._prepared = True
        entries = await self._inlet.entries()
        self._alerted &= {entry.name for entry in entries}
        self._halves &= set(entries)
        failed, in_a_row = None, 0
        for entry in sorted(entries, key=lambda entry: (self._stamp(entry.name), entry.name)):
            try:
                await self._take(entry)
                in_a_row = 0
            except NotDone as failure:
                failed, in_a_row = failure, in_a_row + 1
                if in_a_row == FAILURES_MAX:
                    break
        if failed:
            raise failed

    def _stamp(self, name: str) -> str:
        try:
            return self._receiver.profile.match(name).stamp.isoformat()
        except FileRejected:
            return ""

    async def _take(self, entry: Entry) -> None:
        young = self._receiver.now() - entry.changed_at < HALF_WRITTEN_AGE
        if young and entry in self._halves:
            return
        data = await self._read(entry)
        if data is None:
            return
        whole = len(data) > self._receiver.profile.limits.bytes or self._receiver.codec.is_complete(entry.name, data)
        if young and not whole:
            self._halves.add(entry)
            return
        ack = await self._receiver.receive(entry.name, data)
        if self._receiver.profile.acknowledge != "none":
            await self._inlet.acknowledge(entry.name, ack.json_bytes())
        if ack.refuses_file:
            await self._inlet.quarantine(entry.name, hashlib.sha256(data).hexdigest())
        else:
            await self._inlet.archive(entry.name, self._receiver.now())

    async def _read(self, entry: Entry) -> bytes | None:
        """None if it is gone, or nothing that can be read: that is told once."""
        try:
            if entry.regular:
                return await self._inlet.read(entry.name, self._receiver.profile.limits.bytes)
        except FileNotFoundError:
            return None
        except NotDone:
            raise
        except OSError as error:
            log.warning("cannot be read", extra={"file": entry.name, "error": str(error)})
        if entry.name not in self._alerted:
            self._alerted.add(entry.name)
            name = entry.name.encode(errors="backslashreplace").decode()
            await self._receiver.alert(name, Fault("E_SPECIAL", value=name))
        return None
