"""What customer service does with orders by hand."""

from dataclasses import dataclass, replace

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from order_svc.domain import HeldActual, Order
from order_svc.handlers.progress import advance


class OrderNotFound(Exception):
    """There is no such order."""


class HeldActualNotFound(Exception):
    """There is no such held actual."""


@dataclass(frozen=True)
class OrderCommand:
    """Somebody wants something done with an order, and says why."""

    owner_code: str
    order_no: str
    actor: str
    reason: str = ""


def approve(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    order = _order(command, uow)
    return _advanced(reference, order, order.approve(command.actor, uow.now), command, uow)


def hold(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    order = _order(command, uow)
    return _advanced(reference, order, order.hold(command.reason), command, uow)


def release(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    order = _order(command, uow)
    return _advanced(reference, order, order.release(), command, uow)


def cancel(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    """Raises CannotCancel when the warehouse has been told."""
    order = _order(command, uow)
    return _advanced(reference, order, order.cancel(), command, uow)


@dataclass(frozen=True)
class Resolution:
    """What a person decided on a held actual."""

    owner_code: str
    order_no: str
    leg: str
    actual_no: str
    actor: str
    resolution: str


def resolve_held_actual(command: Resolution, uow: UnitOfWork) -> HeldActual:
    held = uow.get(HeldActual, command.owner_code, command.order_no, command.leg, command.actual_no)
    if held is None:
        raise HeldActualNotFound(command.actual_no)
    resolved = replace(held, resolved_at=uow.now, resolution=f"{command.actor}: {command.resolution}")
    uow.put(resolved)
    return resolved


def _order(command: OrderCommand, uow: UnitOfWork) -> Order:
    order = uow.get(Order, command.owner_code, command.order_no)
    if order is None:
        raise OrderNotFound(command.order_no)
    return order


def _advanced(reference: Reference, before: Order, order: Order, command: OrderCommand, uow: UnitOfWork) -> Order:
    reason = f"{command.actor}: {command.reason}" if command.reason else command.actor
    advance(reference, before, order, uow, reason)
    after = uow.get(Order, order.owner_code, order.order_no)
    assert after is not None
    return after
