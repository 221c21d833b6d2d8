"""Every aggregate comes back as it was kept; tables and migrations agree."""

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

import order_svc
from lemai_chassis.database import check, migrate
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.state.unit_of_work import Aggregate, UnitOfWork, Versioned
from lemai_contracts.marketplace import TradeStatus
from lemai_contracts.stock import CommitmentState
from order_svc import storage
from order_svc.domain.actuals import HeldActual
from order_svc.domain.orders import Commitment, Line, Order, State, Step, StepKind
from order_svc.domain.trades import Component, Item, Listing, Trade
from order_svc.storage import STORAGE

if TYPE_CHECKING:
    from conftest import Desk

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
CODE = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
AT = st.datetimes(timezones=st.just(UTC))
MINOR = st.integers(-(2**62), 2**62)
DETAIL = st.dictionaries(
    TEXT, st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=2), max_size=3
)
LINE = st.builds(
    Line,
    line_no=st.integers(1, 999),
    item_code=CODE,
    item_name=TEXT,
    quantity=st.integers(1, 10**6),
    amount_minor=MINOR,
    platform_line_no=TEXT,
    platform_quantity=st.integers(0, 10**6),
    gift=st.booleans(),
    shipped=st.integers(0, 10**6),
)
TEXTS = {
    field.name: TEXT for field in fields(Order) if field.type is str and field.name not in ("owner_code", "order_no")
}
ORDER = st.builds(
    Order,
    owner_code=CODE,
    order_no=CODE,
    placed_at=AT,
    paid_at=st.none() | AT,
    created_at=AT,
    ship_by=st.none() | AT,
    state=st.sampled_from(State),
    commitment=st.sampled_from(Commitment),
    freight_minor=MINOR,
    discount_minor=MINOR,
    consignee=DETAIL,
    lines=st.lists(LINE, max_size=3).map(tuple),
    holds=st.lists(TEXT, max_size=2).map(tuple),
    approved_at=st.none() | AT,
    ask_no=st.integers(1, 9),
    revision=st.integers(0, 9),
    actual_nos=st.lists(TEXT, max_size=2).map(tuple),
    **TEXTS,
)
AGGREGATES: dict[type, st.SearchStrategy[Any]] = {
    Order: ORDER,
    Trade: st.builds(Trade, CODE, CODE, TEXT, TEXT, order_nos=st.lists(st.tuples(CODE, CODE), max_size=2).map(tuple)),
    Listing: st.builds(Listing, CODE, CODE, TEXT, CODE, CODE, active=st.booleans()),
    Item: st.builds(
        Item,
        CODE,
        CODE,
        TEXT,
        MINOR,
        components=st.lists(st.builds(Component, CODE, st.integers(0, 99)), max_size=2).map(tuple),
    ),
    HeldActual: st.builds(
        HeldActual, CODE, CODE, CODE, TEXT, TEXT, TEXT, DETAIL, AT, resolved_at=st.none() | AT, resolution=TEXT
    ),
}


KEYS: dict[type, tuple[str, ...]] = {
    Order: ("owner_code", "order_no"),
    Trade: ("store_code", "trade_no"),
    Listing: ("store_code", "platform_item_id", "platform_sku_id"),
    Item: ("owner_code", "item_code"),
    HeldActual: ("owner_code", "order_no", "leg", "actual_no"),
}


def test_every_kind_of_aggregate_is_tried() -> None:
    assert AGGREGATES.keys() == STORAGE.aggregates.keys()


async def test_tables_and_migrations_agree(database_url: str) -> None:
    migrations = Path(order_svc.__file__).parent / "migrations"
    await migrate(database_url, migrations)
    await check(database_url, migrations)


@pytest.mark.parametrize("kind", AGGREGATES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_an_aggregate_comes_back_as_it_was_kept(
    database: AsyncEngine, kind: type[Aggregate], data: st.DataObject
) -> None:
    by_key = st.lists(AGGREGATES[kind], min_size=1, max_size=4, unique_by=lambda aggregate: aggregate.key)
    first = data.draw(by_key)
    second = [
        replace(data.draw(AGGREGATES[kind]), **{name: getattr(aggregate, name) for name in KEYS[kind]})
        for aggregate in first
    ]
    kept = STORAGE.aggregates[kind]
    async with database.connect() as connection:
        await kept.save(connection, [(0, Versioned(aggregate, 1)) for aggregate in first])
        loaded = await kept.load(connection, [aggregate.key for aggregate in first])
        assert loaded == {aggregate.key: Versioned(aggregate, 1) for aggregate in first}

        await kept.save(connection, [(1, Versioned(aggregate, 2)) for aggregate in second])
        loaded = await kept.load(connection, [aggregate.key for aggregate in second])
        assert loaded == {aggregate.key: Versioned(aggregate, 2) for aggregate in second}


def append_all(steps: list[Step], uow: UnitOfWork) -> None:
    for step in steps:
        uow.append(step)


async def test_steps_come_as_they_were_recorded_and_each_once(
    engine: Engine, desk: "Desk", order: Callable[..., Order]
) -> None:
    at = desk.now
    steps = [
        Step("JFY", "TM1", StepKind.PLACED, "1", at),
        Step("JFY", "TM1", StepKind.RELEASED, "x", at, {"actor": "客服"}),
        Step("JFY", "TM1", StepKind.INSTRUCTED, "1", at.replace(hour=0)),
        Step("JFY", "TM2", StepKind.PLACED, "2", at),
        Step("JFY", "TM1", StepKind.INSTRUCTED, "1", at.replace(hour=23), {"second": True}),
    ]
    for batch in (steps, steps[:1]):
        await engine.execute(append_all, batch)

    async with engine.database.connect() as connection:
        assert await storage.journey(connection, order([Line(1, "A", "", 1, 100)])) == steps[:3]


async def test_a_parked_trade_goes_on_when_its_listing_comes(
    engine: Engine, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    await deliver(desk.trade(version="1"), desk.answer(CommitmentState.COMMITTED), *desk.masters())
    assert await parked(engine) == {"tmall/3021456789012345678": 2}

    assert await engine.redrive("tmall/3021456789012345678")
    assert await engine.redrive("tmall/3021456789012345678")

    assert await parked(engine) == {}
    async with engine.database.connect() as connection:
        [order] = await storage.find_orders(connection, desk.order_no, "JFY")
    assert order.state is State.INSTRUCTED
    assert [line.item_code for line in order.lines] == ["GB-TS-001-R-90", "GB-SH-014-B-22"]


async def test_a_whole_life_in_one_batch(engine: Engine, deliver: Callable[..., Awaitable[None]], desk: "Desk") -> None:
    desk.instructed()
    actual = desk.actual(1, 2)
    await deliver(*desk.masters(), desk.trade(), desk.answer(CommitmentState.COMMITTED), actual, actual)

    async with engine.database.connect() as connection:
        [order] = await storage.find_orders(connection, desk.order_no, None)
        types = (await connection.exec_driver_sql("SELECT type FROM event ORDER BY seq")).scalars().all()
    assert order.state is State.SHIPPED
    assert types == [
        "lemai.order.placed.v1",
        "lemai.order.commitment_requested.v1",
        "lemai.order.state_changed.v1",
        "lemai.order.state_changed.v1",
        "lemai.fulfilment.outbound_instructed.v1",
        "lemai.order.state_changed.v1",
        "lemai.order.shipped.v1",
    ]


async def test_a_line_that_is_refunded_while_the_order_waits_does_not_keep_the_rest(
    engine: Engine, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    first, second = desk.trade().lines
    refunded = desk.trade(version="2", lines=(first.model_copy(update={"status": TradeStatus.CANCELLED}), second))
    await deliver(*desk.masters(), desk.trade(version="1", holds=("refund",)), desk.answer(CommitmentState.COMMITTED))
    await deliver(refunded, desk.answer(CommitmentState.COMMITTED), desk.answer(CommitmentState.COMMITTED, ask_no=2))

    async with engine.database.connect() as connection:
        [order] = await storage.find_orders(connection, desk.order_no, None)
        types = (await connection.exec_driver_sql("SELECT type FROM event ORDER BY seq")).scalars().all()
        steps = [step.kind for step in await storage.journey(connection, order)]
    assert (order.state, order.total_minor) == (State.INSTRUCTED, 6496)
    assert [(line.line_no, line.item_code) for line in order.lines] == [(2, "GB-SH-014-B-22")]
    assert types[-5:] == [
        "lemai.order.placed.v1",
        "lemai.order.commitment_requested.v1",
        "lemai.order.state_changed.v1",
        "lemai.order.state_changed.v1",
        "lemai.fulfilment.outbound_instructed.v1",
    ]
    assert steps[-4:] == [StepKind.COMMITMENT, StepKind.REDUCED, StepKind.COMMITMENT, StepKind.INSTRUCTED]


async def parked(engine: Engine) -> dict[str, int]:
    async with engine.database.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT key, count(*) AS messages FROM parked_message GROUP BY key")
        return {row.key: row.messages for row in rows}
