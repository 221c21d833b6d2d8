"""How an order goes on: placed, advanced as soon as it waits for nothing, told to the world."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_contracts.fulfilment import InstructedLine, OutboundInstructedV1
from lemai_contracts.order import (
    CommitmentLine,
    CommitmentRequestedV1,
    OrderLine,
    OrderPlacedV1,
    OrderState,
    OrderStateChangedV1,
)
from lemai_contracts.values import Consignee, Money, OrderKind
from order_svc.domain.orders import Line, Order, State, Step, StepKind, approves_by_rule

RULE = "rule"
PRICE_PLACES = Decimal("0.000001")


def place(reference: Reference, order: Order, uow: UnitOfWork, cleaned: Sequence[str] = ()) -> None:
    """Keep a new order, approve it if a rule does, and ask for its stock. `cleaned`: what was done to its texts."""
    order = replace(order, traceparent=uow.cause.traceparent)
    rule = reference.store(order.store_code).approval
    total_max = Money(amount=rule.total_max, currency=order.currency).minor
    seen = {"platform": order.platform, "store_code": order.store_code, **({"cleaned": cleaned} if cleaned else {})}
    steps = [Step(*order.key, StepKind.PLACED, order.trade_no, order.placed_at, seen)]
    if order.paid_at:
        paid = Money.of(order.total_minor, order.currency).model_dump(mode="json")
        steps.append(Step(*order.key, StepKind.PAID, order.pay_no, order.paid_at, {"paid": paid}))
    if approves_by_rule(order, total_max, with_seller_message=rule.with_seller_message):
        order = order.approve(RULE, uow.now)
        steps.append(Step(*order.key, StepKind.APPROVED, RULE, uow.now, {"actor": RULE}))
    uow.put(order)
    uow.emit(_placed(order), order)
    uow.emit(_commitment_requested(order), order)
    uow.emit(_state_changed(order, ""), order)
    for step in steps:
        uow.append(step)


def advance(reference: Reference, before: Order, order: Order, uow: UnitOfWork, reason: str = "") -> Order:
    """Keep a changed order, instructed as soon as it waits for nothing; a reduced one is told, and asks, anew."""
    if order.state is State.OPEN and not order.waiting_for:
        order = order.instruct()
    uow.put(order)
    if order.ask_no > before.ask_no:
        uow.emit(_placed(order), order)
        uow.emit(_commitment_requested(order), order)
    if (order.state, order.waiting_for) != (before.state, before.waiting_for):
        uow.emit(_state_changed(order, reason), order)
    if order.revision > before.revision:
        uow.emit(_instruction(reference, order), order)
        detail = {"warehouse_code": order.warehouse_code}
        uow.append(Step(*order.key, StepKind.INSTRUCTED, str(order.revision), uow.now, detail))
    return order


def _placed(order: Order) -> OrderPlacedV1:
    return OrderPlacedV1(
        family=order.family,
        owner_code=order.owner_code,
        order_no=order.order_no,
        kind=OrderKind(order.kind),
        store_code=order.store_code,
        platform=order.platform,
        trade_no=order.trade_no,
        warehouse_code=order.warehouse_code,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        lines=tuple(
            OrderLine(
                line_no=line.line_no,
                item_code=line.item_code,
                item_name=line.item_name,
                quantity=line.quantity,
                amount=Money.of(line.amount_minor, order.currency),
                platform_line_no=line.platform_line_no,
                gift=line.gift,
            )
            for line in order.lines
        ),
        freight=Money.of(order.freight_minor, order.currency),
        discount=Money.of(order.discount_minor, order.currency),
        total=Money.of(order.total_minor, order.currency),
    )


def _commitment_requested(order: Order) -> CommitmentRequestedV1:
    return CommitmentRequestedV1(
        family=order.family,
        owner_code=order.owner_code,
        order_no=order.order_no,
        store_code=order.store_code,
        warehouse_code=order.warehouse_code,
        ask_no=order.ask_no,
        lines=tuple(CommitmentLine(item_code=line.item_code, quantity=line.quantity) for line in order.lines),
    )


def _state_changed(order: Order, reason: str) -> OrderStateChangedV1:
    return OrderStateChangedV1(
        family=order.family,
        owner_code=order.owner_code,
        order_no=order.order_no,
        state=OrderState(order.state),
        waiting_for=order.waiting_for,
        reason=reason,
    )


def _instruction(reference: Reference, order: Order) -> OutboundInstructedV1:
    assert order.approved_at is not None
    told = {
        "buyer_nick": order.buyer_nick,
        "buyer_message": order.buyer_message,
        "seller_message": order.seller_message,
        "ship_by": order.ship_by,
        "carrier_code": reference.store(order.store_code).carrier,
        **order.corrections.made,
    }
    return OutboundInstructedV1(
        family=order.family,
        owner_code=order.owner_code,
        order_no=order.order_no,
        revision=order.revision,
        kind=OrderKind(order.kind),
        counterpart_code=reference.counterpart_of(order.warehouse_code).code,
        warehouse_code=order.warehouse_code,
        store_code=order.store_code,
        platform=order.platform,
        trade_no=order.trade_no,
        created_at=order.created_at,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        pay_no=order.pay_no,
        approved_at=order.approved_at,
        approved_by=order.approved_by,
        lines=tuple(_instructed_line(line, order.currency) for line in order.lines),
        consignee=Consignee.model_validate(order.consignee),
        goods=Money.of(order.goods_minor, order.currency),
        discount=Money.of(order.discount_minor, order.currency),
        freight=Money.of(order.freight_minor, order.currency),
        total=Money.of(order.total_minor, order.currency),
        received=Money.of(order.total_minor if order.paid_at else 0, order.currency),
        **told,
    )


def _instructed_line(line: Line, currency: str) -> InstructedLine:
    amount = Money.of(line.amount_minor, currency)
    return InstructedLine(
        line_no=line.line_no,
        item_code=line.item_code,
        item_name=line.item_name,
        quantity=line.quantity,
        unit_price=(amount.amount / line.quantity).quantize(PRICE_PLACES),
        amount=amount,
        gift=line.gift,
        platform_line_no=line.platform_line_no,
    )
