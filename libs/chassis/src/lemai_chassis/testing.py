"""Runs a handler as the function it is: state and a message in, state and messages out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from lemai_chassis.state.aggregates import Aggregates, Ref, Versioned
from lemai_chassis.state.unit_of_work import ABSENT, Cause, NotLoaded, RequestedCall, State, UnitOfWork
from lemai_contracts import Event

M = TypeVar("M")
A = TypeVar("A")


@dataclass(frozen=True)
class Handled:
    """What came of it."""

    answer: Any
    events: Sequence[Event]
    calls: Sequence[RequestedCall]
    arrived: Sequence[str]
    records: Sequence[Any]
    state: Mapping[Ref, Versioned[Any]]

    def aggregate(self, aggregates: Aggregates[A], *key: str | int) -> A | None:
        found: A | None = self.state.get(Ref(aggregates, key), ABSENT).aggregate
        return found


def handle(
    handler: Callable[[M, UnitOfWork], Any],
    message: M,
    state: Sequence[tuple[Aggregates[Any], Any]] = (),
    *,
    now: datetime,
) -> Handled:
    """Run `handler` on `message` over `state`; what it raises is the caller's."""
    stored: State = {aggregates.ref_of(aggregate): Versioned(aggregate, 1) for aggregates, aggregate in state}
    uow = UnitOfWork(stored, now)
    while True:
        try:
            with uow.overlay(Cause("", "")):
                answer = handler(message, uow)
            break
        except NotLoaded as missing:
            stored[missing.ref] = ABSENT
    effects = uow.effects
    return Handled(
        answer=answer,
        events=[emitted.event for emitted, _ in effects.events],
        calls=[call for call, _ in effects.calls],
        arrived=effects.arrived,
        records=effects.records,
        state=stored,
    )
