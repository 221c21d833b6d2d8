"""Tables and queries of kingdee-adapter: the docking journal is its whole state."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import MetaData, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_chassis import tables as chassis
from lemai_docking import tables as docking
from lemai_docking.outgoing import OrderKey

Rows = Sequence[RowMapping]
METADATA = MetaData()
chassis.tables(METADATA)
JOURNAL = docking.tables(METADATA)


async def families(
    connection: AsyncConnection, counterpart_code: str, keys: Iterable[OrderKey]
) -> Mapping[OrderKey, str]:
    """The families of the orders we instructed, by owner, order number and leg."""
    owners, numbers, legs = [], [], []
    for owner_code, order_no, leg in keys:
        owners.append(owner_code)
        numbers.append(order_no)
        legs.append(leg)
    rows = await connection.exec_driver_sql(
        "SELECT DISTINCT owner_code, order_no, leg, family FROM docking_outgoing "
        "WHERE counterpart = $1 AND (owner_code, order_no, leg) IN "
        "(SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))",
        (counterpart_code, owners, numbers, legs),
    )
    return {(row.owner_code, row.order_no, row.leg): row.family for row in rows}


async def files(
    connection: AsyncConnection, direction: str | None, name: str | None, before: int | None, limit: int
) -> Rows:
    """Files in and out, newest first, without their content."""
    return await _select(
        connection,
        "SELECT id, counterpart, direction, name, sha256, interface, state, documents, ack, created_at, published_at, "
        "acknowledged_at FROM docking_file",
        {"direction = :direction": direction, "name = :name": name, "id < :before": before},
        limit,
        {"direction": direction, "name": name, "before": before},
    )


async def outgoing(
    connection: AsyncConnection, order_no: str | None, state: str | None, before: int | None, limit: int
) -> Rows:
    """Documents we send, newest first: where each stands, in which file and line."""
    return await _select(
        connection,
        "SELECT * FROM (SELECT d.id, d.counterpart, d.owner_code, d.interface, d.order_no, d.leg, d.revision, d.state, "
        "f.name AS file_name, d.line, d.faults, d.created_at, d.changed_at "
        "FROM docking_outgoing d LEFT JOIN docking_file f ON f.id = d.file_id) d",
        {"order_no = :order_no": order_no, "state = :state": state, "id < :before": before},
        limit,
        {"order_no": order_no, "state": state, "before": before},
    )


async def incoming(connection: AsyncConnection, order_no: str | None, before: int | None, limit: int) -> Rows:
    """Actuals we took, newest first: from which file and line."""
    return await _select(
        connection,
        "SELECT * FROM (SELECT d.id, d.counterpart, d.owner_code, d.interface, d.order_no, d.leg, d.out_biz_code, "
        "f.name AS file_name, d.line, d.received_at FROM docking_incoming d JOIN docking_file f ON f.id = d.file_id) d",
        {"order_no = :order_no": order_no, "id < :before": before},
        limit,
        {"order_no": order_no, "before": before},
    )


async def quarantine(connection: AsyncConnection, before: int | None, limit: int) -> Rows:
    """What was refused or is held, newest first, without its content."""
    columns = ", ".join(column.name for column in JOURNAL.quarantine.columns if column.name != "content")
    return await _select(
        connection,
        f"SELECT {columns} FROM docking_quarantine",  # noqa: S608 - our own column names
        {"id < :before": before},
        limit,
        {"before": before},
    )


async def _select(
    connection: AsyncConnection, select: str, conditions: Mapping[str, Any], limit: int, parameters: Mapping[str, Any]
) -> Rows:
    given = [condition for condition, value in conditions.items() if value is not None] or ["true"]
    sql = f"{select} WHERE {' AND '.join(given)} ORDER BY id DESC LIMIT :limit"
    used = {name: value for name, value in parameters.items() if value is not None}
    return (await connection.execute(text(sql), {**used, "limit": limit})).mappings().all()
