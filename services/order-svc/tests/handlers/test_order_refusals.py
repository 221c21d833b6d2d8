"""A refused instruction is no dead end: it is corrected and sent again, or cancelled, and gives its stock back."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lemai_contracts.examples import example
from lemai_contracts.fulfilment import (
    Direction,
    DocumentAcknowledgedV1,
    DocumentPlace,
    DocumentRejectedV1,
    OutboundInstructedV1,
)
from lemai_contracts.marketplace import TradeStatus
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.order import OrderState, OrderStateChangedV1
from lemai_contracts.values import Leg
from order_svc.domain.orders import Corrections, NotOpen, NotRefused, Order, State, StepKind
from order_svc.handlers import commands
from order_svc.handlers.commands import OrderCommand

if TYPE_CHECKING:
    from conftest import Desk

REFUSED = ("refused:E_CHAR",)


def rejected(revision: int = 1, **changes: Any) -> DocumentRejectedV1:
    told = {
        "direction": Direction.OUTGOING,
        "interface": "outbound_instruction",
        "reference": "TM3021456789012345678",
        "leg": Leg.OUT,
        "revision": revision,
        "document": DocumentPlace(file_name="", line=revision),
        "code": "E_CHAR",
        "field": "buyer_message",
        "message": "不能写入的字符 / a character that cannot be written",
    }
    return example(DocumentRejectedV1).model_copy(update=told | changes)


def acknowledged(revision: int = 1) -> DocumentAcknowledgedV1:
    told = {"reference": "TM3021456789012345678", "owner_code": "JFY", "leg": Leg.OUT, "revision": revision}
    return example(DocumentAcknowledgedV1).model_copy(update=told)


def by_hand(desk: "Desk", handler: Callable[..., object], reason: str = "", **corrections: Any) -> Order:
    command = OrderCommand("JFY", desk.order_no, "cs01", reason, Corrections(**corrections))
    desk.run(lambda command, uow: handler(desk.reference, command, uow), command)
    return desk.order()


@pytest.fixture
def refused(desk: "Desk") -> "Desk":
    """The order of the example trade, whose instruction was refused."""
    desk.instructed(buyer_message="\ufeff请快点")
    desk.take(rejected())
    return desk


def test_a_refused_instruction_opens_its_order_again(refused: "Desk") -> None:
    order, change = refused.order(), refused.emitted(OrderStateChangedV1)[-1]

    assert (order.state, order.waiting_for) == (State.OPEN, REFUSED)
    assert (change.state, change.waiting_for) == (OrderState.OPEN, REFUSED)
    assert change.reason.startswith("E_CHAR")
    assert order.refusal is not None
    assert order.refusal.field == "buyer_message"


def test_it_is_corrected_and_goes_out_again_as_the_next_revision(refused: "Desk") -> None:
    by = refused.now + timedelta(days=1)
    changes = {"buyer_message": "请快点", "carrier_code": "ZTO", "ship_by": by}

    assert by_hand(refused, commands.correct, "去掉特殊字符", **changes).waiting_for == REFUSED
    order = by_hand(refused, commands.resend)

    first, second = refused.emitted(OutboundInstructedV1)
    assert (order.state, order.revision, second.revision) == (State.INSTRUCTED, 2, 2)
    assert second == first.model_copy(update={"revision": 2, **changes})
    assert order.buyer_message == "\ufeff请快点"
    by_person = [(step.kind, step.detail) for step in refused.steps if step.detail.get("actor") == "cs01"]
    assert by_person == [
        (StepKind.CORRECTED, {"actor": "cs01", "reason": "去掉特殊字符", **changes}),
        (StepKind.RESENT, {"actor": "cs01", "reason": ""}),
    ]


def test_it_may_be_sent_again_as_it_was(refused: "Desk") -> None:
    by_hand(refused, commands.resend)
    first, second = refused.emitted(OutboundInstructedV1)
    assert second == first.model_copy(update={"revision": 2})


def test_a_second_refusal_waits_like_the_first(refused: "Desk") -> None:
    by_hand(refused, commands.resend)
    refused.take(rejected(revision=2))
    assert refused.order().waiting_for == REFUSED


def test_it_is_cancelled_and_stock_learns_of_it(refused: "Desk") -> None:
    assert by_hand(refused, commands.cancel, "顾客不要了").state is State.CANCELLED
    assert refused.emitted(OrderStateChangedV1)[-1].state is OrderState.CANCELLED


def test_it_can_be_held_and_follows_its_trade(refused: "Desk") -> None:
    by_hand(refused, commands.hold, "改地址")
    refused.take(refused.trade(version="9", buyer_message="改好了"))
    by_hand(refused, commands.resend)
    assert refused.order().waiting_for == ("hold:manual:改地址",)

    by_hand(refused, commands.release)
    assert refused.emitted(OutboundInstructedV1)[-1].buyer_message == "改好了"


def test_it_ends_with_its_trade(refused: "Desk") -> None:
    refused.take(refused.trade(version="9", status=TradeStatus.CANCELLED))
    assert refused.order().state is State.CANCELLED


@pytest.mark.parametrize("revision", [0, 1])
def test_a_refusal_of_an_earlier_instruction_says_nothing_of_the_later_one(refused: "Desk", revision: int) -> None:
    by_hand(refused, commands.resend)
    refused.take(rejected(revision=revision))
    assert refused.order().state is State.INSTRUCTED


def test_what_was_not_refused_is_not_sent_again(desk: "Desk") -> None:
    desk.placed()
    with pytest.raises(NotRefused):
        by_hand(desk, commands.resend)
    desk.instructed(version="9")
    for handler in (commands.resend, commands.correct):
        with pytest.raises(NotOpen):
            by_hand(desk, handler, buyer_message="x")


def test_a_correction_before_the_first_instruction_goes_out_with_it(desk: "Desk") -> None:
    desk.placed(seller_message="先联系顾客")
    by_hand(desk, commands.correct, seller_message="已联系")
    by_hand(desk, commands.approve)
    desk.instructed(version="9")
    assert [told.seller_message for told in desk.emitted(OutboundInstructedV1)] == ["已联系"]


def test_a_refused_instruction_that_the_warehouse_took_after_all_is_out(refused: "Desk") -> None:
    refused.take(acknowledged(revision=0))
    assert refused.order().waiting_for == REFUSED

    refused.take(acknowledged())
    assert (refused.order().state, refused.order().revision) == (State.INSTRUCTED, 1)
    assert len(refused.emitted(OutboundInstructedV1)) == 1


def test_a_cancelled_one_that_the_warehouse_took_after_all_is_told(refused: "Desk") -> None:
    by_hand(refused, commands.cancel)
    refused.take(acknowledged())
    assert refused.order().state is State.CANCELLED
    assert refused.emitted(AlertRaisedV1)[-1].code == "accepted_after_cancel"
