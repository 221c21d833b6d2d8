"""Receivables: the sum of what left, whatever the order of events."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_svc.domain import CurrencyDiffers, Entry, Receivable, State

NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
ORDER = Receivable("JFY", "TM1", "tmall/1", "sales", "TM-JFY-01", "tmall", "1", "CNY")


def entry(amount_minor: int, currency: str = "CNY") -> Entry:
    return Entry("JFY", "TM1", "SHP-1", amount_minor, 0, 0, currency, NOW, ("SF1",), NOW)


def test_an_order_without_shipments_owes_nothing() -> None:
    placed = ORDER.place(12900, "CNY")

    assert placed == replace(ORDER, ordered_minor=12900, receivable_minor=0, state=State.OPEN)


def test_shipments_add_up_until_nothing_is_left() -> None:
    partly = ORDER.place(12900, "CNY").book(entry(9652))
    complete = partly.book(entry(3248)).complete()

    assert (partly.receivable_minor, partly.state) == (9652, State.RECEIVABLE)
    assert (complete.receivable_minor, complete.state) == (12900, State.COMPLETE)


def test_a_shipment_after_the_last_one_is_owed_and_the_order_stays_complete() -> None:
    late = ORDER.book(entry(100)).complete().book(entry(50))

    assert (late.receivable_minor, late.state) == (150, State.COMPLETE)


def test_a_shipment_before_the_order_is_known_is_owed() -> None:
    shipped = ORDER.book(entry(9652))

    assert (shipped.ordered_minor, shipped.receivable_minor) == (None, 9652)
    assert shipped.place(12900, "CNY") == replace(shipped, ordered_minor=12900)


def test_an_order_is_cancelled_only_while_nothing_has_left() -> None:
    assert ORDER.cancel().state is State.CANCELLED
    assert ORDER.book(entry(1)).cancel().state is State.RECEIVABLE
    assert ORDER.complete().cancel().state is State.COMPLETE


def test_goods_that_left_after_the_cancellation_are_owed() -> None:
    shipped = ORDER.cancel().book(entry(100))

    assert (shipped.receivable_minor, shipped.state) == (100, State.RECEIVABLE)


def test_another_currency_is_no_part_of_the_sum() -> None:
    with pytest.raises(CurrencyDiffers, match="TM1 is in CNY, not USD"):
        ORDER.book(entry(1, "USD"))
    with pytest.raises(CurrencyDiffers, match="TM1 is in CNY, not USD"):
        ORDER.place(1, "USD")


STEPS = st.lists(st.one_of(st.integers(-1000, 10**12), st.sampled_from(["place", "complete", "cancel"])))


@given(STEPS)
def test_the_receivable_is_the_sum_of_its_entries_whatever_else_happens(steps: list[int | str]) -> None:
    receivable = ORDER
    for step in steps:
        if isinstance(step, int):
            receivable = receivable.book(entry(step))
        elif step == "place":
            receivable = receivable.place(500, "CNY")
        else:
            receivable = receivable.complete() if step == "complete" else receivable.cancel()

    amounts = [step for step in steps if isinstance(step, int)]
    assert receivable.receivable_minor == sum(amounts)
    assert receivable.ordered_minor == (500 if "place" in steps else None)
    assert (receivable.state is State.COMPLETE) == ("complete" in steps)
    if amounts:
        assert receivable.state in {State.RECEIVABLE, State.COMPLETE}
