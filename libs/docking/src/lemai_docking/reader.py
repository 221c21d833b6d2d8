"""Reading what a counterpart drops into a folder: whole files only, each once, each answered."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_docking.ack import Ack, ack_of, ack_of_rejection
from lemai_docking.documents import Decoded, Document, Header, Rejected
from lemai_docking.encodings import codec_of
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.folder import Entry, Folder
from lemai_docking.incoming import IncomingFile, IncomingJournal
from lemai_docking.judging import BYTES_MAX
from lemai_docking.layout import layouts
from lemai_docking.outgoing import OrderKey
from lemai_docking.profile import Profile

HALF_WRITTEN_AGE = timedelta(minutes=10)
POLL_S = 0.2
SNAPSHOT = "inventory_balance"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stock snapshot of which every page is here and every row was read.

    `pages` gives the pages in order, one in memory at a time; it can be walked once, in the transaction.
    """

    head: Mapping[str, Any]
    owner_code: str
    pages: AsyncIterator[Document]


class ReceiverPorts(Protocol):
    """What the reader's owner does; every `on_…` runs in the transaction that stores the file."""

    async def interfaces_by_order(
        self, connection: AsyncConnection, keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        """The interfaces expected to answer our instructions; an order nobody instructed is not in it."""

    async def on_received(
        self,
        connection: AsyncConnection,
        file: IncomingFile,
        documents: Sequence[Document],
        rejected: Sequence[Rejected],
    ) -> None:
        """A file is stored: its documents that are new, and those refused or held, now in quarantine."""

    async def on_snapshot(self, connection: AsyncConnection, file: IncomingFile, snapshot: Snapshot) -> None:
        """The last missing page of a snapshot has come, in this file."""

    async def on_alert(self, connection: AsyncConnection, fault: Fault) -> None:
        """Something a person must know."""


class FolderReader:
    """Reads a counterpart's inbox. Several may run: a file belongs to whoever stores its name first."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: IncomingJournal,
        profile: Profile,
        root: Path,
        ports: ReceiverPorts,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._profile = profile
        self._codec = codec_of(profile)
        self._folder = Folder(root)
        self._ports = ports
        self._now = now
        self._alerted: set[str] = set()

    async def run(self) -> None:
        """Read until cancelled. Database and file errors end it; run it again."""
        await asyncio.to_thread(self._folder.prepare)
        while True:
            await self.scan()
            await asyncio.sleep(POLL_S)

    async def scan(self) -> None:
        """Take every whole file that is there, by the stamps in their names."""
        entries = await asyncio.to_thread(lambda: list(self._folder.entries(self._folder.inbox)))
        for entry in sorted(entries, key=lambda entry: (self._stamp(entry.name), entry.name)):
            await self._take(entry)
        self._alerted &= {entry.name for entry in entries}

    def _stamp(self, name: str) -> str:
        try:
            return self._profile.match(name).stamp.isoformat()
        except FileRejected:
            return ""

    async def _take(self, entry: Entry) -> None:
        if not entry.regular:
            await self._alert_once(entry)
            return
        try:
            data = await asyncio.to_thread(self._folder.read, self._folder.inbox, entry.name, BYTES_MAX)
        except FileNotFoundError:
            return
        except OSError:
            await self._alert_once(entry)
            return
        finished = len(data) > BYTES_MAX or (self._codec.is_complete(data) and self._stamp(entry.name))
        if not finished and self._now() - entry.changed_at < HALF_WRITTEN_AGE:
            return
        sha256 = hashlib.sha256(data).hexdigest()
        async with self._engine.connect() as connection:
            known = await self._journal.known(connection, entry.name, sha256)
        if known is None:
            ack = await self._receive(entry.name, data)
        elif known.sha256 == sha256:
            log.info("file came again", extra={"file": entry.name, "first": known.name})
            ack = _again(known, entry.name)
        else:
            ack = await self._changed(entry.name, data)
        if ack is None:
            return
        await asyncio.to_thread(self._folder.acknowledge, entry.name, ack.json_bytes())
        if ack.refuses_file:
            await asyncio.to_thread(self._folder.to_quarantine, self._folder.inbox, entry.name, sha256)
        else:
            await asyncio.to_thread(self._folder.to_archive, self._folder.inbox, entry.name, self._now())

    async def _alert_once(self, entry: Entry) -> None:
        if entry.name not in self._alerted:
            self._alerted.add(entry.name)
            async with self._engine.begin() as connection:
                await self._ports.on_alert(connection, Fault("E_SPECIAL", value=_printable(entry.name)))

    async def _receive(self, name: str, data: bytes) -> Ack | None:
        try:
            decoded = await asyncio.to_thread(self._codec.decode, name, data)
        except FileRejected as rejection:
            return await self._reject(name, data, rejection.fault)
        async with self._engine.begin() as connection:
            return await self._store(connection, name, data, decoded)

    async def _reject(self, name: str, data: bytes, fault: Fault) -> Ack | None:
        """Refuse a whole file."""
        now = self._now()
        async with self._engine.begin() as connection:
            file = await self._journal.add_file(connection, name=name, data=data, state="rejected", now=now)
            if file is None:
                return None
            await self._journal.quarantine(connection, name=name, data=data, fault=fault, now=now)
            await self._ports.on_alert(connection, fault)
            ack = ack_of_rejection(fault, name=name, sha256=file.sha256, received_at=now)
            await self._journal.answer(connection, file, ack.model_dump(mode="json"), now)
        return ack

    async def _changed(self, name: str, data: bytes) -> Ack:
        """Refuse other bytes under a known name; the first file stays what it was."""
        now = self._now()
        fault = Fault("E_FILE_CHANGED", value=name)
        async with self._engine.begin() as connection:
            if await self._journal.quarantine(connection, name=name, data=data, fault=fault, now=now):
                await self._ports.on_alert(connection, fault)
        return ack_of_rejection(fault, name=name, sha256=hashlib.sha256(data).hexdigest(), received_at=now)

    async def _store(self, connection: AsyncConnection, name: str, data: bytes, decoded: Decoded) -> Ack | None:
        """Everything that makes a file received, in one transaction."""
        now = self._now()
        file = await self._journal.add_file(
            connection,
            name=name,
            data=data,
            state="received",
            interface=decoded.header.interface,
            message_id=decoded.header.message_id,
            documents=len(decoded.documents) + len(decoded.rejected),
            now=now,
        )
        if file is None:
            return None
        same: Sequence[Document] = ()
        rejected = decoded.rejected
        if decoded.header.test_flag != "Y":
            same, rejected = await self._post(connection, file, data, decoded)
        ack = ack_of(decoded, name=name, sha256=file.sha256, received_at=now, same=same, rejected=rejected)
        await self._journal.answer(connection, file, ack.model_dump(mode="json"), now)
        return ack

    async def _post(
        self, connection: AsyncConnection, file: IncomingFile, data: bytes, decoded: Decoded
    ) -> tuple[Sequence[Document], Sequence[Rejected]]:
        """Take what is new in a file; returns what came before, and what was refused or is held."""
        actuals = [document for document in decoded.documents if document.interface != SNAPSHOT]
        faults = await self._astray(connection, actuals)
        plain = [document for document in actuals if document.line_no not in faults]
        claimed = await self._journal.claim(connection, file, plain, self._now())
        for document in claimed.conflicting:
            value = str(document.head["out_biz_code"])
            faults[document.line_no] = Fault("E_DUP_CONFLICT", document.line_no, "out_biz_code", value)
        snapshots = [
            snapshot
            for page in decoded.documents
            if page.interface == SNAPSHOT
            and (snapshot := await self._add_page(connection, file, decoded.header, page, faults))
        ]
        rejected = [
            *decoded.rejected,
            *(
                _held(document, faults[document.line_no])
                for document in decoded.documents
                if document.line_no in faults
            ),
        ]
        if rejected:
            excerpts = self._codec.excerpts(data, {document.line_no for document in rejected})
            await self._journal.quarantine(
                connection, name=file.name, data=data, rejected=rejected, excerpts=excerpts, now=self._now()
            )
        await self._ports.on_received(connection, file, claimed.new, rejected)
        for snapshot in snapshots:
            await self._ports.on_snapshot(connection, file, snapshot)
        return claimed.same, rejected

    async def _astray(self, connection: AsyncConnection, documents: Sequence[Document]) -> dict[int, Fault]:
        """Faults, by line, of actuals whose order we instructed through another interface."""
        keys = {document.line_no: _order_key(document) for document in documents}
        expected = await self._ports.interfaces_by_order(connection, set(keys.values()))
        return {
            document.line_no: Fault(
                "E_ROUTE", document.line_no, "order_no", document.order_no, " | ".join(sorted(answers))
            )
            for document in documents
            if (answers := expected.get(keys[document.line_no])) and document.interface not in answers
        }

    async def _add_page(
        self,
        connection: AsyncConnection,
        file: IncomingFile,
        header: Header,
        page: Document,
        faults: dict[int, Fault],
    ) -> Snapshot | None:
        """The snapshot this page completes, if it does; a page that contradicts the others goes to `faults`."""
        file_ids = await self._journal.add_page(connection, file, page)
        if file_ids is None:
            value = f"{page.order_no} {page.head['page']}/{page.head['total_page']}"
            faults[page.line_no] = Fault("E_DUP_CONFLICT", page.line_no, "page", value)
        if not file_ids:
            return None
        return Snapshot(page.head, header.owner_code, self._pages(connection, file_ids, page))

    async def _pages(
        self, connection: AsyncConnection, file_ids: Sequence[int], last: Document
    ) -> AsyncIterator[Document]:
        for number, file_id in enumerate(file_ids, 1):
            if number == last.head["page"]:
                yield last
                continue
            name, data = await self._journal.content(connection, file_id)
            decoded = await asyncio.to_thread(self._codec.decode, name, data)
            yield next(
                page for page in decoded.documents if (page.order_no, page.head["page"]) == (last.order_no, number)
            )


def _order_key(document: Document) -> OrderKey:
    return document.owner_code, document.order_no, layouts()[document.interface].leg or ""


def _held(document: Document, fault: Fault) -> Rejected:
    return Rejected(document.interface, document.owner_code, document.order_no, document.line_no, (fault,))


def _again(known: IncomingFile, name: str) -> Ack:
    """The first answer again; under another name it says that the bytes are known."""
    first = Ack.model_validate(known.ack)
    if known.name == name:
        return first
    return first.model_copy(update={"file_name": name, "status": "DUPLICATE"})


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()
