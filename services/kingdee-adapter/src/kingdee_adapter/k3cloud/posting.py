"""Our documents as bills: rendered once, kept as files, begun when their items are there, settled in the journal."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import quote

from kingdee_adapter.k3cloud import handlers, storage
from kingdee_adapter.k3cloud.bills import Posting, posting
from kingdee_adapter.k3cloud.domain import Bill
from kingdee_adapter.k3cloud.files import THEM, US
from kingdee_adapter.k3cloud.forms import Forms
from kingdee_adapter.k3cloud.handlers import BillKey, Settled
from kingdee_adapter.k3cloud.site import Site
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_docking.ack import Ack, Result
from lemai_docking.codec import Encoded
from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Document, Header
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import DocumentRefused, Fault
from lemai_docking.journal.outgoing import Outgoing, OutgoingFile, OutgoingJournal
from lemai_docking.journal.tables import Tables
from lemai_docking.publisher import SenderPorts

AT_ONCE = 500
POLL_S = 0.2

Written = Sequence[tuple[Outgoing, Posting]]
Refused = Sequence[tuple[Outgoing, Sequence[Fault]]]


class Poster:
    """Opens bills for the documents that wait for one counterpart. Several may run."""

    def __init__(
        self,
        engine: Engine,
        code: str,
        forms: Forms,
        site: Site,
        outgoing: OutgoingJournal,
        tables: Tables,
        ports: SenderPorts,
    ) -> None:
        self._engine = engine
        self._code = code
        self._forms = forms
        self._site = site
        self._outgoing = outgoing
        self._tables = tables
        self._ports = ports

    async def run(self) -> None:
        """Until cancelled. Database errors end it; run it again."""
        while True:
            await self.round()
            await asyncio.sleep(POLL_S)

    async def round(self) -> None:
        """Open what waits, items before the orders that need them, and begin what can be begun."""
        await self._resend()
        async with self._engine.database.connect() as connection:
            waiting = await self._outgoing.waiting(connection)
        for interface in sorted((one.interface for one in waiting), key=lambda name: layouts()[name].leg is not None):
            while await self._open(interface) == AT_ONCE:
                pass
        async with self._engine.database.connect() as connection:
            ready = await storage.ready(connection, self._code, AT_ONCE)
        for key in ready:
            await self._engine.execute(handlers.on_ready, key)

    async def repost(self, form_id: str, number: str) -> bool:
        """A person's word: try a refused bill again. False if it was not refused."""
        return await self._engine.transact(partial(self._repost, (self._code, form_id, number)))

    async def settle(self, transaction: Transaction, settled: Settled) -> None:
        """Put into the journal what became of a document, and tell its sender."""
        connection, now = transaction.connection, transaction.uow.now
        file = await self._outgoing.file(connection, settled.file_name)
        if file is None:
            raise LookupError(f"no file {settled.file_name}")
        if settled.state == "published":
            documents = await self._outgoing.mark(connection, file, "published", now)
            await self._ports.on_published(connection, file, documents)
            return
        documents = await self._outgoing.documents(connection, file)
        if settled.faults:
            refused = [(document, settled.faults) for document in documents]
            await self._outgoing.reject(connection, {document.id: settled.faults for document in documents}, now)
            await self._ports.on_rejected(connection, file, refused)
        ack = _ack(file, documents, settled, f"{now.astimezone(SHANGHAI):%Y-%m-%dT%H:%M:%S+08:00}")
        acknowledged = await self._outgoing.acknowledge(connection, file, ack.model_dump(mode="json"), now)
        if acknowledged:
            await self._ports.on_acknowledged(connection, file, acknowledged)

    async def _open(self, interface: str) -> int:
        """Render the oldest documents of an interface whose bills are free; returns how many were opened or refused."""
        async with self._engine.database.connect() as connection:
            pending = await self._outgoing.pending(connection, interface, AT_ONCE)
            taken = await storage.open_numbers(connection, self._code, interface)
        documents = []
        for document in pending:
            if document.order_no not in taken:
                taken.add(document.order_no)
                documents.append(document)
        if not documents:
            return 0
        written, refused = self._rendered(documents, await self._ports.restore(documents))
        await self._engine.transact(partial(self._store, interface, written, refused))
        return len(documents)

    def _rendered(
        self, documents: Sequence[Outgoing], restored: Sequence[Document | DocumentRefused]
    ) -> tuple[Written, Refused]:
        written, refused = [], []
        for document, made in zip(documents, restored, strict=True):
            try:
                if isinstance(made, DocumentRefused):
                    raise made
                bill = posting(self._forms, self._site, made)
                written.append((replace(document, notes=bill.notes), bill))
            except DocumentRefused as refusal:
                refused.append((document, refusal.faults))
        return written, refused

    async def _store(self, interface: str, written: Written, refused: Refused, transaction: Transaction) -> None:
        """Files, bills and refusals in one transaction; documents somebody else took meanwhile are left out."""
        connection, now = transaction.connection, transaction.uow.now
        numbers = [document.order_no for document, _ in written]
        owners = await storage.owners(connection, self._code, interface, numbers)
        taken = [
            (document, [Fault("E_DUP_CONFLICT", field="owner_code", value=owners[document.order_no])])
            for document, _ in written
            if owners.get(document.order_no, document.owner_code) != document.owner_code
        ]
        refused = [*refused, *taken]
        claimed = await storage.claim_pending(
            connection, self._tables, [document.id for document, _ in (*written, *refused)]
        )
        refused = [(document, faults) for document, faults in refused if document.id in claimed]
        if refused:
            await self._outgoing.reject(connection, {document.id: faults for document, faults in refused}, now)
            await self._ports.on_rejected(connection, None, refused)
        left = claimed - {document.id for document, _ in refused}
        for document, made in written:
            if document.id in left:
                await self._add(transaction, document, made)

    async def _add(self, transaction: Transaction, document: Outgoing, made: Posting) -> None:
        connection, now = transaction.connection, transaction.uow.now
        stem, version = f"{made.form_id}-{quote(made.number, safe='')}", 1
        name = f"{stem}.json"
        while await self._outgoing.file(connection, name):
            version += 1
            name = f"{stem}-{version}.json"
        header = Header("1.0", document.interface, "UTF-8", US, THEM, name, now, document.owner_code, "N")
        await self._outgoing.add_file(
            connection, name=name, header=header, encoded=Encoded(made.body, (1,)), documents=[document], now=now
        )
        bill = Bill(
            counterpart_code=self._code,
            form_id=made.form_id,
            number=made.number,
            owner_code=document.owner_code,
            interface=document.interface,
            file_name=name,
            document_id=document.id,
            lines=made.lines,
            needs=made.needs,
        )
        await transaction.run(handlers.on_opened, bill)

    async def _resend(self) -> None:
        """Files a person wants sent again: what was refused is tried again, the rest stands where it stood."""
        async with self._engine.database.connect() as connection:
            files = await self._outgoing.unsettled(connection, ["resend"])
        for file in files:
            await self._engine.transact(partial(self._send_again, file))

    async def _send_again(self, file: OutgoingFile, transaction: Transaction) -> None:
        await self._outgoing.resent(transaction.connection, file)
        for key in await storage.bills_of(transaction.connection, self._code, file.name):
            await self._repost(key, transaction)

    async def _repost(self, key: BillKey, transaction: Transaction) -> bool:
        reposted = await transaction.run(handlers.on_repost, key)
        if reposted:
            await storage.render_again(transaction.connection, self._tables, key)
        return reposted


async def settle(posters: Mapping[str, Poster], transaction: Transaction, records: Sequence[Settled]) -> None:
    """The sink of Settled, for the posters of all counterparts by their codes."""
    for record in records:
        await posters[record.counterpart_code].settle(transaction, record)


def _ack(file: OutgoingFile, documents: Sequence[Outgoing], settled: Settled, received_at: str) -> Ack:
    """What K/3 Cloud said, as the answer to a file."""
    rejected = len(documents) if settled.faults else 0
    return Ack(
        message_id=file.name,
        file_name=file.name,
        sha256=file.sha256,
        status="REJECTED" if rejected else "ACCEPTED",
        received_at=received_at,
        documents=len(documents),
        accepted=len(documents) - rejected,
        rejected=rejected,
        results=tuple(
            Result(
                order_no=document.order_no,
                leg=document.leg,
                level=fault.level,
                code=fault.code,
                field=fault.field,
                message=fault.message,
            )
            for document in documents
            for fault in settled.faults
        ),
    )
