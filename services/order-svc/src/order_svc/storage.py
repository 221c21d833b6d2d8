"""Rows, and every query of order-svc."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

from lemai_chassis import tables
from lemai_chassis.delivery.engine import Storage, Transaction
from lemai_chassis.listing import Search
from lemai_chassis.state.aggregates import Aggregates
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.ops import AlertRaisedV1
from order_svc.domain.actuals import HeldActual
from order_svc.domain.orders import Alarm, Order, Step, StepKind, causes_first
from order_svc.domain.trades import Item, Listing, Trade

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
        Index("orders_placed_at", "placed_at", "order_no", "owner_code"),
        Index("orders_store_code", "store_code", "placed_at"),
        Index("orders_state", "state", "placed_at"),
        Index("orders_trade_no", "trade_no"),
        Index("orders_order_no", "order_no"),
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
    ask_no: int
    revision: int
    actual_nos: list[str] = _json()
    corrections: dict[str, Any] = _json()
    refusal: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    traceparent: str


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
    __table_args__ = (Index("held_actual_waiting", "held_at", postgresql_where=text("resolved_at IS NULL")),)
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
    seq: int = Field(sa_column=Column(BigInteger, Identity(), nullable=False))
    at: datetime = Field(sa_type=DateTime(timezone=True))
    detail: dict[str, Any] = _json()
    recorded_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))
    )


async def append_steps(transaction: Transaction, steps: Sequence[Step]) -> None:
    """Store steps; one that is there already stays as it was."""
    await transaction.connection.exec_driver_sql(
        "INSERT INTO journey_step (owner_code, order_no, kind, reference, at, detail) "
        "SELECT owner_code, order_no, kind, reference, at, detail "
        "FROM json_populate_recordset(NULL::journey_step, $1::text::json) ON CONFLICT DO NOTHING",
        (STEPS.dump_json(list(steps)).decode(),),
    )


STEPS = TypeAdapter(list[Step])
ORDERS = Aggregates(Order, OrderRow)
HELD_ACTUALS = Aggregates(HeldActual, HeldActualRow)
STORAGE = Storage.of(
    ORDERS,
    HELD_ACTUALS,
    Aggregates(Trade, TradeRow),
    Aggregates(Listing, ListingRow),
    Aggregates(Item, ItemRow),
    sinks={Step: append_steps},
)


ORDERS_BY_PLACING = Search(
    "SELECT * FROM orders",
    {"placed_at": datetime, "order_no": str, "owner_code": str},
    newest_first=True,
    conditions={
        "number": "(order_no = :number OR trade_no = :number)",
        "placed_from": "placed_at >= :placed_from",
        "placed_until": "placed_at < :placed_until",
    },
)
"""`number` is an order number or a platform's trade number, in full."""
WAITING_ACTUALS = Search(
    "SELECT * FROM held_actual WHERE resolved_at IS NULL",
    {"held_at": datetime, "owner_code": str, "order_no": str, "leg": str, "actual_no": str},
)
"""Actuals nobody has decided on, longest waiting first."""


@dataclass(frozen=True)
class ParkedTrade:
    """A trade whose messages wait, and why; `trade` is None where it is not a trade that waits, or cannot be read."""

    family: str
    reason: str
    awaits: str | None
    parked_at: datetime
    trade: TradeChangedV1 | None


async def parked_trades(connection: AsyncConnection, families: Sequence[str]) -> Sequence[ParkedTrade]:
    rows = await connection.exec_driver_sql(_PARKED, (list(families),))
    return [ParkedTrade(row.key, row.reason, row.awaits, row.parked_at, _trade(row.value)) for row in rows]


def _trade(body: bytes | None) -> TradeChangedV1 | None:
    try:
        return TradeChangedV1.model_validate_json(body or b"")
    except ValidationError:
        return None


async def find_orders(connection: AsyncConnection, order_no: str, owner_code: str | None) -> Sequence[Order]:
    """Orders with this number: one, unless two owners use the same."""
    rows = await connection.exec_driver_sql(
        "SELECT * FROM orders WHERE order_no = $1 AND ($2::text IS NULL OR owner_code = $2)", (order_no, owner_code)
    )
    return [ORDERS.parse(row) for row in rows.mappings()]


async def journey(connection: AsyncConnection, order: Order) -> Sequence[Step]:
    """Every step of an order, none before what caused it: parkings of its trade and alerts of it among them."""
    subjects = [f"parked/{order.family}", *(f"{alarm}/{'/'.join(order.key)}" for alarm in Alarm)]
    rows = await connection.exec_driver_sql(_JOURNEY, (*order.key, subjects))
    return causes_first([Step(*order.key, StepKind(row.kind), row.reference, row.at, row.detail) for row in rows])


_JOURNEY = f"""
SELECT kind, reference, at, detail, recorded_at, seq FROM journey_step WHERE owner_code = $1 AND order_no = $2
UNION ALL
SELECT CASE data->>'code' WHEN 'parked' THEN 'parked' ELSE 'alerted' END, id::text, time,
       jsonb_build_object('code', data->>'code', 'message', data->>'message'), recorded_at, seq
FROM event WHERE type = '{AlertRaisedV1.type}' AND subject = ANY($3::text[])
ORDER BY recorded_at, seq
"""  # noqa: S608 - the type is a name of ours
_PARKED = """
SELECT k.key, k.reason, k.awaits, k.parked_at,
       (SELECT m.value FROM parked_message m WHERE m.key = k.key ORDER BY m.seq LIMIT 1) AS value
FROM parked_key k WHERE k.key = ANY($1::text[]) ORDER BY k.key
"""
REFUSED = """
SELECT 'order_refused', order_no, owner_code, concat_ws(' ', refusal->>'code', refusal->>'field', refusal->>'message'),
       (refusal->>'at')::timestamptz, format('POST order-svc/v1/orders/%s/correct, /resend, /cancel', order_no)
FROM orders WHERE state = 'open' AND refusal IS NOT NULL"""
WAITING = """
SELECT 'order_waits', order_no, owner_code,
       concat_ws(', ', (SELECT string_agg('hold:' || hold, ', ') FROM jsonb_array_elements_text(holds) hold),
                 CASE WHEN approved_at IS NULL THEN 'approval' END, CASE commitment WHEN 'short' THEN 'stock' END),
       created_at, format('POST order-svc/v1/orders/%s/approve, /release, /cancel', order_no)
FROM orders
WHERE state = 'open' AND refusal IS NULL AND created_at < now() - interval '1 hour'
  AND (holds <> '[]' OR approved_at IS NULL OR commitment = 'short')"""
HELD = """
SELECT 'actual_held', concat_ws('/', order_no, leg, actual_no), owner_code, code || ' ' || reason, held_at,
       'POST order-svc/v1/held-actuals/resolve'
FROM held_actual WHERE resolved_at IS NULL"""
STUCK = (REFUSED, WAITING, HELD)
"""What waits for a person here, in the columns of `lemai_chassis.stuck.Stuck`; an order is given an hour."""
