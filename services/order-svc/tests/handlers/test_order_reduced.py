"""Lines the platform gives up while their order waits: they leave, the rest goes out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lemai_chassis.reference import Reference
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import OutboundInstructedV1
from lemai_contracts.marketplace import TradeChangedV1, TradeLine, TradeStatus
from lemai_contracts.order import CommitmentLine, CommitmentRequestedV1, OrderPlacedV1, OrderStateChangedV1
from lemai_contracts.stock import CommitmentState
from lemai_contracts.values import Money
from order_svc.domain.orders import Order, State, Step, StepKind
from order_svc.domain.trades import Component, Item, Listing

if TYPE_CHECKING:
    from conftest import Desk

FIRST, SECOND = example(TradeChangedV1).lines
GIVEN_UP = [TradeStatus.CANCELLED, TradeStatus.SUPERSEDED]


def yuan(minor: int) -> Money:
    return Money.of(minor, "CNY")


def given_up(line: TradeLine, status: TradeStatus = TradeStatus.CANCELLED) -> TradeLine:
    return line.model_copy(update={"status": status})


def of_two_owners(desk: "Desk") -> dict[str, Any]:
    """The example trade in the store of NB, whose order comes first, and JFY: 10.00 freight, 1.00 nobody explains."""
    for sold, owner_code in ((FIRST, "NB"), (SECOND, "JFY")):
        sku = sold.platform_item_id, sold.platform_sku_id
        desk.know(Listing("TM-MIX-01", *sku, owner_code, sold.merchant_sku, active=True))
        desk.know(Item(owner_code, sold.merchant_sku, "", 0))
    return {"store_code": "TM-MIX-01", "freight": yuan(1000), "paid": yuan(13800)}


def nb_and_jfy(desk: "Desk") -> tuple[Order, Order]:
    return desk.order(desk.order_no, "NB"), desk.order(f"{desk.order_no}_2", "JFY")


@pytest.mark.parametrize("status", GIVEN_UP)
def test_a_refunded_line_leaves_and_the_rest_goes_out(desk: "Desk", status: TradeStatus) -> None:
    desk.placed(version="1", holds=("refund",), freight=yuan(500), paid=yuan(13000))
    desk.take(desk.answer(CommitmentState.COMMITTED))
    told: dict[str, Any] = {"lines": (given_up(FIRST, status), SECOND), "freight": yuan(500), "paid": yuan(13000)}
    desk.take(desk.trade(version="2", **told))

    order = desk.order()
    assert [(line.line_no, line.item_code) for line in order.lines] == [(2, "GB-SH-014-B-22")]
    assert (order.goods_minor, order.freight_minor, order.discount_minor) == (6496, 500, 400)
    assert order.waiting_for == desk.emitted(OrderStateChangedV1)[-1].waiting_for == ("commitment",)
    assert [(ask.ask_no, ask.lines[-1]) for ask in desk.emitted(CommitmentRequestedV1)] == [
        (number, CommitmentLine(item_code="GB-SH-014-B-22", quantity=2)) for number in (1, 2)
    ]

    desk.take(desk.answer(CommitmentState.COMMITTED, ask_no=2))
    [instruction] = desk.emitted(OutboundInstructedV1)
    assert [line.line_no for line in instruction.lines] == [2]
    assert instruction.total == yuan(6596)


def test_what_left_and_why_stands_in_the_journey_and_the_total_is_told(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", lines=(given_up(FIRST), SECOND)))

    [step] = [step for step in desk.steps if step.kind is StepKind.REDUCED]
    reason = "平台已关闭的行离开，运费与优惠重新分摊 / lines closed there left, freight and discount shared anew"
    detail = {"line_nos": [1], "total": {"amount": "64.96", "currency": "CNY"}, "reason": reason}
    assert step == Step("JFY", desk.order_no, StepKind.REDUCED, "2", desk.now, detail)
    assert [(len(placed.lines), placed.total) for placed in desk.emitted(OrderPlacedV1)] == [
        (2, yuan(12900)),
        (1, yuan(6496)),
    ]


@pytest.mark.parametrize("answer", CommitmentState)
def test_an_answer_to_the_earlier_ask_says_nothing_any_more(desk: "Desk", answer: CommitmentState) -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", lines=(given_up(FIRST), SECOND)))
    before, steps = desk.order(), list(desk.steps)
    desk.take(desk.answer(answer))
    assert (desk.order(), desk.steps) == (before, steps)


def test_a_refund_that_is_only_asked_for_holds_the_whole_order(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", holds=("refund",)))
    desk.take(desk.answer(CommitmentState.COMMITTED))
    assert (desk.order().waiting_for, len(desk.order().lines)) == (("hold:refund",), 2)

    desk.take(desk.trade(version="3"))
    assert (desk.order().state, len(desk.order().lines)) == (State.INSTRUCTED, 2)
    assert len(desk.emitted(CommitmentRequestedV1)) == len(desk.emitted(OrderPlacedV1)) == 1


def test_a_line_that_is_given_up_leaves_once(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", lines=(given_up(FIRST), SECOND)))
    before, events = desk.order(), list(desk.events)
    desk.take(desk.trade(version="3", lines=(given_up(FIRST), SECOND)))
    assert (desk.order(), desk.events) == (before, events)


def test_every_part_of_a_combo_leaves(desk: "Desk") -> None:
    desk.know(Item("JFY", "GB-TS-001-R-90", "", 0, (Component("A", 1), Component("B", 2))))
    desk.know(Item("JFY", "A", "", 4000), Item("JFY", "B", "", 1000))
    assert len(desk.placed(version="1").lines) == 3
    desk.take(desk.trade(version="2", lines=(given_up(FIRST), SECOND)))
    assert [(line.line_no, line.item_code) for line in desk.order().lines] == [(3, "GB-SH-014-B-22")]


def test_an_order_that_loses_every_line_is_cancelled_and_the_other_owner_has_the_freight(desk: "Desk") -> None:
    changes = of_two_owners(desk)
    desk.take(desk.trade(version="1", **changes))
    desk.take(desk.trade(version="2", **changes, lines=(given_up(FIRST), SECOND)))

    of_nb, of_jfy = nb_and_jfy(desk)
    assert of_nb.state is State.CANCELLED
    assert (of_jfy.state, of_jfy.freight_minor, of_jfy.discount_minor) == (State.OPEN, 1000, 100)
    assert of_jfy.total_minor == 6496 + 1000 - 100
    assert [(ask.owner_code, ask.ask_no) for ask in desk.emitted(CommitmentRequestedV1)][2:] == [("JFY", 2)]


def test_a_trade_that_loses_every_line_is_cancelled(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", lines=(given_up(FIRST), given_up(SECOND))))
    assert desk.order().state is State.CANCELLED
    assert len(desk.emitted(CommitmentRequestedV1)) == 1


def test_what_the_warehouse_was_told_of_freight_and_discount_stays_there(desk: "Desk") -> None:
    third = SECOND.model_copy(update={"platform_line_no": "3"})
    changes = of_two_owners(desk) | {"paid": yuan(13800 + third.paid.minor)}
    desk.take(desk.trade(version="1", **changes, lines=(FIRST, SECOND, third)))
    desk.take(desk.answer(CommitmentState.COMMITTED).model_copy(update={"owner_code": "NB"}))
    told, _ = nb_and_jfy(desk)
    assert (told.state, told.freight_minor, told.discount_minor) == (State.INSTRUCTED, 1000, 33)
    desk.take(desk.trade(version="2", **changes, lines=(given_up(FIRST), SECOND, given_up(third))))

    of_nb, of_jfy = nb_and_jfy(desk)
    assert of_nb == told
    assert (of_jfy.goods_minor, of_jfy.freight_minor, of_jfy.discount_minor) == (6496, 0, 67)


@st.composite
def trades(draw: st.DrawFn) -> tuple[list[TradeLine], set[str], list[str], dict[str, Any]]:
    """Lines of a trade, which of them are given up, who owns each, and its freight and what was paid."""
    amounts = draw(st.lists(st.integers(0, 9999), min_size=2, max_size=5))
    lines = [
        FIRST.model_copy(
            update={
                "platform_line_no": f"L{no}",
                "platform_sku_id": f"S{no}",
                "merchant_sku": f"I{no}",
                "paid": yuan(a),
            }
        )
        for no, a in enumerate(amounts)
    ]
    gone = draw(
        st.sets(st.sampled_from([line.platform_line_no for line in lines]), min_size=1, max_size=len(lines) - 1)
    )
    owners = draw(st.lists(st.sampled_from(["NB", "JFY"]), min_size=len(lines), max_size=len(lines)))
    freight, unexplained = draw(st.integers(0, 1500)), draw(st.integers(-200, 200))
    told = {"store_code": "TM-MIX-01", "freight": yuan(freight), "paid": yuan(sum(amounts) + freight - unexplained)}
    return lines, gone, owners, told


def shares(desk: "Desk") -> dict[str, tuple[list[tuple[str, int]], int, int]]:
    """Lines, freight and discount of each order that is not cancelled, by owner."""
    return {
        order.owner_code: (
            [(line.platform_line_no, line.amount_minor) for line in order.lines],
            order.freight_minor,
            order.discount_minor,
        )
        for order in desk.state.values()
        if isinstance(order, Order) and order.state is State.OPEN
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(drawn=trades(), steps=st.permutations(range(5)))
def test_what_is_left_is_shared_as_a_trade_without_the_lines_would_be(
    desk: "Desk",
    reference: Reference,
    drawn: tuple[list[TradeLine], set[str], list[str], dict[str, Any]],
    steps: list[int],
) -> None:
    lines, gone, owners, told = drawn

    def fresh() -> "Desk":
        its = type(desk)(reference)
        for line, owner_code in zip(lines, owners, strict=True):
            sku = line.platform_item_id, line.platform_sku_id
            its.know(Listing("TM-MIX-01", *sku, owner_code, line.merchant_sku, active=True))
            its.know(Item(owner_code, line.merchant_sku, "", 0))
        return its

    def without(numbers: set[str]) -> Sequence[TradeLine]:
        return tuple(given_up(line) if line.platform_line_no in numbers else line for line in lines)

    followed, placed = fresh(), fresh()
    followed.take(followed.trade(version="0", **told, lines=without(set())))
    left: set[str] = set()
    for version, number in enumerate((f"L{step}" for step in steps if f"L{step}" in gone), 1):
        left.add(number)
        followed.take(followed.trade(version=str(version), **told, lines=without(left)))
    placed.take(placed.trade(version="1", **told, lines=without(gone)))

    assert shares(followed) == shares(placed)
