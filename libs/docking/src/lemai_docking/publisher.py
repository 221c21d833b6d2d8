"""Publishing our documents through an outlet, and learning what the counterpart acknowledges."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_contracts.text import cleaned
from lemai_docking.ack import Ack, is_json, read_ack
from lemai_docking.backoff import Backoff
from lemai_docking.batching import Batch, due, is_item
from lemai_docking.channel import Entry, NotDone, Outlet, Undecided
from lemai_docking.codec import Rendered
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused, Fault, FileRejected
from lemai_docking.journal.outgoing import Outgoing, OutgoingFile, OutgoingJournal

HALF_WRITTEN_AGE = timedelta(minutes=10)
ACK_BYTES_MAX = 20_000_000
FAILURES_MAX = 5
"""Tries in a row of one file, half a minute of them, before a person is told."""
TOLD_MAX = 500

log = logging.getLogger(__name__)


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
        self,
        connection: AsyncConnection,
        file: OutgoingFile | None,
        rejected: Sequence[tuple[Outgoing, Sequence[Fault]]],
    ) -> None:
        """The counterpart refused these documents of a file; without a file, they could not be written."""

    async def on_alert(self, connection: AsyncConnection, file_name: str, fault: Fault) -> None:
        """Something a person must know; no name where it is not about a file."""


class Publisher:
    """The one publisher of a counterpart's outlet.

    An advisory lock on a connection of its own picks the active one; a fencing token in database and outlet
    stops one that has lost the lock without knowing.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        journal: OutgoingJournal,
        profile: Profile,
        outlet: Outlet,
        ports: SenderPorts,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._profile = profile
        self._codec = codec_of(profile)
        self._outlet = outlet
        self._ports = ports
        self._now = now
        self._backoff = Backoff()
        self._token = 0
        self._fenced = False
        self._unwritten: set[int] = set()

    async def run(self) -> None:
        """Publish until cancelled, standing by while another does, and through every failure of the channel.

        Database errors end it; run it again.
        """
        async with self.active() as lock:
            while True:
                await lock.execute(text("SELECT 1"))
                await asyncio.sleep(await self._turn())

    async def _turn(self) -> float:
        """One round; returns the seconds until the next."""
        try:
            await self.round()
        except (NotDone, Undecided) as failure:
            pause = self._backoff.failed(self._now())
            if self._backoff.must_tell(self._now()):
                async with self._engine.begin() as connection:
                    fault = Fault("E_CHANNEL", field="outbox", value=str(failure)[:200])
                    await self._ports.on_alert(connection, "", fault)
            return pause
        self._backoff.worked()
        return self._outlet.poll_s

    async def round(self) -> None:
        """Take in acknowledgements, settle what is in the balance, and publish what is due."""
        if not self._fenced:
            async with self._engine.begin() as connection:
                await self._journal.hold(connection, self._token)
            await self._outlet.fence(self._token)
            self._fenced = True
        if self._profile.acknowledge == "file":
            await self._take_acknowledgements()
        async with self._engine.connect() as connection:
            unsettled = await self._journal.unsettled(connection, ["rendered", "rewrite", "resend"])
        for file in unsettled:
            await (self._resend(file) if file.state == "resend" else self._settle(file))
        async with self._engine.connect() as connection:
            waiting = await self._journal.waiting(connection)
            stamps = await self._journal.last_stamps(connection)
        for batch in due(self._profile, waiting, stamps, self._now()):
            await self._publish_batch(batch)

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
        """Wait to be the active publisher, and shut out the one before."""
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as lock:
            try:
                await lock.execute(
                    text("SELECT pg_advisory_lock(hashtext('docking publisher'), hashtext(:counterpart))"),
                    {"counterpart": self._journal.counterpart},
                )
                async with self._engine.begin() as connection:
                    self._token = await self._journal.take_over(connection)
                self._fenced = False
                yield lock
            finally:
                # Ending the session is what surely releases its lock, whatever state the connection is in.
                await lock.invalidate()

    async def _settle(self, file: OutgoingFile) -> None:
        """A file of an interrupted or failed round: there or taken is done, anything else is not known.

        Written again is only what surely was not, or what a person or the profile allows.
        """
        if file.state == "rewrite":
            async with self._engine.begin() as connection:
                await self._journal.hold(connection, self._token)
                await self._journal.mark(connection, file, "rendered", self._now())
        elif file.id not in self._unwritten:
            if await self._outlet.has(file.name, file.sha256):
                await self._published(file)
                return
            if self._profile.after_crash == "ask":
                await self._unknown(file, "E_UNKNOWN")
                await self._outlet.discard(file.name)
                return
        await self._put(file)

    async def _publish_batch(self, batch: Batch) -> None:
        """Items are published until none is pending; orders wait while an item's fate is not known."""
        if is_item(batch.interface):
            while await self._publish(batch) == batch.limit:
                pass
            return
        async with self._engine.connect() as connection:
            items_open = await self._journal.items_open(connection)
        if not items_open:
            await self._publish(batch)

    async def _publish(self, batch: Batch) -> int:
        """Publish one file; returns how many documents were looked at."""
        async with self._engine.connect() as connection:
            documents = await self._journal.pending(connection, batch.interface, batch.limit)
        if not documents:
            return 0
        written, refused = self._render(documents, await self._ports.restore(documents))
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            if refused:
                await self._reject(connection, None, refused)
            file = await self._add_file(connection, batch.interface, written) if written else None
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
            if lines > self._profile.limits.lines and written:
                break
            written.append((replace(document, notes=rendered.notes), rendered))
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
        """Hand a stored file over. Raises NotDone or Undecided after noting which it was."""
        try:
            ack = await self._outlet.put(file.name, file.content, self._token)
        except FileExistsError:
            if not await self._outlet.has(file.name, file.sha256):
                await self._unknown(file, "E_FILE_CHANGED")
                return
            ack = None
        except NotDone as failure:
            self._unwritten.add(file.id)
            self._fenced = False
            await self._failed(file, failure, may_have_gone=False)
            raise
        except Undecided as failure:
            self._unwritten.discard(file.id)
            await self._failed(file, failure, may_have_gone=True)
            raise
        self._unwritten.discard(file.id)
        await self._published(file, ack)

    async def _failed(self, file: OutgoingFile, failure: Exception, *, may_have_gone: bool) -> None:
        """Keep what was said instead of an answer. What may have gone out is not sent for ever: a person decides."""
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            told = cleaned(str(failure), TOLD_MAX).text
            failures = await self._journal.failed(connection, file, told)
            if may_have_gone and failures >= FAILURES_MAX:
                await self._journal.mark(connection, file, "unknown", self._now())
            if failures == FAILURES_MAX and (may_have_gone or not self._backoff.told):
                code = "E_UNREAD" if may_have_gone else "E_CHANNEL"
                await self._ports.on_alert(connection, file.name, Fault(code, 0, "outbox", told))
                self._backoff.told = True

    async def _resend(self, file: OutgoingFile) -> None:
        """Put a file there again that a person wants there; one that still lies there is."""
        try:
            ack = await self._outlet.put(file.name, file.content, self._token)
        except FileExistsError:
            ack = None
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            file = await self._journal.resent(connection, file)
            if ack and file.state == "published" and not _ack_fault(file.name, ack, file):
                await self._acknowledge(connection, file, ack)

    async def _published(self, file: OutgoingFile, ack: Ack | None = None) -> None:
        log.info("file out", extra={"counterpart": self._journal.counterpart, "file": file.name})
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            fault = _ack_fault(file.name, ack, file) if ack else None
            if fault:
                await self._ports.on_alert(connection, file.name, fault)
            if ack and not fault:
                await self._acknowledge(connection, file, ack)
                return
            documents = await self._journal.mark(connection, file, "published", self._now())
            await self._ports.on_published(connection, file, documents)

    async def _unknown(self, file: OutgoingFile, code: str) -> None:
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            await self._journal.mark(connection, file, "unknown", self._now())
            await self._ports.on_alert(connection, file.name, Fault(code, value=file.name))

    async def _take_acknowledgements(self) -> None:
        for entry in await self._outlet.answers():
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
        try:
            data = await self._outlet.read_answer(entry.name, ACK_BYTES_MAX)
        except NotDone:
            raise
        except OSError as error:
            log.warning("cannot be read", extra={"file": entry.name, "error": str(error)})
            return
        ack = read_ack(data)
        if ack is None and not is_json(data) and self._now() - entry.changed_at < HALF_WRITTEN_AGE:
            return
        async with self._engine.begin() as connection:
            await self._journal.hold(connection, self._token)
            file = await self._journal.file(connection, name)
            fault = _ack_fault(entry.name, ack, file)
            if fault:
                await self._ports.on_alert(connection, entry.name, fault)
            elif ack and file and file.state != "acknowledged":
                await self._acknowledge(connection, file, ack)
        refused_sha256 = hashlib.sha256(data).hexdigest() if fault else ""
        await self._outlet.settle_answer(entry.name, self._now(), refused_sha256=refused_sha256)

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
            await self._reject(connection, file, refused)
        stored = await self._journal.acknowledge(connection, file, ack.model_dump(mode="json"), now)
        await self._ports.on_acknowledged(connection, file, stored)

    async def _reject(
        self,
        connection: AsyncConnection,
        file: OutgoingFile | None,
        refused: Sequence[tuple[Outgoing, Sequence[Fault]]],
    ) -> None:
        await self._journal.reject(connection, {document.id: faults for document, faults in refused}, self._now())
        await self._ports.on_rejected(connection, file, refused)


def _ack_fault(name: str, ack: Ack | None, file: OutgoingFile | None) -> Fault | None:
    if ack is None or file is None:
        return Fault("E_ACK", value=name)
    if ack.sha256 and ack.sha256.lower() != file.sha256:
        return Fault("E_CHECKSUM", 0, "sha256", f"{name}: {ack.sha256}", file.sha256)
    return None
