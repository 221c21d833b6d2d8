"""What left is booked once; what contradicts the order is held and told; nothing is dropped."""

from typing import TYPE_CHECKING, Any

import pytest

from lemai_contracts.fulfilment import ReportedLine
from lemai_contracts.marketplace import TradeStatus
from lemai_contracts.ops import AlertRaisedV1, Severity
from lemai_contracts.order import OrderShippedV1, OrderState, OrderStateChangedV1
from lemai_contracts.values import Leg, Money
from order_svc.domain.actuals import AlreadyResolved, HeldActual
from order_svc.domain.orders import State, StepKind
from order_svc.handlers import commands
from order_svc.handlers.commands import HeldActualNotFound, Resolution

if TYPE_CHECKING:
    from conftest import Desk

ORDER = ("JFY", "TM3021456789012345678")


def yuan(amount: str) -> Money:
    return Money.model_validate({"amount": amount, "currency": "CNY"})


def held(desk: "Desk") -> list[tuple[str, str, str]]:
    """(leg, actual_no, code) of every held actual; each has been told to somebody."""
    kept = [actual for actual in desk.state.values() if isinstance(actual, HeldActual)]
    told = [alert for alert in desk.emitted(AlertRaisedV1) if alert.code == "actual_held"]
    assert len(told) == len(kept)
    assert all(alert.severity is Severity.CRITICAL for alert in told)
    return [(actual.leg, actual.actual_no, actual.code) for actual in kept]


def amounts(desk: "Desk") -> list[str]:
    return [f"{shipped.amount.amount}" for shipped in desk.emitted(OrderShippedV1)]


def test_everything_in_one_parcel_ships_the_order(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 2))

    assert desk.order().state is State.SHIPPED
    [shipped] = desk.emitted(OrderShippedV1)
    assert (shipped.actual_no, shipped.amount, shipped.complete) == ("SHP-1", yuan("129.00"), True)
    assert shipped.shipped_at == desk.actual(1, 2).occurred_at
    last = desk.emitted(OrderStateChangedV1)[-1]
    assert (last.state, last.reason) == (OrderState.SHIPPED, "DELIVERED")
    assert desk.emitted(AlertRaisedV1) == []


def parts(shipped: OrderShippedV1) -> tuple[dict[int, tuple[str, int, str]], str, str]:
    """(item, pieces, amount) by line, freight, discount."""
    lines = {line.line_no: (line.item_code, line.quantity, str(line.amount.amount)) for line in shipped.lines}
    return lines, str(shipped.freight.amount), str(shipped.discount.amount)


def test_a_shipment_says_what_its_lines_the_freight_and_the_discount_come_to(desk: "Desk") -> None:
    desk.instructed(freight=yuan("8.00"), paid=yuan("136.50"))
    desk.take(desk.actual(1, 1, status="PARTDELIVERED", final=False))
    desk.take(desk.actual(0, 1, actual_no="SHP-2"))

    first, second = desk.emitted(OrderShippedV1)
    shoes = ("GB-SH-014-B-22", 1, "32.48")
    assert parts(first) == ({1: ("GB-TS-001-R-90", 1, "64.04"), 2: shoes}, "8.00", "0.50")
    assert parts(second) == ({2: shoes}, "0.00", "0.00")
    assert amounts(desk) == ["104.02", "32.48"]


def test_two_reports_ship_it_together_for_its_total(desk: "Desk") -> None:
    desk.instructed(freight=yuan("8.00"), paid=yuan("137.00"))
    desk.take(desk.actual(1, 1, status="PARTDELIVERED", final=False))
    assert desk.order().state is State.PARTLY_SHIPPED
    desk.take(desk.actual(0, 1, actual_no="SHP-2"))

    assert desk.order().state is State.SHIPPED
    assert [shipped.complete for shipped in desk.emitted(OrderShippedV1)] == [False, True]
    assert amounts(desk) == ["104.52", "32.48"]


@pytest.mark.parametrize("actual_no", ["SHP-1", "SHP-2"])
def test_a_report_that_comes_again_is_booked_once(desk: "Desk", actual_no: str) -> None:
    desk.instructed()
    desk.take(desk.actual(1, 1, final=False))
    desk.take(desk.actual(0, 1, actual_no="SHP-2"))
    before, events, steps = desk.order(), list(desk.events), list(desk.steps)

    desk.take(desk.actual(1, 1, actual_no=actual_no, final=False))
    assert (desk.order(), desk.events, desk.steps, held(desk)) == (before, events, steps, [])


def test_several_lots_of_a_line_add_up(desk: "Desk") -> None:
    desk.instructed()
    lots = tuple(ReportedLine(line_no=2, item_code="GB-SH-014-B-22", quantity=1) for _ in "ab")
    desk.take(desk.actual(lines=lots, final=False))
    assert [line.shipped for line in desk.order().lines] == [0, 2]


def test_a_final_report_of_fewer_pieces_closes_short_and_is_told(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 0, remark="缺货"))

    assert desk.order().state is State.SHORT_SHIPPED
    [shipped] = desk.emitted(OrderShippedV1)
    assert (shipped.amount, shipped.complete) == (yuan("64.04"), True)
    [alert] = desk.emitted(AlertRaisedV1)
    assert (alert.code, alert.about) == ("short_shipped", "JFY/TM3021456789012345678")
    assert "缺货" in alert.message


@pytest.mark.parametrize("pieces", [(0, 0), ()])
def test_a_final_report_of_nothing_closes_short_and_nothing_is_shipped(desk: "Desk", pieces: tuple[int, ...]) -> None:
    desk.instructed()
    desk.take(desk.actual(*pieces, status="REJECT", parcels=()))

    assert desk.order().state is State.SHORT_SHIPPED
    assert desk.emitted(OrderShippedV1) == []
    assert desk.emitted(OrderStateChangedV1)[-1].reason == "REJECT"
    assert [alert.code for alert in desk.emitted(AlertRaisedV1)] == ["short_shipped"]


@pytest.mark.parametrize("status", ["ACCEPT", "EXCEPTION"])
def test_a_status_without_pieces_only_stands_in_the_journey(desk: "Desk", status: str) -> None:
    before, events = desk.instructed(), list(desk.events)
    desk.take(desk.actual(status=status, final=False, parcels=(), operator="wms01"))

    assert (desk.order(), desk.events) == (before, events)
    step = desk.steps[-1]
    assert (step.kind, step.detail["status"], step.detail["operator"]) == (StepKind.ACTUAL, status, "wms01")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": (ReportedLine(line_no=1, item_code="GB-TS-001-R-90", quantity=2),)}, "E_OVER_SHIP"),
        ({"lines": (ReportedLine(line_no=1, item_code="GB-SH-014-B-22", quantity=1),)}, "E_SKU_NOT_ORDERED"),
        ({"lines": (ReportedLine(line_no=3, item_code="GB-TS-001-R-90", quantity=1),)}, "E_SKU_NOT_ORDERED"),
        ({"leg": Leg.IN}, "E_LEG"),
    ],
)
def test_what_contradicts_the_order_is_held_and_books_nothing(desk: "Desk", changes: dict[str, Any], code: str) -> None:
    before = desk.instructed()
    actual = desk.actual(1, 2, **changes)
    desk.take(actual)
    desk.take(actual)

    assert desk.order() == before
    assert desk.emitted(OrderShippedV1) == []
    assert held(desk) == [(actual.leg, "SHP-1", code)]
    kept = desk.state[HeldActual, (*ORDER, actual.leg.value, "SHP-1")]
    assert isinstance(kept, HeldActual)
    assert type(actual).model_validate(kept.actual) == actual
    assert kept.held_at == desk.now
    assert desk.steps[-1].kind is StepKind.ACTUAL


def test_what_comes_after_the_final_report_is_held(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 0))
    before = desk.order()
    desk.take(desk.actual(0, 2, actual_no="SHP-2"))
    assert desk.order() == before
    assert held(desk) == [("OUT", "SHP-2", "E_AFTER_FINAL")]


def test_goods_that_left_for_an_unknown_order_are_held(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 2, order_no="TM404"))
    assert held(desk) == [("OUT", "SHP-1", "E_UNKNOWN_ORDER")]
    assert (desk.steps[-1].order_no, desk.steps[-1].kind) == ("TM404", StepKind.ACTUAL)


def test_goods_that_left_for_an_order_nobody_instructed_are_held(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.actual(1, 2))
    desk.take(desk.trade(version="2", status=TradeStatus.CANCELLED))
    desk.take(desk.actual(1, 2, actual_no="SHP-2"))

    assert desk.order().state is State.CANCELLED
    assert held(desk) == [("OUT", "SHP-1", "E_STATE"), ("OUT", "SHP-2", "E_STATE")]


def test_a_held_report_is_not_booked_when_it_comes_again_later(desk: "Desk") -> None:
    desk.placed()
    desk.take(desk.actual(1, 2))
    desk.instructed(version="2")
    desk.take(desk.actual(1, 2))
    assert desk.order().state is State.INSTRUCTED
    assert held(desk) == [("OUT", "SHP-1", "E_STATE")]


def test_a_person_decides_once_what_a_held_actual_means(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(9, 0))
    decision = Resolution(*ORDER, "OUT", "SHP-1", actor="as01", resolution="已核实")
    desk.run(commands.resolve_held_actual, decision)

    kept = desk.state[HeldActual, decision.key]
    assert isinstance(kept, HeldActual)
    assert (kept.resolved_at, kept.resolution) == (desk.now, "as01: 已核实")
    with pytest.raises(AlreadyResolved, match="已核实"):
        desk.run(commands.resolve_held_actual, decision)
    with pytest.raises(HeldActualNotFound, match="SHP-2"):
        desk.run(commands.resolve_held_actual, Resolution(*ORDER, "OUT", "SHP-2", actor="as01", resolution="已核实"))
