"""Queries of K/3 Cloud dockings. No commits in here."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter.k3cloud.forms import ITEMS
from kingdee_adapter.k3cloud.handlers import BillKey
from lemai_docking.journal.tables import Tables, Vault


async def open_numbers(connection: AsyncConnection, code: str, interface: str) -> set[str]:
    """Numbers of bills that still have a document of this interface to post."""
    rows = await connection.exec_driver_sql(
        "SELECT number FROM k3_bill WHERE counterpart_code = $1 AND interface = $2 AND state IN ('waiting', 'posting')",
        (code, interface),
    )
    return set(rows.scalars())


async def owners(connection: AsyncConnection, code: str, interface: str, numbers: Collection[str]) -> Mapping[str, str]:
    """Whose the bills of these numbers are."""
    rows = await connection.exec_driver_sql(
        "SELECT number, owner_code FROM k3_bill "
        "WHERE counterpart_code = $1 AND interface = $2 AND number = ANY($3::text[])",
        (code, interface, list(numbers)),
    )
    return {row.number: row.owner_code for row in rows}


async def ready(connection: AsyncConnection, code: str, limit: int) -> list[BillKey]:
    """Waiting bills whose items are posted, oldest first. Items we never sent are K/3 Cloud's to judge."""
    rows = await connection.exec_driver_sql(_READY, (code, ITEMS, limit))
    return [(code, row.form_id, row.number) for row in rows]


async def claim_pending(connection: AsyncConnection, tables: Tables, ids: Collection[int]) -> set[int]:
    """Which of these outgoing documents are still pending; they stay locked."""
    table = tables.outgoing
    rows = await connection.execute(
        select(table.c.id)
        .where(table.c.id.in_(list(ids)), table.c.state == "pending")
        .order_by(table.c.id)
        .with_for_update()
    )
    return set(rows.scalars())


async def rewrite(connection: AsyncConnection, tables: Tables, vault: Vault, file_id: int, data: bytes) -> None:
    """Store what will be sent in place of what was rendered."""
    table = tables.file
    changed = {"content": vault.seal(data), "sha256": hashlib.sha256(data).hexdigest()}
    await connection.execute(update(table).values(changed).where(table.c.id == file_id))


async def approved_until(connection: AsyncConnection, cursor: Table, code: str, form_id: str) -> datetime | None:
    """How far the results of a form were read."""
    where = (cursor.c.counterpart_code == code, cursor.c.form_id == form_id)
    found: datetime | None = await connection.scalar(select(cursor.c.approved_at).where(*where))
    return found


async def read_until(
    connection: AsyncConnection, cursor: Table, code: str, form_id: str, approved_at: datetime
) -> None:
    """Remember how far the results of a form were read."""
    values = {"counterpart_code": code, "form_id": form_id, "approved_at": approved_at}
    await connection.execute(
        insert(cursor)
        .values(values)
        .on_conflict_do_update(
            index_elements=[cursor.c.counterpart_code, cursor.c.form_id], set_={"approved_at": approved_at}
        )
    )


async def bills_of(connection: AsyncConnection, code: str, file_name: str) -> list[BillKey]:
    """The bills whose newest document is in this file."""
    rows = await connection.exec_driver_sql(
        "SELECT form_id, number FROM k3_bill WHERE counterpart_code = $1 AND file_name = $2", (code, file_name)
    )
    return [(code, row.form_id, row.number) for row in rows]


async def render_again(connection: AsyncConnection, tables: Tables, key: BillKey) -> None:
    """A bill's newest document is on its way again."""
    code, form_id, number = key
    document_id = await connection.exec_driver_sql(
        "SELECT document_id FROM k3_bill WHERE counterpart_code = $1 AND form_id = $2 AND number = $3",
        (code, form_id, number),
    )
    table = tables.outgoing
    await connection.execute(
        update(table).values(state="rendered", faults=None).where(table.c.id == document_id.scalar_one())
    )


_READY = """
SELECT bill.form_id, bill.number FROM k3_bill bill
WHERE bill.counterpart_code = $1 AND bill.state = 'waiting'
  AND NOT EXISTS (
      SELECT FROM jsonb_array_elements_text(bill.needs) need
      JOIN k3_bill item ON item.counterpart_code = $1 AND item.form_id = $2 AND item.number = need.value
      WHERE item.state IN ('waiting', 'posting') OR NOT item.posted_once)
ORDER BY bill.document_id LIMIT $3
"""
