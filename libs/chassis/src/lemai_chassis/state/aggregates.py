"""State in bulk: one row per aggregate, its nested values as JSONB, loaded and saved one statement a batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from pydantic import TypeAdapter
from sqlalchemy import RowMapping, Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

A = TypeVar("A")
Key = tuple[str | int, ...]


class ConcurrentUpdateError(Exception):
    """Somebody else changed or created an aggregate between our read and our write: run the batch again."""


@dataclass(frozen=True)
class Ref:
    """Names one aggregate: which kind, which key."""

    aggregates: "Aggregates[Any]"
    key: Key


@dataclass(frozen=True)
class Versioned(Generic[A]):
    """An aggregate (None: not there yet) and how often it has been changed."""

    aggregate: A | None
    version: int


class Aggregates(Generic[A]):
    """All aggregates of one kind: a stdlib dataclass whose fields are the columns of one table.

    The table has a `version` column besides, and may have generated columns for searching.
    """

    def __init__(self, kind: type[A], row: type[SQLModel]) -> None:
        table: Table = row.__table__  # type: ignore[attr-defined]
        self.kind = kind
        self.key_columns = tuple(column.name for column in table.primary_key)
        self._adapter = TypeAdapter(kind)
        self._load_sql, self._insert_sql, self._update_sql = _statements(table, self.key_columns)

    def ref(self, *key: str | int) -> Ref:
        return Ref(self, key)

    def ref_of(self, aggregate: A) -> Ref:
        return Ref(self, tuple(getattr(aggregate, column) for column in self.key_columns))

    def parse(self, row: RowMapping) -> A:
        """An aggregate from a row that was only read, not locked."""
        return self._adapter.validate_python(dict(row))

    async def load(self, connection: AsyncConnection, keys: Collection[Key]) -> Mapping[Key, Versioned[A]]:
        """Read and lock the rows of `keys` in key order; keys without a row are left out."""
        columns = tuple(list(column) for column in zip(*sorted(keys), strict=True))
        rows = await connection.exec_driver_sql(self._load_sql, columns)
        loaded = (Versioned(self._adapter.validate_json(row.document), row.version) for row in rows)
        return {self.ref_of(stored.aggregate).key: stored for stored in loaded if stored.aggregate is not None}

    async def save(self, connection: AsyncConnection, changes: Sequence[tuple[int, Versioned[A]]]) -> None:
        """Write `(version when loaded, new state)`. Raises ConcurrentUpdateError if a row moved meanwhile."""
        for sql, rows in (
            (self._insert_sql, [(loaded, new) for loaded, new in changes if loaded == 0]),
            (self._update_sql, [(loaded, new) for loaded, new in changes if loaded > 0]),
        ):
            if rows:
                result = await connection.exec_driver_sql(sql, (self._dump(rows),))
                if result.rowcount != len(rows):
                    raise ConcurrentUpdateError(self.kind.__name__)

    def _dump(self, changes: Sequence[tuple[int, Versioned[A]]]) -> str:
        documents = []
        for loaded, new in changes:
            document = self._adapter.dump_python(new.aggregate, mode="json")  # type: ignore[arg-type]
            documents.append(document | {"version": new.version, "loaded": loaded})
        return orjson.dumps(documents).decode()


def _statements(table: Table, keys: Sequence[str]) -> tuple[str, str, str]:
    name = f'"{table.name}"'
    written = [column.name for column in table.columns if column.computed is None]
    types = {column.name: column.type.compile() for column in table.columns}
    arrays = ", ".join(f"${position}::{types[key]}[]" for position, key in enumerate(keys, 1))
    key_list = ", ".join(f't."{key}"' for key in keys)
    load = (
        f"SELECT row_to_json(t)::text AS document, t.version FROM {name} t "  # noqa: S608 - names come from our own tables
        f"WHERE ({key_list}) IN (SELECT * FROM unnest({arrays})) ORDER BY {key_list} FOR UPDATE"
    )
    columns = ", ".join(f'"{column}"' for column in written)
    values = ", ".join(f'x."{column}"' for column in written)
    insert = (
        f"INSERT INTO {name} ({columns}) SELECT {values} "  # noqa: S608
        f"FROM jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) x ON CONFLICT DO NOTHING"
    )
    new_key = ", ".join(f'x."{key}"' for key in keys)
    update = (
        f"UPDATE {name} t SET ({columns}) = ROW({values}) "  # noqa: S608
        f"FROM jsonb_array_elements($1::text::jsonb) e, jsonb_populate_record(NULL::{name}, e) x "
        f"WHERE ({key_list}) = ({new_key}) AND t.version = (e->>'loaded')::bigint"
    )
    return load, insert, update
