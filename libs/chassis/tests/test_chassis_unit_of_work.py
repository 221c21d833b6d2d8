"""Handlers are functions of (state, message); what they do takes effect only if they return."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lemai_toy import OWNER_CODE, Tally, listing_refs, on_listing_changed, on_trade_changed, state_changed
from toy_kit import ParkUntil, listing, trade

from lemai_chassis.state.unit_of_work import (
    ABSENT,
    NotLoaded,
    Park,
    ParkAwaiting,
    Ref,
    UnitOfWork,
    UnnamedAggregate,
    Versioned,
    ref,
)
from lemai_chassis.testing import handle
from lemai_chassis.trace import Cause

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
CAUSE = Cause("c", "t")
KEY = (OWNER_CODE, "F1")


def a_unit_of_work(tally: Tally | None = None, version: int = 0) -> UnitOfWork:
    return UnitOfWork({ref(Tally, *KEY): Versioned(tally, version)}, NOW)


def test_what_a_handler_did_is_kept_if_it_returns() -> None:
    uow = a_unit_of_work()

    with uow.overlay(CAUSE):
        uow.put(Tally(*KEY, count=1))
        uow.emit(state_changed(trade("F1")), of=Tally(*KEY))
        uow.call("echo", "F1", {}, supersede=True)
        uow.append("record")
        uow.arrived("F1")

    assert uow.get(Tally, *KEY) == Tally(*KEY, count=1)
    assert [(emitted.aggregateversion, cause) for emitted, cause in uow.effects.events] == [(1, CAUSE)]
    assert [(call.key, call.supersede, cause) for call, cause in uow.effects.calls] == [("F1", True, CAUSE)]
    assert (uow.effects.records, uow.effects.arrived) == (["record"], ["F1"])


def test_what_a_handler_did_is_forgotten_if_it_raises() -> None:
    uow = a_unit_of_work(Tally(*KEY, count=1), 1)

    with suppress(RuntimeError), uow.overlay(CAUSE):
        uow.put(Tally(*KEY, count=2))
        uow.emit(state_changed(trade("F1")))
        uow.call("echo", "F1", {})
        uow.append("record")
        uow.arrived("F1")
        raise RuntimeError
    with uow.overlay(CAUSE):
        assert uow.get(Tally, *KEY) == Tally(*KEY, count=1)

    effects = uow.effects
    assert (effects.events, effects.calls, effects.records, effects.arrived) == ([], [], [], [])


def test_a_handler_reads_what_it_put() -> None:
    uow = a_unit_of_work()

    with uow.overlay(CAUSE):
        assert uow.get(Tally, *KEY) is None
        uow.put(Tally(*KEY, count=1))
        assert uow.get(Tally, *KEY) == Tally(*KEY, count=1)


@given(counts=st.lists(st.integers(min_value=0, max_value=3)))
def test_the_version_counts_the_changes(counts: list[int]) -> None:
    uow = a_unit_of_work(Tally(*KEY, count=0), 7)
    changes = 0

    for before, count in zip([0, *counts], counts, strict=False):
        changes += count != before
        with uow.overlay(CAUSE):
            uow.put(Tally(*KEY, count=count))
            uow.emit(state_changed(trade("F1")), of=Tally(*KEY))
        assert uow.effects.events[-1][0].aggregateversion == 7 + changes


def test_an_event_of_no_aggregate_has_version_0() -> None:
    uow = a_unit_of_work()

    with uow.overlay(CAUSE):
        uow.emit(state_changed(trade("F1")))

    assert uow.effects.events[0][0].aggregateversion == 0


def test_reading_what_was_not_loaded_says_what_to_load() -> None:
    with pytest.raises(NotLoaded) as missing:
        a_unit_of_work().get(Tally, OWNER_CODE, "F2")

    assert missing.value.ref == Ref(Tally, (OWNER_CODE, "F2"))


def test_putting_what_was_neither_named_nor_read_is_an_error() -> None:
    with pytest.raises(UnnamedAggregate, match="'F2'"):
        a_unit_of_work().put(Tally(OWNER_CODE, "F2"))


@dataclass(frozen=True)
class OtherTally(Tally):
    """Has the same key, but is of another kind."""


def test_kinds_do_not_share_keys() -> None:
    state = {ref(Tally, *KEY): ABSENT, ref(OtherTally, *KEY): ABSENT}
    uow = UnitOfWork(state, NOW)

    with uow.overlay(CAUSE):
        uow.put(Tally(*KEY, count=1))
        assert uow.get(OtherTally, *KEY) is None


@pytest.mark.parametrize(
    ("park", "awaits", "due_at"),
    [
        (Park("why"), None, None),
        (ParkUntil("why", NOW + timedelta(days=1)), None, NOW + timedelta(days=1)),
        (ParkAwaiting("why", "item:1"), "item:1", NOW + timedelta(minutes=1)),
    ],
)
def test_parking_says_what_frees_the_key(park: Park, awaits: str | None, due_at: datetime | None) -> None:
    assert (str(park), park.awaits, park.due_at(NOW)) == ("why", awaits, due_at)


def test_a_handler_runs_without_anything_around_it() -> None:
    handled = handle(on_trade_changed, trade("F1", "2", told="call"), [Tally(*KEY, 1, ("1",))], now=NOW)

    after = Tally(*KEY, 2, ("1", "2"))
    assert handled.aggregate(Tally, *KEY) == after
    assert handled.aggregate(Tally, OWNER_CODE, "F2") is None
    assert handled.events == [state_changed(trade("F1", "2"))]
    assert [(call.kind, call.key, call.payload) for call in handled.calls] == [("echo", "F1", {"version": "2"})]
    assert handle(on_listing_changed, listing("S1"), now=NOW, touches=listing_refs(listing("S1"))).arrived == ["S1"]


def test_a_handler_may_put_what_it_named_without_reading_it() -> None:
    def handler(name: str, uow: UnitOfWork) -> str:
        uow.put(replace(Tally(*KEY), name=name))
        return name

    handled = handle(handler, "F1", now=NOW, touches=[ref(Tally, *KEY)])

    assert (handled.answer, handled.aggregate(Tally, *KEY)) == ("F1", Tally(*KEY))
    with pytest.raises(UnnamedAggregate):
        handle(handler, "F2", now=NOW, touches=[ref(Tally, *KEY)])
