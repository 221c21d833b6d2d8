"""What the events of an order do to its receivable."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from finance_svc import consumers, handlers
from finance_svc.domain import CurrencyDiffers, Entry, Receivable, State
from lemai_chassis.state.unit_of_work import Aggregate, Ref
from lemai_chassis.testing import Handled, handle
from lemai_contracts import Event
from lemai_contracts.examples import example
from lemai_contracts.order import OrderPlacedV1, OrderShippedV1, OrderState, OrderStateChangedV1
from lemai_contracts.values import Money, OrderKind

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PLACED = example(OrderPlacedV1)
SHIPPED = example(OrderShippedV1)
STATE = example(OrderStateChangedV1)
KEY = ("JFY", "2611220001")
HANDLERS: dict[type[Event], Callable[..., None]] = {
    OrderPlacedV1: handlers.on_order_placed,
    OrderShippedV1: handlers.on_order_shipped,
    OrderStateChangedV1: handlers.on_order_state_changed,
}


def after(*events: Event) -> Handled:
    """The state after these events, one after the other."""
    state: list[Aggregate] = []
    for event in events:
        handled = handle(HANDLERS[type(event)], event, state, now=NOW)
        state = [kept.aggregate for kept in handled.state.values() if kept.aggregate is not None]
    return handled


def receivable(*events: Event) -> tuple[int | None, int, State]:
    kept = after(*events).aggregate(Receivable, *KEY)
    assert kept is not None
    return kept.ordered_minor, kept.receivable_minor, kept.state


def test_an_order_that_is_told_again_without_a_line_owes_its_newest_total() -> None:
    fewer = PLACED.model_copy(update={"lines": PLACED.lines[:1], "total": Money.of(6404, "CNY")})
    assert receivable(PLACED, fewer) == (6404, 0, State.OPEN)


def test_a_placed_order_is_open_with_its_total() -> None:
    assert after(PLACED).aggregate(Receivable, *KEY) == Receivable(
        owner_code="JFY",
        order_no="2611220001",
        family="tmall/3021456789012345678",
        kind="sales",
        store_code="TM-JFY-01",
        platform="tmall",
        trade_no="3021456789012345678",
        currency="CNY",
        ordered_minor=12900,
        receivable_minor=0,
        state=State.OPEN,
    )


def test_each_shipment_is_an_entry() -> None:
    handled = after(PLACED, SHIPPED)

    assert handled.aggregate(Entry, *KEY, "SHP-2611220001-1") == Entry(
        owner_code="JFY",
        order_no="2611220001",
        actual_no="SHP-2611220001-1",
        amount_minor=9400,
        freight_minor=0,
        discount_minor=1000,
        currency="CNY",
        shipped_at=datetime(2026, 11, 22, 7, 20, 31, tzinfo=UTC),
        waybill_nos=("SF1400123456789",),
        booked_at=NOW,
    )


def test_the_goods_of_an_entry_are_the_lines_of_its_shipment() -> None:
    entry = after(
        SHIPPED.model_copy(update={"freight": Money.of(800, "CNY"), "amount": Money.of(10200, "CNY")})
    ).aggregate(Entry, *KEY, SHIPPED.actual_no)

    assert entry is not None
    assert (entry.goods_minor, entry.freight_minor, entry.discount_minor) == (10400, 800, 1000)
    assert entry.goods_minor == sum(line.amount.minor for line in SHIPPED.lines)


def test_the_last_shipment_completes() -> None:
    rest = SHIPPED.model_copy(
        update={"actual_no": "SHP-2611220001-2", "amount": Money.of(3500, "CNY"), "complete": True}
    )

    assert receivable(PLACED, SHIPPED) == (12900, 9400, State.RECEIVABLE)
    assert receivable(PLACED, SHIPPED, rest) == (12900, 12900, State.COMPLETE)


def test_the_same_actual_is_booked_once_whatever_it_says_later() -> None:
    again = SHIPPED.model_copy(update={"amount": Money.of(1, "CNY"), "complete": True})

    handled = after(PLACED, SHIPPED, again)

    assert receivable(PLACED, SHIPPED, again) == (12900, 9400, State.RECEIVABLE)
    entry = handled.aggregate(Entry, *KEY, "SHP-2611220001-1")
    assert entry is not None
    assert entry.amount_minor == 9400


def test_a_shipment_that_overtakes_its_order_is_booked() -> None:
    assert receivable(SHIPPED) == (None, 9400, State.RECEIVABLE)
    assert receivable(SHIPPED, PLACED) == (12900, 9400, State.RECEIVABLE)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (OrderState.OPEN, State.OPEN),
        (OrderState.INSTRUCTED, State.OPEN),
        (OrderState.PARTLY_SHIPPED, State.OPEN),
        (OrderState.CANCELLED, State.CANCELLED),
        (OrderState.SHORT_SHIPPED, State.COMPLETE),
        (OrderState.SHIPPED, State.COMPLETE),
    ],
)
def test_how_the_order_ends_shows_in_the_receivable(state: OrderState, expected: State) -> None:
    assert receivable(PLACED, STATE.model_copy(update={"state": state})) == (12900, 0, expected)


def test_the_state_of_an_unknown_order_opens_nothing() -> None:
    handled = after(STATE.model_copy(update={"state": OrderState.CANCELLED}))

    assert handled.aggregate(Receivable, *KEY) is None


@pytest.mark.parametrize(
    "kind", [OrderKind.PURCHASE, OrderKind.RETURN, OrderKind.SUPPLIER_RETURN, OrderKind.ADJUSTMENT]
)
@pytest.mark.parametrize("event", [PLACED, SHIPPED], ids=["placed", "shipped"])
def test_no_buyer_owes_for_other_kinds(event: Event, kind: OrderKind) -> None:
    handled = after(event.model_copy(update={"kind": kind}))

    assert handled.aggregate(Receivable, *KEY) is None


def test_another_currency_is_refused_and_books_nothing() -> None:
    with pytest.raises(CurrencyDiffers):
        after(PLACED, SHIPPED.model_copy(update={"amount": Money.of(9400, "USD")}))


@pytest.mark.parametrize("event", [PLACED, SHIPPED, STATE], ids=["placed", "shipped", "state"])
def test_the_consumer_table_names_all_that_a_handler_reads(event: Event) -> None:
    (route,) = (route for route in consumers.routes() if route.event is type(event))
    named: set[Any] = set(route.touches(event))

    read: set[Ref] = set(handle(route.handler, event, now=NOW).state)
    assert read == named
