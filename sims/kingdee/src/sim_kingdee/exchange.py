"""What every way of exchanging messages has in common: judging what comes in, composing what goes out.

Every message is stored before it is sent, so a crash repeats no effect.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter

from sim_kingdee import wire_time
from sim_kingdee.ack import Ack, Arrival, judged, refused, repeated
from sim_kingdee.checks import DOCUMENTS_MAX
from sim_kingdee.damage import Damage, change, spoil_bytes, spoil_documents
from sim_kingdee.encodings import Encoding
from sim_kingdee.erp import Erp, balances
from sim_kingdee.journal import Journal, Outgoing
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, Finding, FrameError, Message
from sim_kingdee.reports import Row
from sim_kingdee.storage import Received


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock, and how often a face looks for files and writes actuals."""

    now: Callable[[], datetime]
    poll_s: float
    flush_s: float


class Exchange(ABC):
    """One face of the ERP. Used by one thread."""

    def __init__(self, face: str, erp: Erp, encoding: Encoding) -> None:
        self.face = face
        self.erp = erp
        self.store = erp.store
        self.damages: deque[Damage] = deque()
        self.journal = Journal(erp.store, face)
        self._encoding = encoding

    def routes(self, now: Callable[[], datetime]) -> APIRouter:
        """What this face answers over HTTP."""
        return APIRouter()

    async def serve(self, pace: Pace) -> None:
        """Do what this face does by itself, until cancelled."""
        while True:
            self.write_actuals(pace.now())
            await asyncio.sleep(pace.flush_s)

    # What comes in

    def judge(self, arrival: Arrival, read: Callable[[], Message]) -> tuple[int, Ack]:
        """Take a message inside the caller's transaction; the id of its arrival and its acknowledgement."""
        first = self.journal.same_content(arrival.sha256)
        if first and first.status == "TAKEN" and first.ack["file_name"] == arrival.file_name:
            # A crash came between the commit and the acknowledgement.
            return first.id, first.ack
        if first:
            ack = repeated(arrival, first.ack)
        elif self.journal.is_used(arrival.file_name):
            ack = refused(arrival, Finding("E_FILE_CHANGED", "同名文件内容不同 / this name had other bytes"))
        else:
            ack = self._read(arrival, read)
        return self.journal.add_incoming(arrival, ack), ack

    def _read(self, arrival: Arrival, read: Callable[[], Message]) -> Ack:
        try:
            message = read()
        except FrameError as error:
            return refused(arrival, error.finding)
        return judged(arrival, message, self.erp.accept(message, Received(arrival.file_name, arrival.at, self.face)))

    # What goes out

    def write_actuals(self, now: datetime) -> None:
        """Book what is due and send all actuals that are in no file yet, one file per interface and owner."""
        with self.store.transaction():
            self.erp.confirm_due(now, DOCUMENTS_MAX)
            groups = self.store.unwritten(DOCUMENTS_MAX, self.face)
            files = [self._compose_actuals(*group, now) for group in groups.items()]
        self._send_all(files)

    def _compose_actuals(
        self, group: tuple[str, str], actuals: Sequence[tuple[int, Document]], now: datetime
    ) -> Outgoing:
        damage = self.damages.popleft() if self.damages else None
        documents = spoil_documents(damage, [document for _, document in actuals])
        file, lines = self._compose(*group, documents, now, damage)
        if damage in (None, Damage.CRASH_MID_FILE):
            self.store.mark_written(file.name, dict(zip((n for n, _ in actuals), lines, strict=True)))
        return file

    def write_snapshot(self, warehouse_code: str, owner_code: str, page_lines: int, now: datetime) -> list[Outgoing]:
        """Send a FULL snapshot of an owner's stock, one file per page."""
        with self.store.transaction():
            pages = balances(self.store, warehouse_code, owner_code, page_lines, now)
            files = [self._compose("inventory_balance", owner_code, [page], now, None)[0] for page in pages]
        self._send_all(files)
        return files

    def _compose(
        self, interface: str, owner_code: str, documents: Sequence[Document], now: datetime, damage: Damage | None
    ) -> tuple[Outgoing, list[int]]:
        stamp = self._next_stamp(INTERFACES[interface].prefix, now)
        header = {
            "format_version": "1.0",
            "interface": interface,
            "charset": "UTF-8",
            "sender": "KINGDEE",
            "receiver": "LEQEE",
            "message_id": f"KD{stamp}{self.journal.count() % 1_000_000:06}",
            "created_at": wire_time.instant(now),
            "owner_code": owner_code,
            "test_flag": "N",
        }
        rendered = self._encoding.write(header, documents)
        name = INTERFACES[interface].file_name(stamp) + self._encoding.SUFFIX
        content = spoil_bytes(damage, rendered.data)
        return self.journal.add_outgoing(name, interface, content, damage or "", now), rendered.lines

    def _next_stamp(self, prefix: str, now: datetime) -> str:
        last = self.journal.last_name(prefix)
        if last is None:
            return wire_time.stamp(now)
        used = wire_time.from_stamp(last.removeprefix(prefix)[:14])
        return wire_time.stamp(max(now, used + timedelta(seconds=1)))

    def repeat_file(self, name: str, now: datetime, *, changed: bool) -> None:
        """Send a file again under its name, with the same bytes or others; raises KeyError for a name never used."""
        first = self.journal.first(name)
        with self.store.transaction():
            content = change(first.content) if changed else first.content
            damage = "changed" if changed else "duplicate"
            file = self.journal.add_outgoing(name, first.interface, content, damage, now)
        self._send(file)

    def _send_all(self, files: Sequence[Outgoing]) -> None:
        for file in files:
            self._send(file)

    @abstractmethod
    def _send(self, file: Outgoing) -> None:
        """Hand over a stored file, or see to it that it is handed over."""

    def describe(self, row: Row) -> Row:
        """A file's row with what only this face knows."""
        return row
