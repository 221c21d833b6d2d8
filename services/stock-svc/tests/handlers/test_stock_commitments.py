"""Promises to orders."""

from dataclasses import replace
from datetime import timedelta

import pytest
from stock_world import FLAGSHIP, NOW, OWNER, SHOES, TSHIRT, WAREHOUSE, Memory, cancelled, requested, shipped

from lemai_contracts.order import CommitmentLine, OrderState
from lemai_contracts.stock import CommitmentAnsweredV1, CommitmentState
from stock_svc.domain import GOOD, Balance, Commitment
from stock_svc.handlers.actuals import on_actual_reported
from stock_svc.handlers.commitments import fill, on_commitment_requested, on_order_state_changed


def shelf(tshirts: int, shoes: int = 0, *, frozen: int = 0) -> Memory:
    return Memory(
        Balance(OWNER, WAREHOUSE, TSHIRT, GOOD, on_hand=tshirts, frozen=frozen),
        Balance(OWNER, WAREHOUSE, SHOES, GOOD, on_hand=shoes),
    )


def answer(
    memory: Memory, order_no: str = "TM1", *, tshirt: int | None = None, shoes: int | None = None, ask_no: int = 1
) -> CommitmentAnsweredV1:
    [event] = memory.do(on_commitment_requested, requested(order_no, tshirt=tshirt, shoes=shoes, ask_no=ask_no))
    assert isinstance(event, CommitmentAnsweredV1)
    return event


def test_enough_of_everything_is_promised() -> None:
    memory = shelf(tshirts=5, shoes=1)

    answered = answer(memory, tshirt=2, shoes=1)

    assert (answered.state, answered.missing) == (CommitmentState.COMMITTED, ())
    assert (answered.order_no, answered.family, answered.warehouse_code) == ("TM1", "TM1", WAREHOUSE)
    assert memory.balance(TSHIRT) == (5, 2, 0)
    assert memory.balance(SHOES) == (1, 1, 0)


def test_too_few_of_one_item_holds_nothing_of_any() -> None:
    memory = shelf(tshirts=5, shoes=1)

    answered = answer(memory, tshirt=2, shoes=3)

    assert answered.state is CommitmentState.SHORT
    assert answered.missing == (CommitmentLine(item_code=SHOES, quantity=2),)
    assert memory.balance(TSHIRT) == (5, 0, 0)
    assert memory.balance(SHOES) == (1, 0, 0)


def test_lines_of_one_item_count_together() -> None:
    memory = shelf(tshirts=3)
    line = CommitmentLine(item_code=TSHIRT, quantity=2)

    [answered] = memory.do(on_commitment_requested, requested("TM1").model_copy(update={"lines": (line, line)}))

    assert isinstance(answered, CommitmentAnsweredV1)
    assert answered.missing == (CommitmentLine(item_code=TSHIRT, quantity=1),)


def test_an_item_nobody_has_seen_is_short() -> None:
    assert answer(Memory(), tshirt=1).missing == (CommitmentLine(item_code=TSHIRT, quantity=1),)


def test_frozen_pieces_are_not_promised() -> None:
    assert answer(shelf(tshirts=5, frozen=4), tshirt=2).state is CommitmentState.SHORT


def test_pieces_promised_to_one_order_are_not_promised_to_the_next() -> None:
    memory = shelf(tshirts=3)
    answer(memory, "TM1", tshirt=2)

    assert answer(memory, "TM2", tshirt=2).missing == (CommitmentLine(item_code=TSHIRT, quantity=1),)


@pytest.mark.parametrize("on_hand", [1, 9])
def test_the_same_order_gets_the_same_answer(on_hand: int) -> None:
    memory = shelf(tshirts=on_hand)
    first = answer(memory, tshirt=2)
    before = memory.balance()

    again = answer(memory, tshirt=7)

    assert again == first
    assert memory.balance() == before


def test_a_newer_ask_gives_back_what_it_does_not_want_any_more() -> None:
    memory = shelf(tshirts=5, shoes=1)
    answer(memory, tshirt=2, shoes=1)
    memory.now += timedelta(hours=1)

    answered = answer(memory, shoes=1, ask_no=2)

    assert (answered.state, answered.ask_no) == (CommitmentState.COMMITTED, 2)
    assert memory.balance(TSHIRT) == (5, 0, 0)
    assert memory.balance(SHOES) == (1, 1, 0)
    assert [balance.asked_at for balance in memory.all(Balance)] == [{FLAGSHIP: NOW}] * 2


@pytest.mark.parametrize("ask_no", [1, 2])
def test_an_ask_that_is_no_newer_changes_nothing(ask_no: int) -> None:
    memory = shelf(tshirts=5)
    answer(memory, tshirt=3)
    second = answer(memory, tshirt=2, ask_no=2)

    assert answer(memory, tshirt=5, ask_no=ask_no) == second
    assert memory.balance() == (5, 2, 0)


def test_a_short_order_that_wants_less_keeps_its_place_or_gets_it_at_once() -> None:
    memory = shelf(tshirts=3, shoes=1)
    answer(memory, tshirt=2, shoes=5)
    memory.now += timedelta(hours=1)

    assert answer(memory, shoes=2, ask_no=2).missing == (CommitmentLine(item_code=SHOES, quantity=1),)
    assert [kept.asked_at for kept in memory.all(Commitment)] == [NOW]
    assert answer(memory, shoes=1, ask_no=3).state is CommitmentState.COMMITTED
    assert (memory.balance(TSHIRT), memory.balance(SHOES)) == ((3, 0, 0), (1, 1, 0))


def test_an_order_that_wants_less_keeps_what_it_was_promised_though_the_shelf_is_short() -> None:
    memory = shelf(tshirts=3, shoes=1)
    answer(memory, tshirt=2, shoes=1)
    answer(memory, "TM2", tshirt=1)
    fewer = Memory(*memory.all(Commitment), *(replace(balance, on_hand=1) for balance in memory.all(Balance)))

    assert answer(fewer, tshirt=2, ask_no=2).state is CommitmentState.COMMITTED
    assert (fewer.balance(TSHIRT), fewer.balance(SHOES)) == ((1, 3, 0), (1, 0, 0))


def test_a_newer_ask_that_cannot_be_met_holds_nothing() -> None:
    memory = shelf(tshirts=3)
    answer(memory, tshirt=2)

    assert answer(memory, tshirt=4, ask_no=2).missing == (CommitmentLine(item_code=TSHIRT, quantity=1),)
    assert memory.balance() == (3, 0, 0)


def test_what_has_left_is_not_promised_again() -> None:
    memory = shelf(tshirts=5, shoes=5)
    answer(memory, tshirt=3, shoes=1)
    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=1))

    assert answer(memory, tshirt=3, ask_no=2).state is CommitmentState.COMMITTED
    assert (memory.balance(TSHIRT), memory.balance(SHOES)) == ((4, 2, 0), (5, 0, 0))


def test_an_order_that_was_cancelled_is_promised_nothing_whatever_it_asks() -> None:
    memory = shelf(tshirts=5, shoes=1)
    answer(memory, tshirt=2, shoes=1)
    memory.do(on_order_state_changed, cancelled("TM1"))

    assert answer(memory, tshirt=2, ask_no=2).state is CommitmentState.RELEASED
    assert memory.balance() == (5, 0, 0)


def test_an_asking_store_is_remembered_even_if_it_gets_nothing() -> None:
    memory = shelf(tshirts=0)

    answer(memory, tshirt=1)

    balance = memory.get(Balance, OWNER, WAREHOUSE, TSHIRT, GOOD)
    assert balance
    assert (balance.asked_at, balance.due_since) == ({FLAGSHIP: NOW}, NOW)


def test_a_promise_makes_its_items_due() -> None:
    memory = shelf(tshirts=5)

    answer(memory, tshirt=1)

    balance = memory.get(Balance, OWNER, WAREHOUSE, TSHIRT, GOOD)
    assert balance
    assert balance.due_since == NOW


def test_a_cancelled_order_gives_its_pieces_back() -> None:
    memory = shelf(tshirts=5)
    answer(memory, tshirt=2)

    [answered] = memory.do(on_order_state_changed, cancelled("TM1"))

    assert isinstance(answered, CommitmentAnsweredV1)
    assert answered.state is CommitmentState.RELEASED
    assert memory.balance() == (5, 0, 0)


def test_a_cancelled_order_stops_waiting() -> None:
    memory = shelf(tshirts=0)
    answer(memory, tshirt=2)

    [answered] = memory.do(on_order_state_changed, cancelled("TM1"))

    assert isinstance(answered, CommitmentAnsweredV1)
    assert answered.state is CommitmentState.RELEASED
    assert memory.balance() == (0, 0, 0)


def test_cancelling_again_changes_nothing() -> None:
    memory = shelf(tshirts=5)
    answer(memory, tshirt=2)
    memory.do(on_order_state_changed, cancelled("TM1"))

    assert memory.do(on_order_state_changed, cancelled("TM1")) == []
    assert memory.balance() == (5, 0, 0)


def test_cancelling_an_order_that_never_asked_says_nothing() -> None:
    assert Memory().do(on_order_state_changed, cancelled("TM9")) == []


@pytest.mark.parametrize("state", [state for state in OrderState if state is not OrderState.CANCELLED])
def test_no_other_state_of_an_order_releases(state: OrderState) -> None:
    memory = shelf(tshirts=5)
    answer(memory, tshirt=2)

    assert memory.do(on_order_state_changed, cancelled("TM1").model_copy(update={"state": state})) == []
    assert memory.balance() == (5, 2, 0)


def test_a_waiting_order_is_filled_when_there_is_enough() -> None:
    memory = shelf(tshirts=1)
    answer(memory, tshirt=2)
    assert memory.do(fill, (OWNER, "TM1")) == []

    more = Memory(*memory.all(Commitment), replace(memory.all(Balance)[0], on_hand=3))
    [answered] = more.do(fill, (OWNER, "TM1"))

    assert isinstance(answered, CommitmentAnsweredV1)
    assert (answered.state, answered.missing) == (CommitmentState.COMMITTED, ())
    assert more.balance() == (3, 2, 0)
    assert more.do(fill, (OWNER, "TM1")) == []


def test_an_answer_given_later_is_the_answer_from_then_on() -> None:
    memory = shelf(tshirts=5)
    answer(memory, tshirt=2)
    memory.do(on_order_state_changed, cancelled("TM1"))
    memory.now += timedelta(hours=1)

    assert answer(memory, tshirt=2).state is CommitmentState.RELEASED
