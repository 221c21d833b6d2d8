"""Later versions of a trade: what they change while the warehouse has not been told, and after."""

from typing import TYPE_CHECKING, Any

import pytest

from lemai_contracts.examples import example
from lemai_contracts.fulfilment import OutboundInstructedV1
from lemai_contracts.marketplace import TradeChangedV1, TradeStatus
from lemai_contracts.ops import AlertRaisedV1, Severity
from lemai_contracts.order import OrderShippedV1, OrderState, OrderStateChangedV1
from lemai_contracts.stock import CommitmentState
from order_svc.domain.orders import State, StepKind
from order_svc.domain.trades import Item, Listing

if TYPE_CHECKING:
    from conftest import Desk

FIRST, SECOND = example(TradeChangedV1).lines
ELSEWHERE = example(TradeChangedV1).consignee.model_copy(update={"sealed": "bmV3", "shown_digest": "0" * 64})


def alerts(desk: "Desk") -> list[tuple[str, str]]:
    assert all(alert.severity is Severity.CRITICAL for alert in desk.emitted(AlertRaisedV1))
    return [(alert.code, alert.about) for alert in desk.emitted(AlertRaisedV1)]


def test_the_order_goes_out_when_the_platform_lets_go(desk: "Desk") -> None:
    desk.instructed(version="1", holds=("refund",))
    assert desk.order().waiting_for == ("hold:refund",)

    desk.take(desk.trade(version="2"))
    assert desk.order().state is State.INSTRUCTED
    assert len(desk.emitted(OutboundInstructedV1)) == 1


def test_the_platform_can_hold_an_order_that_has_not_gone_out(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", holds=("risk",)))
    desk.take(desk.answer(CommitmentState.COMMITTED))
    assert desk.order().waiting_for == ("hold:risk",)


def test_a_version_that_changes_nothing_is_silent(desk: "Desk") -> None:
    before = desk.placed(version="1")
    events = list(desk.events)
    desk.take(desk.trade(version="2"))
    assert (desk.order(), desk.events) == (before, events)


@pytest.mark.parametrize("status", [TradeStatus.CANCELLED, TradeStatus.SUPERSEDED])
def test_a_closed_trade_cancels_an_order_that_has_not_gone_out(desk: "Desk", status: TradeStatus) -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", status=status))
    desk.take(desk.trade(version="3", status=status))
    desk.take(desk.answer(CommitmentState.COMMITTED))

    assert desk.order().state is State.CANCELLED
    assert [change.state for change in desk.emitted(OrderStateChangedV1)] == [OrderState.OPEN, OrderState.CANCELLED]
    assert str(status) in desk.emitted(OrderStateChangedV1)[-1].reason
    assert [step.kind for step in desk.steps if step.kind is StepKind.CANCELLED] == [StepKind.CANCELLED]
    assert alerts(desk) == []


def test_a_trade_closed_after_the_instruction_is_told_to_somebody_once(desk: "Desk") -> None:
    before = desk.instructed(version="1")
    desk.take(desk.trade(version="2", status=TradeStatus.CANCELLED))
    desk.take(desk.trade(version="3", status=TradeStatus.CANCELLED))

    assert desk.order() == before
    assert alerts(desk) == [("closed_after_instruction", "JFY/TM3021456789012345678")]


def test_a_trade_closed_after_its_goods_left_is_nobodys_worry(desk: "Desk") -> None:
    desk.instructed(version="1")
    desk.take(desk.actual(1, 2))
    desk.take(desk.trade(version="2", status=TradeStatus.CANCELLED))

    assert desk.order().state is State.SHIPPED
    assert alerts(desk) == []


def test_a_hold_after_the_instruction_is_told_to_somebody_once_a_version(desk: "Desk") -> None:
    before = desk.instructed(version="1")
    for _ in range(2):
        desk.take(desk.trade(version="2", holds=("refund",)))

    assert desk.order() == before
    assert alerts(desk) == [("held_after_instruction", "JFY/TM3021456789012345678")]


def test_the_parcel_goes_where_the_buyer_last_said(desk: "Desk") -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", consignee=ELSEWHERE, buyer_message="放门口"))
    desk.take(desk.answer(CommitmentState.COMMITTED))

    [instruction] = desk.emitted(OutboundInstructedV1)
    assert (instruction.consignee, instruction.buyer_message) == (ELSEWHERE, "放门口")


def test_another_address_after_the_instruction_is_told_to_somebody(desk: "Desk") -> None:
    desk.instructed(version="1")
    desk.take(desk.trade(version="2"))
    assert alerts(desk) == []
    desk.take(desk.trade(version="3", consignee=ELSEWHERE))
    assert alerts(desk) == [("address_after_instruction", "JFY/TM3021456789012345678")]


@pytest.mark.parametrize("status", [TradeStatus.COMPLETED, TradeStatus.SHIPPED, TradeStatus.UNKNOWN])
def test_an_order_with_a_line_that_is_not_to_ship_any_more_does_not_go_out(desk: "Desk", status: TradeStatus) -> None:
    desk.placed(version="1")
    desk.take(desk.trade(version="2", lines=(FIRST, SECOND.model_copy(update={"status": status}))))
    desk.take(desk.answer(CommitmentState.COMMITTED))
    assert desk.order().waiting_for == (f"hold:line:{status}",)


def test_what_one_owner_shipped_does_not_hold_the_others_order(desk: "Desk") -> None:
    for sold, owner_code in ((FIRST, "NB"), (SECOND, "JFY")):
        sku = sold.platform_item_id, sold.platform_sku_id
        desk.know(Listing("TM-MIX-01", *sku, owner_code, sold.merchant_sku, active=True))
        desk.know(Item(owner_code, sold.merchant_sku, "", 0))
    desk.take(desk.trade(version="1", store_code="TM-MIX-01"))
    changes: dict[str, Any] = {
        "status": TradeStatus.PARTLY_SHIPPED,
        "lines": (FIRST.model_copy(update={"status": TradeStatus.SHIPPED}), SECOND),
    }
    desk.take(desk.trade(version="2", store_code="TM-MIX-01", **changes))

    assert desk.order("TM3021456789012345678", "NB").holds == ("line:shipped",)
    assert desk.order("TM3021456789012345678_2", "JFY").holds == ()


def test_what_we_shipped_ourselves_is_no_news(desk: "Desk") -> None:
    desk.instructed(version="1")
    desk.take(desk.actual(1, final=False))
    part = FIRST.model_copy(update={"status": TradeStatus.SHIPPED})
    desk.take(desk.trade(version="2", status=TradeStatus.PARTLY_SHIPPED, lines=(part, SECOND)))
    desk.take(desk.actual(0, 2, actual_no="SHP-2"))
    desk.take(desk.trade(version="3", status=TradeStatus.SHIPPED))

    assert desk.order().state is State.SHIPPED
    assert len(desk.emitted(OrderShippedV1)) == 2
    assert alerts(desk) == []
