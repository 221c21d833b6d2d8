"""Taking each document once: what is new, what came before, and what came before with other content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Table, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


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
    rows = [(item, row(item)) for item in items]
    keys = [tuple(values[name] for name in key) for _, values in rows]
    first: dict[tuple[Any, ...], int] = {}
    for index, one in enumerate(keys):
        first.setdefault(one, index)
    if not first:
        return Claimed()
    columns: list[ColumnElement[Any]] = [table.c[name] for name in key]
    added = await connection.execute(
        insert(table).on_conflict_do_nothing().returning(*columns), [rows[index][1] for index in first.values()]
    )
    new = {tuple(found) for found in added}
    known = await connection.execute(select(*columns, table.c.content_hash).where(tuple_(*columns).in_(list(first))))
    hashes = {tuple(found[:-1]): found[-1] for found in known}
    fresh = {first[one] for one in new}
    again = [index for index in range(len(rows)) if index not in fresh]
    same = {index for index in again if hashes[keys[index]] == rows[index][1]["content_hash"]}
    return Claimed(
        [items[index] for index in sorted(fresh)],
        [items[index] for index in sorted(same)],
        [items[index] for index in again if index not in same],
    )
