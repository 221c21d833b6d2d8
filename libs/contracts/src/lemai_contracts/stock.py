"""What stock-svc knows and promises."""

from enum import StrEnum

from lemai_contracts import topics
from lemai_contracts.event import Event
from lemai_contracts.order import CommitmentLine
from lemai_contracts.values import Grade, Instant, Quantity, Value


class CommitmentState(StrEnum):
    COMMITTED = "committed"
    SHORT = "short"
    RELEASED = "released"


class CommitmentAnsweredV1(
    Event,
    type="lemai.stock.commitment_answered.v1",
    topic=topics.STOCK_COMMITMENT,
    subject="{owner_code}/{order_no}",
    key="{family}",
):
    """Pieces are promised to an order, or there are too few (`missing` says of what), or the promise ended."""

    family: str
    owner_code: str
    order_no: str
    warehouse_code: str
    ask_no: int = 1
    state: CommitmentState
    missing: tuple[CommitmentLine, ...] = ()


class StockMovedV1(
    Event,
    type="lemai.stock.moved.v1",
    topic=topics.STOCK_MOVEMENT,
    subject="{owner_code}/{warehouse_code}/{item_code}/{grade}",
    key="{owner_code}/{item_code}",
):
    """One line of the stock ledger: pieces on the shelf changed by `change` to `on_hand`."""

    owner_code: str
    warehouse_code: str
    item_code: str
    grade: Grade
    change: int
    on_hand: int
    cause: str
    """`actual`, `snapshot`."""
    reference: str
    """The actual's or the snapshot's own number."""
    moved_at: Instant


class AvailabilityChangedV1(
    Event,
    type="lemai.stock.availability_changed.v1",
    topic=topics.STOCK_AVAILABILITY,
    subject="{store_code}/{platform_item_id}/{platform_sku_id}",
    key="{store_code}/{platform_item_id}/{platform_sku_id}",
):
    """What a store may sell of one platform SKU, true for all trades of the store until `watermark`."""

    store_code: str
    platform_item_id: str
    platform_sku_id: str
    owner_code: str
    item_code: str
    quantity: Quantity
    version: int
    """Grows with each figure of this platform SKU."""
    watermark: Instant


class SnapshotLine(Value):
    """Balance of one item and grade; `total` = `free` + `locked` as the counterpart counts them."""

    item_code: str
    grade: Grade
    free: int
    locked: int
    total: int
    """Pieces on the shelf."""


class SnapshotScope(StrEnum):
    FULL = "full"
    PARTIAL = "partial"


class SnapshotReportedV1(
    Event,
    type="lemai.stock.snapshot_reported.v1",
    topic=topics.STOCK_SNAPSHOT,
    subject="{owner_code}/{warehouse_code}/{snapshot_id}",
    key="{owner_code}/{warehouse_code}",
):
    """One chunk of a counterpart's stock snapshot; a full one is applied when every chunk is there."""

    owner_code: str
    warehouse_code: str
    counterpart_code: str
    snapshot_id: str
    snapshot_at: Instant
    scope: SnapshotScope
    chunk: int
    """1 … `chunks`."""
    chunks: int
    lines: tuple[SnapshotLine, ...]


__all__ = [
    "AvailabilityChangedV1",
    "CommitmentAnsweredV1",
    "CommitmentLine",
    "CommitmentState",
    "SnapshotLine",
    "SnapshotReportedV1",
    "SnapshotScope",
    "StockMovedV1",
]
