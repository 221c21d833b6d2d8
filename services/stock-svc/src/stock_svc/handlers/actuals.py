"""What the counterparts report done moves stock at once, disputed or not."""

from collections import Counter
from collections.abc import Iterable

from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_contracts.fulfilment import ActualReportedV1
from lemai_contracts.values import Leg
from stock_svc.domain import (
    ACTUAL,
    GOOD,
    AppliedActual,
    AppliedCount,
    Balance,
    BalanceKey,
    Cause,
    Commitment,
    CommitmentState,
    is_counted,
)
from stock_svc.handlers.commitments import answer
from stock_svc.handlers.shelf import balance_of, keep_moved, release


def on_actual_reported(event: ActualReportedV1, uow: UnitOfWork) -> None:
    """Lower or raise the shelf and release what was promised of it, once for each actual.

    What an applied snapshot has counted already does not move the shelf again. A final report of what went out
    releases the rest of the promise.
    """
    applied = AppliedActual(event.owner_code, event.order_no, event.leg, event.actual_no, uow.now)
    if not _matters(event) or uow.get(AppliedActual, *applied.key):
        return
    uow.put(applied)
    pieces = _pieces(event)
    released = _take_from_promise(event, pieces, uow) if event.leg is Leg.OUT else Counter()
    count = uow.get(AppliedCount, event.owner_code, event.warehouse_code)
    cause = Cause(ACTUAL, event.actual_no, event.order_no, event.occurred_at)
    for key, quantity in pieces.items():
        balance = balance_of(uow, key)
        change = -quantity if event.leg is Leg.OUT else quantity
        if is_counted(event.occurred_at, balance, count):
            change = 0
        keep_moved(balance, balance.book(change).hold(-released.pop(key, 0)), cause, uow)
    release(released, uow)


def actual_refs(event: ActualReportedV1) -> Iterable[Ref]:
    if not _matters(event):
        return
    yield ref(AppliedActual, event.owner_code, event.order_no, event.leg, event.actual_no)
    yield ref(AppliedCount, event.owner_code, event.warehouse_code)
    for key in _pieces(event):
        yield ref(Balance, *key)
    if event.leg is Leg.OUT:
        yield ref(Commitment, event.owner_code, event.order_no)


def _matters(event: ActualReportedV1) -> bool:
    """Whether anything moved, or nothing more will: the rest are reports of progress."""
    return any(line.quantity for line in event.lines) or (event.leg is Leg.OUT and event.final)


def _pieces(event: ActualReportedV1) -> Counter[BalanceKey]:
    """Moved pieces by the key of their balance."""
    pieces: Counter[BalanceKey] = Counter()
    for line in event.lines:
        if line.quantity:
            pieces[event.owner_code, event.warehouse_code, line.item_code, line.grade] += line.quantity
    return pieces


def _take_from_promise(event: ActualReportedV1, pieces: Counter[BalanceKey], uow: UnitOfWork) -> Counter[BalanceKey]:
    """What left, and with a final report the rest, is promised no more: those pieces by the balance that held them."""
    before = uow.get(Commitment, event.owner_code, event.order_no)
    if before is None or before.state is CommitmentState.RELEASED:
        return Counter()
    shipped = before.ship({item: quantity for (_, _, item, grade), quantity in pieces.items() if grade == GOOD})
    after = shipped.release() if event.final else shipped
    uow.put(after)
    if after.state is not shipped.state:
        answer(after, uow)
    return Counter(before.holds) - Counter(after.holds)
