"""Which event goes to which handler."""

from typing import Any

from lemai_chassis.delivery.engine import On
from lemai_contracts.order import OrderShippedV1
from lemai_contracts.stock import AvailabilityChangedV1
from marketplace_adapter import handlers

ROUTES: list[On[Any]] = [
    On(OrderShippedV1, handlers.on_order_shipped),
    On(AvailabilityChangedV1, handlers.on_availability_changed),
]
