"""Receiving and booking what a counterpart counted."""

from functools import partial

import pytest
from stock_world import (
    NOW,
    OWNER,
    REFERENCE,
    SHOES,
    TSHIRT,
    WAREHOUSE,
    Memory,
    counted,
    requested,
    snapshot,
)

from lemai_chassis.state.unit_of_work import Park
from lemai_chassis.testing import handle
from lemai_contracts.stock import SnapshotScope, StockMovedV1
from stock_svc.domain import GOOD, AppliedCount, Balance, CountedChunk, Difference, Snapshot, SnapshotState
from stock_svc.handlers.commitments import on_commitment_requested
from stock_svc.handlers.snapshots import (
    Compared,
    Comparison,
    Correction,
    compare,
    correct,
    on_snapshot_reported,
)

KEY = (OWNER, WAREHOUSE, "IB1")
on_reported = partial(on_snapshot_reported, REFERENCE)


def complete(*, full: bool = True) -> Memory:
    memory = Memory()
    scope = SnapshotScope.FULL if full else SnapshotScope.PARTIAL
    memory.do(on_reported, snapshot("IB1", counted("NOT-SOLD", 0), scope=scope))
    return memory


def test_a_chunk_is_staged_once() -> None:
    lines = (counted(TSHIRT, 5, locked=1), counted(SHOES, 7))
    first = handle(on_reported, snapshot("IB1", *lines, chunks=2), now=NOW)
    stored = first.aggregate(Snapshot, *KEY)
    assert stored
    again = handle(on_reported, snapshot("IB1", *lines, chunks=2), [stored], now=NOW)

    assert first.records == [CountedChunk(*KEY, ((TSHIRT, "good", 5, 1), (SHOES, "good", 7, 0)))]
    assert (stored.received, stored.lines, stored.complete) == ((1,), 2, False)
    assert again.records == []
    assert again.aggregate(Snapshot, *KEY) == stored


def test_a_chunk_after_the_comparison_is_ignored() -> None:
    memory = complete()
    memory.do(compare, Compared(KEY, Comparison(0, sellable=10, lost=0)))
    before = dict(memory.state)

    memory.do(on_reported, snapshot("IB1", counted(TSHIRT, 5), chunk=2))

    assert memory.state == before


@pytest.mark.parametrize(("counterpart", "frozen"), [("KINGDEE-JFY", False), ("WMS-JFY", True)])
def test_whether_locked_stock_is_frozen_is_a_setting_of_the_counterpart(counterpart: str, frozen: bool) -> None:
    memory = Memory()

    memory.do(on_reported, snapshot("IB1", counterpart_code=counterpart))

    assert [stored.locked_is_frozen for stored in memory.all(Snapshot)] == [frozen]


def test_a_snapshot_of_an_unknown_counterpart_waits_for_the_reference_data() -> None:
    with pytest.raises(Park, match="NOBODY"):
        Memory().do(on_reported, snapshot("IB1", counterpart_code="NOBODY"))


def test_a_full_snapshot_counts_from_its_comparison_on() -> None:
    memory = complete()

    memory.do(compare, Compared(KEY, Comparison(2, sellable=10, lost=0)))

    assert memory.all(AppliedCount) == [AppliedCount(OWNER, WAREHOUSE, "IB1", NOW)]
    assert [stored.state for stored in memory.all(Snapshot)] == [SnapshotState.CORRECTING]


def test_a_partial_snapshot_does_not_count_for_the_whole_warehouse() -> None:
    memory = complete(full=False)

    memory.do(compare, Compared(KEY, Comparison(2, sellable=10, lost=0)))

    assert memory.all(AppliedCount) == []


def test_a_snapshot_without_differences_is_applied_at_once() -> None:
    memory = complete()

    memory.do(compare, Compared(KEY, Comparison(0, sellable=10, lost=0)))

    assert [(stored.state, stored.applied_at) for stored in memory.all(Snapshot)] == [(SnapshotState.APPLIED, NOW)]


def test_a_stale_snapshot_counts_for_nothing() -> None:
    memory = complete()

    memory.do(compare, Compared(KEY, None))

    assert memory.all(AppliedCount) == []
    assert [stored.state for stored in memory.all(Snapshot)] == [SnapshotState.STALE]


def test_differences_are_booked_on_what_the_shelf_is_by_then() -> None:
    memory = complete()
    memory.do(compare, Compared(KEY, Comparison(2, sellable=10, lost=0)))
    memory.state[Balance, (OWNER, WAREHOUSE, TSHIRT, GOOD)] = Balance(OWNER, WAREHOUSE, TSHIRT, GOOD, on_hand=8)
    memory.do(on_commitment_requested, requested("TM1", tshirt=3))

    first = memory.do(correct, Correction(KEY, [Difference(1, SHOES, GOOD, expected=0, counted=4, frozen=0)]))
    second = memory.do(correct, Correction(KEY, [Difference(2, TSHIRT, GOOD, expected=10, counted=9, frozen=2)]))

    assert memory.balance(SHOES) == (4, 0, 0)
    assert memory.balance(TSHIRT) == (7, 3, 2)
    moves = [event for event in (*first, *second) if isinstance(event, StockMovedV1)]
    assert [(m.item_code, m.change, m.on_hand, m.cause, m.reference) for m in moves] == [
        (SHOES, 4, 4, "snapshot", "IB1"),
        (TSHIRT, -1, 7, "snapshot", "IB1"),
    ]
    assert [stored.state for stored in memory.all(Snapshot)] == [SnapshotState.APPLIED]


def test_a_change_of_frozen_pieces_alone_is_no_movement() -> None:
    memory = complete()
    memory.do(compare, Compared(KEY, Comparison(1, sellable=10, lost=0)))

    events = memory.do(correct, Correction(KEY, [Difference(1, TSHIRT, GOOD, expected=0, counted=0, frozen=2)]))

    assert events == []
    assert memory.ledger == []
    assert memory.balance() == (0, 0, 2)
