"""What stock-svc, the counterparts and the platforms answer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Park, Ref, UnitOfWork, ref
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentRejectedV1,
    DocumentSentV1,
    ReportedContent,
    ReportedLine,
    ReportedParcel,
)
from lemai_contracts.marketplace import PublicationState, ShipmentPublishedV1
from lemai_contracts.order import OrderShippedV1, ParcelContent, PlatformPieces, ShippedLine, ShippedParcel
from lemai_contracts.stock import CommitmentAnsweredV1
from lemai_contracts.values import Leg, Money, OrderKind
from order_svc.domain.actuals import HeldActual, contents_of_parcels, platform_pieces
from order_svc.domain.orders import (
    COMPLETE,
    Alarm,
    Commitment,
    Contradiction,
    Order,
    Pieces,
    Refusal,
    State,
    Step,
    StepKind,
)
from order_svc.handlers.progress import advance

UNKNOWN_ORDER = "E_UNKNOWN_ORDER"
UNKNOWN_LEG = "E_LEG"


def on_commitment_answered(reference: Reference, event: CommitmentAnsweredV1, uow: UnitOfWork) -> None:
    """Committed orders go out when nothing else keeps them; short ones wait. Answers to an earlier ask are outdated."""
    order = uow.get(Order, event.owner_code, event.order_no)
    if order is None:
        raise Park(f"没有此订单 / no such order: {event.owner_code}/{event.order_no}")
    if event.ask_no < order.ask_no:
        return
    detail = {"missing": [line.model_dump() for line in event.missing]}
    uow.append(Step(*order.key, StepKind.COMMITMENT, f"{event.state}/{event.ask_no}", uow.now, detail))
    advance(reference, order, order.answer_commitment(Commitment(event.state)), uow)


def commitment_refs(event: CommitmentAnsweredV1) -> Iterable[Ref]:
    yield ref(Order, event.owner_code, event.order_no)


def on_actual_reported(reference: Reference, event: ActualReportedV1, uow: UnitOfWork) -> None:
    """Book what left; hold what contradicts the order. The goods have moved either way."""
    order = uow.get(Order, event.owner_code, event.order_no)
    if uow.get(HeldActual, *_held_key(event)) or (order and event.actual_no in order.actual_nos):
        return
    uow.append(_report(event))
    if not (event.lines or event.final):
        return
    if order is None:
        _hold(event, UNKNOWN_ORDER, "没有此订单 / no such order", uow)
    elif event.leg is not Leg.OUT:
        _hold(event, UNKNOWN_LEG, "此订单没有入库方向 / nothing is to come in with this order", uow)
    else:
        _ship(reference, order, event, uow)


def actual_refs(event: ActualReportedV1) -> Iterable[Ref]:
    yield ref(Order, event.owner_code, event.order_no)
    yield ref(HeldActual, *_held_key(event))


def on_document_sent(event: DocumentSentV1, uow: UnitOfWork) -> None:
    """An item master has no leg, and no order."""
    if event.leg:
        detail = {"file": event.document.file_name, "line": event.document.line}
        detail |= {"notes": list(event.notes)} if event.notes else {}
        reference = f"{event.interface}/{event.revision}"
        uow.append(Step(event.owner_code, event.reference, StepKind.DOCUMENT_SENT, reference, event.sent_at, detail))


def on_document_acknowledged(reference: Reference, event: DocumentAcknowledgedV1, uow: UnitOfWork) -> None:
    """An instruction that was refused before is with the warehouse now: somebody there saw to it."""
    if not event.leg:
        return
    place = f"{event.interface}/{event.revision}"
    detail = {"file": event.file_name}
    uow.append(Step(event.owner_code, event.reference, StepKind.ACKNOWLEDGED, place, event.acknowledged_at, detail))
    order = uow.get(Order, event.owner_code, event.reference)
    if order and order.state is State.CANCELLED and order.refusal and order.revision == event.revision:
        message = (
            "已取消的订单又被仓库接受，请拦截 / the warehouse took a cancelled order after all, intercept the parcel"
        )
        uow.alert(Alarm.ACCEPTED_AFTER_CANCEL, order.key, message)
    elif order:
        advance(reference, order, order.accepted(event.revision), uow, f"{event.file_name} 已接受 / accepted")


def acknowledgement_refs(event: DocumentAcknowledgedV1) -> Iterable[Ref]:
    if event.leg:
        yield ref(Order, event.owner_code, event.reference)


def on_document_rejected(reference: Reference, event: DocumentRejectedV1, uow: UnitOfWork) -> None:
    """A refused instruction must not wait unseen: the order waits for a person, who is told."""
    order = uow.get(Order, event.owner_code, event.reference)
    if order is None:
        return
    place = f"{event.document.file_name}:{event.document.line}"
    detail = {"direction": event.direction, "code": event.code, "field": event.field, "message": event.message}
    uow.append(Step(*order.key, StepKind.DOCUMENT_REJECTED, place, event.rejected_at, detail))
    if event.direction is Direction.OUTGOING:
        refusal = Refusal(event.code, event.field, event.message, event.rejected_at)
        advance(reference, order, order.refused(event.revision, refusal), uow, f"{event.code} {event.message}")
        message = "指示被拒，请更正后重发或取消 / instruction refused, correct and send it again, or cancel the order"
        uow.alert(Alarm.INSTRUCTION_REJECTED, order.key, f"{message}: {event.code} {event.message}")


def rejection_refs(event: DocumentRejectedV1) -> Iterable[Ref]:
    yield ref(Order, event.owner_code, event.reference)


def on_shipment_published(event: ShipmentPublishedV1, uow: UnitOfWork) -> None:
    """Once for each actual: published, or refused and told to somebody."""
    key = event.owner_code, event.order_no
    detail = {"state": event.state, "waybills": event.waybills, "code": event.code, "message": event.message}
    if event.corrected_by:
        detail |= {"corrected_by": event.corrected_by, "reason": event.reason}
    uow.append(Step(*key, StepKind.PUBLISHED, event.actual_no, event.published_at, detail))
    if event.state is PublicationState.REJECTED:
        message = f"平台拒绝发货信息，请处理 / platform refused the shipment: {event.code} {event.message}"
        uow.alert(Alarm.SHIPMENT_REFUSED, key, message)


def _report(event: ActualReportedV1) -> Step:
    detail = {
        "leg": event.leg,
        "status": event.status,
        "final": event.final,
        "file": event.document.file_name,
        "line": event.document.line,
        "operator": event.operator,
        "remark": event.remark,
        "lines": [line.model_dump(mode="json") for line in event.lines],
        "waybills": [parcel.waybill_no for parcel in event.parcels],
    }
    return Step(event.owner_code, event.order_no, StepKind.ACTUAL, event.actual_no, event.occurred_at, detail)


def _ship(reference: Reference, order: Order, event: ActualReportedV1, uow: UnitOfWork) -> None:
    try:
        shipped = order.ship(event.actual_no, _pieces(event.lines), final=event.final)
    except Contradiction as contradiction:
        _hold(event, contradiction.code, str(contradiction), uow)
        return
    advance(reference, order, shipped, uow, event.status)
    if shipped.pieces_shipped > order.pieces_shipped:
        told = _shipped(order, shipped, event)
        uow.emit(told, shipped)
        detail = {"receivable": told.amount.model_dump(mode="json"), "complete": told.complete}
        uow.append(Step(*order.key, StepKind.RECEIVABLE, event.actual_no, event.occurred_at, detail))
    if shipped.state is State.SHORT_SHIPPED:
        message = f"仓库短发，请决定退款或补寄 / shipped short, refund or send again: {event.remark}"
        uow.alert(Alarm.SHORT_SHIPPED, order.key, message)


def _hold(event: ActualReportedV1, code: str, reason: str, uow: UnitOfWork) -> None:
    key = _held_key(event)
    uow.put(HeldActual(*key, code, reason, event.model_dump(mode="json"), uow.now))
    message = f"实绩 {event.actual_no} 与订单不符，请决定 / contradicts its order, decide: {code} {reason}"
    uow.alert(Alarm.ACTUAL_HELD, key[:2], message)


def _held_key(event: ActualReportedV1) -> tuple[str, str, str, str]:
    return event.owner_code, event.order_no, event.leg.value, event.actual_no


def _pieces(lines: Iterable[ReportedLine | ReportedContent]) -> Counter[tuple[int, str]]:
    """Several lots of one line add up."""
    pieces: Counter[tuple[int, str]] = Counter()
    for line in lines:
        pieces[line.line_no, line.item_code] += line.quantity
    return +pieces


def _shipped(before: Order, order: Order, event: ActualReportedV1) -> OrderShippedV1:
    contents = contents_of_parcels(_pieces(event.lines), [_pieces(parcel.contents) for parcel in event.parcels])
    told = platform_pieces(before, contents)
    left, money = order.left_since(before), partial(Money.of, currency=order.currency)
    unfinished = order.unfinished_platform_lines() & {number for parcel in told for number in parcel}
    return OrderShippedV1(
        family=order.family,
        owner_code=order.owner_code,
        order_no=order.order_no,
        kind=OrderKind(order.kind),
        store_code=order.store_code,
        platform=order.platform,
        trade_no=order.trade_no,
        actual_no=event.actual_no,
        shipped_at=event.occurred_at,
        parcels=tuple(map(_parcel, event.parcels, contents, told)),
        unfinished_platform_lines=tuple(sorted(unfinished)),
        lines=tuple(
            ShippedLine.model_validate(vars(line) | {"amount": money(line.amount_minor)}) for line in left.lines
        ),
        freight=money(left.freight_minor),
        discount=money(left.discount_minor),
        amount=money(left.total_minor),
        complete=order.state in COMPLETE,
    )


def _parcel(parcel: ReportedParcel, contents: Pieces, platform_lines: Mapping[str, int]) -> ShippedParcel:
    return ShippedParcel(
        carrier_code=parcel.carrier_code,
        waybill_no=parcel.waybill_no,
        contents=tuple(
            ParcelContent(line_no=line_no, item_code=item_code, quantity=quantity)
            for (line_no, item_code), quantity in contents.items()
        ),
        platform_lines=tuple(
            PlatformPieces(platform_line_no=number, quantity=quantity) for number, quantity in platform_lines.items()
        ),
    )
