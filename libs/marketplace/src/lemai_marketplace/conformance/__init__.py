"""What every plugin must prove against a simulator of its platform.

A plugin's tests subclass the classes of the protocols it implements and give a fixture `stage`.
"""

from lemai_marketplace.conformance.pulling import PullConformance
from lemai_marketplace.conformance.selling import CheckConformance, SkuConformance, StockConformance
from lemai_marketplace.conformance.shipping import ShipmentConformance
from lemai_marketplace.conformance.stage import Stage, Store

__all__ = [
    "CheckConformance",
    "PullConformance",
    "ShipmentConformance",
    "SkuConformance",
    "Stage",
    "StockConformance",
    "Store",
]
