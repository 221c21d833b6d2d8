"""Which event goes to which handler."""

from functools import partial
from typing import Any

from kingdee_adapter import handlers
from lemai_chassis.delivery.engine import On
from lemai_chassis.reference import Reference
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import (
    AdjustmentInstructedV1,
    CustomerReturnInstructedV1,
    InboundInstructedV1,
    OutboundInstructedV1,
    SupplierReturnInstructedV1,
)

INSTRUCTIONS = (
    OutboundInstructedV1,
    SupplierReturnInstructedV1,
    InboundInstructedV1,
    CustomerReturnInstructedV1,
    AdjustmentInstructedV1,
)


def routes(reference: Reference) -> list[On[Any]]:
    return [
        *(On(event, partial(handlers.on_instructed, reference)) for event in INSTRUCTIONS),
        On(ItemChangedV1, partial(handlers.on_item_changed, reference)),
    ]
