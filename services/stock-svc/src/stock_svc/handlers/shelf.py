"""Balances as every handler reads and keeps them: marked when free pieces change, each move in the ledger."""

from collections.abc import Mapping, Sequence

from lemai_chassis.state.unit_of_work import Key, UnitOfWork
from lemai_contracts.ops import Severity
from lemai_contracts.stock import StockMovedV1
from lemai_contracts.values import Grade
from stock_svc.domain import Balance, BalanceKey, Cause

FAULTS_NAMED = 10


def balance_of(uow: UnitOfWork, key: BalanceKey) -> Balance:
    return uow.get(Balance, *key) or Balance(*key)


def keep(before: Balance, after: Balance, uow: UnitOfWork) -> None:
    uow.put(after.mark(before, uow.now))


def release(pieces: Mapping[BalanceKey, int], uow: UnitOfWork) -> None:
    """Hold fewer pieces, by the key of the balance that held them."""
    for key, quantity in pieces.items():
        balance = balance_of(uow, key)
        keep(balance, balance.hold(-quantity), uow)


def keep_moved(before: Balance, after: Balance, cause: Cause, uow: UnitOfWork) -> None:
    """Keep a balance that was booked: its line in the ledger, the fact, an alert where it fell below zero."""
    keep(before, after, uow)
    movement = after.movement(before, cause, uow.now)
    uow.append(movement)
    if movement.change:
        uow.emit(
            StockMovedV1(
                owner_code=after.owner_code,
                warehouse_code=after.warehouse_code,
                item_code=after.item_code,
                grade=Grade(after.grade),
                change=movement.change,
                on_hand=movement.on_hand,
                cause=cause.cause,
                reference=cause.reference,
                moved_at=cause.occurred_at,
            ),
            after,
        )
    if after.on_hand < 0 <= before.on_hand:
        message = (
            f"库存为负，请核对仓库：账面 {after.on_hand}，因 {cause.cause} {cause.reference} / "
            f"stock is below zero, check the warehouse: {after.on_hand} after {cause.cause} {cause.reference}"
        )
        uow.alert("stock_below_zero", after.key, message, Severity.WARNING)


def report_faults(faults: Sequence[Key], uow: UnitOfWork) -> None:
    """Somebody has to find out why these balances are not what their ledger adds up to."""
    named = ", ".join("/".join(map(str, key)) for key in faults[:FAULTS_NAMED])
    message = (
        f"{len(faults)} 个库存余额与台账不符，请报告开发：{named} / "
        f"{len(faults)} balances are not what their ledger adds up to: {named}"
    )
    uow.alert("ledger_fault", "stock-svc", message)
