"""What was refused or is held: kept with its reasons until a person mends or discards it. No commits in here."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Table, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Rejected
from lemai_docking.faults import Fault
from lemai_docking.journal.tables import Vault

Number = tuple[str, str, str]
"""What is the same of a document and its correction: order number, leg, business code; a snapshot has its own only."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a quarantined file or document, and why."""

    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An open row: a whole file, or a document as a file of its own."""

    id: int
    name: str
    content: bytes


class Quarantine:
    """One counterpart's quarantine. Every method runs in the caller's transaction."""

    def __init__(self, table: Table, counterpart: str, vault: Vault) -> None:
        self._table = table
        self._counterpart = counterpart
        self._vault = vault

    async def add_file(
        self, connection: AsyncConnection, *, name: str, data: bytes, file_id: int | None, fault: Fault, now: datetime
    ) -> bool:
        """Keep a refused file. False if it is there already."""
        names = ("interface", "owner_code", "order_no", "leg", "out_biz_code")
        row = {"kind": "file", **dict.fromkeys(names, ""), "document_line": 0, "content": self._vault.seal(data)}
        return bool(await self._add(connection, name, data, file_id, now, [row | _told([fault])]))

    async def add_documents(
        self,
        connection: AsyncConnection,
        *,
        name: str,
        data: bytes,
        file_id: int,
        rejected: Sequence[Rejected],
        excerpts: Mapping[int, bytes],
        now: datetime,
    ) -> Collection[int]:
        """Keep the refused documents of a file as files of their own; the lines of those not there already."""
        rows = [
            {
                "kind": "document",
                "interface": document.interface,
                "owner_code": document.owner_code,
                "order_no": document.order_no,
                "leg": layouts()[document.interface].leg or "",
                "out_biz_code": document.out_biz_code,
                "document_line": document.line_no,
                "content": self._vault.seal(excerpts[document.line_no]),
            }
            | _told(document.faults)
            for document in rejected
        ]
        return await self._add(connection, name, data, file_id, now, rows)

    async def _add(
        self,
        connection: AsyncConnection,
        name: str,
        data: bytes,
        file_id: int | None,
        now: datetime,
        rows: Sequence[Mapping[str, Any]],
    ) -> Collection[int]:
        common = {
            "counterpart": self._counterpart,
            "name": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "file_id": file_id,
            "quarantined_at": now,
            "state": "open",
        }
        added = await connection.execute(
            insert(self._table).on_conflict_do_nothing().returning(self._table.c.document_line),
            [{**common, **row} for row in rows],
        )
        return set(added.scalars())

    async def lock(self, connection: AsyncConnection, quarantine_id: int) -> Quarantined | None:
        """An open row, until the transaction ends. None if it is decided, unknown or forgotten."""
        table = self._table
        rows = await connection.execute(
            select(table)
            .where(table.c.counterpart == self._counterpart, table.c.id == quarantine_id, table.c.state == "open")
            .with_for_update()
        )
        row: Row[Any] | None = rows.one_or_none()
        return Quarantined(row.id, row.name, self._vault.unseal(row.content)) if row and row.content else None

    async def mended(self, connection: AsyncConnection, row: Quarantined, content: bytes, decision: Decision) -> None:
        """A person has made something good of it."""
        digests = {
            "before_sha256": hashlib.sha256(row.content).hexdigest(),
            "after_sha256": hashlib.sha256(content).hexdigest(),
        }
        table = self._table
        await connection.execute(
            update(table).where(table.c.id == row.id).values(_decided("replayed", decision) | digests)
        )

    async def discard(self, connection: AsyncConnection, quarantine_id: int, decision: Decision) -> bool:
        """A person gives it up. False if it is not open."""
        table = self._table
        rows = await connection.execute(
            update(table)
            .where(table.c.counterpart == self._counterpart, table.c.id == quarantine_id, table.c.state == "open")
            .values(_decided("discarded", decision))
        )
        return rows.rowcount > 0

    async def replayed(
        self, connection: AsyncConnection, file_id: int, lines: Collection[int], decision: Decision
    ) -> None:
        """A file was read again, and the documents on these lines were found good."""
        table = self._table
        await connection.execute(
            update(table)
            .where(table.c.file_id == file_id, table.c.state == "open", table.c.document_line.in_(list(lines)))
            .values(_decided("replayed", decision))
        )

    async def supersede(
        self, connection: AsyncConnection, numbers: Collection[Number], *, file_id: int, by: str, now: datetime
    ) -> None:
        """Documents of these numbers have been taken from the file called `by`: nobody need decide on their like,
        refused in files before it."""
        table = self._table
        numbered = tuple_(table.c.order_no, table.c.leg, table.c.out_biz_code).in_(list(numbers))
        decision = {"state": "superseded", "decided_why": f"{by} 已补正 / has put it right", "decided_at": now}
        await connection.execute(
            update(table)
            .where(table.c.counterpart == self._counterpart, table.c.state == "open", table.c.kind == "document")
            .where(table.c.file_id != file_id, numbered)
            .values(decision)
        )

    async def files(
        self, connection: AsyncConnection, *, code: str | None, interface: str | None, since: datetime | None
    ) -> Sequence[int]:
        """The ids of the files of which something is open, oldest first."""
        table = self._table
        asked = [
            column == value
            for column, value in ((table.c.code, code), (table.c.interface, interface))
            if value is not None
        ]
        if since is not None:
            asked.append(table.c.quarantined_at >= since)
        rows = await connection.execute(
            select(table.c.file_id)
            .distinct()
            .where(
                table.c.counterpart == self._counterpart,
                table.c.state == "open",
                table.c.file_id.is_not(None),
                *asked,
            )
            .order_by(table.c.file_id)
        )
        return rows.scalars().all()


def _decided(state: Literal["replayed", "discarded"], decision: Decision) -> dict[str, Any]:
    return {
        "state": state,
        "decided_by": decision.by,
        "decided_why": decision.why,
        "decided_at": decision.at,
    }


def _told(faults: Sequence[Fault]) -> dict[str, Any]:
    first = faults[0]
    return {
        "line": first.line,
        "code": first.code,
        "field": first.field,
        "value": first.value,
        "message": first.message,
        "faults": [asdict(fault) | {"message": fault.message} for fault in faults],
    }
