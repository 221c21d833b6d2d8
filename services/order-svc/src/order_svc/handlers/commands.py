"""What people do by hand: with orders, and with actuals that contradict them."""

from dataclasses import dataclass

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from order_svc.domain.actuals import HeldActual
from order_svc.domain.orders import NOTHING, Corrections, Order, Step, StepKind
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
    corrections: Corrections = NOTHING


@dataclass(frozen=True)
class Resolution:
    """What a person decided on a held actual."""

    owner_code: str
    order_no: str
    leg: str
    actual_no: str
    actor: str
    resolution: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.owner_code, self.order_no, self.leg, self.actual_no


def approve(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    """Raises OrderNotFound, or NotOpen; so do hold, release and cancel."""
    order = _order(command, uow)
    return _done(reference, StepKind.APPROVED, order, order.approve(command.actor, uow.now), command, uow)


def hold(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    order = _order(command, uow)
    return _done(reference, StepKind.HELD, order, order.hold(command.reason), command, uow)


def release(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    order = _order(command, uow)
    return _done(reference, StepKind.RELEASED, order, order.release(), command, uow)


def correct(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    """Change what the warehouse is told next; what was refused waits until it is sent again."""
    order = _order(command, uow)
    return _done(reference, StepKind.CORRECTED, order, order.correct(command.corrections), command, uow)


def resend(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    """Raises OrderNotFound, NotOpen or NotRefused."""
    order = _order(command, uow)
    return _done(reference, StepKind.RESENT, order, order.resend(), command, uow)


def cancel(reference: Reference, command: OrderCommand, uow: UnitOfWork) -> Order:
    order = _order(command, uow)
    return _done(reference, StepKind.CANCELLED, order, order.cancel(), command, uow)


def resolve_held_actual(command: Resolution, uow: UnitOfWork) -> HeldActual:
    """Raises HeldActualNotFound or AlreadyResolved."""
    held = uow.get(HeldActual, *command.key)
    if held is None:
        raise HeldActualNotFound(command.actual_no)
    resolved = held.resolve(f"{command.actor}: {command.resolution}", uow.now)
    uow.put(resolved)
    return resolved


def _order(command: OrderCommand, uow: UnitOfWork) -> Order:
    order = uow.get(Order, command.owner_code, command.order_no)
    if order is None:
        raise OrderNotFound(command.order_no)
    return order


def _done(
    reference: Reference, kind: StepKind, before: Order, order: Order, command: OrderCommand, uow: UnitOfWork
) -> Order:
    if order == before:
        return before
    detail = {"actor": command.actor, "reason": command.reason, **command.corrections.made}
    uow.append(Step(*order.key, kind, uow.now.isoformat(), uow.now, detail))
    said = f"{command.actor}: {command.reason}" if command.reason else command.actor
    return advance(reference, before, order, uow, said)
