"""Queries of the API: lists in the order of a key, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from stock_svc.storage.rows import BalanceRow, CommitmentRow, DifferenceRow, FigureRow, MovementRow, SnapshotRow

Condition = ColumnElement[bool]


@dataclass(frozen=True)
class List:
    """Rows, and the columns of their order, which identify a row."""

    row: type[SQLModel]
    order: tuple[str, ...]
    newest_first: bool = False

    @property
    def table(self) -> Table:
        table: Table = self.row.__table__  # type: ignore[attr-defined]
        return table

    @property
    def key_kinds(self) -> list[type]:
        """Of what kind each part of a key is."""
        return [self.table.c[name].type.python_type for name in self.order]


BALANCES = List(BalanceRow, ("owner_code", "warehouse_code", "item_code", "grade"))
MOVEMENTS = List(MovementRow, ("recorded_at", "warehouse_code", "grade", "entry_no"), newest_first=True)
COMMITMENTS = List(CommitmentRow, ("asked_at", "order_no", "owner_code"))
FIGURES = List(FigureRow, ("store_code", "platform_item_id", "platform_sku_id"))
SNAPSHOTS = List(SnapshotRow, ("snapshot_at", "owner_code", "warehouse_code", "snapshot_id"), newest_first=True)
DIFFERENCES = List(DifferenceRow, ("owner_code", "warehouse_code", "position"))


async def page(
    connection: AsyncConnection,
    wanted: List,
    limit: int,
    *conditions: Condition,
    after: Sequence[Any] | None = None,
    **equal: str | None,
) -> Sequence[RowMapping]:
    """The rows that follow the key `after`; a column that should equal None is not looked at."""
    columns = [wanted.table.c[name] for name in wanted.order]
    given = [wanted.table.c[name] == value for name, value in equal.items() if value is not None]
    query = select(wanted.table).where(*conditions, *given).limit(limit)
    if after:
        key, last = tuple_(*columns), tuple_(*after)
        query = query.where(key < last if wanted.newest_first else key > last)
    query = query.order_by(*(column.desc() if wanted.newest_first else column for column in columns))
    return (await connection.execute(query)).mappings().all()


def item_starts_with(prefix: str) -> Condition:
    return BALANCES.table.c.item_code.startswith(prefix, autoescape=True)


def listed_by(store_code: str) -> Condition:
    """Balances of items that the store lists."""
    balance, figure = BALANCES.table.c, FIGURES.table.c
    same_item = (figure.owner_code == balance.owner_code) & (figure.item_code == balance.item_code)
    return exists().where(same_item, figure.store_code == store_code, figure.active)


def in_warehouse(warehouse_code: str) -> Condition:
    return BALANCES.table.c.warehouse_code == warehouse_code


def of_snapshot(snapshot_id: str) -> Condition:
    """Differences of the snapshots with this number: one, unless two owners' counterparts use the same."""
    difference, snapshot = DIFFERENCES.table.c, SNAPSHOTS.table.c
    keys = select(snapshot.owner_code, snapshot.warehouse_code, snapshot.snapshot_id)
    its_key = tuple_(difference.owner_code, difference.warehouse_code, difference.snapshot_id)
    return its_key.in_(keys.where(snapshot.snapshot_id == snapshot_id))


WAITING_SNAPSHOTS = """
SELECT 'snapshot_waits', snapshot_id, owner_code,
       format('%s 行，%s 件可售将减少 %s / lines, sellable pieces, of them lost', lines, sellable, lost), received_at,
       'lemai stock snapshots'
FROM snapshot WHERE state = 'waiting'"""
