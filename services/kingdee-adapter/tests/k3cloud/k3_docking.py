"""A K/3 docking on a database of its own, with an owner of documents that writes down what it is told."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from k3_world import FORMS, SITE
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter.k3cloud.channel import Counterpart, Journal, K3Docking
from kingdee_adapter.k3cloud.client import K3Client, Login
from kingdee_adapter.k3cloud.domain import Bill
from kingdee_adapter.k3cloud.files import ResultCodec
from kingdee_adapter.k3cloud.forms import Forms
from kingdee_adapter.k3cloud.handlers import Settled
from kingdee_adapter.k3cloud.posting import Poster, settle
from kingdee_adapter.k3cloud.signing import Account
from kingdee_adapter.k3cloud.site import Site
from kingdee_adapter.k3cloud.tables import tables
from lemai_chassis import tables as chassis
from lemai_chassis.database import connect
from lemai_chassis.delivery.calls import Call, CallWorker, Ended
from lemai_chassis.delivery.engine import Engine, Storage
from lemai_chassis.wakeup import Wakeup
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import built_in
from lemai_docking.documents import Document, Rejected
from lemai_docking.faults import DocumentRefused, Fault
from lemai_docking.journal import tables as docking
from lemai_docking.journal.incoming import IncomingFile, IncomingJournal
from lemai_docking.journal.outgoing import OrderKey, Outgoing, OutgoingFile, OutgoingJournal
from lemai_docking.posting import Snapshot
from lemai_docking.receiver import Receiver

METADATA = MetaData()
chassis.tables(METADATA)
JOURNAL = docking.tables(METADATA)
BILLS = tables(METADATA)
CODE = "KINGDEE-K3"
ACCOUNT = Account(
    url="http://erp.example.com/k3cloud/",
    acct_id="5f0000000000ab",
    user="lemai_api",
    app_id="204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    app_secret="0123456789abcdef0123456789abcdef",
    org="100",
)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class RealClock(Clock):
    def __call__(self) -> datetime:
        return datetime.now(UTC)


class Reversing:
    """A vault that anybody can open, but whose content is not the plain bytes."""

    def seal(self, plain: bytes) -> bytes:
        return b"sealed:" + plain[::-1]

    def unseal(self, sealed: bytes) -> bytes:
        return sealed.removeprefix(b"sealed:")[::-1]


@dataclass
class Owner:
    """The ports of the docking: documents by their payloads, and what was told, in order."""

    documents: dict[bytes, Document] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    received: list[Document] = field(default_factory=list)
    snapshots: list[Document] = field(default_factory=list)

    async def restore(self, documents: Sequence[Outgoing]) -> Sequence[Document | DocumentRefused]:
        return [self.documents[document.payload] for document in documents]

    async def on_published(
        self, _connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        self.told += [f"published {document.order_no} in {file.name}" for document in documents]

    async def on_acknowledged(
        self, _connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        self.told += [f"acknowledged {document.order_no} in {file.name}" for document in documents]

    async def on_rejected(
        self,
        _connection: AsyncConnection,
        file: OutgoingFile | None,
        rejected: Sequence[tuple[Outgoing, Sequence[Fault]]],
    ) -> None:
        name = file.name if file else "no file"
        for document, faults in rejected:
            self.told.append(f"rejected {document.order_no} in {name}: {faults[0].code} {faults[0].value}")

    async def on_alert(self, _connection: AsyncConnection, _file_name: str, fault: Fault) -> None:
        self.told.append(f"alert {fault.code} {fault.field} {fault.value}")

    async def interfaces_by_order(
        self, _connection: AsyncConnection, _keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        return {}

    async def misaddressed(self, _connection: AsyncConnection, _documents: Sequence[Document]) -> Mapping[int, Fault]:
        return {}

    async def on_received(
        self,
        _connection: AsyncConnection,
        file: IncomingFile,
        documents: Sequence[Document],
        rejected: Sequence[Rejected],
    ) -> None:
        self.received += documents
        self.told += [f"received {document.order_no} from {file.name}" for document in documents]
        self.told += [f"refused {document.order_no}: {document.faults[0].code}" for document in rejected]

    async def on_snapshot(self, _connection: AsyncConnection, file: IncomingFile, snapshot: Snapshot) -> None:
        self.snapshots += [page async for page in snapshot.pages]
        self.told.append(f"snapshot from {file.name}")


@dataclass
class World:
    """One docking; `work` does all that is due until nothing is left to do now."""

    engine: Engine
    docking: K3Docking
    outgoing: OutgoingJournal
    owner: Owner
    clock: Clock
    worker: CallWorker

    async def enqueue(self, *documents: Document, revision: int = 1) -> None:
        rows = []
        for document in documents:
            payload = f"{document.interface}/{document.order_no}/{revision}".encode()
            self.owner.documents[payload] = document
            rows.append(
                Outgoing(
                    interface=document.interface,
                    owner_code=document.owner_code,
                    order_no=document.order_no,
                    leg=layouts()[document.interface].leg or "",
                    revision=revision,
                    family=document.order_no,
                    content_hash=document.content_hash,
                    payload=payload,
                )
            )
        async with self.engine.database.begin() as connection:
            await self.outgoing.enqueue(connection, rows, self.clock())

    async def work(self) -> None:
        while True:
            await self.docking.poster.round()
            calls = await self.claim()
            if not calls:
                return
            for call in calls:
                await self.end(call)

    async def claim(self) -> Sequence[Call]:
        return await self.worker._claim()

    async def end(self, call: Call) -> None:
        """Make a claimed call, and record how it went."""
        await self.worker._make(call)
        ended: list[Ended] = [self.worker._ended.get_nowait()]
        await self.worker._settle(ended)

    async def wait_out(self) -> None:
        """Let every pause and every lease run out."""
        await self.execute(
            "UPDATE outbound_call SET due_at = now() - interval '1 day', leased_until = now() - interval '1 day' "
            "WHERE state IN ('pending', 'sending', 'unknown')"
        )

    async def execute(self, sql: str) -> None:
        async with self.engine.database.begin() as connection:
            await connection.execute(text(sql))

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        async with self.engine.database.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(sql))).mappings()]

    async def bill(self, form_id: str, number: str) -> Bill:
        (row,) = await self.rows(f"SELECT * FROM k3_bill WHERE form_id = '{form_id}' AND number = '{number}'")
        return BILLS.bills.parse(row)  # type: ignore[arg-type]

    async def states(self, number: str) -> tuple[str, str]:
        """How the journal's file and document of a number stand."""
        (row,) = await self.rows(
            "SELECT file.state AS file, document.state AS document FROM docking_outgoing document "
            f"JOIN docking_file file ON file.id = file_id WHERE order_no = '{number}'"
        )
        return row["file"], row["document"]


@asynccontextmanager
async def a_world(
    database_url: str,
    http: httpx.AsyncClient,
    site: Site = SITE,
    forms: Forms = FORMS,
    account: Account = ACCOUNT,
    login: Login = "signature",
    clock: Clock | None = None,
) -> AsyncIterator[World]:
    database = connect(database_url)
    async with database.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.execute(text("CREATE TABLE IF NOT EXISTS event_2026 PARTITION OF event DEFAULT"))
    posters: dict[str, Poster] = {}
    clock, owner = clock or Clock(), Owner()
    engine = Engine(database, "test", Storage.of(BILLS.bills, sinks={Settled: partial(settle, posters)}), clock=clock)
    outgoing = OutgoingJournal(JOURNAL, CODE, Reversing())
    codec = ResultCodec(forms, site)
    incoming = IncomingJournal(JOURNAL, CODE, Reversing())
    receiver = Receiver(database, incoming, codec, built_in("kingdee-default"), owner, clock)
    k3 = K3Docking(
        engine,
        Counterpart(CODE, "JFY", ["WH01"]),
        forms,
        site,
        K3Client(account, http, clock, login),
        Journal(JOURNAL, BILLS, outgoing, Reversing()),
        owner,
        receiver,
    )
    posters[CODE] = k3.poster
    worker = CallWorker(engine, k3.calls[0], Wakeup())
    try:
        yield World(engine, k3, outgoing, owner, clock, worker)
    finally:
        await http.aclose()
        await database.dispose()


async def until(probe: Any, what: str, seconds: float = 20) -> Any:
    """What the probe finds, as soon as it finds something."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await probe()):
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise AssertionError(f"no {what} within {seconds} s") from None
