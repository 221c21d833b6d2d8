"""An order goes out exactly once: when the last thing it waited for is there."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from lemai_chassis.state.unit_of_work import Park
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import InstructedLine, OutboundInstructedV1
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.order import OrderState, OrderStateChangedV1
from lemai_contracts.stock import CommitmentState
from lemai_contracts.values import Money, OrderKind
from order_svc.domain.orders import NotOpen, State, Step, StepKind
from order_svc.handlers import commands
from order_svc.handlers.commands import OrderCommand, OrderNotFound

if TYPE_CHECKING:
    from conftest import Desk

APPROVED, LET_GO, COMMITTED = "approved", "let go", "committed"
OWNER, NUMBER = "JFY", "TM3021456789012345678"


def yuan(amount: str) -> Money:
    return Money.model_validate({"amount": amount, "currency": "CNY"})


def by_hand(desk: "Desk", handler: Callable[..., object], reason: str = "", number: str = NUMBER) -> None:
    desk.run(partial(handler, desk.reference), OrderCommand(OWNER, number, "cs01", reason))


@pytest.mark.parametrize("answers", list(permutations((APPROVED, LET_GO, COMMITTED))))
def test_the_last_answer_instructs_once(desk: "Desk", answers: tuple[str, ...]) -> None:
    desk.placed(version="1", holds=("risk",), seller_message="先联系顾客")
    says: dict[str, Callable[[], object]] = {
        APPROVED: lambda: by_hand(desk, commands.approve),
        LET_GO: lambda: desk.take(desk.trade(version="2", seller_message="先联系顾客")),
        COMMITTED: lambda: desk.take(desk.answer(CommitmentState.COMMITTED)),
    }
    for answer in answers:
        assert desk.emitted(OutboundInstructedV1) == []
        says[answer]()
    for answer in answers:
        says[answer]()

    assert len(desk.emitted(OutboundInstructedV1)) == 1
    assert desk.order().state is State.INSTRUCTED
    assert [change.waiting_for for change in desk.emitted(OrderStateChangedV1)][-1] == ()
    assert len(desk.emitted(OrderStateChangedV1)) == 4


def test_an_instruction_says_what_was_bought_approved_and_paid(desk: "Desk") -> None:
    desk.instructed(freight=yuan("8.00"), paid=yuan("136.99"))
    [instruction] = desk.emitted(OutboundInstructedV1)
    trade = example(TradeChangedV1)

    assert instruction == OutboundInstructedV1(
        family="tmall/3021456789012345678",
        owner_code=OWNER,
        order_no=NUMBER,
        revision=1,
        kind=OrderKind.SALES,
        counterpart_code="KD",
        warehouse_code="WH01",
        store_code="TM-JFY-01",
        platform="tmall",
        trade_no="3021456789012345678",
        created_at=desk.now,
        placed_at=trade.created_at,
        paid_at=trade.paid_at,
        pay_no=trade.pay_no,
        approved_at=desk.now,
        approved_by="rule",
        ship_by=trade.ship_by,
        carrier_code="SF",
        goods=yuan("129.00"),
        discount=yuan("0.01"),
        freight=yuan("8.00"),
        total=yuan("136.99"),
        received=yuan("136.99"),
        buyer_nick=trade.buyer_nick,
        buyer_message=trade.buyer_message,
        lines=(
            InstructedLine(
                line_no=1,
                item_code="GB-TS-001-R-90",
                item_name="gb-ts-001-r-90",
                quantity=1,
                unit_price=Decimal("64.040000"),
                amount=yuan("64.04"),
                platform_line_no="3021456789012345679",
            ),
            InstructedLine(
                line_no=2,
                item_code="GB-SH-014-B-22",
                item_name="gb-sh-014-b-22",
                quantity=2,
                unit_price=Decimal("32.480000"),
                amount=yuan("64.96"),
                platform_line_no="3021456789012345680",
            ),
        ),
        consignee=trade.consignee,
    )


def test_a_unit_price_has_at_most_six_places(desk: "Desk") -> None:
    third = example(TradeChangedV1).lines[0].model_copy(update={"quantity": 3, "paid": yuan("10.00")})
    desk.instructed(lines=(third,), paid=yuan("10.00"))
    [instruction] = desk.emitted(OutboundInstructedV1)
    assert str(instruction.lines[0].unit_price) == "3.333333"


def test_what_is_not_paid_yet_is_not_received(desk: "Desk") -> None:
    desk.instructed(paid_at=None)
    assert desk.emitted(OutboundInstructedV1)[0].received == yuan("0.00")


def test_a_short_order_goes_out_when_there_is_stock(desk: "Desk") -> None:
    desk.placed()
    desk.take(desk.answer(CommitmentState.SHORT, ("GB-SH-014-B-22", 1)))
    assert desk.order().waiting_for == ("stock",)
    assert desk.emitted(OrderStateChangedV1)[-1].waiting_for == ("stock",)

    desk.take(desk.answer(CommitmentState.COMMITTED))
    assert desk.order().state is State.INSTRUCTED
    answers = [step for step in desk.steps if step.kind is StepKind.COMMITMENT]
    assert [(step.reference, step.detail["missing"]) for step in answers] == [
        ("short/1", [{"item_code": "GB-SH-014-B-22", "quantity": 1}]),
        ("committed/1", []),
    ]


def test_stock_that_is_taken_back_keeps_an_open_order_from_going_out(desk: "Desk") -> None:
    desk.placed(seller_message="先联系顾客")
    desk.take(desk.answer(CommitmentState.COMMITTED))
    desk.take(desk.answer(CommitmentState.SHORT))
    by_hand(desk, commands.approve)
    assert desk.order().waiting_for == ("stock",)


def test_what_a_person_decides_goes_on_in_the_trace_of_the_order(desk: "Desk") -> None:
    desk.placed(seller_message="先联系顾客")
    desk.take(desk.answer(CommitmentState.COMMITTED))
    desk.know(replace(desk.order(), traceparent="the trade's trace"))

    handled = desk.run(partial(commands.approve, desk.reference), OrderCommand(OWNER, NUMBER, "cs01", ""))

    assert OutboundInstructedV1 in map(type, handled.events)
    assert {cause.traceparent for cause in handled.causes} == {"the trade's trace"}


def test_an_answer_about_an_order_nobody_knows_is_kept_for_a_person(desk: "Desk") -> None:
    with pytest.raises(Park, match="JFY/TM3021456789012345678"):
        desk.take(desk.answer(CommitmentState.COMMITTED))


def test_the_end_of_a_promise_changes_nothing_for_an_order_that_has_gone_out(desk: "Desk") -> None:
    before = desk.instructed()
    desk.take(desk.answer(CommitmentState.RELEASED))
    assert desk.order() == before


def test_customer_service_holds_and_lets_go(desk: "Desk") -> None:
    desk.placed()
    by_hand(desk, commands.hold, "顾客要求改期")
    desk.take(desk.answer(CommitmentState.COMMITTED))
    assert desk.order().waiting_for == ("hold:manual:顾客要求改期",)

    by_hand(desk, commands.release)
    assert desk.order().state is State.INSTRUCTED
    assert desk.emitted(OrderStateChangedV1)[-1].reason == "cs01"
    assert [step for step in desk.steps if step.kind in (StepKind.HELD, StepKind.RELEASED)] == [
        Step(OWNER, NUMBER, kind, desk.now.isoformat(), desk.now, {"actor": "cs01", "reason": reason})
        for kind, reason in ((StepKind.HELD, "顾客要求改期"), (StepKind.RELEASED, ""))
    ]


def test_an_approval_by_hand_is_that_persons(desk: "Desk") -> None:
    desk.placed(seller_message="先联系顾客")
    by_hand(desk, commands.approve, "已联系")
    approved = desk.order()
    assert (approved.approved_by, approved.approved_at, approved.waiting_for) == ("cs01", desk.now, ("commitment",))
    assert desk.emitted(OrderStateChangedV1)[-1].reason == "cs01: 已联系"


def test_a_cancelled_order_tells_stock_and_stays_cancelled(desk: "Desk") -> None:
    desk.placed()
    by_hand(desk, commands.cancel, "顾客不要了")
    by_hand(desk, commands.cancel, "顾客不要了")
    assert desk.order().state is State.CANCELLED
    assert [change.state for change in desk.emitted(OrderStateChangedV1)] == [OrderState.OPEN, OrderState.CANCELLED]
    assert [step.kind for step in desk.steps if step.detail.get("actor") == "cs01"] == [StepKind.CANCELLED]


@pytest.mark.parametrize("handler", [commands.hold, commands.cancel])
def test_the_told_warehouse_is_not_stopped_by_a_command(desk: "Desk", handler: Callable[..., object]) -> None:
    before, events, steps = desk.instructed(), list(desk.events), list(desk.steps)
    with pytest.raises(NotOpen):
        by_hand(desk, handler, "顾客不要了")
    assert (desk.order(), desk.events, desk.steps) == (before, events, steps)


def test_a_command_that_changes_nothing_is_silent(desk: "Desk") -> None:
    desk.placed()
    events, steps = list(desk.events), list(desk.steps)
    by_hand(desk, commands.approve)
    by_hand(desk, commands.release)
    assert (desk.events, desk.steps) == (events, steps)


def test_a_command_needs_its_order(desk: "Desk") -> None:
    with pytest.raises(OrderNotFound, match="TM404"):
        by_hand(desk, commands.approve, number="TM404")
