"""The journal of what we send: documents, the files they went in, stamps and the fence. No commits in here."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import BigInteger, Function, Integer, Row, Text, bindparam, case, exists, func, select, tuple_, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from lemai_docking.codec import Encoded
from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Header
from lemai_docking.faults import Fault, FencedOut
from lemai_docking.journal.claims import Claimed, claim
from lemai_docking.journal.stamps import next_stamp
from lemai_docking.journal.tables import Tables, Vault

OrderKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A document to send. `payload` is what its sender makes the document from when it is rendered.

    (owner, interface, order_no, leg, revision) names it; items have no leg, and their code as order_no. `notes` tell
    what its texts for people lost when it was rendered.
    """

    interface: str
    owner_code: str
    order_no: str
    leg: str
    revision: int
    family: str
    content_hash: str
    payload: bytes
    urgent: bool = False
    causationid: str = ""
    traceparent: str = ""
    """What caused it, and its trace: what becomes of the document goes on in that."""
    id: int = 0
    line: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file we wrote or are about to write. `content` is empty once it is forgotten."""

    id: int
    name: str
    sha256: str
    interface: str
    state: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """The pending documents of one interface, the first of which came as `first_id`."""

    interface: str
    first_id: int
    count: int
    oldest_at: datetime
    urgent: bool


@dataclass(frozen=True, slots=True)
class Overdue:
    """A document of ours that was not answered in time, the file it went in, and when."""

    document: Outgoing
    file_name: str
    published_at: datetime


class OutgoingJournal:
    """One counterpart's outgoing documents. Every method runs in the caller's transaction."""

    def __init__(self, tables: Tables, counterpart: str, vault: Vault) -> None:
        self.counterpart = counterpart
        self._tables = tables
        self._vault = vault

    async def enqueue(
        self, connection: AsyncConnection, documents: Sequence[Outgoing], now: datetime
    ) -> Claimed[Outgoing]:
        """Store documents to be sent, each once; one that conflicts is a mistake of its sender."""
        return await claim(
            connection,
            self._tables.outgoing,
            documents,
            key=("owner_code", "counterpart", "interface", "order_no", "leg", "revision"),
            row=lambda document: self._row(document, now),
        )

    async def waiting(self, connection: AsyncConnection) -> list[Waiting]:
        """The interfaces with pending documents."""
        table = self._tables.outgoing
        rows = await connection.execute(
            select(
                table.c.interface,
                func.min(table.c.id),
                func.count(),
                func.min(table.c.created_at),
                func.bool_or(table.c.urgent),
            )
            .where(table.c.counterpart == self.counterpart, table.c.state == "pending")
            .group_by(table.c.interface)
        )
        return [Waiting(*row) for row in rows]

    async def pending(self, connection: AsyncConnection, interface: str, limit: int) -> list[Outgoing]:
        """The oldest pending documents of an interface, in the order they came."""
        table = self._tables.outgoing
        rows = await connection.execute(
            select(table)
            .where(
                table.c.counterpart == self.counterpart,
                table.c.interface == interface,
                table.c.state == "pending",
            )
            .order_by(table.c.id)
            .limit(limit)
        )
        return [_outgoing(row, self._vault.unseal(row.payload)) for row in rows]

    async def items_open(self, connection: AsyncConnection) -> bool:
        """Whether the counterpart may lack an item that we know: one is to be sent, or its fate is not known."""
        table = self._tables.outgoing
        found = await connection.scalar(
            select(table.c.id)
            .where(
                table.c.counterpart == self.counterpart,
                table.c.leg == "",
                table.c.state.in_(["pending", "rendered", "unknown"]),
            )
            .limit(1)
        )
        return found is not None

    async def reject(self, connection: AsyncConnection, faults: Mapping[int, Sequence[Fault]], now: datetime) -> None:
        """Mark documents rejected, by id, with the reasons."""
        table = self._tables.outgoing
        told = [
            json.dumps([asdict(fault) | {"message": fault.message} for fault in found], ensure_ascii=False)
            for found in faults.values()
        ]
        rows = select(_unnest("ids", BigInteger()).label("id"), _unnest("told", Text()).label("faults")).subquery()
        await connection.execute(
            update(table)
            .values(state="rejected", faults=sql_cast(rows.c.faults, JSONB), changed_at=now)
            .where(table.c.id == rows.c.id),
            {"ids": list(faults), "told": told},
        )

    async def add_file(
        self,
        connection: AsyncConnection,
        *,
        name: str,
        header: Header,
        encoded: Encoded,
        documents: Sequence[Outgoing],
        now: datetime,
    ) -> OutgoingFile:
        """Store a file's bytes, hash and name, and give its documents their file and line."""
        sha256 = hashlib.sha256(encoded.data).hexdigest()
        file = self._tables.file
        file_id = await connection.scalar(
            insert(file).returning(file.c.id),
            {
                "counterpart": self.counterpart,
                "direction": "out",
                "name": name,
                "sha256": sha256,
                "interface": header.interface,
                "message_id": header.message_id,
                "state": "rendered",
                "documents": len(documents),
                "content": self._vault.seal(encoded.data),
                "created_at": now,
            },
        )
        table = self._tables.outgoing
        columns = ("ids", BigInteger()), ("lines", Integer()), ("notes", Text())
        rows = select(*(_unnest(name, kind).label(name) for name, kind in columns)).subquery()
        notes = [json.dumps(document.notes, ensure_ascii=False) if document.notes else None for document in documents]
        await connection.execute(
            update(table)
            .values(
                state="rendered",
                file_id=file_id,
                line=rows.c.lines,
                notes=sql_cast(rows.c.notes, JSONB),
                changed_at=now,
            )
            .where(table.c.id == rows.c.ids),
            {"ids": [document.id for document in documents], "lines": list(encoded.lines), "notes": notes},
        )
        return OutgoingFile(file_id, name, sha256, header.interface, "rendered", encoded.data)

    async def unsettled(self, connection: AsyncConnection, states: Sequence[str]) -> list[OutgoingFile]:
        """Files in any of these states (rendered, unknown, rewrite, resend), oldest first."""
        table = self._tables.file
        rows = await connection.execute(
            select(table)
            .where(table.c.counterpart == self.counterpart, table.c.direction == "out", table.c.state.in_(states))
            .order_by(table.c.id)
        )
        return [self._file(row) for row in rows]

    async def file(self, connection: AsyncConnection, name: str) -> OutgoingFile | None:
        """The file of this name, locked."""
        table = self._tables.file
        rows = await connection.execute(
            select(table)
            .where(table.c.counterpart == self.counterpart, table.c.direction == "out", table.c.name == name)
            .with_for_update()
        )
        row = rows.one_or_none()
        return self._file(row) if row else None

    async def mark(self, connection: AsyncConnection, file: OutgoingFile, state: str, now: datetime) -> list[Outgoing]:
        """Give a file, and its documents but rejected ones, a state; returns these documents by line."""
        files, table = self._tables.file, self._tables.outgoing
        published = {"published_at": func.coalesce(files.c.published_at, now)} if state == "published" else {}
        # Whoever decides on a file gives it its tries again; what was said last stays to be read.
        await connection.execute(
            update(files).values(state=state, failures=0, **published).where(files.c.id == file.id)
        )
        rows = await connection.execute(
            update(table)
            .values(state="rendered" if state == "rewrite" else state, changed_at=now)
            .where(table.c.file_id == file.id, table.c.state != "rejected")
            .returning(table)
        )
        return sorted((_outgoing(row) for row in rows), key=lambda document: document.line)

    async def documents(self, connection: AsyncConnection, file: OutgoingFile) -> list[Outgoing]:
        """What is in a file, by line, without payloads."""
        table = self._tables.outgoing
        rows = await connection.execute(select(table).where(table.c.file_id == file.id).order_by(table.c.line))
        return [_outgoing(row) for row in rows]

    async def acknowledge(
        self, connection: AsyncConnection, file: OutgoingFile, ack: dict[str, Any], now: datetime
    ) -> list[Outgoing]:
        """Store the counterpart's answer; returns the documents now acknowledged, all but the rejected ones."""
        files = self._tables.file
        await connection.execute(update(files).values(ack=ack, acknowledged_at=now).where(files.c.id == file.id))
        return await self.mark(connection, file, "acknowledged", now)

    async def failed(self, connection: AsyncConnection, file: OutgoingFile, told: str) -> int:
        """One more try of a file failed, and what was said to it; how many that makes in a row."""
        files = self._tables.file
        failures = await connection.scalar(
            update(files)
            .values(failures=files.c.failures + 1, trouble=told)
            .where(files.c.id == file.id)
            .returning(files.c.failures)
        )
        return cast(int, failures)

    async def resend(self, connection: AsyncConnection, name: str) -> bool:
        """Have a file that is out put there again, as it was. False if none is, or its bytes are forgotten."""
        files = self._tables.file
        rows = await connection.execute(
            update(files)
            .values(state="resend")
            .where(
                files.c.counterpart == self.counterpart,
                files.c.direction == "out",
                files.c.name == name,
                files.c.state.in_(["published", "acknowledged"]),
                files.c.content.is_not(None),
            )
        )
        return rows.rowcount > 0

    async def resent(self, connection: AsyncConnection, file: OutgoingFile) -> OutgoingFile:
        """The file is there again, and stands where it stood."""
        files = self._tables.file
        state = await connection.scalar(
            update(files)
            .values(state=case((files.c.ack.is_(None), "published"), else_="acknowledged"))
            .where(files.c.id == file.id)
            .returning(files.c.state)
        )
        return replace(file, state=cast(str, state))

    async def overdue(
        self,
        connection: AsyncConnection,
        awaiting: Literal["acknowledgement", "actual"],
        before: datetime,
        now: datetime,
    ) -> list[Overdue]:
        """Documents that went out before a moment and were not answered, each told once. An actual is an answer too.

        Items have no actual; of an order's leg only the last revision is awaited.
        """
        out, came, files = self._tables.outgoing, self._tables.incoming, self._tables.file
        later = out.alias()
        column, states = {
            "acknowledgement": (out.c.ack_missed_at, ["published"]),
            "actual": (out.c.actual_missed_at, ["published", "acknowledged"]),
        }[awaiting]
        leg = ("owner_code", "counterpart", "order_no", "leg")
        same_leg = [came.c[name] == out.c[name] for name in leg]
        revised = [later.c[name] == out.c[name] for name in (*leg, "interface")]
        rows = await connection.execute(
            update(out)
            .values({column: now})
            .where(
                out.c.counterpart == self.counterpart,
                out.c.state.in_(states),
                column.is_(None),
                out.c.file_id == files.c.id,
                files.c.published_at < before,
                *([out.c.leg != ""] if awaiting == "actual" else []),
                ~exists().where(*same_leg),
                ~exists().where(*revised, later.c.revision > out.c.revision),
            )
            .returning(out, files.c.name, files.c.published_at)
        )
        return [Overdue(_outgoing(row), row.name, row.published_at) for row in rows]

    async def interfaces_by_order(
        self, connection: AsyncConnection, keys: Iterable[OrderKey]
    ) -> Mapping[OrderKey, Collection[str]]:
        """The interfaces that answer our instructions, by (owner, order number, leg)."""
        table = self._tables.outgoing
        columns = (table.c.owner_code, table.c.order_no, table.c.leg)
        rows = await connection.execute(
            select(*columns, table.c.interface)
            .distinct()
            .where(table.c.counterpart == self.counterpart, tuple_(*columns).in_(list(keys)))
        )
        found: dict[OrderKey, set[str]] = {}
        for owner_code, order_no, leg, interface in rows:
            answer = layouts()[interface].answered_by
            if answer:
                found.setdefault((owner_code, order_no, leg), set()).add(answer)
        return found

    async def next_stamp(self, connection: AsyncConnection, pattern: str, now: datetime) -> datetime:
        """The second to put into the next file name of a pattern."""
        return await next_stamp(connection, self._tables.stamp, self.counterpart, pattern, now)

    async def last_stamps(self, connection: AsyncConnection) -> dict[str, datetime]:
        """The last stamps used, by pattern."""
        table = self._tables.stamp
        rows = await connection.execute(
            select(table.c.pattern, table.c.last_stamp).where(table.c.counterpart == self.counterpart)
        )
        return {row.pattern: row.last_stamp for row in rows}

    async def take_over(self, connection: AsyncConnection) -> int:
        """A new fencing token; every older one is worth nothing from the commit on."""
        table = self._tables.publisher
        token = await connection.scalar(
            insert(table)
            .values(counterpart=self.counterpart, token=1)
            .on_conflict_do_update(index_elements=[table.c.counterpart], set_={"token": table.c.token + 1})
            .returning(table.c.token)
        )
        return cast(int, token)

    async def hold(self, connection: AsyncConnection, token: int) -> None:
        """Keep the fence until the transaction ends. Raises FencedOut if the token is an old one."""
        table = self._tables.publisher
        current = await connection.scalar(
            select(table.c.token).where(table.c.counterpart == self.counterpart).with_for_update()
        )
        if current != token:
            raise FencedOut(f"{self.counterpart}: token {token} was replaced by {current}")

    def _row(self, document: Outgoing, now: datetime) -> dict[str, Any]:
        return {
            "owner_code": document.owner_code,
            "counterpart": self.counterpart,
            "interface": document.interface,
            "order_no": document.order_no,
            "leg": document.leg,
            "revision": document.revision,
            "family": document.family,
            "content_hash": document.content_hash,
            "payload": self._vault.seal(document.payload),
            "urgent": document.urgent,
            "causationid": document.causationid,
            "traceparent": document.traceparent,
            "state": "pending",
            "created_at": now,
            "changed_at": now,
        }

    def _file(self, row: Row[Any]) -> OutgoingFile:
        content = self._vault.unseal(row.content) if row.content else b""
        return OutgoingFile(row.id, row.name, row.sha256, row.interface, row.state, content)


def _unnest(name: str, item: TypeEngine[Any]) -> Function[Any]:
    return func.unnest(bindparam(name, type_=ARRAY(item)), type_=item)


def _outgoing(row: Row[Any], payload: bytes = b"") -> Outgoing:
    return Outgoing(
        interface=row.interface,
        owner_code=row.owner_code,
        order_no=row.order_no,
        leg=row.leg,
        revision=row.revision,
        family=row.family,
        content_hash=row.content_hash,
        payload=payload,
        urgent=row.urgent,
        causationid=row.causationid,
        traceparent=row.traceparent,
        id=row.id,
        line=row.line or 0,
        notes=tuple(row.notes or ()),
    )
