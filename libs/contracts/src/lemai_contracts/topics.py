"""Every Kafka topic of Lemai Dock.

Topics about orders are keyed by family and share one partition count, so that a consumer of several of them
gets one family on one partition number. The count is fixed for good: changing it would reorder families.
Compacted topics carry the full state of one identity; the identity is the key and no body is a tombstone.
"""

from dataclasses import dataclass

ORDER_PARTITIONS = 12
DAY_HOURS = 24


@dataclass(frozen=True)
class Topic:
    """One topic: its full name, how it is partitioned, and how long it keeps what was written."""

    name: str
    description: str
    partitions: int = ORDER_PARTITIONS
    compacted: bool = False
    retention_hours: int = 14 * DAY_HOURS
    consignee_data: bool = False
    """True where consignees travel (as ciphertext): BI gets no read right on such a topic."""


MARKETPLACE_TRADE = Topic("lemai.marketplace.trade", "Trades as the platforms report them", consignee_data=True)
MARKETPLACE_REFUND = Topic("lemai.marketplace.refund", "Refunds as the platforms report them")
MARKETPLACE_PUBLICATION = Topic("lemai.marketplace.publication", "What was told to the platforms, and their answer")
ORDER = Topic("lemai.order.order", "Orders of all seven kinds: what was decided and what became of them")
STOCK_COMMITMENT = Topic("lemai.stock.commitment", "Answers to requests to commit stock to an order")
FULFILMENT_INSTRUCTION = Topic(
    "lemai.fulfilment.instruction", "What the counterparts are asked to do", consignee_data=True
)
FULFILMENT_ACTUAL = Topic("lemai.fulfilment.actual", "What the counterparts report done")
FULFILMENT_DOCUMENT = Topic("lemai.fulfilment.document", "Documents exchanged: file, line, acknowledgement, rejection")
FINANCE_RECONCILIATION = Topic("lemai.finance.reconciliation", "Matches of orders with statements")
CATALOG_ITEM = Topic("lemai.catalog.item", "Item masters by owner and item", compacted=True)
CATALOG_LISTING = Topic("lemai.catalog.listing", "Listings by store, platform item and platform SKU", compacted=True)
STOCK_AVAILABILITY = Topic(
    "lemai.stock.availability", "Available to sell by store, platform item and platform SKU", compacted=True
)
STOCK_SNAPSHOT = Topic(
    "lemai.stock.snapshot", "Stock balances of the counterparts, in chunks", retention_hours=3 * DAY_HOURS
)
STOCK_MOVEMENT = Topic("lemai.stock.movement", "Every change of the stock ledger")
OPS_ALERT = Topic("lemai.ops.alert", "What a person must know", partitions=1)

TOPICS: tuple[Topic, ...] = (
    MARKETPLACE_TRADE,
    MARKETPLACE_REFUND,
    MARKETPLACE_PUBLICATION,
    ORDER,
    STOCK_COMMITMENT,
    FULFILMENT_INSTRUCTION,
    FULFILMENT_ACTUAL,
    FULFILMENT_DOCUMENT,
    FINANCE_RECONCILIATION,
    CATALOG_ITEM,
    CATALOG_LISTING,
    STOCK_AVAILABILITY,
    STOCK_SNAPSHOT,
    STOCK_MOVEMENT,
    OPS_ALERT,
)
