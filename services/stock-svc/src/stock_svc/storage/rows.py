"""Tables, the aggregates kept in them, and where the ledger and counted lines are appended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage, Transaction
from lemai_chassis.state.aggregates import Aggregates
from stock_svc.domain import (
    AppliedActual,
    AppliedCount,
    Balance,
    ChunksDropped,
    Combo,
    Commitment,
    CountedChunk,
    Figure,
    Movement,
    Snapshot,
    Watermark,
)

METADATA = MetaData()
tables.tables(METADATA)


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _big() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


def _time() -> Any:
    return Field(sa_type=DateTime(timezone=True))


def _key(type_: type[Any] = Text) -> Any:
    return Field(sa_column=Column(type_, primary_key=True, autoincrement=False))


def _text() -> Any:
    return Field(sa_type=Text)


class StockRow(SQLModel):
    metadata = METADATA


class BalanceRow(StockRow, table=True):
    __tablename__ = "balance"
    __table_args__ = (
        Index("balance_item", "owner_code", "item_code"),
        Index("balance_due", "due_since", postgresql_where=text("due_since IS NOT NULL")),
    )
    owner_code: str = _key()
    warehouse_code: str = _key()
    item_code: str = _key()
    grade: str = _key()
    version: int = _big()
    on_hand: int = _big()
    committed: int = _big()
    frozen: int = _big()
    entries: int = _big()
    asked_at: dict[str, datetime] = _json()
    counted_at: datetime | None = _time()
    due_since: datetime | None = _time()


class MovementRow(StockRow, table=True):
    __tablename__ = "movement"
    __table_args__ = (
        Index("movement_item", "owner_code", "item_code", "recorded_at"),
        Index(
            "movement_actual", "owner_code", "warehouse_code", "occurred_at", postgresql_where=text("cause = 'actual'")
        ),
        {"comment": "the stock ledger, append-only"},
    )
    owner_code: str = _key()
    warehouse_code: str = _key()
    item_code: str = _key()
    grade: str = _key()
    entry_no: int = _key(BigInteger)
    change: int = _big()
    on_hand: int = _big()
    cause: str = _text()
    reference: str = _text()
    order_no: str = _text()
    occurred_at: datetime = _time()
    recorded_at: datetime = _time()


class AppliedActualRow(StockRow, table=True):
    __tablename__ = "applied_actual"
    owner_code: str = _key()
    order_no: str = _key()
    leg: str = _key()
    actual_no: str = _key()
    version: int = _big()
    applied_at: datetime = _time()


class AppliedCountRow(StockRow, table=True):
    __tablename__ = "applied_count"
    owner_code: str = _key()
    warehouse_code: str = _key()
    version: int = _big()
    snapshot_id: str = _text()
    counted_at: datetime = _time()


class CommitmentRow(StockRow, table=True):
    __tablename__ = "commitment"
    __table_args__ = (
        Index(
            "commitment_waiting",
            "lines",
            postgresql_using="gin",
            postgresql_ops={"lines": "jsonb_path_ops"},
            postgresql_where=text("state = 'short'"),
        ),
        Index("commitment_state", "state", "asked_at", "order_no"),
    )
    owner_code: str = _key()
    order_no: str = _key()
    version: int = _big()
    family: str = _text()
    store_code: str = _text()
    warehouse_code: str = _text()
    state: str = _text()
    lines: list[dict[str, Any]] = _json()
    missing: dict[str, int] = _json()
    asked_at: datetime = _time()
    ask_no: int = _big()
    traceparent: str = _text()


class ComboRow(StockRow, table=True):
    __tablename__ = "combo"
    __table_args__ = (
        Index(
            "combo_components", "components", postgresql_using="gin", postgresql_ops={"components": "jsonb_path_ops"}
        ),
        Index("combo_due", "due_since", postgresql_where=text("due_since IS NOT NULL")),
    )
    owner_code: str = _key()
    item_code: str = _key()
    version: int = _big()
    components: list[dict[str, Any]] = _json()
    due_since: datetime | None = _time()


class FigureRow(StockRow, table=True):
    __tablename__ = "figure"
    __table_args__ = (
        Index("figure_item", "owner_code", "item_code"),
        Index("figure_due", "store_code", "due_since", postgresql_where=text("due_since IS NOT NULL")),
    )
    store_code: str = _key()
    platform_item_id: str = _key()
    platform_sku_id: str = _key()
    version: int = _big()
    owner_code: str = _text()
    item_code: str = _text()
    active: bool
    due_since: datetime | None = _time()
    quantity: int | None = Field(sa_type=BigInteger)
    figure_no: int = _big()
    watermark: datetime | None = _time()
    published_quantity: int | None = Field(sa_type=BigInteger)
    published_no: int = _big()
    published_at: datetime | None = _time()


class StoreRuleRow(StockRow, table=True):
    """The rule by which a store's figures were last computed."""

    __tablename__ = "store_rule"
    store_code: str = _key()
    warehouse_code: str = _text()
    safety_stock: int = _big()
    stock_share_percent: int = _big()


class WatermarkRow(StockRow, table=True):
    __tablename__ = "watermark"
    store_code: str = _key()
    partition: int = _key(Integer)
    version: int = _big()
    until: datetime = _time()


class SnapshotRow(StockRow, table=True):
    __tablename__ = "snapshot"
    __table_args__ = (
        Index("snapshot_open", "snapshot_at", postgresql_where=text("state IN ('receiving', 'waiting', 'correcting')")),
        Index("snapshot_id", "snapshot_id"),
    )
    owner_code: str = _key()
    warehouse_code: str = _key()
    snapshot_id: str = _key()
    version: int = _big()
    counterpart_code: str = _text()
    snapshot_at: datetime = _time()
    full: bool
    locked_is_frozen: bool
    loss_max_percent: int
    chunks: int
    received_at: datetime = _time()
    received: list[int] = _json()
    lines: int = _big()
    state: str = _text()
    differences: int = _big()
    corrected: int = _big()
    sellable: int = _big()
    lost: int = _big()
    decided_by: str = _text()
    decided_why: str = _text()
    applied_at: datetime | None = _time()


class DifferenceRow(StockRow, table=True):
    __tablename__ = "difference"
    owner_code: str = _key()
    warehouse_code: str = _key()
    snapshot_id: str = _key()
    position: int = _key(BigInteger)
    item_code: str = _text()
    grade: str = _text()
    expected: int = _big()
    counted: int = _big()
    frozen: int = _big()


COUNTED_LINE = Table(
    "counted_line",
    METADATA,
    Column("owner_code", Text, nullable=False),
    Column("warehouse_code", Text, nullable=False),
    Column("snapshot_id", Text, nullable=False),
    Column("item_code", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("locked", BigInteger, nullable=False),
    comment="lines of snapshots that wait for their other chunks; without an index, because it is only read whole",
)


async def append_movements(transaction: Transaction, movements: Sequence[Movement]) -> None:
    await transaction.connection.exec_driver_sql(_APPEND_MOVEMENTS, (orjson.dumps(movements).decode(),))


async def stage_lines(transaction: Transaction, chunks: Sequence[CountedChunk]) -> None:
    """COPY, because a snapshot has up to a million lines."""
    driver = (await transaction.connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.copy_records_to_table(
        COUNTED_LINE.name,
        columns=[column.name for column in COUNTED_LINE.columns],
        records=(
            (chunk.owner_code, chunk.warehouse_code, chunk.snapshot_id, *line)
            for chunk in chunks
            for line in chunk.lines
        ),
    )


async def drop_lines(transaction: Transaction, dropped: Sequence[ChunksDropped]) -> None:
    for its in dropped:
        await transaction.connection.exec_driver_sql(
            "DELETE FROM counted_line WHERE owner_code = $1 AND warehouse_code = $2 AND snapshot_id = $3",
            (its.owner_code, its.warehouse_code, its.snapshot_id),
        )


BALANCES = Aggregates(Balance, BalanceRow)
COMMITMENTS = Aggregates(Commitment, CommitmentRow)
FIGURES = Aggregates(Figure, FigureRow)
SNAPSHOTS = Aggregates(Snapshot, SnapshotRow)
STORAGE = Storage.of(
    BALANCES,
    COMMITMENTS,
    FIGURES,
    SNAPSHOTS,
    Aggregates(AppliedActual, AppliedActualRow),
    Aggregates(AppliedCount, AppliedCountRow),
    Aggregates(Combo, ComboRow),
    Aggregates(Watermark, WatermarkRow),
    sinks={Movement: append_movements, CountedChunk: stage_lines, ChunksDropped: drop_lines},
)

_APPEND_MOVEMENTS = """
INSERT INTO movement (owner_code, warehouse_code, item_code, grade, entry_no, change, on_hand, cause, reference,
                      order_no, occurred_at, recorded_at)
SELECT x.owner_code, x.warehouse_code, x.item_code, x.grade, x.entry_no, x.change, x.on_hand, x.cause, x.reference,
       x.order_no, x.occurred_at, x.recorded_at
FROM jsonb_populate_recordset(NULL::movement, $1::text::jsonb) x
"""
