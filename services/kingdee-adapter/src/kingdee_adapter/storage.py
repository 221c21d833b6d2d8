"""Tables and queries of kingdee-adapter: the docking journal is its whole state."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import astuple, fields

from sqlalchemy import Index, MetaData, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter.mapper.actuals import Balance, Balances
from lemai_chassis import tables as chassis
from lemai_docking import tables as docking

Rows = Sequence[RowMapping]
Order = tuple[str, str]
NEWEST = 2**63 - 1
"""The `before` of a first page."""

METADATA = MetaData()
chassis.tables(METADATA)
JOURNAL = docking.tables(METADATA)
Index("docking_outgoing_order_no", JOURNAL.outgoing.c.order_no, JOURNAL.outgoing.c.id)
Index("docking_incoming_order_no", JOURNAL.incoming.c.order_no, JOURNAL.incoming.c.id)
Index("docking_file_name", JOURNAL.file.c.name, JOURNAL.file.c.id)


async def families(connection: AsyncConnection, counterpart: str, orders: Collection[Order]) -> Mapping[Order, str]:
    """The families of the orders we instructed, by owner code and order number; both legs of one are one family."""
    owner_codes, numbers = [owner_code for owner_code, _ in orders], [number for _, number in orders]
    rows = await connection.exec_driver_sql(
        "SELECT DISTINCT owner_code, order_no, family "
        "FROM docking_outgoing JOIN unnest($2::text[], $3::text[]) AS asked(owner_code, order_no) "
        "USING (owner_code, order_no) WHERE counterpart = $1",
        (counterpart, owner_codes, numbers),
    )
    return {(row.owner_code, row.order_no): row.family for row in rows}


async def file_names(connection: AsyncConnection, document_ids: Sequence[int]) -> Mapping[int, str]:
    """The files that outgoing documents are in, by the ids of the documents that are in one."""
    rows = await connection.exec_driver_sql(
        "SELECT document.id, file.name FROM docking_outgoing document JOIN docking_file file ON file.id = file_id "
        "WHERE document.id = ANY($1::bigint[])",
        (list(document_ids),),
    )
    return {row.id: row.name for row in rows}


async def prepare_balances(connection: AsyncConnection) -> None:
    """Room for the rows of one snapshot, in this transaction only: a million are more than memory should hold."""
    await connection.exec_driver_sql(_BALANCE)
    await connection.exec_driver_sql("TRUNCATE balance")


async def add_balances(connection: AsyncConnection, rows: AsyncIterator[Balance]) -> None:
    """Rows of a page of the snapshot, by COPY."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    records = (astuple(row) async for row in rows)
    await driver.copy_records_to_table("balance", columns=[field.name for field in fields(Balance)], records=records)


async def balances(connection: AsyncConnection, owner_code: str, lines: int) -> AsyncIterator[Balances]:
    """What was added, lots and kinds of defects added up, by owner, in chunks of so many `lines`.

    `owner_code` owns a snapshot without any row: nothing is on its shelves.
    """
    chunks = await connection.stream(text(_BALANCES), {"owner_code": owner_code, "lines": lines})
    async for chunk in chunks:
        rows = zip(chunk.item_codes, chunk.grades, chunk.free, chunk.locked, chunk.total, strict=True)
        yield Balances(
            chunk.owner_code, chunk.chunk, chunk.chunks, [Balance(chunk.owner_code, *row) for row in rows if row[1]]
        )


async def files(connection: AsyncConnection, equal: Mapping[str, str | None], before: int, limit: int) -> Rows:
    """Files in and out, newest first, without their content."""
    return await _select(connection, _FILES, equal, before, limit)


async def outgoing(connection: AsyncConnection, equal: Mapping[str, str | None], before: int, limit: int) -> Rows:
    """Documents we send, newest first: where each stands, in which file and line."""
    return await _select(connection, _OUTGOING, equal, before, limit)


async def incoming(connection: AsyncConnection, equal: Mapping[str, str | None], before: int, limit: int) -> Rows:
    """Actuals we took, newest first: from which file and line."""
    return await _select(connection, _INCOMING, equal, before, limit)


async def quarantine(connection: AsyncConnection, equal: Mapping[str, str | None], before: int, limit: int) -> Rows:
    """What was refused or is held, newest first, without its content."""
    return await _select(connection, _QUARANTINE, equal, before, limit)


async def _select(
    connection: AsyncConnection, select: str, equal: Mapping[str, str | None], before: int, limit: int
) -> Rows:
    """Rows of `select` older than the id `before` whose columns equal what is asked for."""
    asked = {column: value for column, value in equal.items() if value is not None}
    where = " AND ".join(["id < :before", *(f"{column} = :{column}" for column in asked)])
    sql = text(f"SELECT * FROM ({select}) found WHERE {where} ORDER BY id DESC LIMIT :limit")  # noqa: S608 - our names
    return (await connection.execute(sql, {"before": before, "limit": limit, **asked})).mappings().all()


_BALANCE = """
CREATE TEMPORARY TABLE IF NOT EXISTS balance (
    owner_code text, item_code text, grade text, free bigint, locked bigint, total bigint) ON COMMIT DROP
"""
_BALANCES = """
WITH counted AS (
    SELECT owner_code, item_code, grade, sum(free)::bigint AS free, sum(locked)::bigint AS locked,
           sum(total)::bigint AS total
    FROM balance GROUP BY owner_code, item_code, grade
    UNION ALL SELECT :owner_code, '', '', 0, 0, 0 WHERE NOT EXISTS (SELECT FROM balance)),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY owner_code ORDER BY item_code, grade DESC) - 1 AS place,
           count(*) OVER (PARTITION BY owner_code) AS rows
    FROM counted)
SELECT owner_code, place / :lines + 1 AS chunk, (rows - 1) / :lines + 1 AS chunks,
       array_agg(item_code ORDER BY place) AS item_codes, array_agg(grade ORDER BY place) AS grades,
       array_agg(free ORDER BY place) AS free, array_agg(locked ORDER BY place) AS locked,
       array_agg(total ORDER BY place) AS total
FROM numbered GROUP BY owner_code, place / :lines, rows ORDER BY owner_code, chunk
"""
_FILES = """
SELECT id, counterpart, direction, name, sha256, interface, state, documents, ack,
       created_at, published_at, acknowledged_at
FROM docking_file
"""
_OUTGOING = """
SELECT document.id, document.counterpart, owner_code, document.interface, order_no, leg, revision, document.state,
       file.name AS file_name, line, faults, document.created_at, changed_at
FROM docking_outgoing document LEFT JOIN docking_file file ON file.id = file_id
"""
_INCOMING = """
SELECT document.id, document.counterpart, owner_code, document.interface, order_no, leg, out_biz_code,
       file.name AS file_name, line, received_at
FROM docking_incoming document JOIN docking_file file ON file.id = file_id
"""
_QUARANTINE = """
SELECT id, counterpart, kind, name AS file_name, sha256, interface, owner_code, order_no, line, code, field, value,
       message, faults, document_line, quarantined_at
FROM docking_quarantine
"""
