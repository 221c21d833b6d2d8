"""Pieces promised to orders: asked for, answered at once, filled later where they were short, given back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_contracts.order import CommitmentLine as Pieces
from lemai_contracts.order import CommitmentRequestedV1, OrderState, OrderStateChangedV1
from lemai_contracts.stock import CommitmentAnsweredV1
from lemai_contracts.stock import CommitmentState as Answer
from stock_svc.domain import GOOD, Balance, Commitment, CommitmentLine, CommitmentState, too_few
from stock_svc.handlers.shelf import balance_of, keep, release


def on_commitment_requested(event: CommitmentRequestedV1, uow: UnitOfWork) -> None:
    """Promise every piece or none; the same ask gets the same answer.

    A newer ask replaces the promise: what it holds already stays held unless something else is missing, and what has
    left is not promised again.
    """
    known = uow.get(Commitment, event.owner_code, event.order_no)
    if known and event.ask_no <= known.ask_no:
        answer(known, uow)
        return
    wanted: Counter[str] = Counter()
    for line in event.lines:
        wanted[line.item_code] += line.quantity
    commitment = Commitment(
        owner_code=event.owner_code,
        order_no=event.order_no,
        family=event.family,
        store_code=event.store_code,
        warehouse_code=event.warehouse_code,
        state=CommitmentState.COMMITTED,
        lines=tuple(CommitmentLine(item, pieces, pieces) for item, pieces in wanted.items()),
        missing={},
        asked_at=known.asked_at if known else uow.now,
        ask_no=event.ask_no,
        traceparent=uow.cause.traceparent,
    )
    if known:
        commitment = commitment.ship({line.item_code: line.quantity - line.open for line in known.lines})
    held = known.holds if known else {}
    more = Counter(commitment.holds)
    more.subtract(held)
    balances = {key: balance_of(uow, key) for key in more}
    free = {balance.item_code: balance.free for balance in balances.values()}
    missing = too_few({balances[key].item_code: pieces for key, pieces in more.items()}, free)
    if missing:
        commitment = replace(commitment, state=CommitmentState.SHORT, missing=missing)
    for key, balance in balances.items():
        asked = balance if known else balance.ask(event.store_code, uow.now)
        keep(balance, asked.hold(commitment.holds.get(key, 0) - held.get(key, 0)), uow)
    uow.put(commitment)
    answer(commitment, uow)


def request_refs(event: CommitmentRequestedV1) -> Iterable[Ref]:
    yield ref(Commitment, event.owner_code, event.order_no)
    for line in event.lines:
        yield ref(Balance, event.owner_code, event.warehouse_code, line.item_code, GOOD)


def on_order_state_changed(event: OrderStateChangedV1, uow: UnitOfWork) -> None:
    """A cancelled order gives back what was promised to it, or stops waiting."""
    if event.state is not OrderState.CANCELLED:
        return
    before = uow.get(Commitment, event.owner_code, event.order_no)
    if before is None or before.state is CommitmentState.RELEASED:
        return
    after = before.release()
    release(before.holds, uow)
    uow.put(after)
    answer(after, uow)


def state_refs(event: OrderStateChangedV1) -> Iterable[Ref]:
    if event.state is OrderState.CANCELLED:
        yield ref(Commitment, event.owner_code, event.order_no)


def fill(waiting: tuple[str, str], uow: UnitOfWork) -> None:
    """Promise a waiting order (owner_code, order_no) its pieces if there are enough of each now."""
    before = uow.get(Commitment, *waiting)
    if before is None or before.state is not CommitmentState.SHORT:
        return
    after = before.fill()
    balances = [(balance_of(uow, key), pieces) for key, pieces in after.holds.items()]
    if any(balance.free < pieces for balance, pieces in balances):
        return
    for balance, pieces in balances:
        keep(balance, balance.hold(pieces), uow)
    uow.put(after)
    answer(after, uow)


def answer(commitment: Commitment, uow: UnitOfWork) -> None:
    missing = tuple(Pieces(item_code=item, quantity=pieces) for item, pieces in commitment.missing.items())
    uow.emit(
        CommitmentAnsweredV1(
            family=commitment.family,
            owner_code=commitment.owner_code,
            order_no=commitment.order_no,
            warehouse_code=commitment.warehouse_code,
            ask_no=commitment.ask_no,
            state=Answer(commitment.state),
            missing=missing,
        ),
        commitment,
    )
