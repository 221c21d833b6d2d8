"""Rows and queries of marketplace-adapter."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage
from lemai_chassis.state.aggregates import Aggregates
from marketplace_adapter.domain import Cursor, MalformedTrade, SeenTrade

Rows = Sequence[RowMapping]
METADATA = MetaData()
tables.tables(METADATA)


def _bigint() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


class AdapterRow(SQLModel):
    metadata = METADATA


class CursorRow(AdapterRow, table=True):
    __tablename__ = "cursor"
    store_code: str = Field(primary_key=True)
    version: int = _bigint()
    until: datetime = Field(sa_type=DateTime(timezone=True))
    trades_pulled: int = _bigint()


class SeenTradeRow(AdapterRow, table=True):
    __tablename__ = "seen_trade"
    store_code: str = Field(primary_key=True)
    trade_no: str = Field(primary_key=True)
    version: int = _bigint()
    platform_version: int = _bigint()
    digest: str
    changes: int


class MalformedTradeRow(AdapterRow, table=True):
    __tablename__ = "malformed_trade"
    store_code: str = Field(primary_key=True)
    trade_no: str = Field(primary_key=True)
    version: int = _bigint()
    reason: str
    sealed_raw: str
    seen_at: datetime = Field(sa_type=DateTime(timezone=True))


CURSORS = Aggregates(Cursor, CursorRow)
SEEN_TRADES = Aggregates(SeenTrade, SeenTradeRow)
STORAGE = Storage.of(CURSORS, SEEN_TRADES, Aggregates(MalformedTrade, MalformedTradeRow))


async def cursor(connection: AsyncConnection, store_code: str) -> Cursor | None:
    rows = await connection.exec_driver_sql("SELECT * FROM cursor WHERE store_code = $1", (store_code,))
    row = rows.mappings().one_or_none()
    return CURSORS.parse(row) if row else None


async def seen_trades(
    connection: AsyncConnection, store_code: str, trade_nos: Collection[str]
) -> Mapping[str, SeenTrade]:
    """What was published last of these trades, by trade number."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM seen_trade WHERE store_code = $1 AND trade_no = ANY($2::text[])", (store_code, list(trade_nos))
    )
    return {row["trade_no"]: SEEN_TRADES.parse(row) for row in rows.mappings()}


async def pulls(connection: AsyncConnection) -> Rows:
    """How far each store was pulled, and the last error of its pulling."""
    rows = await connection.exec_driver_sql(
        "SELECT c.store_code, c.until, c.trades_pulled, s.last_run_at, s.last_error "
        "FROM cursor c LEFT JOIN schedule s ON s.name = 'pull:' || c.store_code ORDER BY c.store_code"
    )
    return rows.mappings().all()


async def publications(
    connection: AsyncConnection, kind: str | None, state: str | None, key: str | None, before: int | None, limit: int
) -> Rows:
    """Publications, newest first."""
    conditions = {"kind = :kind": kind, "state = :state": state, "key = :key": key, "id < :before": before}
    given = [condition for condition, value in conditions.items() if value is not None] or ["true"]
    sql = (
        "SELECT id, kind, key, state, attempts, payload, answer, created_at, due_at, ended_at FROM outbound_call "  # noqa: S608
        f"WHERE {' AND '.join(given)} ORDER BY id DESC LIMIT :limit"
    )
    named = {"kind": kind, "state": state, "key": key, "before": before, "limit": limit}
    used = {name: value for name, value in named.items() if f":{name}" in sql}
    return (await connection.execute(text(sql), used)).mappings().all()


async def malformed_trades(connection: AsyncConnection, limit: int) -> Rows:
    rows = await connection.exec_driver_sql(
        "SELECT store_code, trade_no, reason, seen_at FROM malformed_trade ORDER BY seen_at DESC LIMIT $1", (limit,)
    )
    return rows.mappings().all()
