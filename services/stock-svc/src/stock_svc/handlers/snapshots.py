"""What a counterpart counted corrects the books: compared as a whole, then booked difference by difference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Key, Park, Ref, UnitOfWork, ref
from lemai_contracts.stock import SnapshotReportedV1, SnapshotScope
from stock_svc.domain import (
    SNAPSHOT,
    AppliedCount,
    Cause,
    ChunksDropped,
    CountedChunk,
    Difference,
    Snapshot,
    SnapshotState,
)
from stock_svc.handlers.shelf import balance_of, keep, keep_moved


@dataclass(frozen=True)
class Comparison:
    """A snapshot against the books: how many differences, and how many of the sellable pieces it takes away."""

    differences: int
    sellable: int
    lost: int


@dataclass(frozen=True)
class Compared:
    """What came of it; None: something newer has been applied."""

    snapshot: Key
    comparison: Comparison | None


@dataclass(frozen=True)
class Decision:
    """A person believes a snapshot that waits, or does not."""

    snapshot: Key
    apply: bool
    by: str
    why: str


class SnapshotNotFound(Exception):
    """There is no such snapshot."""


@dataclass(frozen=True)
class Correction:
    """The next differences of a snapshot."""

    snapshot: Key
    differences: Sequence[Difference]


def on_snapshot_reported(reference: Reference, event: SnapshotReportedV1, uow: UnitOfWork) -> None:
    """Stage a chunk, once. Parks while the counterpart is not in the reference data."""
    known = uow.get(Snapshot, event.owner_code, event.warehouse_code, event.snapshot_id)
    snapshot = known or _begun(reference, event, uow)
    if snapshot.state is not SnapshotState.RECEIVING or event.chunk in snapshot.received:
        return
    uow.put(snapshot.receive(event.chunk, len(event.lines)))
    lines = tuple((line.item_code, str(line.grade), line.total, line.locked) for line in event.lines)
    uow.append(CountedChunk(*snapshot.key, lines))


def snapshot_refs(event: SnapshotReportedV1) -> Iterable[Ref]:
    yield ref(Snapshot, event.owner_code, event.warehouse_code, event.snapshot_id)


def compare(command: Compared, uow: UnitOfWork) -> None:
    """From here on, what occurred before a full snapshot is in the count."""
    snapshot = uow.get(Snapshot, *command.snapshot)
    assert snapshot is not None
    found = command.comparison
    if found is None:
        outdate(command.snapshot, uow)
        return
    snapshot = snapshot.weigh(found.sellable, found.lost)
    if snapshot.state is SnapshotState.WAITING:
        uow.put(snapshot)
        message = (
            f"库存快照 {snapshot.lines} 行，将使 {found.sellable} 件可售减少 {found.lost} 件，待人决定："
            f"lemai stock snapshots / a snapshot of {snapshot.lines} lines would take {found.lost} of {found.sellable} "
            "sellable pieces from the stores, decide"
        )
        uow.alert("snapshot_waits", snapshot.key, message)
        return
    uow.put(snapshot.correct(0, found.differences, uow.now))
    uow.append(ChunksDropped(*snapshot.key))
    if snapshot.full:
        uow.get(AppliedCount, snapshot.owner_code, snapshot.warehouse_code)
        uow.put(AppliedCount(snapshot.owner_code, snapshot.warehouse_code, snapshot.snapshot_id, snapshot.snapshot_at))


def outdate(key: Key, uow: UnitOfWork) -> None:
    """A newer one has been applied: nobody has to compare it, or decide about it, any more."""
    snapshot = uow.get(Snapshot, *key)
    assert snapshot is not None
    uow.put(snapshot.outdate())
    uow.append(ChunksDropped(*snapshot.key))


def decide(command: Decision, uow: UnitOfWork) -> Snapshot:
    """Raises SnapshotNotFound, or NotWaiting."""
    snapshot = uow.get(Snapshot, *command.snapshot)
    if snapshot is None:
        raise SnapshotNotFound(command.snapshot)
    decided = snapshot.decide(apply=command.apply, by=command.by, why=command.why)
    uow.put(decided)
    if not command.apply:
        uow.append(ChunksDropped(*decided.key))
    return decided


def correct(command: Correction, uow: UnitOfWork) -> None:
    """Book differences. They are relative, so it does not matter what moved since they were found."""
    snapshot = uow.get(Snapshot, *command.snapshot)
    assert snapshot is not None
    cause = Cause(SNAPSHOT, snapshot.snapshot_id, "", snapshot.snapshot_at)
    for difference in command.differences:
        before = balance_of(uow, (snapshot.owner_code, snapshot.warehouse_code, difference.item_code, difference.grade))
        after = before.freeze(difference.frozen)
        if difference.counted == difference.expected:
            keep(before, after, uow)
        else:
            keep_moved(before, after.book(difference.counted - difference.expected), cause, uow)
    booked = snapshot.corrected + len(command.differences)
    uow.put(snapshot.correct(booked, snapshot.differences, uow.now))


def _begun(reference: Reference, event: SnapshotReportedV1, uow: UnitOfWork) -> Snapshot:
    try:
        counterpart = reference.counterpart(event.counterpart_code)
    except KeyError:
        raise Park(f"对接方不在配置中 / counterpart not in the reference data: {event.counterpart_code}") from None
    return Snapshot(
        owner_code=event.owner_code,
        warehouse_code=event.warehouse_code,
        snapshot_id=event.snapshot_id,
        counterpart_code=event.counterpart_code,
        snapshot_at=event.snapshot_at,
        full=event.scope is SnapshotScope.FULL,
        locked_is_frozen=counterpart.locked_stock == "others",
        loss_max_percent=counterpart.snapshot_loss_max_percent,
        chunks=event.chunks,
        received_at=uow.now,
    )
