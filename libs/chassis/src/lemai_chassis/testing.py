"""Runs a handler as the function it is: state and a message in, state and messages out."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from lemai_chassis.access import EVERY_OWNER, Access, Person, Role
from lemai_chassis.state.unit_of_work import (
    ABSENT,
    Aggregate,
    NotLoaded,
    Ref,
    RequestedCall,
    State,
    UnitOfWork,
    Versioned,
)
from lemai_chassis.trace import Cause
from lemai_contracts import Event

M = TypeVar("M")
K = TypeVar("K", bound=Aggregate)


def person(name: str = "tester", roles: Iterable[Role] = Role, owners: Iterable[str] = (EVERY_OWNER,)) -> Person:
    """Somebody who may do everything, unless told otherwise; the name is the token too."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Person(name=name, roles=frozenset(roles), owners=frozenset(owners), token_sha256=digest)


def access(*people: Person) -> Access:
    return Access({each.token_sha256: each for each in people or (person(),)})


def token(name: str = "tester") -> Mapping[str, str]:
    """The header by which this person calls."""
    return {"Authorization": f"Bearer {name}"}


@dataclass(frozen=True)
class Handled:
    """What came of it."""

    answer: Any
    events: Sequence[Event]
    causes: Sequence[Cause]
    """Of the events, in their order."""
    calls: Sequence[RequestedCall]
    arrived: Sequence[str]
    records: Sequence[Any]
    state: Mapping[Ref, Versioned[Any]]

    def aggregate(self, kind: type[K], *key: str | int) -> K | None:
        found: K | None = self.state.get(Ref(kind, key), ABSENT).aggregate
        return found


def handle(
    handler: Callable[[M, UnitOfWork], Any],
    message: M,
    state: Sequence[Aggregate] = (),
    *,
    now: datetime,
    touches: Iterable[Ref] = (),
) -> Handled:
    """Run `handler` on `message` over `state`; what it raises is the caller's."""
    stored: State = dict.fromkeys(touches, ABSENT) | {Ref(type(kept), kept.key): Versioned(kept, 1) for kept in state}
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
        causes=[cause for _, cause in effects.events],
        calls=[call for call, _ in effects.calls],
        arrived=effects.arrived,
        records=effects.records,
        state=stored,
    )
