"""What crosses a service boundary, and nothing else."""

from lemai_contracts import catalog, fulfilment, marketplace, ops, order, stock
from lemai_contracts.cloudevents import Attributes, MalformedEnvelope, from_headers, to_headers
from lemai_contracts.event import Event, event_types

__all__ = [
    "Attributes",
    "Event",
    "MalformedEnvelope",
    "catalog",
    "event_types",
    "from_headers",
    "fulfilment",
    "marketplace",
    "ops",
    "order",
    "stock",
    "to_headers",
]
