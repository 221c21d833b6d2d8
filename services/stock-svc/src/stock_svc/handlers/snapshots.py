"""What a counterpart counted corrects the books: compared as a whole, then booked difference by difference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Key, Park, Ref, UnitOfWork, ref
from lemai_contracts.stock import SnapshotReportedV1, SnapshotScope
from stock_svc.domain import SNAPSHOT, AppliedCount, Cause, CountedChunk, Difference, Snapshot, SnapshotState
from stock_svc.handlers.shelf import balance_of, keep, keep_moved


@dataclass(frozen=True)
class Compared:
    """How many differences a snapshot has from the books; None: something newer has been applied."""

    snapshot: Key
    differences: int | None


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
    if command.differences is None:
        uow.put(snapshot.outdate())
        return
    uow.put(snapshot.correct(0, command.differences, uow.now))
    if snapshot.full:
        uow.get(AppliedCount, snapshot.owner_code, snapshot.warehouse_code)
        uow.put(AppliedCount(snapshot.owner_code, snapshot.warehouse_code, snapshot.snapshot_id, snapshot.snapshot_at))


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
        chunks=event.chunks,
        received_at=uow.now,
    )
