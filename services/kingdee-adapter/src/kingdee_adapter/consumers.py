"""Which event goes to which handler."""

from functools import partial
from typing import Any

from kingdee_adapter import handlers
from lemai_chassis.delivery.engine import On
from lemai_chassis.reference import Reference
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import OutboundInstructedV1


def routes(reference: Reference) -> list[On[Any]]:
    return [
        On(OutboundInstructedV1, partial(handlers.on_outbound_instructed, reference)),
        On(ItemChangedV1, partial(handlers.on_item_changed, reference)),
    ]
