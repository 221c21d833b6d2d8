"""Rows, and every query of finance-svc."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from finance_svc.domain import Entry, Receivable
from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage
from lemai_chassis.listing import Search
from lemai_chassis.state.aggregates import Aggregates

METADATA = MetaData()
tables.tables(METADATA)


def _bigint(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(BigInteger, nullable=nullable))


class FinanceSvcRow(SQLModel):
    metadata = METADATA


class ReceivableRow(FinanceSvcRow, table=True):
    __tablename__ = "receivable"
    __table_args__ = (
        Index("receivable_order_no", "order_no"),
        Index("receivable_trade_no", "trade_no"),
        Index("receivable_store", "store_code", "state"),
        Index("receivable_state", "state"),
    )
    owner_code: str = Field(primary_key=True, sa_type=Text)
    order_no: str = Field(primary_key=True, sa_type=Text)
    version: int = _bigint()
    family: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    store_code: str = Field(sa_type=Text)
    platform: str = Field(sa_type=Text)
    trade_no: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    ordered_minor: int | None = _bigint(nullable=True)
    receivable_minor: int = _bigint()
    state: str = Field(sa_type=Text)


class EntryRow(FinanceSvcRow, table=True):
    __tablename__ = "receivable_entry"
    __table_args__ = (Index("receivable_entry_shipped_at", "shipped_at"),)
    owner_code: str = Field(primary_key=True, sa_type=Text)
    order_no: str = Field(primary_key=True, sa_type=Text)
    actual_no: str = Field(primary_key=True, sa_type=Text)
    version: int = _bigint()
    amount_minor: int = _bigint()
    freight_minor: int = _bigint()
    discount_minor: int = _bigint()
    currency: str = Field(sa_type=Text)
    shipped_at: datetime = Field(sa_type=DateTime(timezone=True))
    waybill_nos: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    booked_at: datetime = Field(sa_type=DateTime(timezone=True))


RECEIVABLES = Aggregates(Receivable, ReceivableRow)
ENTRIES = Aggregates(Entry, EntryRow)
STORAGE = Storage.of(RECEIVABLES, ENTRIES)


async def find_receivables(connection: AsyncConnection, order_no: str, owner_code: str | None) -> Sequence[Receivable]:
    """Receivables of this order number: one, unless two owners use the same."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM receivable WHERE order_no = $1 AND ($2::text IS NULL OR owner_code = $2) ORDER BY owner_code",
        (order_no, owner_code),
    )
    return [RECEIVABLES.parse(row) for row in rows.mappings()]


async def entries(connection: AsyncConnection, owner_code: str, order_no: str) -> Sequence[Entry]:
    """The entries of an order, first shipped first."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM receivable_entry WHERE owner_code = $1 AND order_no = $2 ORDER BY shipped_at, actual_no",
        (owner_code, order_no),
    )
    return [ENTRIES.parse(row) for row in rows.mappings()]


RECEIVABLES_BY_ORDER = Search(
    "SELECT * FROM receivable",
    {"owner_code": str, "order_no": str},
    conditions={"number": "(order_no = :number OR trade_no = :number)"},
)
"""`number` is an order number or a platform's trade number, in full."""
