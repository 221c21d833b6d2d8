"""Which event goes to which handler, and which aggregates it needs."""

from typing import Any

from finance_svc import handlers
from finance_svc.domain import Receivable
from lemai_chassis.delivery.engine import On
from lemai_chassis.state.unit_of_work import ref
from lemai_contracts.order import OrderPlacedV1, OrderShippedV1, OrderStateChangedV1


def routes() -> list[On[Any]]:
    return [
        On(OrderPlacedV1, handlers.on_order_placed, lambda event: [ref(Receivable, event.owner_code, event.order_no)]),
        On(OrderShippedV1, handlers.on_order_shipped, handlers.shipment_refs),
        On(
            OrderStateChangedV1,
            handlers.on_order_state_changed,
            lambda event: [ref(Receivable, event.owner_code, event.order_no)],
        ),
    ]
