"""State in bulk: one row per aggregate, its nested values as JSONB, loaded and saved one statement a batch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from lemai_chassis.state.unit_of_work import Aggregate, Key, Versioned

K = TypeVar("K", bound=Aggregate)


class ConcurrentUpdateError(Exception):
    """Somebody else changed or created an aggregate between our read and our write: run the batch again."""


class Aggregates(Generic[K]):
    """All aggregates of one kind: a stdlib dataclass whose fields are the columns of one table.

    The table's primary key is the aggregate's `key`; it has a `version` column besides, and may have generated
    columns for searching.
    """

    def __init__(self, kind: type[K], row: type[SQLModel]) -> None:
        table: Table = row.__table__  # type: ignore[attr-defined]
        self.kind = kind
        self._adapter = TypeAdapter(kind)
        keys = [column.name for column in table.primary_key]
        self._load_sql, self._insert_sql, self._update_sql = _statements(table, keys)

    def parse(self, row: RowMapping) -> K:
        """An aggregate from a row that was only read, not locked."""
        return self._adapter.validate_python(dict(row))

    async def load(self, connection: AsyncConnection, keys: Collection[Key]) -> Mapping[Key, Versioned[K]]:
        """Read and lock the rows of `keys` in key order; keys without a row are left out."""
        columns = tuple(list(column) for column in zip(*sorted(keys), strict=True))
        rows = await connection.exec_driver_sql(self._load_sql, columns)
        loaded = (Versioned(self._adapter.validate_json(row.document), row.version) for row in rows)
        return {stored.aggregate.key: stored for stored in loaded if stored.aggregate is not None}

    async def save(self, connection: AsyncConnection, changes: Sequence[tuple[int, Versioned[K]]]) -> None:
        """Write `(version when loaded, new state)`. Raises ConcurrentUpdateError if a row moved meanwhile."""
        for sql, rows in (
            (self._insert_sql, [(loaded, new) for loaded, new in changes if loaded == 0]),
            (self._update_sql, [(loaded, new) for loaded, new in changes if loaded > 0]),
        ):
            if rows:
                documents = [self._adapter.dump_json(new.aggregate).decode() for _, new in rows]  # type: ignore[arg-type]
                versions = [new.version for _, new in rows], [loaded for loaded, _ in rows]
                result = await connection.exec_driver_sql(sql, (documents, *versions))
                if result.rowcount != len(rows):
                    raise ConcurrentUpdateError(self.kind.__name__)


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
    values = ", ".join("x.new_version" if column == "version" else f'x."{column}"' for column in written)
    # Materialised, or every document is parsed again for every row it is compared with.
    changes = (
        "WITH x AS MATERIALIZED (SELECT r.*, d.version AS new_version, d.loaded "  # noqa: S608
        "FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS d(document, version, loaded), "
        f"json_populate_record(NULL::{name}, d.document::json) r)"
    )
    conflict = ", ".join(f'"{key}"' for key in keys)
    insert = (
        f"{changes} INSERT INTO {name} ({columns}) SELECT {values} FROM x "  # noqa: S608
        f"WHERE x.loaded = 0 ON CONFLICT ({conflict}) DO NOTHING"
    )
    new_key = ", ".join(f'x."{key}"' for key in keys)
    update = (
        f"{changes} UPDATE {name} t SET ({columns}) = ROW({values}) FROM x "  # noqa: S608
        f"WHERE ({key_list}) = ({new_key}) AND t.version = x.loaded"
    )
    return load, insert, update
