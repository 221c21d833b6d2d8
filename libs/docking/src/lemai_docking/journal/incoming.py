"""The journal of what we receive: files by name and hash, documents once each, snapshots page by page.

No commits in here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Document, canonical_text
from lemai_docking.journal.claims import Claimed, claim
from lemai_docking.journal.quarantine import Quarantine
from lemai_docking.journal.stamps import next_stamp
from lemai_docking.journal.tables import Tables, Vault


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file we have read; `ack` is our answer to it. One that a person has mended is read under another name."""

    id: int
    name: str
    sha256: str
    state: str
    interface: str = ""
    ack: Mapping[str, Any] | None = None
    read_as: str | None = None

    @property
    def read_name(self) -> str:
        """The name that tells its interface."""
        return self.read_as or self.name


class IncomingJournal:
    """One counterpart's incoming files. Every method runs in the caller's transaction."""

    def __init__(self, tables: Tables, counterpart: str, vault: Vault) -> None:
        self.counterpart = counterpart
        self.quarantine = Quarantine(tables.quarantine, counterpart, vault)
        self._tables = tables
        self._vault = vault

    async def known(self, connection: AsyncConnection, name: str, sha256: str) -> IncomingFile | None:
        """The file of this name, or else one with the same bytes that was good."""
        table = self._tables.file
        rows = await connection.execute(
            select(table)
            .where(
                table.c.counterpart == self.counterpart,
                table.c.direction == "in",
                (table.c.name == name) | ((table.c.sha256 == sha256) & (table.c.state == "received")),
            )
            .order_by((table.c.name == name).desc(), table.c.id)
            .limit(1)
        )
        row = rows.one_or_none()
        return _file(row) if row else None

    async def file_of_message(self, connection: AsyncConnection, message_id: str) -> int | None:
        """The id of the good file with this message number."""
        table = self._tables.file
        found: int | None = await connection.scalar(
            select(table.c.id).where(
                table.c.counterpart == self.counterpart,
                table.c.direction == "in",
                table.c.state == "received",
                table.c.message_id != "",
                table.c.message_id == message_id,
            )
        )
        return found

    async def add_file(
        self,
        connection: AsyncConnection,
        *,
        name: str,
        data: bytes,
        state: str,
        interface: str = "",
        message_id: str = "",
        documents: int = 0,
        read_as: str | None = None,
        now: datetime,
    ) -> IncomingFile | None:
        """Store a file, sealed. None if another reader has just stored one of this name or message number."""
        table = self._tables.file
        rows = await connection.execute(
            insert(table)
            .on_conflict_do_nothing()
            .returning(table)
            .values(
                counterpart=self.counterpart,
                direction="in",
                name=name,
                sha256=hashlib.sha256(data).hexdigest(),
                interface=interface,
                message_id=message_id,
                state=state,
                documents=documents,
                content=self._vault.seal(data),
                read_as=read_as,
                created_at=now,
            )
        )
        row = rows.one_or_none()
        return _file(row) if row else None

    async def next_stamp(self, connection: AsyncConnection, pattern: str, now: datetime) -> datetime:
        """The second to put into the name of a call that has none."""
        return await next_stamp(connection, self._tables.stamp, self.counterpart, pattern, now)

    async def answer(self, connection: AsyncConnection, file: IncomingFile, ack: dict[str, Any], now: datetime) -> None:
        """Keep our answer, to be given again whenever the file comes again."""
        table = self._tables.file
        await connection.execute(update(table).where(table.c.id == file.id).values(ack=ack, acknowledged_at=now))

    async def accept(
        self, connection: AsyncConnection, file: IncomingFile, *, interface: str, message_id: str, documents: int
    ) -> None:
        """A file that was rejected turns out to be good."""
        table = self._tables.file
        values = {"state": "received", "interface": interface, "message_id": message_id, "documents": documents}
        await connection.execute(update(table).where(table.c.id == file.id).values(values))

    async def lock(self, connection: AsyncConnection, file_id: int) -> IncomingFile:
        """The file as it stands, until the transaction ends."""
        table = self._tables.file
        return _file((await connection.execute(select(table).where(table.c.id == file_id).with_for_update())).one())

    async def read(self, connection: AsyncConnection, file_id: int) -> tuple[IncomingFile, bytes] | None:
        """A file of this counterpart and its bytes. None if there is none, or its bytes are forgotten."""
        table = self._tables.file
        rows = await connection.execute(
            select(table).where(
                table.c.id == file_id, table.c.counterpart == self.counterpart, table.c.direction == "in"
            )
        )
        row = rows.one_or_none()
        return (_file(row), self._vault.unseal(row.content)) if row and row.content else None

    async def between(self, connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[int]:
        """The ids of the files that came from `since` on and before `until`, oldest first."""
        table = self._tables.file
        rows = await connection.execute(
            select(table.c.id)
            .where(
                table.c.counterpart == self.counterpart,
                table.c.direction == "in",
                table.c.created_at >= since,
                table.c.created_at < until,
            )
            .order_by(table.c.id)
        )
        return rows.scalars().all()

    async def claim(
        self, connection: AsyncConnection, file: IncomingFile, documents: Sequence[Document], now: datetime
    ) -> Claimed[Document]:
        """Take each actual once, by (owner, order number, leg, business code).

        One without a business code has its content for a code, in which its moment is.
        """
        return await claim(
            connection,
            self._tables.incoming,
            documents,
            key=("owner_code", "counterpart", "order_no", "leg", "out_biz_code"),
            row=lambda document: {
                "owner_code": document.owner_code,
                "counterpart": self.counterpart,
                "interface": document.interface,
                "order_no": document.order_no,
                "leg": layouts()[document.interface].leg or "",
                "out_biz_code": document.head.get("out_biz_code") or document.content_hash,
                "content_hash": document.content_hash,
                "file_id": file.id,
                "line": document.line_no,
                "received_at": now,
            },
        )

    async def add_page(self, connection: AsyncConnection, file: IncomingFile, page: Document) -> Sequence[int] | None:
        """Store a page of a snapshot. The file ids of all pages in order if this one completed it, else empty.

        None if it contradicts the pages before it: the same page from another file, or another head.
        """
        table = self._tables.page
        snapshot_id = str(page.head["snapshot_id"])
        # Two readers with the last two pages must not both find one missing.
        await connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtext(self.counterpart), func.hashtext(snapshot_id)))
        )
        rows = await connection.execute(
            select(table)
            .where(table.c.counterpart == self.counterpart, table.c.snapshot_id == snapshot_id)
            .order_by(table.c.page)
        )
        files = {row.page: (row.head, row.file_id) for row in rows}
        number, total = int(str(page.head["page"])), int(str(page.head["total_page"]))
        shared = {
            name: canonical_text(value) for name, value in page.head.items() if name not in {"page", "line_count"}
        }
        if files.get(number) == (shared, file.id):
            return []
        if number > total or number in files or any(head != shared for head, _ in files.values()):
            return None
        await connection.execute(
            insert(table).values(
                counterpart=self.counterpart,
                snapshot_id=snapshot_id,
                page=number,
                head=shared,
                file_id=file.id,
            )
        )
        files[number] = (shared, file.id)
        return [files[each][1] for each in sorted(files)] if len(files) == total else []


def _file(row: Row[Any]) -> IncomingFile:
    return IncomingFile(row.id, row.name, row.sha256, row.state, row.interface, row.ack, row.read_as)
