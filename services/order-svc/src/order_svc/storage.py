"""Rows, and every query of order-svc."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, RowMapping, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage
from lemai_chassis.state.aggregates import Aggregates
from order_svc.domain import HeldActual, Item, Listing, Order, Step, Trade

Rows = Sequence[RowMapping]
METADATA = MetaData()
tables.tables(METADATA)


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _version() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


def _minor() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


class OrderSvcRow(SQLModel):
    metadata = METADATA


class OrderRow(OrderSvcRow, table=True):
    __tablename__ = "orders"
    __table_args__ = (
        Index("orders_placed_at", "placed_at", "order_no"),
        Index("orders_trade_no", "trade_no"),
        Index("orders_order_no", "order_no"),
        Index("orders_state", "state", "placed_at"),
    )
    owner_code: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True)
    version: int = _version()
    family: str
    kind: str
    store_code: str
    platform: str
    trade_no: str
    warehouse_code: str
    placed_at: datetime = Field(sa_type=DateTime(timezone=True))
    paid_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    ship_by: datetime | None = Field(sa_type=DateTime(timezone=True))
    currency: str
    freight_minor: int = _minor()
    discount_minor: int = _minor()
    pay_no: str
    buyer_nick: str
    buyer_message: str
    seller_message: str
    consignee: dict[str, Any] = _json()
    lines: list[dict[str, Any]] = _json()
    state: str
    commitment: str
    holds: list[str] = _json()
    approved_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    approved_by: str
    revision: int
    final: bool
    actual_nos: list[str] = _json()


class TradeRow(OrderSvcRow, table=True):
    __tablename__ = "trade"
    store_code: str = Field(primary_key=True)
    trade_no: str = Field(primary_key=True)
    version: int = _version()
    trade_version: str
    status: str
    order_nos: list[list[str]] = _json()


class ListingRow(OrderSvcRow, table=True):
    __tablename__ = "listing"
    store_code: str = Field(primary_key=True)
    platform_item_id: str = Field(primary_key=True)
    platform_sku_id: str = Field(primary_key=True)
    version: int = _version()
    owner_code: str
    item_code: str
    active: bool


class ItemRow(OrderSvcRow, table=True):
    __tablename__ = "item"
    owner_code: str = Field(primary_key=True)
    item_code: str = Field(primary_key=True)
    version: int = _version()
    item_name: str
    retail_minor: int = _minor()
    components: list[dict[str, Any]] = _json()


class HeldActualRow(OrderSvcRow, table=True):
    __tablename__ = "held_actual"
    owner_code: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True)
    leg: str = Field(primary_key=True)
    actual_no: str = Field(primary_key=True)
    version: int = _version()
    code: str
    reason: str
    actual: dict[str, Any] = _json()
    held_at: datetime = Field(sa_type=DateTime(timezone=True))
    resolved_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    resolution: str


class StepRow(OrderSvcRow, table=True):
    __tablename__ = "journey_step"
    owner_code: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    version: int = _version()
    at: datetime = Field(sa_type=DateTime(timezone=True))
    detail: dict[str, Any] = _json()


ORDERS = Aggregates(Order, OrderRow)
STORAGE = Storage.of(
    ORDERS,
    Aggregates(Trade, TradeRow),
    Aggregates(Listing, ListingRow),
    Aggregates(Item, ItemRow),
    Aggregates(HeldActual, HeldActualRow),
    Aggregates(Step, StepRow),
)


@dataclass(frozen=True)
class Search:
    """What to look for; None looks for everything. `after` is the (placed_at, order_no) of the last one seen."""

    owner_code: str | None = None
    store_code: str | None = None
    state: str | None = None
    number: str | None = None
    placed_from: datetime | None = None
    placed_until: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


async def search_orders(connection: AsyncConnection, search: Search) -> Rows:
    """Orders, newest first. `number` is an order number or a platform's trade number, in full."""
    conditions = {
        "owner_code = :owner_code": search.owner_code,
        "store_code = :store_code": search.store_code,
        "state = :state": search.state,
        "(order_no = :number OR trade_no = :number)": search.number,
        "placed_at >= :placed_from": search.placed_from,
        "placed_at < :placed_until": search.placed_until,
        "(placed_at, order_no) < (:after_at, :after_no)": search.after,
    }
    after_at, after_no = search.after or (None, None)
    given = [condition for condition, value in conditions.items() if value is not None] or ["true"]
    sql = f"SELECT * FROM orders WHERE {' AND '.join(given)} ORDER BY placed_at DESC, order_no DESC LIMIT :limit"  # noqa: S608
    parameters = {
        "owner_code": search.owner_code,
        "store_code": search.store_code,
        "state": search.state,
        "number": search.number,
        "placed_from": search.placed_from,
        "placed_until": search.placed_until,
        "after_at": after_at,
        "after_no": after_no,
        "limit": search.limit,
    }
    used = {name: value for name, value in parameters.items() if f":{name}" in sql}
    return (await connection.execute(text(sql), used)).mappings().all()


async def find_orders(connection: AsyncConnection, order_no: str, owner_code: str | None) -> Rows:
    """Orders with this number: one, unless two owners use the same."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM orders WHERE order_no = $1 AND ($2::text IS NULL OR owner_code = $2)", (order_no, owner_code)
    )
    return rows.mappings().all()


async def journey(connection: AsyncConnection, owner_code: str, order_no: str) -> Rows:
    """Every step of an order, first first."""
    rows = await connection.exec_driver_sql(
        "SELECT kind, reference, at, detail FROM journey_step "
        "WHERE owner_code = $1 AND order_no = $2 ORDER BY at, kind",
        (owner_code, order_no),
    )
    return rows.mappings().all()


async def held_actuals(connection: AsyncConnection, limit: int) -> Rows:
    """Actuals nobody has decided on, longest waiting first."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM held_actual WHERE resolved_at IS NULL ORDER BY held_at LIMIT $1", (limit,)
    )
    return rows.mappings().all()
