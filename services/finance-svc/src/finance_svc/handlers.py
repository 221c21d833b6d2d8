"""What orders mean for the books."""

from collections.abc import Iterable

from finance_svc.domain import Entry, Receivable
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_contracts.order import OrderPlacedV1, OrderShippedV1, OrderState, OrderStateChangedV1
from lemai_contracts.values import OrderKind

BUYER_KINDS = frozenset({OrderKind.SALES, OrderKind.EXCHANGE, OrderKind.RESEND})
"""Kinds whose goods go to a buyer; the others are settled with suppliers or within."""


def on_order_placed(event: OrderPlacedV1, uow: UnitOfWork) -> None:
    """Know what was ordered, for comparison with what becomes due."""
    if event.kind in BUYER_KINDS:
        receivable = uow.get(Receivable, event.owner_code, event.order_no) or _opened(event, event.total.currency)
        uow.put(receivable.place(event.total.minor, event.total.currency))


def on_order_shipped(event: OrderShippedV1, uow: UnitOfWork) -> None:
    """Book a shipment, once for each actual."""
    known = uow.get(Receivable, event.owner_code, event.order_no)
    if event.kind not in BUYER_KINDS or uow.get(Entry, event.owner_code, event.order_no, event.actual_no):
        return
    entry = Entry(
        owner_code=event.owner_code,
        order_no=event.order_no,
        actual_no=event.actual_no,
        amount_minor=event.amount.minor,
        freight_minor=event.freight.minor,
        discount_minor=event.discount.minor,
        currency=event.amount.currency,
        shipped_at=event.shipped_at,
        waybill_nos=tuple(parcel.waybill_no for parcel in event.parcels),
        booked_at=uow.now,
    )
    receivable = (known or _opened(event, entry.currency)).book(entry)
    uow.put(entry)
    uow.put(receivable.complete() if event.complete else receivable)


def shipment_refs(event: OrderShippedV1) -> Iterable[Ref]:
    yield ref(Receivable, event.owner_code, event.order_no)
    yield ref(Entry, event.owner_code, event.order_no, event.actual_no)


def on_order_state_changed(event: OrderStateChangedV1, uow: UnitOfWork) -> None:
    """A cancelled order owes nothing more; a finished one may end with a report that ships nothing."""
    receivable = uow.get(Receivable, event.owner_code, event.order_no)
    if receivable is None:
        return
    if event.state is OrderState.CANCELLED:
        uow.put(receivable.cancel())
    elif event.state in {OrderState.SHIPPED, OrderState.SHORT_SHIPPED}:
        uow.put(receivable.complete())


def _opened(event: OrderPlacedV1 | OrderShippedV1, currency: str) -> Receivable:
    return Receivable(
        owner_code=event.owner_code,
        order_no=event.order_no,
        family=event.family,
        kind=event.kind,
        store_code=event.store_code,
        platform=event.platform,
        trade_no=event.trade_no,
        currency=currency,
    )
