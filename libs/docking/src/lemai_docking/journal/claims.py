"""Taking each document once: what is new, what came before, and what came before with other content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Table, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
ROWS_MAX = 500


@dataclass(frozen=True, slots=True)
class Claimed(Generic[T]):
    """Items by what the table knew of them; each but the first of a key counts as known."""

    new: Sequence[T] = ()
    same: Sequence[T] = ()
    conflicting: Sequence[T] = ()


async def claim(
    connection: AsyncConnection,
    table: Table,
    items: Sequence[T],
    *,
    key: Sequence[str],
    row: Callable[[T], dict[str, Any]],
) -> Claimed[T]:
    """Insert the items whose `key` columns are new; compare the others by `content_hash`."""
    parts = [
        await _claim(connection, table, items[start : start + ROWS_MAX], key, row)
        for start in range(0, len(items), ROWS_MAX)
    ]
    return Claimed(
        [item for part in parts for item in part.new],
        [item for part in parts for item in part.same],
        [item for part in parts for item in part.conflicting],
    )


async def _claim(
    connection: AsyncConnection,
    table: Table,
    items: Sequence[T],
    key: Sequence[str],
    row: Callable[[T], dict[str, Any]],
) -> Claimed[T]:
    rows = [row(item) for item in items]
    keys = [tuple(values[name] for name in key) for values in rows]
    first: dict[tuple[Any, ...], int] = {}
    for index, one in enumerate(keys):
        first.setdefault(one, index)
    columns: list[ColumnElement[Any]] = [table.c[name] for name in key]
    added = await connection.execute(
        insert(table).on_conflict_do_nothing().returning(*columns), [rows[index] for index in first.values()]
    )
    fresh = {first[tuple(found)] for found in added}
    known = await connection.execute(select(*columns, table.c.content_hash).where(tuple_(*columns).in_(list(first))))
    hashes = {tuple(found[:-1]): found[-1] for found in known}
    again = [index for index in range(len(rows)) if index not in fresh]
    same = [index for index in again if hashes[keys[index]] == rows[index]["content_hash"]]
    return Claimed(
        [items[index] for index in sorted(fresh)],
        [items[index] for index in same],
        [items[index] for index in again if index not in same],
    )
