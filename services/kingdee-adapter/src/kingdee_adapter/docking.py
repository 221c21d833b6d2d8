"""What the docking engine asks of this adapter, in the engine's own transactions."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter import handlers, mapper, storage
from kingdee_adapter.handlers import Alarm, Received, Refused, Sent, ToSend
from lemai_chassis import trace
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.keyring import ForgottenError, Keyring, SealedValue
from lemai_chassis.reference import Counterpart, Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.trace import Cause
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import OutboundInstructedV1
from lemai_docking.documents import Document, Rejected
from lemai_docking.faults import DocumentRefused, Fault
from lemai_docking.incoming import IncomingFile, IncomingJournal
from lemai_docking.layout import layouts
from lemai_docking.outgoing import OrderKey, Outgoing, OutgoingFile, OutgoingJournal
from lemai_docking.profile import built_in
from lemai_docking.publisher import FolderPublisher
from lemai_docking.reader import FolderReader, Snapshot
from lemai_docking.tables import Vault

M = TypeVar("M")
PURPOSE = "出库指示"
ACTOR = "kingdee-adapter"


class Docking:
    """One counterpart: its folder, its journal, and what its documents mean to us."""

    def __init__(
        self, engine: Engine, reference: Reference, counterpart: Counterpart, root: Path, keyring: Keyring, vault: Vault
    ) -> None:
        self._engine = engine
        self._reference = reference
        self._code = counterpart.code
        self._keyring = keyring
        self.outgoing = OutgoingJournal(storage.JOURNAL, counterpart.code, vault)
        self.incoming = IncomingJournal(storage.JOURNAL, counterpart.code, vault)
        folder, profile = root / counterpart.folder, built_in(counterpart.profile)
        now = engine.clock
        self.publisher = FolderPublisher(engine.database, self.outgoing, profile, folder, self, now)
        self.reader = FolderReader(engine.database, self.incoming, profile, folder, self, now)

    async def restore(self, documents: Sequence[Outgoing]) -> Sequence[Document | DocumentRefused]:
        """Documents from their events; consignees are revealed here and kept nowhere."""
        events = [_event(document) for document in documents]
        sealed = [event.consignee for event in events if isinstance(event, OutboundInstructedV1)]
        values = [SealedValue(consignee.key_id, consignee.sealed) for consignee in sealed]
        try:
            revealed = iter(await self._keyring.reveal(values, purpose=PURPOSE, actor=ACTOR) if values else [])
        except ForgottenError:
            return [await self._restore_alone(event) for event in events]
        return [self._document(event, revealed) for event in events]

    async def on_published(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        await self._run(connection, handlers.on_published, Sent(self._code, file.name, file.sha256, documents))

    async def on_acknowledged(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        await self._run(connection, handlers.on_acknowledged, Sent(self._code, file.name, file.sha256, documents))

    async def on_rejected(
        self, connection: AsyncConnection, rejected: Sequence[tuple[Outgoing, Sequence[Fault]]]
    ) -> None:
        for document, faults in rejected:
            await self._run(connection, handlers.on_refused, Refused(self._code, "", document, faults[0]))

    async def interfaces_by_order(
        self, connection: AsyncConnection, keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        return await self.outgoing.interfaces_by_order(connection, keys)

    async def on_received(
        self,
        connection: AsyncConnection,
        file: IncomingFile,
        documents: Sequence[Document],
        rejected: Sequence[Rejected],
    ) -> None:
        keys = {document.line_no: _key(document) for document in documents}
        families = await storage.families(connection, self._code, set(keys.values()))
        actuals = [
            mapper.actual_event(
                document,
                counterpart_code=self._code,
                family=families.get(keys[document.line_no], f"{document.owner_code}/{document.order_no}"),
                file_name=file.name,
            )
            for document in documents
        ]
        await self._run(connection, handlers.on_received, Received(self._code, file.name, actuals, rejected))

    async def on_snapshot(self, connection: AsyncConnection, file: IncomingFile, snapshot: Snapshot) -> None:
        pages = [page async for page in snapshot.pages]
        chunks = list(mapper.snapshot_events(pages, counterpart_code=self._code))
        await self._run(connection, handlers.on_snapshot, chunks)

    async def on_alert(self, connection: AsyncConnection, fault: Fault) -> None:
        await self._run(connection, handlers.on_alarm, Alarm(self._code, fault))

    async def _run(self, connection: AsyncConnection, handler: Callable[[M, UnitOfWork], None], command: M) -> None:
        async with self._engine.joined(connection) as transaction:
            await transaction.run(handler, command, Cause("", trace.start()))

    async def _restore_alone(self, event: OutboundInstructedV1 | ItemChangedV1) -> Document | DocumentRefused:
        if isinstance(event, ItemChangedV1):
            return mapper.item_document(event)
        value = SealedValue(event.consignee.key_id, event.consignee.sealed)
        try:
            [consignee] = await self._keyring.reveal([value], purpose=PURPOSE, actor=ACTOR)
        except ForgottenError:
            return DocumentRefused([Fault("E_FIELD", field="receiver_name", expected="收件人已删除 / forgotten")])
        return mapper.outbound_document(self._reference, event, consignee)

    def _document(self, event: OutboundInstructedV1 | ItemChangedV1, revealed: Iterable[Mapping[str, str]]) -> Document:
        if isinstance(event, ItemChangedV1):
            return mapper.item_document(event)
        return mapper.outbound_document(self._reference, event, next(iter(revealed)))


async def enqueue(dockings: Mapping[str, Docking], transaction: Transaction, records: Sequence[ToSend]) -> None:
    """The sink of ToSend: documents join the queue of their counterpart, each once."""
    for code in dict.fromkeys(record.counterpart_code for record in records):
        documents = [record.document for record in records if record.counterpart_code == code]
        queued = await dockings[code].outgoing.enqueue(transaction.connection, documents, transaction.uow.now)
        for document in queued.conflicting:
            fault = Fault("E_DUP_CONFLICT", field="order_no", value=document.order_no)
            await transaction.run(handlers.on_alarm, Alarm(code, fault), Cause("", trace.start()))


def _event(document: Outgoing) -> OutboundInstructedV1 | ItemChangedV1:
    kind = ItemChangedV1 if document.interface == mapper.ITEM_MASTER else OutboundInstructedV1
    return kind.model_validate_json(document.payload)


def _key(document: Document) -> OrderKey:
    return document.owner_code, document.order_no, layouts()[document.interface].leg or ""
