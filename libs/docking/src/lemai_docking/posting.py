"""Posting what a readable file brings: actuals once each, snapshots when whole, the rest to quarantine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_docking.codec import Codec
from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Decoded, Document, Rejected
from lemai_docking.faults import Fault
from lemai_docking.journal.incoming import IncomingFile, IncomingJournal
from lemai_docking.journal.outgoing import OrderKey
from lemai_docking.journal.quarantine import Number

SNAPSHOT = "inventory_balance"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stock snapshot of which every page is here and every row was read.

    `pages` gives the pages in order, one in memory at a time; it can be walked once, in the transaction.
    """

    head: Mapping[str, Any]
    owner_code: str
    pages: AsyncIterator[Document]


class ReceiverPorts(Protocol):
    """What the owner of a receiver does; every `on_…` runs in the transaction that stores the file."""

    async def interfaces_by_order(
        self, connection: AsyncConnection, keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        """The interfaces expected to answer our instructions; an order nobody instructed is not in it."""

    async def misaddressed(self, connection: AsyncConnection, documents: Sequence[Document]) -> Mapping[int, Fault]:
        """Faults, by line, of documents of an owner or a warehouse that the counterpart has nothing to say about."""

    async def on_received(
        self,
        connection: AsyncConnection,
        file: IncomingFile,
        documents: Sequence[Document],
        rejected: Sequence[Rejected],
    ) -> None:
        """A file is stored: its documents that are new, and those refused or held, newly in quarantine."""

    async def on_snapshot(self, connection: AsyncConnection, file: IncomingFile, snapshot: Snapshot) -> None:
        """The last missing page of a snapshot has come, in this file."""

    async def on_alert(self, connection: AsyncConnection, file_name: str, fault: Fault) -> None:
        """Something a person must know; no name where it is not about a file."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a file's documents: those that came before, and those refused or held."""

    same: Sequence[Document] = ()
    rejected: Sequence[Rejected] = ()


class Posting:
    """Posts the documents of one counterpart's files."""

    def __init__(
        self, journal: IncomingJournal, codec: Codec, ports: ReceiverPorts, now: Callable[[], datetime]
    ) -> None:
        self._journal = journal
        self._codec = codec
        self._ports = ports
        self._now = now

    async def post(self, connection: AsyncConnection, file: IncomingFile, data: bytes, decoded: Decoded) -> Posted:
        """Take what is new in a file. One that asks for a test is only judged."""
        if decoded.header.test_flag == "Y":
            return Posted(rejected=decoded.rejected)
        actuals = [document for document in decoded.documents if document.interface != SNAPSHOT]
        faults = await self._astray(connection, actuals)
        faults |= await self._ports.misaddressed(connection, decoded.documents)
        plain = [document for document in actuals if document.line_no not in faults]
        claimed = await self._journal.claim(connection, file, plain, self._now())
        for document in claimed.conflicting:
            value = str(document.head.get("out_biz_code", ""))
            faults[document.line_no] = Fault("E_DUP_CONFLICT", document.line_no, "out_biz_code", value)
        snapshots = await self._add_pages(connection, file, decoded, faults)
        numbers = {_number(document) for document in claimed.new if document.head.get("out_biz_code")}
        numbers |= {(str(snapshot.head["snapshot_id"]), "", "") for snapshot in snapshots}
        if numbers:
            await self._journal.quarantine.supersede(
                connection, numbers, file_id=file.id, by=file.name, now=self._now()
            )
        held = [
            _held(document, faults[document.line_no]) for document in decoded.documents if document.line_no in faults
        ]
        rejected = [*decoded.rejected, *held]
        added = await self._quarantine(connection, file, data, rejected) if rejected else []
        await self._ports.on_received(connection, file, claimed.new, added)
        for snapshot in snapshots:
            await self._ports.on_snapshot(connection, file, snapshot)
        return Posted(claimed.same, rejected)

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

    async def _quarantine(
        self, connection: AsyncConnection, file: IncomingFile, data: bytes, rejected: Sequence[Rejected]
    ) -> Sequence[Rejected]:
        """Those that were not in quarantine before."""
        excerpts = self._codec.excerpts(file.read_name, data, {document.line_no for document in rejected})
        added = await self._journal.quarantine.add_documents(
            connection,
            name=file.name,
            data=data,
            file_id=file.id,
            rejected=rejected,
            excerpts=excerpts,
            now=self._now(),
        )
        return [document for document in rejected if document.line_no in added]

    async def _add_pages(
        self, connection: AsyncConnection, file: IncomingFile, decoded: Decoded, faults: dict[int, Fault]
    ) -> list[Snapshot]:
        """The snapshots that the file's pages complete; a page that contradicts the others goes to `faults`."""
        snapshots = []
        for page in decoded.documents:
            if page.interface != SNAPSHOT or page.line_no in faults:
                continue
            file_ids = await self._journal.add_page(connection, file, page)
            if file_ids is None:
                value = f"{page.order_no} {page.head['page']}/{page.head['total_page']}"
                faults[page.line_no] = Fault("E_DUP_CONFLICT", page.line_no, "page", value)
            elif file_ids:
                pages = self._pages(connection, file_ids, page.order_no, file, decoded)
                snapshots.append(Snapshot(page.head, decoded.header.owner_code, pages))
        return snapshots

    async def _pages(
        self,
        connection: AsyncConnection,
        file_ids: Sequence[int],
        snapshot_id: str,
        file: IncomingFile,
        decoded: Decoded,
    ) -> AsyncIterator[Document]:
        """Pages out of the file at hand, and out of earlier ones, each read once if its pages follow each other."""
        at_hand, other = file.id, decoded
        for number, file_id in enumerate(file_ids, 1):
            if file_id not in {file.id, at_hand}:
                at_hand, other = file_id, await self._decode(connection, file_id)
            source = decoded if file_id == file.id else other
            yield next(page for page in source.documents if (page.order_no, page.head["page"]) == (snapshot_id, number))

    async def _decode(self, connection: AsyncConnection, file_id: int) -> Decoded:
        stored = await self._journal.read(connection, file_id)
        if stored is None:
            raise LookupError(f"the bytes of file {file_id}, a page of a snapshot, are forgotten")
        file, data = stored
        return await asyncio.to_thread(self._codec.decode, file.read_name, data, vouched=bool(file.read_as))


def _order_key(document: Document) -> OrderKey:
    return document.owner_code, document.order_no, layouts()[document.interface].leg or ""


def _number(document: Document) -> Number:
    return document.order_no, layouts()[document.interface].leg or "", str(document.head.get("out_biz_code", ""))


def _held(document: Document, fault: Fault) -> Rejected:
    return Rejected(
        document.interface,
        document.owner_code,
        document.order_no,
        document.line_no,
        (fault,),
        str(document.head.get("out_biz_code", "")),
    )
