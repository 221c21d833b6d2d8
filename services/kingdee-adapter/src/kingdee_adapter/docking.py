"""One counterpart: its journal and channel, and what its documents mean to us (the ports of `lemai_docking`).

Every `on_…` runs our handler in the transaction in which the docking engine makes it true.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter import handlers, storage
from kingdee_adapter.channels import Channel
from kingdee_adapter.handlers import Alarm, Carried, Counted, Received, Refused, ToSend
from kingdee_adapter.mapper.actuals import SNAPSHOT_LINES, Balance, balance
from kingdee_adapter.mapper.instructions import Instruction, Person, document_of, event_of, interface_of, party_of
from kingdee_adapter.numbering import Numbering
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.keyring import ForgottenError, Keyring, SealedValue
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.trace import CURRENT, Cause
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.values import Leg
from lemai_docking.codec import Codec
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document, Rejected
from lemai_docking.faults import DocumentRefused, Fault
from lemai_docking.inbox import InboxReader
from lemai_docking.journal.incoming import IncomingFile, IncomingJournal
from lemai_docking.journal.outgoing import OrderKey, Outgoing, OutgoingFile, OutgoingJournal
from lemai_docking.journal.tables import Vault
from lemai_docking.posting import Snapshot
from lemai_docking.publisher import Publisher
from lemai_docking.receiver import Receiver
from lemai_docking.replay import Replayer

M = TypeVar("M")
ACTOR = "kingdee-adapter"
FORGOTTEN = Fault("E_FIELD", expected="未被删除的收件人/a consignee not forgotten")


class Docking:
    """Publishes to one counterpart and reads from it."""

    def __init__(
        self,
        engine: Engine,
        reference: Reference,
        counterpart_code: str,
        profile: Profile,
        codec: Codec,
        channel: Channel | None,
        keyring: Keyring,
        vault: Vault,
    ) -> None:
        self._engine = engine
        self._reference = reference
        self._code = counterpart_code
        self._keyring = keyring
        self._numbering = Numbering(counterpart_code, vault)
        self.profile = profile
        self.channel = channel
        self.outgoing = OutgoingJournal(storage.JOURNAL, counterpart_code, vault)
        incoming = IncomingJournal(storage.JOURNAL, counterpart_code, vault)
        database, now = engine.database, engine.clock
        self.receiver = Receiver(database, incoming, codec, profile, self, now)
        self.replayer = Replayer(self.receiver)
        self.publisher = Publisher(database, self.outgoing, profile, channel.outlet, self, now) if channel else None

    @property
    def loops(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """The endless work of a channel of files and calls."""
        inlet = self.channel.inlet if self.channel else None
        publishing = [self.publisher.run] if self.publisher else []
        return [*publishing, InboxReader(self.receiver, inlet).run] if inlet else publishing

    async def restore(self, documents: Sequence[Outgoing]) -> Sequence[Document | DocumentRefused]:
        """Documents from their events; consignees are revealed here and kept nowhere."""
        events = [event_of(document.payload) for document in documents]
        parties = await self._reveal(events)
        return [self._document(event, parties) for event in events]

    async def on_published(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        """Tell where each document stands."""
        await self._run(connection, handlers.on_published, Carried(self._code, file, documents))

    async def on_acknowledged(
        self, connection: AsyncConnection, file: OutgoingFile, documents: Sequence[Outgoing]
    ) -> None:
        """Tell that the counterpart has them."""
        await self._run(connection, handlers.on_acknowledged, Carried(self._code, file, documents))

    async def on_rejected(
        self,
        connection: AsyncConnection,
        file: OutgoingFile | None,
        rejected: Sequence[tuple[Outgoing, Sequence[Fault]]],
    ) -> None:
        """Tell what was refused, by whom soever, and in which file."""
        await self._run(connection, handlers.on_refused, Refused(self._code, file.name if file else "", rejected))

    async def interfaces_by_order(
        self, connection: AsyncConnection, keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        """The journal of what we sent knows."""
        return await self.outgoing.interfaces_by_order(connection, keys)

    async def misaddressed(self, connection: AsyncConnection, documents: Sequence[Document]) -> Mapping[int, Fault]:
        """What the reference data and our instructions say against owners and warehouses."""
        owners = {owner.code for owner in self._reference.owners}
        warehouses = {one.code for one in self._reference.warehouses if one.counterpart == self._code}
        order_nos = [document.order_no for document in documents]
        instructed = await storage.instructed_owners(connection, self._code, order_nos)
        faults: dict[int, Fault] = {}
        for document in documents:
            warehouse_code = str(document.head["warehouse_code"])
            expected = instructed.get(document.order_no, owners)
            if warehouse_code not in warehouses:
                faults[document.line_no] = _stranger(
                    "E_WAREHOUSE", document, "warehouse_code", warehouse_code, warehouses
                )
            if document.owner_code and document.owner_code not in expected:
                faults[document.line_no] = _stranger("E_OWNER", document, "owner_code", document.owner_code, expected)
        return faults

    async def on_received(
        self,
        connection: AsyncConnection,
        file: IncomingFile,
        documents: Sequence[Document],
        rejected: Sequence[Rejected],
    ) -> None:
        """Publish actuals as facts, each in the family of its order."""
        orders = {(document.owner_code, document.order_no) for document in documents}
        orders |= {(document.owner_code, document.order_no) for document in rejected}
        stories = await storage.stories(connection, self._code, orders)
        numbered = await self._numbering.number(connection, documents)
        received = Received(self._code, file.name, numbered, rejected, stories)
        await self._run(connection, handlers.on_received, received, file.name)

    async def on_snapshot(self, connection: AsyncConnection, file: IncomingFile, snapshot: Snapshot) -> None:
        """Publish a whole snapshot in chunks; one without any row says that its owner has nothing."""
        await storage.prepare_balances(connection)
        async for page in snapshot.pages:
            await storage.add_balances(connection, _balances(page))
        async for balances in storage.balances(connection, snapshot.owner_code, SNAPSHOT_LINES):
            await self._run(connection, handlers.on_counted, Counted(self._code, snapshot.head, balances), file.name)

    async def on_alert(self, connection: AsyncConnection, file_name: str, fault: Fault) -> None:
        """Tell somebody."""
        await self._run(connection, handlers.on_alarm, Alarm(self._code, file_name, fault), file_name)

    async def _run(
        self, connection: AsyncConnection, handler: Callable[[M, UnitOfWork], None], command: M, file_name: str = ""
    ) -> None:
        """Because of a file of theirs, or of what is worked on now; in the trace of the call that brought it."""
        now = CURRENT.get()
        cause = Cause(f"file:{self._code}/{file_name}", now.traceparent) if file_name else now
        async with self._engine.joined(connection) as transaction:
            await transaction.run(handler, command, cause)

    async def _reveal(self, events: Sequence[Instruction | ItemChangedV1]) -> Mapping[SealedValue, Person]:
        """The plain parties of events of one interface, but those whose key is gone."""
        values = list(dict.fromkeys(value for event in events if (value := _sealed(event))))
        while values:
            try:
                purpose = layouts()[interface_of(events[0])].label
                revealed = await self._keyring.reveal(values, purpose=purpose, actor=ACTOR)
                return dict(zip(values, revealed, strict=True))
            except ForgottenError as forgotten:
                values = [value for value in values if value.key_id != str(forgotten)]
        return {}

    def _document(
        self, event: Instruction | ItemChangedV1, parties: Mapping[SealedValue, Person]
    ) -> Document | DocumentRefused:
        sealed = _sealed(event)
        if sealed and sealed not in parties:
            is_outbound = layouts()[interface_of(event)].leg == Leg.OUT
            return DocumentRefused([replace(FORGOTTEN, field="receiver_name" if is_outbound else "sender_name")])
        try:
            return document_of(self._reference, event, parties[sealed] if sealed else {})
        except DocumentRefused as refusal:
            return refusal


def _stranger(code: str, document: Document, field: str, value: str, expected: Collection[str]) -> Fault:
    return Fault(code, document.line_no, field, value, " | ".join(sorted(expected)))


async def enqueue(dockings: Mapping[str, Docking], transaction: Transaction, records: Sequence[ToSend]) -> None:
    """The sink of ToSend: documents join the queue of their counterpart, each once."""
    for code in dict.fromkeys(record.counterpart_code for record in records):
        documents = [record.document for record in records if record.counterpart_code == code]
        queued = await dockings[code].outgoing.enqueue(transaction.connection, documents, transaction.uow.now)
        for document in queued.conflicting:
            fault = Fault("E_DUP_CONFLICT", field="order_no", value=document.order_no)
            await transaction.run(handlers.on_alarm, Alarm(code, document.order_no, fault))


async def _balances(page: Document) -> AsyncIterator[Balance]:
    """The rows of a page, read in a thread: there may be a hundred thousand, of which few fit into memory."""
    rows = iter(page.records.get("B", ()))
    while read := await asyncio.to_thread(lambda: [balance(row) for row in islice(rows, SNAPSHOT_LINES)]):
        for one in read:
            yield one


def _sealed(event: Instruction | ItemChangedV1) -> SealedValue | None:
    party = party_of(event)
    return SealedValue(party.key_id, party.sealed) if party else None
