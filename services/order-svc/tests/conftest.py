"""The service's handlers over a state in memory, and over a database as its migrations make it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncEngine

import order_svc
from lemai_chassis import stuck
from lemai_chassis.database import connect, migrate
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.delivery.message import Message
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Aggregate, ref
from lemai_chassis.strict import application
from lemai_chassis.testing import Handled, access, handle, token
from lemai_contracts import Attributes, Event, to_headers
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import ActualReportedV1, ReportedContent, ReportedLine, ReportedParcel
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.order import CommitmentLine
from lemai_contracts.stock import CommitmentAnsweredV1, CommitmentState
from order_svc import api, consumers
from order_svc.domain.orders import Line, Order, Step
from order_svc.storage import METADATA, STORAGE, STUCK

MIGRATIONS = Path(order_svc.__file__).parent / "migrations"
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
E = TypeVar("E", bound=Event)


class Desk:
    """Takes events as the consumer table says, one after the other, and remembers what came of all of them.

    It knows the two listings and items of the example trade, whose order is (JFY, TM3021456789012345678).
    """

    now = NOW
    order_no = "TM3021456789012345678"

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.state: dict[Any, Aggregate] = {}
        self.events: list[Event] = []
        self.steps: list[Step] = []
        for event in self.masters():
            self.take(event)

    @staticmethod
    def masters() -> list[Event]:
        """Listings and items of the example trade, as catalog-svc tells them; an item's name is its code in small."""
        told: list[Event] = []
        for line in example(TradeChangedV1).lines:
            sold = {"owner_code": "JFY", "item_code": line.merchant_sku}
            sku = {"platform_item_id": line.platform_item_id, "platform_sku_id": line.platform_sku_id}
            told += [
                example(ListingChangedV1).model_copy(update={"store_code": "TM-JFY-01", **sku, **sold}),
                example(ItemChangedV1).model_copy(update={"item_name": line.merchant_sku.lower(), **sold}),
            ]
        return told

    def know(self, *aggregates: Aggregate) -> None:
        self.state |= {(type(aggregate), aggregate.key): aggregate for aggregate in aggregates}

    def take(self, event: Event) -> Handled:
        """What one event does; the state keeps it."""
        route = self._route(event)
        touches = list(route.touches(event))
        return self._kept(handle(route.handler, event, self._stored(), now=self.now, touches=touches))

    def take_with_what_it_names(self, event: Event) -> Handled:
        """The same, where nothing can be read but what the consumer table names for the event."""
        route = self._route(event)
        touches = set(route.touches(event))
        named = [aggregate for aggregate in self._stored() if ref(type(aggregate), *aggregate.key) in touches]
        handled = handle(route.handler, event, named, now=self.now, touches=touches)
        assert handled.state.keys() == touches
        return self._kept(handled)

    def run(self, handler: Callable[..., Any], command: object) -> Handled:
        """What a command does; the state keeps it."""
        return self._kept(handle(handler, command, self._stored(), now=self.now))

    def _route(self, event: Event) -> On[Any]:
        return next(route for route in consumers.routes(self.reference) if route.event is type(event))

    def _stored(self) -> list[Aggregate]:
        return list(self.state.values())

    def _kept(self, handled: Handled) -> Handled:
        self.know(*(new.aggregate for new in handled.state.values() if new.aggregate is not None))
        self.events += handled.events
        self.steps += handled.records
        return handled

    def emitted(self, event: type[E]) -> list[E]:
        return [emitted for emitted in self.events if isinstance(emitted, event)]

    def order(self, order_no: str = order_no, owner_code: str = "JFY") -> Order:
        found = self.state[Order, (owner_code, order_no)]
        assert isinstance(found, Order)
        return found

    def trade(self, **changes: Any) -> TradeChangedV1:
        """The example trade: 1 × GB-TS-001-R-90 for 64.04, 2 × GB-SH-014-B-22 for 64.96, paid, to ship."""
        return example(TradeChangedV1).model_copy(update=changes)

    def answer(self, state: CommitmentState, *missing: tuple[str, int], ask_no: int = 1) -> CommitmentAnsweredV1:
        return example(CommitmentAnsweredV1).model_copy(
            update={
                "family": "tmall/3021456789012345678",
                "order_no": self.order_no,
                "ask_no": ask_no,
                "state": state,
                "missing": tuple(CommitmentLine(item_code=item, quantity=pieces) for item, pieces in missing),
            }
        )

    def actual(self, *pieces: int, actual_no: str = "SHP-1", **changes: Any) -> ActualReportedV1:
        """Pieces of the order's lines in their order, in one parcel that does not tell its contents."""
        lines = [
            ReportedLine(line_no=line.line_no, item_code=line.item_code, quantity=quantity)
            for line, quantity in zip(self.order().lines, pieces, strict=False)
        ]
        told: dict[str, Any] = {
            "order_no": self.order_no,
            "actual_no": actual_no,
            "status": "DELIVERED",
            "final": True,
            "lines": tuple(lines),
            "parcels": (self.parcel("SF1400123456789"),),
        }
        return example(ActualReportedV1).model_copy(update=told | changes)

    def parcel(self, waybill_no: str, *contents: tuple[int, int]) -> ReportedParcel:
        """A parcel with (line number, pieces) of the order."""
        items = {line.line_no: line.item_code for line in self.order().lines}
        return ReportedParcel(
            parcel_no=waybill_no,
            carrier_code="SF",
            waybill_no=waybill_no,
            contents=tuple(
                ReportedContent(line_no=line_no, item_code=items[line_no], quantity=quantity)
                for line_no, quantity in contents
            ),
        )

    def placed(self, **changes: Any) -> Order:
        """The order of the example trade."""
        self.take(self.trade(**changes))
        return self.order()

    def instructed(self, **changes: Any) -> Order:
        """The order of the example trade, with the warehouse."""
        self.take(self.trade(**changes))
        self.take(self.answer(CommitmentState.COMMITTED))
        return self.order()


def an_order(lines: Sequence[Line], **fields: Any) -> Order:
    """An open order of `lines`, free of charge for freight and without discount unless `fields` say so."""
    given: dict[str, Any] = {
        "owner_code": "JFY",
        "order_no": "TM1",
        "family": "tmall/1",
        "kind": "sales",
        "store_code": "TM-JFY-01",
        "platform": "tmall",
        "trade_no": "1",
        "warehouse_code": "WH01",
        "placed_at": NOW,
        "paid_at": NOW,
        "created_at": NOW,
        "ship_by": None,
        "currency": "CNY",
        "freight_minor": 0,
        "discount_minor": 0,
        "pay_no": "",
        "buyer_nick": "",
        "buyer_message": "",
        "seller_message": "",
        "consignee": example(TradeChangedV1).consignee.model_dump(mode="json"),
    }
    return Order(lines=tuple(lines), **given | fields)


@pytest.fixture(scope="session")
def order() -> Callable[..., Order]:
    return an_order


@pytest.fixture
def reference() -> Reference:
    """One store of one owner, one of two; both have goods in WH01 and approve up to 500.00 by rule."""
    store = {"platform": "tmall", "warehouse": "WH01", "carrier": "SF", "approval": {"total_max": "500"}}
    return Reference.model_validate(
        {
            "version": "1",
            "owners": [{"code": "JFY"}, {"code": "NB"}],
            "counterparts": [
                {
                    "code": "KD",
                    "kind": "kingdee",
                    "profile": "kingdee-default",
                    "channel": {"kind": "folder", "folder": "kd"},
                }
            ],
            "warehouses": [{"code": "WH01", "counterpart": "KD"}],
            "carriers": [{"code": "SF"}],
            "stores": [
                {"code": "TM-JFY-01", "owners": ["JFY"], **store},
                {"code": "TM-MIX-01", "owners": ["NB", "JFY"], **store},
            ],
            "order_no_prefixes": {"tmall": "TM"},
        }
    )


@pytest.fixture
def desk(reference: Reference) -> Desk:
    return Desk(reference)


@pytest.fixture(scope="session")
def migrated_url(postgres: Any) -> str:
    """One database for all tests, as the migrations make it."""
    url: str = asyncio.run(postgres.fresh_database("order"))
    asyncio.run(migrate(url, MIGRATIONS))
    return url


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    """The database with nothing in it."""
    database = connect(migrated_url)
    async with database.begin() as connection:
        await connection.exec_driver_sql(f"TRUNCATE {', '.join(METADATA.tables)}")
    yield database
    await database.dispose()


@pytest.fixture
def engine(database: AsyncEngine, reference: Reference) -> Engine:
    return Engine(database, "order-svc", STORAGE, consumers.routes(reference), clock=lambda: NOW)


@pytest.fixture
def deliver(engine: Engine) -> Callable[..., Awaitable[None]]:
    """Gives events to the service as one batch from Kafka."""

    async def run(*events: Event) -> None:
        await engine.run([_message(event, offset) for offset, event in enumerate(events)])

    return run


def _message(event: Event, offset: int) -> Message:
    attributes = Attributes(uuid4(), "test", event.type, NOW, event.subject, event.partitionkey, 1, "")
    body = event.model_dump_json().encode()
    return Message(event.topic.name, 0, offset, event.partitionkey, to_headers(attributes), body)


@pytest.fixture
async def http(engine: Engine, reference: Reference) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(api.router(engine, reference), stuck.router(engine, STUCK)) as client:
        yield client


@pytest.fixture
async def unconnected(reference: Reference) -> AsyncIterator[httpx.AsyncClient]:
    """For what is refused before anything is read."""
    nowhere = connect("postgresql+asyncpg://nobody@localhost:1/nowhere")
    async with _client(api.router(Engine(nowhere, "order-svc", STORAGE), reference)) as client:
        yield client


def _client(*routers: APIRouter) -> httpx.AsyncClient:
    app = application("order-svc", routers, access())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://order", headers=token())
