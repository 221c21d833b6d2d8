"""What an order waits for, and what is refused to it, by example."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from order_svc.domain.orders import (
    AfterFinal,
    Commitment,
    Contradiction,
    Line,
    NotInstructed,
    NotOpen,
    NotOrdered,
    Order,
    OverShipped,
    State,
    StillWaiting,
    approves_by_rule,
)

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LINES = [Line(1, "A", "", 2, 1001), Line(2, "B", "", 1, 500)]


@pytest.fixture
def open_order(order: Callable[..., Order]) -> Order:
    return order(LINES, freight_minor=600, discount_minor=1)


@pytest.fixture
def instructed(open_order: Order) -> Order:
    return open_order.approve("cs01", AT).answer_commitment(Commitment.COMMITTED).instruct()


def test_a_new_order_waits_for_approval_and_for_its_commitment(open_order: Order) -> None:
    assert open_order.waiting_for == ("approval", "commitment")
    assert open_order.answer_commitment(Commitment.SHORT).waiting_for == ("approval", "stock")
    assert open_order.approve("cs01", AT).answer_commitment(Commitment.COMMITTED).waiting_for == ()


def test_holds_come_first_and_once(open_order: Order) -> None:
    held = (
        open_order.hold("改址")
        .hold("改址")
        .follow_platform(holds=["refund", "refund"], consignee={}, ship_by=AT, buyer_message="a", seller_message="b")
    )
    assert held.holds == ("manual:改址", "refund")
    assert held.waiting_for == ("hold:manual:改址", "hold:refund", "approval", "commitment")
    assert (held.consignee, held.ship_by, held.buyer_message, held.seller_message) == ({}, AT, "a", "b")


def test_release_lets_go_what_was_held_by_hand_only(open_order: Order) -> None:
    held = replace(open_order, holds=("manual:改址", "refund"))
    assert held.release().holds == ("refund",)
    assert held.release().release() == held.release()


def test_the_first_approval_counts(open_order: Order) -> None:
    approved = open_order.approve("cs01", AT)
    assert (approved.approved_by, approved.approved_at) == ("cs01", AT)
    assert approved.approve("cs02", datetime(2026, 11, 23, tzinfo=UTC)) == approved


def test_what_waits_is_not_instructed(open_order: Order) -> None:
    with pytest.raises(StillWaiting, match="TM1 waits for approval, commitment"):
        open_order.instruct()


def test_the_warehouse_is_told_once(instructed: Order) -> None:
    assert (instructed.state, instructed.revision) == (State.INSTRUCTED, 1)
    with pytest.raises(NotOpen, match="TM1 is instructed"):
        instructed.instruct()


@pytest.mark.parametrize("step", [Order.cancel, lambda order: order.hold("改址")])
def test_a_told_warehouse_cannot_be_stopped_from_here(instructed: Order, step: Callable[[Order], Order]) -> None:
    with pytest.raises(NotOpen, match="TM1 is instructed"):
        step(instructed)


def test_a_cancelled_order_is_not_approved_held_or_followed(open_order: Order) -> None:
    cancelled = open_order.cancel()
    assert cancelled.cancel() == cancelled
    with pytest.raises(NotOpen, match="TM1 is cancelled"):
        cancelled.approve("cs01", AT)
    with pytest.raises(NotOpen, match="TM1 is cancelled"):
        cancelled.hold("改址")
    assert cancelled.answer_commitment(Commitment.COMMITTED) == cancelled


@pytest.mark.parametrize(
    ("pieces", "final", "state"),
    [
        ({(1, "A"): 2, (2, "B"): 1}, False, State.SHIPPED),
        ({(1, "A"): 2, (2, "B"): 1}, True, State.SHIPPED),
        ({(1, "A"): 2}, False, State.PARTLY_SHIPPED),
        ({(1, "A"): 2}, True, State.SHORT_SHIPPED),
        ({}, True, State.SHORT_SHIPPED),
        ({}, False, State.INSTRUCTED),
        ({(1, "A"): 0}, False, State.INSTRUCTED),
    ],
)
def test_what_left_decides_the_state(
    instructed: Order, pieces: dict[tuple[int, str], int], final: bool, state: State
) -> None:
    shipped = instructed.ship("SHP-1", pieces, final=final)
    assert (shipped.state, shipped.actual_nos) == (state, ("SHP-1",))


@pytest.mark.parametrize(
    ("pieces", "fact", "code"),
    [
        ({(1, "A"): 3}, OverShipped, "E_OVER_SHIP"),
        ({(3, "A"): 1}, NotOrdered, "E_SKU_NOT_ORDERED"),
        ({(1, "B"): 1}, NotOrdered, "E_SKU_NOT_ORDERED"),
    ],
)
def test_what_was_not_ordered_contradicts(
    instructed: Order, pieces: dict[tuple[int, str], int], fact: type[Contradiction], code: str
) -> None:
    with pytest.raises(fact) as raised:
        instructed.ship("SHP-1", pieces, final=True)
    assert raised.value.code == code


def test_the_pieces_of_several_reports_add_up(instructed: Order) -> None:
    with pytest.raises(OverShipped, match="line 1: 3 of 2"):
        instructed.ship("SHP-1", {(1, "A"): 1}, final=False).ship("SHP-2", {(1, "A"): 2}, final=False)


@pytest.mark.parametrize("pieces", [{}, {(2, "B"): 1}])
def test_nothing_is_booked_after_the_final_report(instructed: Order, pieces: dict[tuple[int, str], int]) -> None:
    short = instructed.ship("SHP-1", {(1, "A"): 2}, final=True)
    with pytest.raises(AfterFinal) as raised:
        short.ship("SHP-2", pieces, final=True)
    assert raised.value.code == "E_AFTER_FINAL"


def test_goods_nobody_asked_for_contradict(open_order: Order) -> None:
    for order in (open_order, open_order.cancel()):
        with pytest.raises(NotInstructed) as raised:
            order.ship("SHP-1", {(1, "A"): 1}, final=False)
        assert raised.value.code == "E_STATE"


def test_freight_and_discount_come_with_the_first_piece(instructed: Order) -> None:
    nothing = instructed.ship("SHP-1", {}, final=False)
    one = nothing.ship("SHP-2", {(1, "A"): 1}, final=False)
    rest = one.ship("SHP-3", {(1, "A"): 1, (2, "B"): 1}, final=False)

    reports = (instructed, nothing), (nothing, one), (one, rest), (instructed, rest)
    left = [after.left_since(before) for before, after in reports]
    assert [(due.goods_minor, due.freight_minor, due.discount_minor) for due in left] == [
        (0, 0, 0),
        (500, 600, 1),
        (501 + 500, 0, 0),
        (1001 + 500, 600, 1),
    ]
    assert [due.total_minor for due in left] == [0, 500 + 599, 1001, 2100]


@pytest.mark.parametrize(
    ("total_max_minor", "seller_message", "with_seller_message", "approved"),
    [
        (2100, "", False, True),
        (2099, "", False, False),
        (2100, "先联系顾客", False, False),
        (2100, "先联系顾客", True, True),
        (2099, "先联系顾客", True, False),
    ],
)
def test_small_orders_without_a_note_need_no_person(
    open_order: Order, total_max_minor: int, seller_message: str, with_seller_message: bool, approved: bool
) -> None:
    order = replace(open_order, seller_message=seller_message)
    assert approves_by_rule(order, total_max_minor, with_seller_message=with_seller_message) is approved
