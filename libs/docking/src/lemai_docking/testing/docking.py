"""For tests of this library and its users: a docking on a database and a folder of its own, with a clock."""

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import MetaData, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_docking.channel import Inlet, Outlet
from lemai_docking.channels.folder import Folder
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document, Rejected
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused, Fault
from lemai_docking.inbox import InboxReader
from lemai_docking.journal.incoming import IncomingFile, IncomingJournal
from lemai_docking.journal.outgoing import OrderKey, Outgoing, OutgoingFile, OutgoingJournal
from lemai_docking.journal.tables import Tables, tables
from lemai_docking.posting import Snapshot
from lemai_docking.publisher import Publisher
from lemai_docking.receiver import Receiver

METADATA = MetaData()
TABLES = tables(METADATA)


def reseal(data: bytes, counts: tuple[int, int, int, int] | None = None) -> bytes:
    """A changed text file with its digest computed anew, and its trailer's four counts if given."""
    at = data.rindex(b"\nTRL\t") + 1
    body, trailer = data[:at], data[at:].decode().split("\t")
    if counts:
        trailer[1:5] = map(str, counts)
    return body + "\t".join([*trailer[:6], hashlib.sha256(body).hexdigest()]).encode() + b"\n"


async def create_tables(engine: AsyncEngine) -> None:
    """The journal's tables, and the one `Owner` writes down what it is told in."""
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.execute(text("CREATE TABLE told (id bigserial PRIMARY KEY, word text NOT NULL)"))


class Reversing:
    """A vault that anybody can open, but whose content is not the plain bytes."""

    def seal(self, plain: bytes) -> bytes:
        return b"sealed:" + plain[::-1]

    def unseal(self, sealed: bytes) -> bytes:
        return sealed.removeprefix(b"sealed:")[::-1]


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class Owner:
    """Records what it was told, in the database (so that a rolled back word is not heard) and typed in memory."""

    documents: dict[str, Document] = field(default_factory=dict)
    instructed: dict[OrderKey, Collection[str]] = field(default_factory=dict)
    strangers: dict[str, Fault] = field(default_factory=dict)
    received: list[Document] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    snapshots: list[list[Document]] = field(default_factory=list)
    alerted_files: list[str] = field(default_factory=list)
    fail: str = ""

    async def restore(self, documents: Sequence[Outgoing]) -> Sequence[Document | DocumentRefused]:
        gone = DocumentRefused([Fault("E_FIELD", field="receiver_name")])
        return [self.documents.get(document.payload.decode(), gone) for document in documents]

    async def on_published(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        for document in documents:
            await self._tell(connection, f"published {file.name}:{document.line} {document.order_no}")

    async def on_acknowledged(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        for document in documents:
            await self._tell(connection, f"acknowledged {file.name}:{document.line} {document.order_no}")

    async def on_rejected(
        self,
        connection: AsyncConnection,
        file: OutgoingFile | None,
        rejected: Sequence[tuple[Outgoing, Sequence[Fault]]],
    ) -> None:
        for document, faults in rejected:
            place = f" of {file.name}" if file else ""
            await self._tell(
                connection, f"rejected {document.order_no}{place} {faults[0].code} {faults[0].value}".strip()
            )

    async def interfaces_by_order(
        self, _connection: AsyncConnection, keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        return {key: self.instructed[key] for key in keys if key in self.instructed}

    async def misaddressed(self, _connection: AsyncConnection, documents: Sequence[Document]) -> Mapping[int, Fault]:
        return {one.line_no: self.strangers[one.owner_code] for one in documents if one.owner_code in self.strangers}

    async def on_received(
        self,
        connection: AsyncConnection,
        file: IncomingFile,
        documents: Sequence[Document],
        rejected: Sequence[Rejected],
    ) -> None:
        for document in documents:
            await self._tell(connection, f"received {file.name}:{document.line_no} {document.order_no}")
        for refused in rejected:
            await self._tell(connection, f"refused {file.name}:{refused.line_no} {refused.faults[0].code}")
        self.received += documents
        self.rejected += rejected

    async def on_snapshot(self, connection: AsyncConnection, file: IncomingFile, snapshot: Snapshot) -> None:
        pages = [page async for page in snapshot.pages]
        await self._tell(connection, f"snapshot {file.name} {snapshot.head['snapshot_id']} {len(pages)} pages")
        self.snapshots.append(pages)

    async def on_alert(self, connection: AsyncConnection, file_name: str, fault: Fault) -> None:
        self.alerted_files.append(file_name)
        await self._tell(connection, f"alert {fault.code} {fault.value}".strip())

    async def _tell(self, connection: AsyncConnection, word: str) -> None:
        await connection.execute(text("INSERT INTO told (word) VALUES (:word)"), {"word": word})
        if self.fail and word.startswith(self.fail):
            raise ConnectionError(f"the database went away after {word}")


@dataclass
class Docking:
    """One counterpart's docking on a database and a folder of its own."""

    engine: AsyncEngine
    root: Path
    profile: Profile
    clock: Clock = field(default_factory=Clock)
    owner: Owner = field(default_factory=Owner)
    tables: Tables = TABLES

    def __post_init__(self) -> None:
        self.outgoing = OutgoingJournal(self.tables, "JFY-K3", Reversing())
        self.incoming = IncomingJournal(self.tables, "JFY-K3", Reversing())
        self.folder = Folder(self.root)
        for directory in ("outbox", "inbox", "archive", "quarantine", "ack"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)

    def publisher(self, profile: Profile | None = None, outlet: Outlet | None = None) -> Publisher:
        profile, outlet = profile or self.profile, outlet or self.folder
        return Publisher(self.engine, self.outgoing, profile, outlet, self.owner, self.clock)

    def receiver(self) -> Receiver:
        return Receiver(self.engine, self.incoming, codec_of(self.profile), self.profile, self.owner, self.clock)

    def reader(self, inlet: Inlet | None = None) -> InboxReader:
        return InboxReader(self.receiver(), inlet or self.folder)

    async def enqueue(self, *documents: Document, urgent: bool = False, revision: int = 1) -> list[Outgoing]:
        """Store documents for sending; the payload is the key under which the owner finds them again."""
        rows = []
        for document in documents:
            payload = f"{document.order_no}/{revision}"
            self.owner.documents[payload] = document
            rows.append(
                Outgoing(
                    interface=document.interface,
                    owner_code=document.owner_code,
                    order_no=document.order_no,
                    leg=layouts()[document.interface].leg or "",
                    revision=revision,
                    family=document.order_no.partition("-")[0],
                    content_hash=document.content_hash,
                    payload=payload.encode(),
                    urgent=urgent,
                )
            )
        async with self.engine.begin() as connection:
            await self.outgoing.enqueue(connection, rows, self.clock())
        return rows

    def drop(self, name: str, data: bytes) -> Path:
        """Put a file into the inbox, as old as the clock says."""
        path = self.folder.inbox / name
        path.write_bytes(data)
        self.touch(path)
        return path

    def touch(self, path: Path) -> None:

        stamp = self.clock().timestamp()
        os.utime(path, (stamp, stamp), follow_symlinks=False)

    async def told(self) -> list[str]:
        """What the owner was told and was not rolled back, in order."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text("SELECT word FROM told ORDER BY id"))).scalars())

    async def states(self, table: Literal["outgoing", "file"] = "outgoing") -> list[str]:
        """The states of all rows, in the order they came."""
        columns = getattr(self.tables, table).c
        async with self.engine.connect() as connection:
            return list((await connection.execute(select(columns.state).order_by(columns.id))).scalars())
