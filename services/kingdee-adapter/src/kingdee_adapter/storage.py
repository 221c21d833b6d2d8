"""Tables and queries of kingdee-adapter: the docking journal is its whole state."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    MetaData,
    RowMapping,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter.handlers import Story
from kingdee_adapter.k3cloud import tables as k3cloud
from kingdee_adapter.mapper.actuals import Balance, Balances
from lemai_chassis import tables as chassis
from lemai_chassis.listing import Search
from lemai_contracts.fulfilment import ActualReportedV1
from lemai_docking.journal import tables as docking
from lemai_docking.journal.outgoing import OrderKey
from lemai_docking.publisher import FAILURES_MAX

Rows = Sequence[RowMapping]
Order = tuple[str, str]

METADATA = MetaData()
chassis.tables(METADATA)
JOURNAL = docking.tables(METADATA)
BILLS = k3cloud.tables(METADATA)
Index("docking_outgoing_order_no", JOURNAL.outgoing.c.order_no, JOURNAL.outgoing.c.id)
Index("docking_incoming_order_no", JOURNAL.incoming.c.order_no, JOURNAL.incoming.c.id)
Index("docking_file_name", JOURNAL.file.c.name, JOURNAL.file.c.id)
# They grow in the order of time, so what tells their days apart costs next to nothing.
Index("docking_outgoing_day", JOURNAL.outgoing.c.created_at, postgresql_using="brin")
Index("docking_incoming_day", JOURNAL.incoming.c.received_at, postgresql_using="brin")


DEED = Table(
    "deed",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("person", Text, nullable=False),
    Column("deed", Text, nullable=False, comment="download, replay, resend, mend, discard, resolve"),
    Column("kind", Text, nullable=False, comment="of what it was done to: file, quarantine, counterpart"),
    Column("subject", BigInteger, nullable=False, comment="its id; 0 for a counterpart"),
    Column("about", Text, nullable=False, comment="counterpart and name of the file, for people"),
    Column("reason", Text, nullable=False),
    Column("done_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="who saw raw bytes or decided something, and why",
)
Kept = Literal["file", "quarantine"]
_KEPT: Mapping[Kept, Table] = {"file": JOURNAL.file, "quarantine": JOURNAL.quarantine}


@dataclass(frozen=True)
class Deed:
    """What a person did, to which file or counterpart, and why."""

    person: str
    deed: Literal["download", "replay", "resend", "mend", "discard", "resolve"]
    kind: Literal["file", "quarantine", "counterpart"]
    subject: int
    about: str
    reason: str


@dataclass(frozen=True)
class Place:
    """Whose file something is, or is of."""

    counterpart: str
    name: str

    @property
    def about(self) -> str:
        return f"{self.counterpart}/{self.name}"


async def stories(connection: AsyncConnection, counterpart: str, orders: Collection[Order]) -> Mapping[Order, Story]:
    """Of the orders we instructed, by owner code and order number; both legs of one are one story."""
    owner_codes, numbers = [owner_code for owner_code, _ in orders], [number for _, number in orders]
    rows = await connection.exec_driver_sql(
        "SELECT DISTINCT ON (owner_code, order_no) owner_code, order_no, family, traceparent "
        "FROM docking_outgoing JOIN unnest($2::text[], $3::text[]) AS asked(owner_code, order_no) "
        "USING (owner_code, order_no) WHERE counterpart = $1 ORDER BY owner_code, order_no, id DESC",
        (counterpart, owner_codes, numbers),
    )
    return {(row.owner_code, row.order_no): Story(row.family, row.traceparent) for row in rows}


async def instructed_owners(
    connection: AsyncConnection, counterpart: str, order_nos: Collection[str]
) -> Mapping[str, Collection[str]]:
    """The owners for which we instructed orders of these numbers; an order nobody instructed is not in it."""
    rows = await connection.exec_driver_sql(
        "SELECT order_no, array_agg(DISTINCT owner_code) AS owner_codes FROM docking_outgoing "
        "WHERE counterpart = $1 AND order_no = ANY($2::text[]) AND leg <> '' GROUP BY order_no",
        (counterpart, list(order_nos)),
    )
    return {row.order_no: row.owner_codes for row in rows}


async def instructions(
    connection: AsyncConnection, counterpart: str, keys: Collection[OrderKey]
) -> Mapping[OrderKey, bytes]:
    """The sealed payloads of the last revisions of our instructions, by owner, order number and leg."""
    rows = await connection.exec_driver_sql(_INSTRUCTIONS, (counterpart, *_columns(keys)))
    return {(row.owner_code, row.order_no, row.leg): row.payload for row in rows}


async def reported(
    connection: AsyncConnection, counterpart: str, keys: Collection[OrderKey]
) -> Mapping[OrderKey, Mapping[int, int]]:
    """Pieces reported so far, by order and line number."""
    rows = await connection.exec_driver_sql(_REPORTED, (counterpart, *_columns(keys)))
    found: dict[OrderKey, dict[int, int]] = {}
    for row in rows:
        found.setdefault((row.owner_code, row.order_no, row.leg), {})[row.line_no] = row.pieces
    return found


def _columns(keys: Collection[OrderKey]) -> Sequence[Sequence[str]]:
    return [[key[place] for key in keys] for place in range(3)]


async def prepare_balances(connection: AsyncConnection) -> None:
    """Room for the rows of one snapshot, in this transaction only: a million are more than memory should hold."""
    await connection.exec_driver_sql("DROP TABLE IF EXISTS balance, counted")
    await connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE balance "
        "(owner_code text, item_code text, grade text, free bigint, locked bigint, total bigint) ON COMMIT DROP"
    )


async def add_balances(connection: AsyncConnection, rows: AsyncIterator[Balance]) -> None:
    """Rows of a page of the snapshot, by COPY."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.copy_records_to_table("balance", columns=Balance._fields, records=rows)


async def balances(connection: AsyncConnection, owner_code: str, lines: int) -> AsyncIterator[Balances]:
    """What was added, lots and kinds of defects added up, by owner, in chunks of so many `lines`.

    `owner_code` owns a snapshot without any row: nothing is on its shelves.
    """
    await connection.exec_driver_sql(_COUNTED)
    found = await connection.exec_driver_sql(_OWNERS)
    for owner, count in [tuple(row) for row in found] or [(owner_code, 0)]:
        chunks = max(1, -(-count // lines))
        rows = await connection.stream(text(_OF_OWNER), {"owner_code": owner})
        number = 0
        async for part in rows.partitions(lines):
            number += 1
            yield Balances(owner, number, chunks, [Balance(*row) for row in part])
        if not number:
            yield Balances(owner, 1, 1, [])


async def place(connection: AsyncConnection, kind: Kept, row_id: int) -> Place | None:
    """Where a file, or what is in quarantine, belongs. None if there is no such row."""
    table = _KEPT[kind]
    row = (
        await connection.execute(select(table.c.counterpart, table.c.name).where(table.c.id == row_id))
    ).one_or_none()
    return Place(*row) if row else None


async def sealed_content(connection: AsyncConnection, kind: Kept, row_id: int) -> bytes | None:
    """The sealed bytes of a file, or of what is in quarantine; None once they are past their retention."""
    table = _KEPT[kind]
    sealed: bytes | None = await connection.scalar(select(table.c.content).where(table.c.id == row_id))
    return sealed


async def keep(connection: AsyncConnection, deed: Deed) -> None:
    """Keep what a person does, in the transaction that does it."""
    await connection.execute(DEED.insert().values(asdict(deed)))


def _search(query: str) -> Search:
    """What is in the journal, newest first, without its content. Days are China's, both included."""
    return Search(query, {"id": int}, newest_first=True, conditions=_CONDITIONS)


_CONDITIONS = {
    "since": "at >= CAST(CAST(:since AS date) AS timestamp) AT TIME ZONE 'Asia/Shanghai'",
    "until": "at < CAST(CAST(:until AS date) + 1 AS timestamp) AT TIME ZONE 'Asia/Shanghai'",
    "code": "faults @> jsonb_build_array(jsonb_build_object('code', CAST(:code AS text)))",
}
DEEDS = _search("SELECT id, person, deed, kind, subject, about, reason, done_at, done_at AS at FROM deed")
_INSTRUCTIONS = """
SELECT DISTINCT ON (owner_code, order_no, leg) owner_code, order_no, leg, payload
FROM docking_outgoing JOIN unnest($2::text[], $3::text[], $4::text[]) AS asked(owner_code, order_no, leg)
     USING (owner_code, order_no, leg)
WHERE counterpart = $1 AND state <> 'rejected' ORDER BY owner_code, order_no, leg, revision DESC
"""
_REPORTED = f"""
SELECT owner_code, order_no, leg, (told->>'line_no')::int AS line_no, sum((told->>'quantity')::bigint)::bigint AS pieces
FROM docking_incoming JOIN unnest($2::text[], $3::text[], $4::text[]) AS asked(owner_code, order_no, leg)
     USING (owner_code, order_no, leg)
JOIN event ON type = '{ActualReportedV1.type}' AND subject = concat_ws('/', owner_code, order_no, leg, out_biz_code),
     jsonb_array_elements(data->'lines') told
WHERE counterpart = $1 GROUP BY owner_code, order_no, leg, line_no
"""  # noqa: S608 - the type is a name of ours
_COUNTED = """
CREATE TEMPORARY TABLE counted ON COMMIT DROP AS
SELECT owner_code, item_code, grade, sum(free)::bigint AS free, sum(locked)::bigint AS locked,
       sum(total)::bigint AS total
FROM balance GROUP BY owner_code, item_code, grade
"""
_OWNERS = """
SELECT owner_code, count(*) FILTER (WHERE grade <> '') AS count FROM counted GROUP BY owner_code ORDER BY owner_code
"""
_OF_OWNER = """
SELECT * FROM counted WHERE owner_code = :owner_code AND grade <> '' ORDER BY item_code COLLATE "C", grade DESC
"""
FILES = _search(
    """
SELECT id, counterpart, direction, name, sha256, interface, state, documents, ack,
       failures, trouble, created_at, published_at, acknowledged_at, created_at AS at
FROM docking_file
"""
)
OUTGOING = _search(
    """
SELECT document.id, document.counterpart, owner_code, document.interface, order_no, leg, revision, document.state,
       file.name AS file_name, file.sha256, line, faults, notes, document.created_at, changed_at,
       document.created_at AS at
FROM docking_outgoing document LEFT JOIN docking_file file ON file.id = file_id
"""
)
INCOMING = _search(
    """
SELECT document.id, document.counterpart, owner_code, document.interface, order_no, leg, out_biz_code,
       file.name AS file_name, file.sha256, line, received_at, received_at AS at
FROM docking_incoming document JOIN docking_file file ON file.id = file_id
"""
)
QUARANTINE = _search(
    """
SELECT id, counterpart, kind, file_id, name AS file_name, sha256, interface, owner_code, order_no, leg, out_biz_code,
       line, code, field, value, message, faults, document_line, quarantined_at, state, decided_by, decided_why,
       decided_at, before_sha256, after_sha256, quarantined_at AS at
FROM docking_quarantine
"""
)
STUCK = (
    """
SELECT 'quarantined', concat_ws('/', counterpart, name, document_line), owner_code, message, quarantined_at,
       format('lemai quarantine show %s', id)
FROM docking_quarantine WHERE state = 'open'""",
    f"""
SELECT CASE state WHEN 'unknown' THEN 'file_unknown' ELSE 'channel_failing' END, counterpart || '/' || name, '',
       coalesce(trouble, '中断 interrupted'), created_at,
       CASE state WHEN 'unknown' THEN format(
           'POST kingdee-adapter/v1/counterparts/%s/files/%s/resolve?decision=done|rewrite', counterpart, name)
       ELSE '自动重试，请查对方系统 / tried again by itself, look at the other side' END
FROM docking_file WHERE state IN ('rendered', 'unknown', 'rewrite', 'resend')
      AND (state = 'unknown' OR failures >= {FAILURES_MAX})""",  # noqa: S608 - ours
)
"""What waits here for a person or a counterpart, in the columns of the chassis' `Stuck`."""
