"""What stock-svc, the counterparts and the platforms answer."""

from collections import Counter
from collections.abc import Iterable

from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentRejectedV1,
    DocumentSentV1,
    ReportedParcel,
)
from lemai_contracts.marketplace import PublicationState, ShipmentPublishedV1
from lemai_contracts.order import OrderShippedV1, ParcelContent, PlatformPieces, ShippedParcel
from lemai_contracts.stock import CommitmentAnsweredV1
from lemai_contracts.values import Leg, Money, OrderKind
from order_svc.domain import Commitment, HeldActual, NotOrdered, Order, OrderError, State
from order_svc.handlers.progress import advance, alert, step, step_ref

UNKNOWN_ORDER = "E_UNKNOWN_ORDER"


def on_commitment_answered(reference: Reference, event: CommitmentAnsweredV1, uow: UnitOfWork) -> None:
    """Committed orders go out when nothing else keeps them; short ones wait."""
    order = uow.get(Order, event.owner_code, event.order_no)
    if order is None:
        return
    advance(reference, order, order.answer_commitment(Commitment(event.state)), uow)
    step(order, "commitment", event.state, uow.now, uow, missing=[line.model_dump() for line in event.missing])


def commitment_refs(event: CommitmentAnsweredV1) -> Iterable[Ref]:
    yield ref(Order, event.owner_code, event.order_no)
    yield step_ref(event.owner_code, event.order_no, "commitment", event.state)
    yield step_ref(event.owner_code, event.order_no, "instructed", "1")


def on_actual_reported(reference: Reference, event: ActualReportedV1, uow: UnitOfWork) -> None:
    """Book what left; hold what contradicts the order. The goods have moved either way."""
    order = uow.get(Order, event.owner_code, event.order_no)
    if order is None:
        _hold(event, UNKNOWN_ORDER, "没有此订单 / no such order", uow)
        return
    if event.actual_no in order.actual_nos:
        return
    _report_step(order, event, uow)
    if event.leg is not Leg.OUT or not event.lines:
        return
    try:
        shipped = order.ship(event.actual_no, _pieces(order, event), final=event.final)
    except OrderError as error:
        _hold(event, error.code, str(error), uow)
        return
    advance(reference, order, shipped, uow, event.status)
    if shipped.pieces_shipped > order.pieces_shipped:
        uow.emit(_shipped(order, shipped, event), shipped)
    if shipped.state is State.SHORT_SHIPPED:
        about = f"{order.owner_code}/{order.order_no}"
        alert("short_shipped", about, f"仓库短发，请决定退款或补寄 / short: refund or resend: {event.remark}", uow)


def actual_refs(event: ActualReportedV1) -> Iterable[Ref]:
    yield ref(Order, event.owner_code, event.order_no)
    yield step_ref(event.owner_code, event.order_no, "actual", event.actual_no)


def on_document_sent(event: DocumentSentV1, uow: UnitOfWork) -> None:
    order = uow.get(Order, event.owner_code, event.reference)
    if order:
        place = event.document
        step(order, "document_sent", _document(event), event.sent_at, uow, file=place.file_name, line=place.line)


def on_document_acknowledged(event: DocumentAcknowledgedV1, uow: UnitOfWork) -> None:
    order = uow.get(Order, event.owner_code, event.reference)
    if order:
        step(order, "acknowledged", _document(event), event.acknowledged_at, uow, file=event.file_name)


def document_refs(event: DocumentSentV1 | DocumentAcknowledgedV1) -> Iterable[Ref]:
    kind = "document_sent" if isinstance(event, DocumentSentV1) else "acknowledged"
    yield ref(Order, event.owner_code, event.reference)
    yield step_ref(event.owner_code, event.reference, kind, _document(event))


def on_document_rejected(event: DocumentRejectedV1, uow: UnitOfWork) -> None:
    """A refused instruction must not wait unseen: it stands in the journey and somebody is told."""
    order = uow.get(Order, event.owner_code, event.reference)
    if order is None:
        return
    place = event.document
    step(
        order,
        "document_rejected",
        f"{place.file_name}:{place.line}",
        event.rejected_at,
        uow,
        code=event.code,
        field=event.field,
        message=event.message,
    )
    if event.direction is Direction.OUTGOING:
        about = f"{event.owner_code}/{event.reference}"
        alert("instruction_rejected", about, f"仓库拒收指示 / instruction refused: {event.code} {event.message}", uow)


def on_shipment_published(event: ShipmentPublishedV1, uow: UnitOfWork) -> None:
    order = uow.get(Order, event.owner_code, event.order_no)
    if order is None:
        return
    step(
        order,
        "published",
        event.actual_no,
        event.published_at,
        uow,
        state=event.state,
        waybills=list(event.waybills),
        code=event.code,
        message=event.message,
    )
    if event.state is PublicationState.REJECTED:
        about = f"{event.owner_code}/{event.order_no}"
        message = f"平台拒绝发货信息 / platform refused the shipment: {event.code} {event.message}"
        alert("shipment_refused", about, message, uow)


def publication_refs(event: ShipmentPublishedV1) -> Iterable[Ref]:
    yield ref(Order, event.owner_code, event.order_no)
    yield step_ref(event.owner_code, event.order_no, "published", event.actual_no)


def _document(event: DocumentSentV1 | DocumentAcknowledgedV1) -> str:
    return f"{event.interface}/{event.revision}"


def _report_step(order: Order, event: ActualReportedV1, uow: UnitOfWork) -> None:
    step(
        order,
        "actual",
        event.actual_no,
        event.occurred_at,
        uow,
        status=event.status,
        final=event.final,
        file=event.document.file_name,
        line=event.document.line,
        operator=event.operator,
        lines=[line.model_dump(mode="json") for line in event.lines],
        waybills=[parcel.waybill_no for parcel in event.parcels],
    )


def _pieces(order: Order, event: ActualReportedV1) -> Counter[int]:
    """Pieces by line; several lots of one line add up. Raises NotOrdered where line and item disagree."""
    items = {line.line_no: line.item_code for line in order.lines}
    pieces: Counter[int] = Counter()
    for line in event.lines:
        if items.get(line.line_no) != line.item_code:
            raise NotOrdered(f"{order.order_no} line {line.line_no} is not {line.item_code}")
        pieces[line.line_no] += line.quantity
    return pieces


def _hold(event: ActualReportedV1, code: str, reason: str, uow: UnitOfWork) -> None:
    key = (event.owner_code, event.order_no, event.leg.value, event.actual_no)
    if uow.get(HeldActual, *key) is None:
        uow.put(HeldActual(*key, code, reason, event.model_dump(mode="json"), uow.now))
        about = f"{event.owner_code}/{event.order_no}"
        alert("actual_held", about, f"实绩 {event.actual_no} 待处理 / actual held: {code} {reason}", uow)


def _shipped(before: Order, order: Order, event: ActualReportedV1) -> OrderShippedV1:
    parcels = _parcels(before, order, event)
    touched = {pieces.platform_line_no for parcel in parcels for pieces in parcel.platform_lines}
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
        parcels=parcels,
        unfinished_platform_lines=tuple(line for line in order.unfinished_platform_lines() if line in touched),
        amount=Money.of(order.shipment_amount(before), order.currency),
        complete=order.final,
    )


def _parcels(before: Order, order: Order, event: ActualReportedV1) -> tuple[ShippedParcel, ...]:
    """The actual's parcels. Pieces of a platform line go with the last parcel that holds something of it."""
    earlier = before.platform_shipped()
    to_tell = {number: now - earlier[number] for number, now in order.platform_shipped().items()}
    lines = {line.line_no: line for line in order.lines}
    parcels: list[ShippedParcel] = []
    for parcel in reversed(event.parcels):
        contents = _contents(parcel, event)
        told: dict[str, int] = {}
        for content in contents:
            line = lines[content.line_no]
            number = line.platform_line_no
            here = content.quantity if line.quantity == line.platform_quantity else to_tell.get(number, 0)
            told[number] = told.get(number, 0) + min(here, to_tell.get(number, 0))
            to_tell[number] = to_tell.get(number, 0) - min(here, to_tell.get(number, 0))
        platform_lines = (PlatformPieces(platform_line_no=n, quantity=q) for n, q in told.items() if n and q)
        parcels.append(
            ShippedParcel(
                carrier_code=parcel.carrier_code,
                waybill_no=parcel.waybill_no,
                contents=contents,
                platform_lines=tuple(platform_lines),
            )
        )
    return tuple(reversed(parcels))


def _contents(parcel: ReportedParcel, event: ActualReportedV1) -> tuple[ParcelContent, ...]:
    """What is in a parcel; one without contents of its own holds everything the actual reports."""
    return tuple(
        ParcelContent(line_no=part.line_no, item_code=part.item_code, quantity=part.quantity)
        for part in parcel.contents or event.lines
        if part.quantity > 0
    )
