"""Rows and queries of marketplace-adapter."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage
from lemai_chassis.listing import Search
from lemai_chassis.state.aggregates import Aggregates
from marketplace_adapter.domain import Cursor, MalformedTrade, SeenTrade

Rows = Sequence[RowMapping]
METADATA = MetaData()
tables.tables(METADATA)
_CALLS = METADATA.tables["outbound_call"]
Index("outbound_call_key", _CALLS.c.key, _CALLS.c.id)


def _bigint() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


class AdapterRow(SQLModel):
    metadata = METADATA


class CursorRow(AdapterRow, table=True):
    __tablename__ = "cursor"
    store_code: str = Field(primary_key=True)
    version: int = _bigint()
    until: datetime = Field(sa_type=DateTime(timezone=True))


class SeenTradeRow(AdapterRow, table=True):
    __tablename__ = "seen_trade"
    store_code: str = Field(primary_key=True)
    trade_no: str = Field(primary_key=True)
    version: int = _bigint()
    platform_version: int = _bigint()
    digest: str
    changes: int
    traceparent: str


class MalformedTradeRow(AdapterRow, table=True):
    __tablename__ = "malformed_trade"
    store_code: str = Field(primary_key=True)
    trade_no: str = Field(primary_key=True)
    version: int = _bigint()
    reason: str
    sealed_raw: str
    seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    resolved_at: datetime | None = Field(sa_type=DateTime(timezone=True))


SEEN_TRADES = Aggregates(SeenTrade, SeenTradeRow)
STORAGE = Storage.of(
    Aggregates(Cursor, CursorRow),
    SEEN_TRADES,
    Aggregates(MalformedTrade, MalformedTradeRow),
)


async def pulled_until(connection: AsyncConnection, store_code: str) -> datetime | None:
    """How far a store has been pulled; None if never."""
    rows = await connection.exec_driver_sql("SELECT until FROM cursor WHERE store_code = $1", (store_code,))
    until: datetime | None = rows.scalar_one_or_none()
    return until


async def seen_trades(
    connection: AsyncConnection, store_code: str, trade_nos: Collection[str]
) -> Mapping[str, SeenTrade]:
    """What was published last of these trades, by trade number."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM seen_trade WHERE store_code = $1 AND trade_no = ANY($2::text[])", (store_code, list(trade_nos))
    )
    return {row["trade_no"]: SEEN_TRADES.parse(row) for row in rows.mappings()}


async def pulls(connection: AsyncConnection, store_codes: Collection[str]) -> Rows:
    """How far each of these stores was pulled, and what went wrong last."""
    rows = await connection.exec_driver_sql(_PULLS, (list(store_codes),))
    return rows.mappings().all()


async def publication(connection: AsyncConnection, call_id: int) -> RowMapping | None:
    """One publication, locked."""
    rows = await connection.exec_driver_sql(f"{_PUBLICATIONS} WHERE id = $1 FOR UPDATE", (call_id,))
    return rows.mappings().one_or_none()


async def follower(connection: AsyncConnection, refused: RowMapping) -> RowMapping | None:
    """The publication by which a refused one was sent again."""
    rows = await connection.exec_driver_sql(
        f"{_PUBLICATIONS} WHERE kind = $1 AND key = $2 AND payload->'correction'->'of' = to_jsonb($3::bigint)",
        (refused["kind"], refused["key"], refused["id"]),
    )
    return rows.mappings().one_or_none()


_PULLS = """
SELECT store_code, c.until, s.last_run_at, t.since AS failing_since, t.reason AS last_error
FROM unnest($1::text[]) AS store(store_code)
LEFT JOIN cursor c USING (store_code)
LEFT JOIN schedule s ON s.name = 'pull:' || store_code
LEFT JOIN trouble t ON t.code = 'pull_failed' AND t.about = 'pull:' || store_code
ORDER BY store_code
"""
_PUBLICATIONS = """
SELECT id, kind, key, state, attempts, payload, answer, created_at, due_at, ended_at FROM outbound_call
"""
STUCK = (
    """
SELECT 'shipment_refused', key, '', concat_ws(' ', answer->>'code', answer->>'message'), ended_at,
       format('lemai publications correct|resend %s', id)
FROM outbound_call refused
WHERE kind = 'publish_shipment' AND state = 'rejected' AND NOT EXISTS (
    SELECT FROM outbound_call later
    WHERE later.key = refused.key AND later.kind = refused.kind AND later.id > refused.id
      AND later.payload->>'actual_no' = refused.payload->>'actual_no')""",
    """
SELECT 'trade_malformed', store_code || '/' || trade_no, '', reason, seen_at,
       '在平台上改正后会重新读取 / corrected on the platform it is read again'
FROM malformed_trade WHERE resolved_at IS NULL""",
)
"""What waits for a person here, in the columns of `lemai_chassis.stuck.Stuck`."""
PUBLICATIONS = Search(_PUBLICATIONS, {"id": int}, newest_first=True)
MALFORMED_TRADES = Search(
    "SELECT store_code, trade_no, reason, seen_at FROM malformed_trade WHERE resolved_at IS NULL",
    {"seen_at": datetime, "store_code": str, "trade_no": str},
    newest_first=True,
)
"""Trades that cannot be read yet."""
