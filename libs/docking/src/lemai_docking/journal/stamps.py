"""The seconds in file names: each used once by a counterpart and pattern, growing whatever the clock does."""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def next_stamp(
    connection: AsyncConnection, table: Table, counterpart: str, pattern: str, now: datetime
) -> datetime:
    """Now, or one second more than the last used."""
    values = {"counterpart": counterpart, "pattern": pattern, "last_stamp": now.replace(microsecond=0)}
    later = func.greatest(values["last_stamp"], table.c.last_stamp + timedelta(seconds=1))
    stamp = await connection.scalar(
        insert(table)
        .values(values)
        .on_conflict_do_update(index_elements=[table.c.counterpart, table.c.pattern], set_={"last_stamp": later})
        .returning(table.c.last_stamp)
    )
    return cast(datetime, stamp)
