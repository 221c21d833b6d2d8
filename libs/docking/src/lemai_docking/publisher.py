"""Publishing our documents as files in a folder, and reading what the counterpart acknowledges."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_docking.ack import Ack, read_ack
from lemai_docking.codec import Rendered
from lemai_docking.documents import Document
from lemai_docking.encodings import codec_of
from lemai_docking.faults import DocumentRefused, Fault, FileRejected
from lemai_docking.folder import Entry, Folder
from lemai_docking.judging import DOCUMENTS_MAX, LINES_MAX
from lemai_docking.layout import layouts
from lemai_docking.outgoing import Outgoing, OutgoingFile, OutgoingJournal, Waiting
from lemai_docking.profile import Profile

BATCH_MAX = 500
BATCH_AGE = timedelta(seconds=1)
AHEAD_MAX = timedelta(seconds=60)
HALF_WRITTEN_AGE = timedelta(minutes=10)
ACK_BYTES_MAX = 20_000_000
POLL_S = 0.2


class SenderPorts(Protocol):
    """What the owner of the documents does; every `on_…` runs in the transaction that makes it true."""

    async def restore(self, documents: Sequence[Outgoing]) -> Sequence[Document | DocumentRefused]:
        """Make each document from its payload, or say why it cannot be sent. Outside any transaction."""

    async def on_published(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        """A file is out, each document at its line."""

    async def on_acknowledged(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        """The counterpart has stored these documents."""

    async def on_rejected(
        self, connection: AsyncConnection, rejected: Sequence[tuple[Outgoing, Sequence[Fault]]]
    ) -> None:
        """These documents could not be written, or the counterpart refused them."""

    async def on_alert(self, connection: AsyncConnection, fault: Fault) -> None:
        """Something a person must know."""


class FolderPublisher:
    """The one publisher of a counterpart's outbox.

    An advisory lock on a connection of its own picks the active one; a fencing token in database and outbox
    stops one that has lost the lock without knowing.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        journal: OutgoingJournal,
        profile: Profile,
        root: Path,
        ports: SenderPorts,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._profile = profile
        self._codec = codec_of(profile)
        self._folder = Folder(root)
        self._ports = ports
        self._now = now
        self._token = 0
        self._unwritten: set[int] = set()

    async def run(self) -> None:
        """Publish until cancelled, standing by while another does. Database and file errors end it; run it again."""
        async with self.active() as lock:
            while True:
                await lock.execute(text("SELECT 1"))
                await self.round()
                await asyncio.sleep(POLL_S)

    async def round(self) -> None:
        """Publish what is due, and take in acknowledgements."""
        async with self._engine.connect() as connection:
            again = await self._journal.unsettled(connection, ["rewrite"])
            waiting = await self._journal.waiting(connection)
            stamps = await self._journal.last_stamps(connection)
        for file in again:
            async with self._engine.begin() as connection:
                await self._journal.hold(connection, self._token)
                await self._journal.mark(connection, file, "rendered", self._now())
            await self._put(file)
        for interface, limit in self._due(waiting, stamps):
            while await self._publish(interface, limit) == limit and _is_master_data(interface):
                pass
        await self._take_acknowledgements()

    async def recover(self) -> None:
        """Settle the files of an interrupted run: there or taken is done, anything else is not known."""
        async with self._engine.connect() as connection:
            files = await self._journal.unsettled(connection, ["rendered"])
        for file in files:
            if await asyncio.to_thread(self._folder.was_published, file.name, file.sha256):
                await self._published(file)
            elif file.id in self._unwritten or self._profile.after_crash == "rewrite":
                await self._put(file)
            else:
                await self._unknown(file, "E_UNKNOWN")
                await asyncio.to_thread(self._folder.forget_temporary, file.name)

    async def resolve(self, connection: AsyncConnection, name: str, decision: Literal["rewrite", "done"]) -> bool:
        """A person's word on an unknown file, in the caller's transaction. False if no such file is unknown."""
        file = await self._journal.file(connection, name)
        if file is None or file.state != "unknown":
            return False
        if decision == "done":
            documents = await self._journal.mark(connection, file, "published", self._now())
            await self._ports.on_published(connection, file, documents)
        else:
            await self._journal.mark(connection, file, "rewrite", self._now())
        return True

    @asynccontextmanager
    async def active(self) -> AsyncIterator[AsyncConnection]:
        """Wait to be the active publisher, shut out the one before, and settle what it left."""
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as lock:
            try:
                await lock.execute(
                    text("SELECT pg_advisory_lock(hashtext('docking publisher'), hashtext(:counterpart))"),
                    {"counterpart": self._journal.counterpart},
                )
                async with self._engine.begin() as connection:
                    self._token = await self._journal.take_over(connection)
                await asyncio.to_thread(self._folder.prepare)
                await asyncio.to_thread(self._folder.fence, self._token)
                await self.recover()
                yield lock
            finally:
                # Ending the session is what surely releases its lock, whatever state the connection is in.
                await lock.invalidate()

    def _due(self, waiting: Sequence[Waiting], stamps: dict[str, datetime]) -> list[tuple[str, int]]:
        """Interfaces to publish now and how many documents at most; items go before the orders that need them."""
        now = self._now()
        due: dict[str, int] = {}
        for one in waiting:
            last = stamps.get(self._profile.interfaces[one.interface].file, now)
            ahead = last - now > AHEAD_MAX
            limit = DOCUMENTS_MAX if ahead else BATCH_MAX
            # An age below zero is that of a document from before the clock was set back.
            young = timedelta(0) <= now - one.oldest_at < BATCH_AGE
            if one.count >= limit or not young or (one.urgent and not ahead):
                due[one.interface] = limit
        if due:
            due |= {one.interface: DOCUMENTS_MAX for one in waiting if _is_master_data(one.interface)}
        return sorted(due.items(), key=lambda batch: not _is_master_data(batch[0]))

    async def _publish(self, interface: str, limit: int) -> int:
        """Publish one file; returns how many documents were looked at."""
        async with self._engine.connect() as connection:
            documents = await self._journal.pending(connection, interface, limit)
        if not documents:
            return 0
        written, refused = self._render(documents, await self._ports.restore(documents))
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            if refused:
                await self._journal.reject(
                    connection, {document.id: faults for document, faults in refused}, self._now()
                )
                await self._ports.on_rejected(connection, refused)
            file = await self._add_file(connection, interface, written) if written else None
        if file:
            await self._put(file)
        return len(documents)

    def _render(
        self, documents: Sequence[Outgoing], restored: Sequence[Document | DocumentRefused]
    ) -> tuple[list[tuple[Outgoing, Rendered]], list[tuple[Outgoing, Sequence[Fault]]]]:
        """The documents of one file with their lines, and those that cannot be written."""
        written: list[tuple[Outgoing, Rendered]] = []
        refused: list[tuple[Outgoing, Sequence[Fault]]] = []
        lines = 0
        for document, made in zip(documents, restored, strict=True):
            try:
                if isinstance(made, DocumentRefused):
                    raise made
                rendered = self._codec.render(made)
            except DocumentRefused as refusal:
                refused.append((document, refusal.faults))
                continue
            lines += rendered.line_count
            if lines > LINES_MAX and written:
                break
            written.append((document, rendered))
        return written, refused

    async def _add_file(
        self, connection: AsyncConnection, interface: str, written: Sequence[tuple[Outgoing, Rendered]]
    ) -> OutgoingFile:
        now = self._now()
        pattern = self._profile.interfaces[interface].file
        stamp = await self._journal.next_stamp(connection, pattern, now)
        header = self._profile.header(interface, stamp=stamp, created_at=now, owner_code=written[0][0].owner_code)
        return await self._journal.add_file(
            connection,
            name=self._profile.file_name(interface, stamp),
            header=header,
            encoded=self._codec.frame(header, [rendered for _, rendered in written]),
            documents=[document for document, _ in written],
            now=now,
        )

    async def _put(self, file: OutgoingFile) -> None:
        try:
            await asyncio.to_thread(self._folder.publish, file.name, file.content, self._token)
        except FileExistsError:
            if not await asyncio.to_thread(self._folder.was_published, file.name, file.sha256):
                await self._unknown(file, "E_FILE_CHANGED")
                return
        except OSError:
            self._unwritten.add(file.id)
            raise
        self._unwritten.discard(file.id)
        await asyncio.to_thread(self._folder.sync_outbox)
        await self._published(file)

    async def _published(self, file: OutgoingFile) -> None:
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            documents = await self._journal.mark(connection, file, "published", self._now())
            await self._ports.on_published(connection, file, documents)

    async def _unknown(self, file: OutgoingFile, code: str) -> None:
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            await self._journal.mark(connection, file, "unknown", self._now())
            await self._ports.on_alert(connection, Fault(code, value=file.name))

    async def _take_acknowledgements(self) -> None:
        for entry in await asyncio.to_thread(lambda: list(self._folder.entries(self._folder.ack))):
            name = entry.name.removesuffix(".ack")
            if entry.regular and entry.name != name and self._is_ours(name):
                await self._take_acknowledgement(entry, name)

    def _is_ours(self, name: str) -> bool:
        """Whether a name is one of the files we publish; the others are answered by us."""
        try:
            return layouts()[self._profile.match(name).interfaces[0]].direction == "out"
        except FileRejected:
            return False

    async def _take_acknowledgement(self, entry: Entry, name: str) -> None:
        data = await asyncio.to_thread(self._folder.read, self._folder.ack, entry.name, ACK_BYTES_MAX)
        ack = read_ack(data)
        if ack is None and self._now() - entry.changed_at < HALF_WRITTEN_AGE:
            return
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            file = await self._journal.file(connection, name)
            fault = _ack_fault(entry.name, ack, file)
            if fault:
                await self._ports.on_alert(connection, fault)
            elif ack and file and file.state != "acknowledged":
                await self._acknowledge(connection, file, ack)
        if fault:
            digest = hashlib.sha256(data).hexdigest()
            await asyncio.to_thread(self._folder.to_quarantine, self._folder.ack, entry.name, digest)
        else:
            await asyncio.to_thread(self._folder.to_archive, self._folder.ack, entry.name, self._now())

    async def _acknowledge(self, connection: AsyncConnection, file: OutgoingFile, ack: Ack) -> None:
        """An answer proves that the file was taken, even if we had lost sight of it."""
        now = self._now()
        if file.state != "published":
            documents = await self._journal.mark(connection, file, "published", now)
            await self._ports.on_published(connection, file, documents)
        documents = await self._journal.documents(connection, file)
        refused = [
            (document, faults) for document in documents if (faults := ack.refusals(document.order_no, document.leg))
        ]
        if refused:
            await self._journal.reject(connection, {document.id: faults for document, faults in refused}, now)
            await self._ports.on_rejected(connection, refused)
        stored = await self._journal.acknowledge(connection, file, ack.model_dump(mode="json"), now)
        await self._ports.on_acknowledged(connection, file, stored)


def _is_master_data(interface: str) -> bool:
    return layouts()[interface].leg is None


def _ack_fault(name: str, ack: Ack | None, file: OutgoingFile | None) -> Fault | None:
    if ack is None or file is None:
        return Fault("E_ACK", value=name)
    if ack.sha256 and ack.sha256 != file.sha256:
        return Fault("E_CHECKSUM", 0, "sha256", f"{name}: {ack.sha256}", file.sha256)
    return None
