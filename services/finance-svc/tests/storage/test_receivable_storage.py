"""The books' tables: what events leave there, and migrations make what the code declares."""

from pathlib import Path
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

import finance_svc
from finance_svc import storage
from finance_svc.domain import State
from lemai_chassis.database import check
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.delivery.message import Message
from lemai_contracts import Attributes, Event, to_headers
from lemai_contracts.examples import example
from lemai_contracts.order import OrderPlacedV1, OrderShippedV1
from lemai_contracts.values import Money

PLACED = example(OrderPlacedV1)
SHIPPED = example(OrderShippedV1)
NONE = Money.of(0, "CNY")
REST = SHIPPED.model_copy(
    update={"actual_no": "SHP-2611220001-2", "amount": Money.of(3500, "CNY"), "discount": NONE, "complete": True}
)


def message(event: Event) -> Message:
    attributes = Attributes(
        uuid4(), "order-svc", event.type, PLACED.placed_at, event.subject, event.partitionkey, 1, ""
    )
    return Message(event.topic.name, 0, 0, event.partitionkey, to_headers(attributes), event.model_dump_json().encode())


async def test_migrations_make_what_the_tables_declare(database: AsyncEngine) -> None:
    url = database.url.render_as_string(hide_password=False)

    await check(url, Path(finance_svc.__file__).parent / "migrations")


async def test_a_batch_of_events_is_booked_once_however_often_it_comes(engine: Engine, database: AsyncEngine) -> None:
    batch = [message(event) for event in (PLACED, SHIPPED, REST)]

    await engine.run(batch)
    await engine.run(batch)
    await engine.run([message(SHIPPED), message(REST)])

    async with database.connect() as connection:
        (receivable,) = await storage.find_receivables(connection, "2611220001", None)
        entries = await storage.entries(connection, "JFY", "2611220001")
        parked = (await connection.exec_driver_sql("SELECT count(*) FROM parked_key")).scalar_one()
    assert (receivable.ordered_minor, receivable.receivable_minor) == (12900, 12900)
    assert receivable.state is State.COMPLETE
    assert [(entry.actual_no, entry.amount_minor, entry.freight_minor, entry.discount_minor) for entry in entries] == [
        ("SHP-2611220001-1", 9400, 0, 1000),
        ("SHP-2611220001-2", 3500, 0, 0),
    ]
    assert parked == 0
