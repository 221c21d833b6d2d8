"""The arithmetic of stock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stock_svc.domain import (
    GOOD,
    AppliedCount,
    Balance,
    Cause,
    Commitment,
    CommitmentLine,
    CommitmentState,
    Figure,
    Part,
    Snapshot,
    SnapshotState,
    is_counted,
    sellable,
    too_few,
)

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BALANCE = Balance("JFY", "WH01", "TS", GOOD)
COMMITMENT = Commitment(
    owner_code="JFY",
    order_no="TM1",
    family="F1",
    store_code="TM-JFY-01",
    warehouse_code="WH01",
    state=CommitmentState.COMMITTED,
    lines=(CommitmentLine("TS", 3, 3), CommitmentLine("SH", 1, 1)),
    missing={},
    asked_at=NOW,
)
FIGURE = Figure("TM-JFY-01", "100", "1001", "JFY", "TS", active=True, due_since=NOW)
SNAPSHOT = Snapshot("JFY", "WH01", "IB1", "KINGDEE-JFY", NOW, True, False, 30, chunks=2, received_at=NOW)


def test_free_pieces_are_on_hand_neither_promised_nor_frozen() -> None:
    assert replace(BALANCE, on_hand=10, committed=3, frozen=2).free == 5


def test_a_booking_is_the_next_line_of_the_ledger() -> None:
    before = replace(BALANCE, on_hand=2, entries=4)
    after = before.book(-3)

    movement = after.movement(before, Cause("actual", "A1", "TM1", NOW), NOW + SECOND)

    assert (movement.entry_no, movement.change, movement.on_hand) == (5, -3, -1)
    assert (movement.reference, movement.order_no) == ("A1", "TM1")
    assert (movement.occurred_at, movement.recorded_at) == (NOW, NOW + SECOND)


def test_a_balance_is_due_when_its_free_pieces_changed_and_keeps_the_oldest_time() -> None:
    first = BALANCE.book(5).mark(BALANCE, NOW)
    second = first.hold(2).mark(first, NOW + SECOND)

    assert first.due_since == second.due_since == NOW
    assert second.settle().due_since is None


def test_a_balance_a_store_asked_for_in_vain_is_due() -> None:
    assert BALANCE.ask("TM-JFY-01", NOW).mark(BALANCE, NOW).due_since == NOW


def test_shipping_what_was_promised_makes_nothing_due() -> None:
    before = replace(BALANCE, on_hand=5, committed=2)

    assert before.book(-2).hold(-2).mark(before, NOW).due_since is None


def test_defective_pieces_are_never_due() -> None:
    before = replace(BALANCE, grade="defective")

    assert before.book(5).mark(before, NOW).due_since is None


@pytest.mark.parametrize(
    ("counted_at", "full_at", "counted"),
    [
        (None, None, False),
        (NOW, None, True),
        (None, NOW, True),
        (NOW - SECOND, NOW - SECOND, False),
        (NOW - SECOND, NOW + SECOND, True),
    ],
)
def test_what_occurred_until_a_count_is_in_it(
    counted_at: datetime | None, full_at: datetime | None, counted: bool
) -> None:
    count = AppliedCount("JFY", "WH01", "IB1", full_at) if full_at else None

    assert is_counted(NOW, replace(BALANCE, counted_at=counted_at), count) is counted


def test_too_few_names_the_missing_pieces_by_item() -> None:
    assert too_few({"TS": 3, "SH": 1, "HAT": 2}, {"TS": 1, "SH": 1, "HAT": -4}) == {"TS": 2, "HAT": 2}


def test_what_left_is_promised_no_more() -> None:
    assert COMMITMENT.ship({"TS": 2}).open == {"TS": 1, "SH": 1}


def test_more_than_promised_takes_only_what_was_promised() -> None:
    assert COMMITMENT.ship({"TS": 9}).open == {"SH": 1}


def test_a_commitment_ends_with_its_last_piece() -> None:
    shipped = COMMITMENT.ship({"TS": 3, "SH": 1})

    assert shipped.state is CommitmentState.RELEASED
    assert shipped.holds == {}


def test_a_short_commitment_holds_nothing() -> None:
    assert replace(COMMITMENT, state=CommitmentState.SHORT).holds == {}
    assert COMMITMENT.holds == {("JFY", "WH01", "TS", "good"): 3, ("JFY", "WH01", "SH", "good"): 1}


@pytest.mark.parametrize(
    ("free", "safety", "share", "expected"), [(10, 0, 100, 10), (10, 3, 50, 3), (2, 3, 100, 0), (-5, 0, 100, 0)]
)
def test_a_store_may_sell_its_share_beyond_the_safety_stock(free: int, safety: int, share: int, expected: int) -> None:
    assert sellable([Part(1, free)], safety=safety, share_percent=share) == expected


def test_a_combo_is_sold_as_often_as_its_scarcest_part_allows() -> None:
    assert sellable([Part(2, 9), Part(1, 5)], safety=1, share_percent=100) == 4


@given(
    st.lists(st.builds(Part, st.integers(1, 5), st.integers(-20, 200)), min_size=1),
    st.integers(0, 9),
    st.integers(0, 100),
)
def test_no_figure_offers_more_than_there_is(parts: list[Part], safety: int, share: int) -> None:
    quantity = sellable(parts, safety=safety, share_percent=share)

    assert quantity >= 0
    assert all(quantity * part.quantity <= max(0, part.free) for part in parts)


def test_a_figure_gets_a_number_only_if_it_is_another_one() -> None:
    first = FIGURE.tell(5, NOW, None)
    same = first.mark(NOW).tell(5, NOW + SECOND, NOW)
    other = same.tell(4, NOW + SECOND, None)

    assert (first.figure_no, same.figure_no, other.figure_no) == (1, 1, 2)
    assert same.due_since is None
    assert (other.quantity, other.watermark) == (4, NOW + SECOND)


def test_the_same_figure_is_told_again_after_the_platform_counted_down_by_itself() -> None:
    told = FIGURE.tell(5, NOW, None)

    assert told.tell(5, NOW + 2 * SECOND, NOW + SECOND).figure_no == 2


def test_a_figure_of_zero_is_told_too() -> None:
    assert FIGURE.tell(0, NOW, None).figure_no == 1


def test_another_item_has_to_be_told_afresh() -> None:
    told = FIGURE.tell(5, NOW, None)

    assert told.sell("JFY", "TS", active=True, now=NOW) is told
    changed = told.sell("JFY", "SH", active=True, now=NOW + SECOND)
    assert (changed.quantity, changed.due_since, changed.figure_no) == (None, NOW + SECOND, 1)


def test_a_due_figure_keeps_its_oldest_change() -> None:
    assert FIGURE.mark(NOW + SECOND).due_since == NOW
    assert FIGURE.mark(NOW - SECOND).due_since == NOW - SECOND


def test_an_older_publication_does_not_replace_a_newer_one() -> None:
    published = FIGURE.publish(5, 2, NOW).publish(9, 1, NOW + SECOND)

    assert (published.published_quantity, published.published_no) == (5, 2)


def test_a_snapshot_is_complete_with_its_last_chunk() -> None:
    first = SNAPSHOT.receive(2, 10)

    assert not first.complete
    assert first.receive(1, 5).complete
    assert first.receive(1, 5).lines == 15


def test_a_snapshot_is_applied_with_its_last_difference() -> None:
    half = SNAPSHOT.correct(1, 2, NOW)
    done = half.correct(2, 2, NOW + SECOND)

    assert (half.state, half.corrected, half.applied_at) == (SnapshotState.CORRECTING, 1, None)
    assert (done.state, done.corrected, done.applied_at) == (SnapshotState.APPLIED, 2, NOW + SECOND)


def test_a_snapshot_no_newer_than_the_applied_one_is_stale() -> None:
    assert not SNAPSHOT.is_stale(None)
    assert SNAPSHOT.is_stale(AppliedCount("JFY", "WH01", "IB0", NOW))
    assert not SNAPSHOT.is_stale(AppliedCount("JFY", "WH01", "IB0", NOW - SECOND))
