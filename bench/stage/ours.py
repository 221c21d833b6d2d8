"""The stage as a service of ours: a contract in, an aggregate, an event out."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel

from lemai_chassis import kafka, tables
from lemai_chassis.database import add_event_partitions, connect
from lemai_chassis.delivery.consumer import ConsumerLoop
from lemai_chassis.delivery.engine import Engine, On, Storage
from lemai_chassis.delivery.relay import Relay
from lemai_chassis.state.aggregates import Aggregates
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_chassis.wakeup import Wakeup, listening
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.order import OrderLine, OrderPlacedV1
from lemai_contracts.values import Money, OrderKind

METADATA = MetaData()
tables.tables(METADATA)
OWNER_CODE = "JFY"
POLL_S = 0.01


@dataclass(frozen=True)
class Line:
    line_no: int
    item_code: str
    item_name: str
    quantity: int
    amount_minor: int
    platform_line_no: str


@dataclass(frozen=True)
class Order:
    owner_code: str
    order_no: str
    family: str
    store_code: str
    trade_no: str
    placed_at: datetime
    currency: str
    total_minor: int
    lines: tuple[Line, ...]

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.order_no


class OrderRow(SQLModel, table=True):
    metadata = METADATA
    __tablename__ = "orders"
    owner_code: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    family: str
    store_code: str
    trade_no: str
    placed_at: datetime = Field(sa_type=DateTime(timezone=True))
    currency: str
    total_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    lines: list[dict[str, object]] = Field(sa_column=Column(JSONB, nullable=False))


def order_refs(event: TradeChangedV1) -> Iterable[Ref]:
    return [ref(Order, OWNER_CODE, f"TM{event.trade_no}")]


def on_trade_changed(event: TradeChangedV1, uow: UnitOfWork) -> None:
    """Place the order of a trade that is new to us."""
    order_no = f"TM{event.trade_no}"
    if uow.get(Order, OWNER_CODE, order_no):
        return
    order = Order(
        owner_code=OWNER_CODE,
        order_no=order_no,
        family=event.family,
        store_code=event.store_code,
        trade_no=event.trade_no,
        placed_at=event.created_at,
        currency=event.paid.currency,
        total_minor=event.paid.minor,
        lines=tuple(
            Line(line_no, line.merchant_sku, line.title, line.quantity, line.paid.minor, line.platform_line_no)
            for line_no, line in enumerate(event.lines, 1)
        ),
    )
    uow.put(order)
    uow.emit(_placed(order, event), of=order)


def _placed(order: Order, event: TradeChangedV1) -> OrderPlacedV1:
    return OrderPlacedV1(
        family=order.family,
        owner_code=order.owner_code,
        order_no=order.order_no,
        kind=OrderKind.SALES,
        store_code=order.store_code,
        platform=event.platform,
        trade_no=order.trade_no,
        warehouse_code="WH01",
        placed_at=order.placed_at,
        paid_at=event.paid_at,
        lines=tuple(
            OrderLine(
                line_no=line.line_no,
                item_code=line.item_code,
                item_name=line.item_name,
                quantity=line.quantity,
                amount=Money.of(line.amount_minor, order.currency),
                platform_line_no=line.platform_line_no,
            )
            for line in order.lines
        ),
        freight=event.freight,
        discount=event.discount,
        total=event.paid,
    )


async def run(url: str, bootstrap_servers: str, group: str, count: int) -> float:
    """Seconds from joining the group until `count` events are published."""
    database = connect(url)
    async with database.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await add_event_partitions(connection, datetime.now(UTC))
    storage = Storage.of(Aggregates(Order, OrderRow))
    engine = Engine(database, group, storage, [On(TradeChangedV1, on_trade_changed, order_refs)])
    wakeup = Wakeup()
    consumer, producer = kafka.consumer(bootstrap_servers, group), kafka.producer(bootstrap_servers)
    async with kafka.running(consumer), kafka.running(producer), listening(database, {"outbox": wakeup}):
        started = time.perf_counter()
        loops = [
            asyncio.create_task(ConsumerLoop(engine, consumer).run()),
            asyncio.create_task(Relay(database, group, producer, wakeup).run()),
        ]
        while not await _all_published(database, count):
            await asyncio.sleep(POLL_S)
        seconds = time.perf_counter() - started
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    await database.dispose()
    return seconds


async def _all_published(database: AsyncEngine, count: int) -> bool:
    async with database.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM orders) >= $1 AND NOT EXISTS (SELECT FROM outbox)", (count,)
        )
        return bool(rows.scalar_one())
