"""What a handler sees of the world: aggregates to get and put, events to emit, calls to request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from lemai_chassis.trace import CURRENT, Cause
from lemai_contracts import Event
from lemai_contracts.ops import AlertRaisedV1, Severity

A = TypeVar("A")
Key = tuple[str | int, ...]
AWAITED_RECHECK = timedelta(minutes=1)
PERSON = "人工处理 / a person"


class Aggregate(Protocol):
    """A frozen stdlib dataclass that changes as a whole; `key` identifies it within its kind."""

    @property
    def key(self) -> Key: ...


K = TypeVar("K", bound=Aggregate)


class Ref(NamedTuple):
    """Names one aggregate: which kind, which key."""

    kind: type[Any]
    key: Key


def ref(kind: type[Aggregate], *key: str | int) -> Ref:
    return Ref(kind, key)


@dataclass(frozen=True)
class Versioned(Generic[A]):
    """An aggregate (None: not there yet) and how often it has been changed."""

    aggregate: A | None
    version: int


ABSENT: Versioned[Any] = Versioned(None, 0)


class Park(Exception):
    """Raised by a handler that cannot go on now: parks the message's key until a person redrives it."""

    def due_at(self, now: datetime) -> datetime | None:
        return None

    awaits: str | None = None


class ParkAwaiting(Park):
    """Parks until another handler says that `awaits` has arrived."""

    def __init__(self, reason: str, awaits: str) -> None:
        super().__init__(reason)
        self.awaits = awaits

    def due_at(self, now: datetime) -> datetime | None:
        """A recheck as safety net: what is awaited may have arrived while this was being parked."""
        return now + AWAITED_RECHECK


@dataclass(frozen=True)
class Parked:
    """Why a key is parked, and what frees it: something awaited, a time, or (neither) a person."""

    reason: str
    awaits: str | None = None
    due_at: datetime | None = None

    @property
    def waits_for(self) -> str:
        """The thing, or a person; empty where only time has to pass."""
        return self.awaits or ("" if self.due_at else PERSON)

    @classmethod
    def refused(cls, error: Exception) -> "Parked":
        """For what the database, or its driver, would not take."""
        return cls(f"{type(error).__name__}: {getattr(error, 'orig', error)}")


class NotLoaded(Exception):
    """A handler asked for an aggregate the batch did not load: the engine loads it and runs the handler again."""

    def __init__(self, its: Ref) -> None:
        super().__init__(f"{its.kind.__name__} {its.key}")
        self.ref = its


class UnnamedAggregate(Exception):
    """A handler put an aggregate that was neither named for the batch nor read before: a change made blindly."""


@dataclass(frozen=True)
class Emitted:
    event: Event
    aggregateversion: int


@dataclass(frozen=True)
class RequestedCall:
    kind: str
    key: str
    payload: Mapping[str, Any]
    supersede: bool


@dataclass
class Effects:
    """What handlers asked for besides state."""

    events: list[tuple[Emitted, Cause]] = field(default_factory=list)
    calls: list[tuple[RequestedCall, Cause]] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)


State = dict[Ref, Versioned[Any]]


class UnitOfWork:
    """The state of a batch under one handler at a time, each in its own overlay.

    Everything is synchronous and in memory: handlers are functions of (state, message), and nothing they
    do takes effect unless they return.
    """

    def __init__(self, state: State, now: datetime) -> None:
        self.now = now
        """Aware UTC time of the batch."""
        self.effects = Effects()
        self._state = state
        self._overlay: State = {}
        self._pending = Effects()
        self.cause = CURRENT.get()
        """Why the handler runs."""

    @contextmanager
    def overlay(self, cause: Cause) -> Iterator[None]:
        """Run one handler: keep what it did if it returns, forget it if it raises."""
        self._overlay, self._pending, self.cause = {}, Effects(), cause
        outer = CURRENT.set(cause)
        try:
            yield
        finally:
            CURRENT.reset(outer)
        self._state.update(self._overlay)
        self.effects.events += self._pending.events
        self.effects.calls += self._pending.calls
        self.effects.arrived += self._pending.arrived
        self.effects.records += self._pending.records

    def get(self, kind: type[K], *key: str | int) -> K | None:
        """The aggregate as earlier messages of the batch left it, locked; None if there is none."""
        aggregate: K | None = self._versioned(Ref(kind, key)).aggregate
        return aggregate

    def put(self, aggregate: Aggregate) -> None:
        """Replace or create an aggregate that was named for the batch or read with `get`; else UnnamedAggregate."""
        its = Ref(type(aggregate), aggregate.key)
        before = self._overlay.get(its) or self._state.get(its)
        if before is None:
            raise UnnamedAggregate(f"{its.kind.__name__} {its.key}")
        if before.aggregate != aggregate:
            self._overlay[its] = Versioned(aggregate, before.version + 1)

    def emit(self, event: Event, of: Aggregate | None = None, cause: Cause | None = None) -> None:
        """Publish a fact; `of` is the aggregate, already put, whose version the event carries.

        It goes on in the trace of its cause (by default why the handler runs), or in the one that `of` keeps in a
        field `traceparent`: what a person or a clock does to an order stays the order's story.
        """
        version = self._versioned(Ref(type(of), of.key)).version if of else 0
        cause = cause or self.cause
        kept = getattr(of, "traceparent", "") or cause.traceparent
        if kept != cause.traceparent:
            cause = Cause(cause.causationid, kept)
        self._pending.events.append((Emitted(event, version), cause))

    def alert(self, code: str, about: str | Key, message: str, severity: Severity = Severity.CRITICAL) -> None:
        """Tell somebody who can act; `message` says what happened to `about` and what to do, Chinese first."""
        named = about if isinstance(about, str) else "/".join(map(str, about))
        self.emit(AlertRaisedV1(code=code, about=named, severity=severity, message=message, raised_at=self.now))

    def call(self, kind: str, key: str, payload: Mapping[str, Any], *, supersede: bool = False) -> None:
        """Request a call to a system outside. `supersede` drops calls of the same key that wait unsent."""
        self._pending.calls.append((RequestedCall(kind, key, payload, supersede), self.cause))

    def append(self, record: Any) -> None:
        """Add a record that is never read back by handlers; the service's sink for its type stores them in bulk."""
        self._pending.records.append(record)

    def arrived(self, awaited: str) -> None:
        """Wake every key that is parked awaiting this."""
        self._pending.arrived.append(awaited)

    def _versioned(self, its: Ref) -> Versioned[Any]:
        found = self._overlay.get(its) or self._state.get(its)
        if found is None:
            raise NotLoaded(its)
        return found
