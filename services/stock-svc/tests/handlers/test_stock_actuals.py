"""What counterparts report done."""

from datetime import datetime, timedelta

import pytest
from stock_world import NOW, OWNER, SHOES, TSHIRT, WAREHOUSE, Memory, received, requested, shipped

from lemai_contracts.fulfilment import ActualReportedV1
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.stock import CommitmentAnsweredV1, CommitmentState, StockMovedV1
from lemai_contracts.values import Grade
from stock_svc.domain import GOOD, AppliedCount, Balance, Commitment
from stock_svc.handlers.actuals import on_actual_reported
from stock_svc.handlers.commitments import on_commitment_requested

SECOND = timedelta(seconds=1)


def shelf(tshirts: int = 10, shoes: int = 10) -> Memory:
    return Memory(
        Balance(OWNER, WAREHOUSE, TSHIRT, GOOD, on_hand=tshirts, entries=1),
        Balance(OWNER, WAREHOUSE, SHOES, GOOD, on_hand=shoes, entries=1),
    )


def committed(*, tshirt: int, shoes: int | None = None) -> Memory:
    """Ten of each on the shelf, these promised to TM1 and followed up."""
    memory = shelf()
    memory.do(on_commitment_requested, requested("TM1", tshirt=tshirt, shoes=shoes))
    memory.state = {its: kept.settle() if isinstance(kept, Balance) else kept for its, kept in memory.state.items()}
    return memory


def test_what_left_lowers_shelf_and_promise_together() -> None:
    memory = committed(tshirt=2)

    [moved] = memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2))

    assert memory.balance() == (8, 0, 0)
    assert moved == StockMovedV1(
        owner_code=OWNER,
        warehouse_code=WAREHOUSE,
        item_code=TSHIRT,
        grade=Grade.GOOD,
        change=-2,
        on_hand=8,
        cause="actual",
        reference="A1",
        moved_at=NOW,
    )


def test_what_left_as_promised_leaves_no_figure_to_tell() -> None:
    memory = committed(tshirt=2)

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2))

    assert [balance.due_since for balance in memory.all(Balance)] == [None, None]


def test_the_ledger_says_what_moved_why_and_when() -> None:
    memory = shelf()
    memory.now = NOW + SECOND

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=3, occurred_at=NOW))

    [line] = memory.ledger
    assert (line.owner_code, line.warehouse_code, line.item_code, line.grade) == (OWNER, WAREHOUSE, TSHIRT, "good")
    assert (line.entry_no, line.change, line.on_hand) == (2, -3, 7)
    assert (line.cause, line.reference, line.order_no) == ("actual", "A1", "TM1")
    assert (line.occurred_at, line.recorded_at) == (NOW, NOW + SECOND)


def test_parcels_of_an_order_release_what_each_carries() -> None:
    memory = committed(tshirt=3)

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=1))
    assert memory.balance() == (9, 2, 0)

    memory.do(on_actual_reported, shipped("TM1", "A2", tshirt=2))
    assert memory.balance() == (7, 0, 0)


def test_a_final_report_gives_the_rest_back() -> None:
    memory = committed(tshirt=3, shoes=1)

    events = memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=1, final=True))

    assert memory.balance(TSHIRT) == (9, 0, 0)
    assert memory.balance(SHOES) == (10, 0, 0)
    [released] = [event for event in events if isinstance(event, CommitmentAnsweredV1)]
    assert released.state is CommitmentState.RELEASED


def test_a_final_report_with_nothing_in_it_gives_everything_back() -> None:
    memory = committed(tshirt=3)

    [released] = memory.do(on_actual_reported, shipped("TM1", "A1", final=True))

    assert isinstance(released, CommitmentAnsweredV1)
    assert memory.balance() == (10, 0, 0)


def test_a_complete_final_report_says_nothing_of_the_promise() -> None:
    memory = committed(tshirt=3)

    events = memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=3, final=True))

    assert [type(event) for event in events] == [StockMovedV1]


@pytest.mark.parametrize(
    "report", [shipped("TM1", "A1"), shipped("TM1", "A1", tshirt=0), received("TM1", "A1", final=True)]
)
def test_a_report_of_progress_moves_nothing(report: ActualReportedV1) -> None:
    memory = committed(tshirt=3)
    before = dict(memory.state)

    assert memory.do(on_actual_reported, report) == []
    assert memory.state == before
    assert memory.ledger == []


def test_the_same_actual_in_another_event_moves_nothing() -> None:
    memory = committed(tshirt=4)
    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2))

    assert memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2)) == []
    assert memory.balance() == (8, 2, 0)


def test_actuals_of_both_legs_may_have_the_same_number() -> None:
    memory = shelf()

    memory.do(on_actual_reported, shipped("TM1-h", "A1", tshirt=2))
    memory.do(on_actual_reported, received("TM1-h", "A1", tshirt=1))

    assert memory.balance() == (9, 0, 0)


def test_goods_nobody_ordered_leave_the_shelf_all_the_same() -> None:
    memory = shelf()

    memory.do(on_actual_reported, shipped("UNKNOWN", "A1", tshirt=4))

    assert memory.balance() == (6, 0, 0)


def test_more_than_promised_leaves_other_promises_alone() -> None:
    memory = committed(tshirt=2)
    memory.do(on_commitment_requested, requested("TM2", tshirt=3))

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=5))

    assert memory.balance() == (5, 3, 0)


def test_a_short_order_that_was_shipped_does_not_wait_any_more() -> None:
    memory = shelf(tshirts=1)
    memory.do(on_commitment_requested, requested("TM1", tshirt=2))

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2))

    assert memory.balance() == (-1, 0, 0)
    assert [commitment.state for commitment in memory.all(Commitment)] == ["released"]


def test_defective_pieces_that_left_release_no_promise() -> None:
    memory = committed(tshirt=2)

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2, grade=Grade.DEFECTIVE))

    assert memory.balance(grade="good") == (10, 2, 0)
    assert memory.balance(grade="defective") == (-2, 0, 0)


def test_goods_from_another_warehouse_release_the_promise_where_it_was_made() -> None:
    memory = committed(tshirt=2)

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2, warehouse_code="WH02"))

    assert memory.balance() == (10, 0, 0)
    other = memory.get(Balance, OWNER, "WH02", TSHIRT, GOOD)
    assert other
    assert other.on_hand == -2


def test_what_arrives_raises_the_shelf_by_grade() -> None:
    memory = shelf()

    memory.do(on_actual_reported, received("PO1-c", "R1", tshirt=5))
    memory.do(on_actual_reported, received("TM1-t", "R2", tshirt=2, grade=Grade.DEFECTIVE))

    assert memory.balance(grade="good") == (15, 0, 0)
    assert memory.balance(grade="defective") == (2, 0, 0)


def test_a_shelf_that_falls_below_zero_is_an_alert_once() -> None:
    memory = shelf(tshirts=1)

    first = memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=3))
    second = memory.do(on_actual_reported, shipped("TM2", "A2", tshirt=1))

    [alert] = [event for event in first if isinstance(event, AlertRaisedV1)]
    assert (alert.code, alert.about) == ("stock_below_zero", f"{OWNER}/{WAREHOUSE}/{TSHIRT}/good")
    assert not any(isinstance(event, AlertRaisedV1) for event in second)
    assert memory.balance() == (-3, 0, 0)


@pytest.mark.parametrize(("occurred_at", "on_hand"), [(NOW - SECOND, 10), (NOW, 10), (NOW + SECOND, 8)])
def test_what_a_full_snapshot_has_counted_does_not_move_the_shelf_again(occurred_at: datetime, on_hand: int) -> None:
    memory = committed(tshirt=2)
    memory.state[AppliedCount, (OWNER, WAREHOUSE)] = AppliedCount(OWNER, WAREHOUSE, "IB1", NOW)

    memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2, occurred_at=occurred_at))

    assert memory.balance() == (on_hand, 0, 0)


def test_an_actual_already_counted_is_a_line_of_the_ledger_without_a_change() -> None:
    memory = shelf()
    memory.state[AppliedCount, (OWNER, WAREHOUSE)] = AppliedCount(OWNER, WAREHOUSE, "IB1", NOW)

    events = memory.do(on_actual_reported, shipped("TM1", "A1", tshirt=2))

    assert events == []
    [line] = memory.ledger
    assert (line.entry_no, line.change, line.on_hand) == (2, 0, 10)
