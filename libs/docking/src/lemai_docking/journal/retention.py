"""Forgetting the bytes of files after their time; names, hashes, states and answers stay."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_docking.journal.tables import Tables

FILES_MAX = 1000


async def forget(connection: AsyncConnection, tables: Tables, counterpart: str, before: datetime) -> int:
    """Forget the bytes of the oldest settled files from before a moment; 0 when none is left.

    What lies open in quarantine is kept until a person decides. Pages of snapshots go with the bytes they are in.
    """
    file, page, quarantine = tables.file, tables.page, tables.quarantine
    oldest = (
        select(file.c.id)
        .where(
            file.c.counterpart == counterpart,
            file.c.created_at < before,
            file.c.content.is_not(None),
            file.c.state.in_(["published", "acknowledged", "received", "rejected"]),
        )
        .order_by(file.c.created_at)
        .limit(FILES_MAX)
    )
    rows = await connection.execute(update(file).values(content=None).where(file.c.id.in_(oldest)).returning(file.c.id))
    forgotten = rows.scalars().all()
    await connection.execute(delete(page).where(page.c.file_id.in_(forgotten)))
    await connection.execute(
        update(quarantine)
        .values(content=None)
        .where(
            quarantine.c.counterpart == counterpart,
            quarantine.c.state != "open",
            quarantine.c.decided_at < before,
            quarantine.c.content.is_not(None),
        )
    )
    return len(forgotten)
