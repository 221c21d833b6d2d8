"""Stock: what is on the shelf, what of it is promised, what a store may sell of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

GOOD = "good"
ACTUAL = "actual"
SNAPSHOT = "snapshot"

BalanceKey = tuple[str, str, str, str]
"""(owner_code, warehouse_code, item_code, grade)."""


class CommitmentState(StrEnum):
    COMMITTED = "committed"
    SHORT = "short"
    RELEASED = "released"


class SnapshotState(StrEnum):
    RECEIVING = "receiving"
    WAITING = "waiting"
    """It would take so much from the stores that a person has to say so first."""
    CORRECTING = "correcting"
    APPLIED = "applied"
    STALE = "stale"
    REFUSED = "refused"


@dataclass(frozen=True)
class Cause:
    """Why pieces moved: an actual or a snapshot, its own number, and when it happened."""

    cause: str
    reference: str
    order_no: str
    occurred_at: datetime


@dataclass(frozen=True)
class Movement:
    """One line of the stock ledger, the `entry_no`-th of its balance; the changes of a balance add up to `on_hand`.

    An actual that an applied count already contains is a line with no change.
    """

    owner_code: str
    warehouse_code: str
    item_code: str
    grade: str
    entry_no: int
    change: int
    on_hand: int
    cause: str
    reference: str
    order_no: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Balance:
    """Pieces of one item and grade in one warehouse. Only good pieces are ever committed or frozen."""

    owner_code: str
    warehouse_code: str
    item_code: str
    grade: str
    on_hand: int = 0
    committed: int = 0
    frozen: int = 0
    entries: int = 0
    """Lines of the ledger."""
    asked_at: Mapping[str, datetime] = field(default_factory=dict)
    """When each store last asked for pieces."""
    counted_at: datetime | None = None
    """Of the newest partial snapshot that counted this balance; full ones are kept once, as AppliedCount."""
    due_since: datetime | None = None
    """The oldest change nobody has drawn the consequences of."""

    @property
    def key(self) -> BalanceKey:
        return self.owner_code, self.warehouse_code, self.item_code, self.grade

    @property
    def free(self) -> int:
        return self.on_hand - self.committed - self.frozen

    def hold(self, pieces: int) -> "Balance":
        """Promise pieces, or (negative) promise fewer."""
        return replace(self, committed=self.committed + pieces)

    def freeze(self, pieces: int) -> "Balance":
        """Keep exactly `pieces` back for others."""
        return replace(self, frozen=pieces)

    def ask(self, store_code: str, at: datetime) -> "Balance":
        return replace(self, asked_at={**self.asked_at, store_code: at})

    def book(self, change: int) -> "Balance":
        """Move pieces: the next line of the ledger. It may fall below zero; goods that left have left."""
        return replace(self, on_hand=self.on_hand + change, entries=self.entries + 1)

    def mark(self, before: "Balance", now: datetime) -> "Balance":
        """Due from now on if more or fewer good pieces are free than `before`, or a store asked for some."""
        if self.grade != GOOD or (self.free, self.asked_at) == (before.free, before.asked_at):
            return self
        return replace(self, due_since=self.due_since or now)

    def settle(self) -> "Balance":
        return replace(self, due_since=None)

    def movement(self, before: "Balance", cause: Cause, now: datetime) -> Movement:
        """The ledger's line for what `book` did to `before`."""
        change = self.on_hand - before.on_hand
        return Movement(*self.key, self.entries, change, self.on_hand, **vars(cause), recorded_at=now)


@dataclass(frozen=True)
class AppliedActual:
    """An actual that has moved stock."""

    owner_code: str
    order_no: str
    leg: str
    actual_no: str
    applied_at: datetime

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.owner_code, self.order_no, self.leg, self.actual_no


@dataclass(frozen=True)
class AppliedCount:
    """The newest full snapshot applied: what occurred until `counted_at` is in it.

    State is locked in the order of class names. Whoever moves a balance by an actual holds this one before, so
    that a snapshot compares the books of a warehouse while no actual is half way.
    """

    owner_code: str
    warehouse_code: str
    snapshot_id: str
    counted_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.warehouse_code


def is_counted(occurred_at: datetime, balance: Balance, count: AppliedCount | None) -> bool:
    """Whether a snapshot that has been applied to a balance already contains what occurred."""
    counts = (balance.counted_at, count.counted_at if count else None)
    return any(counted_at is not None and occurred_at <= counted_at for counted_at in counts)


@dataclass(frozen=True)
class CommitmentLine:
    """Pieces of one item an order asked for, and how many of them are still to leave."""

    item_code: str
    quantity: int
    open: int


@dataclass(frozen=True)
class Commitment:
    """What was promised to an order, all or none. A short one holds nothing and waits in order of asking."""

    owner_code: str
    order_no: str
    family: str
    store_code: str
    warehouse_code: str
    state: CommitmentState
    lines: tuple[CommitmentLine, ...]
    missing: Mapping[str, int]
    """Of a short one: pieces by item that were too few when it asked."""
    asked_at: datetime
    ask_no: int = 1
    traceparent: str = ""
    """Of the question: an answer that comes later goes on in that trace."""

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.order_no

    @property
    def open(self) -> Mapping[str, int]:
        return {line.item_code: line.open for line in self.lines if line.open}

    @property
    def holds(self) -> Mapping[BalanceKey, int]:
        """Pieces by the key of the balance that holds them."""
        if self.state is not CommitmentState.COMMITTED:
            return {}
        return {(self.owner_code, self.warehouse_code, item, GOOD): pieces for item, pieces in self.open.items()}

    def fill(self) -> "Commitment":
        return replace(self, state=CommitmentState.COMMITTED, missing={})

    def ship(self, pieces: Mapping[str, int]) -> "Commitment":
        """Pieces left for the order; what was not promised to it is not its promise's concern."""
        lines = tuple(replace(line, open=max(0, line.open - pieces.get(line.item_code, 0))) for line in self.lines)
        shipped = replace(self, lines=lines)
        return shipped if shipped.open else shipped.release()

    def release(self) -> "Commitment":
        """Promise nothing any more."""
        lines = tuple(replace(line, open=0) for line in self.lines)
        return replace(self, state=CommitmentState.RELEASED, lines=lines, missing={})


def too_few(wanted: Mapping[str, int], free: Mapping[str, int]) -> dict[str, int]:
    """Pieces by item that are missing from what is free."""
    missing = {item: pieces - max(0, free[item]) for item, pieces in wanted.items()}
    return {item: pieces for item, pieces in missing.items() if pieces > 0}


@dataclass(frozen=True)
class Component:
    """A part of a combo and how many of it one combo holds."""

    item_code: str
    quantity: int


@dataclass(frozen=True)
class Combo:
    """An item that is sold as others together; one without components is an item of its own again."""

    owner_code: str
    item_code: str
    components: tuple[Component, ...] = ()
    due_since: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.item_code

    def consist_of(self, components: tuple[Component, ...], now: datetime) -> "Combo":
        if components == self.components:
            return self
        return replace(self, components=components, due_since=self.due_since or now)

    def settle(self) -> "Combo":
        return replace(self, due_since=None)


@dataclass(frozen=True)
class Part:
    """What one piece on sale takes of an item, and how many of that item are free."""

    quantity: int
    free: int


def sellable(parts: Iterable[Part], *, safety: int, share_percent: int) -> int:
    """Pieces a store may offer of what consists of `parts`: its share of what is free beyond the safety stock."""
    return min(max(0, part.free - safety) * share_percent // 100 // part.quantity for part in parts)


@dataclass(frozen=True)
class Figure:
    """What a store may sell of one platform SKU: what it sells there, what was told last, what the platform took."""

    store_code: str
    platform_item_id: str
    platform_sku_id: str
    owner_code: str
    item_code: str
    active: bool
    due_since: datetime | None
    """The oldest change this figure has not been told after."""
    quantity: int | None = None
    """As told last; None: never told for this item."""
    figure_no: int = 0
    watermark: datetime | None = None
    published_quantity: int | None = None
    published_no: int = 0
    published_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.store_code, self.platform_item_id, self.platform_sku_id

    def sell(self, owner_code: str, item_code: str, *, active: bool, now: datetime) -> "Figure":
        """Take over the mapping; a changed one has to be told afresh."""
        if (owner_code, item_code, active) == (self.owner_code, self.item_code, self.active):
            return self
        return replace(self, owner_code=owner_code, item_code=item_code, active=active, quantity=None, due_since=now)

    def mark(self, since: datetime) -> "Figure":
        return replace(self, due_since=min(self.due_since or since, since))

    def tell(self, quantity: int, watermark: datetime, asked_at: datetime | None) -> "Figure":
        """The figure as of `watermark`; it gets a number only if the platform may show another one.

        It does once the store asked for pieces after it was told: the platform has counted down by itself.
        """
        counted_down = asked_at and self.watermark and asked_at > self.watermark
        if quantity == self.quantity and not counted_down:
            return replace(self, due_since=None)
        return replace(self, due_since=None, quantity=quantity, figure_no=self.figure_no + 1, watermark=watermark)

    def publish(self, quantity: int, figure_no: int, at: datetime) -> "Figure":
        if figure_no < self.published_no:
            return self
        return replace(self, published_quantity=quantity, published_no=figure_no, published_at=at)


@dataclass(frozen=True)
class Watermark:
    """Every order of the store's trades until `until` has been seen, as far as this partition carries them."""

    store_code: str
    partition: int
    until: datetime

    @property
    def key(self) -> tuple[str, int]:
        return self.store_code, self.partition


class NotWaiting(Exception):
    """The snapshot is not one that waits for a decision."""


@dataclass(frozen=True)
class Snapshot:
    """A counterpart's stock balances: received in chunks, compared with the books as a whole, then booked in slices."""

    owner_code: str
    warehouse_code: str
    snapshot_id: str
    counterpart_code: str
    snapshot_at: datetime
    full: bool
    locked_is_frozen: bool
    """Whether what the counterpart has locked is for others than our own orders."""
    loss_max_percent: int
    """How much of the sellable pieces of its warehouse it may take away without being asked."""
    chunks: int
    received_at: datetime
    received: tuple[int, ...] = ()
    lines: int = 0
    state: SnapshotState = SnapshotState.RECEIVING
    differences: int = 0
    corrected: int = 0
    """How many of the differences are booked."""
    sellable: int = 0
    """Good pieces neither frozen nor below zero, by the books when it was compared."""
    lost: int = 0
    """How many of them it says are not there."""
    decided_by: str = ""
    decided_why: str = ""
    applied_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.owner_code, self.warehouse_code, self.snapshot_id

    @property
    def complete(self) -> bool:
        return len(self.received) == self.chunks

    def receive(self, chunk: int, lines: int) -> "Snapshot":
        return replace(self, received=(*self.received, chunk), lines=self.lines + lines)

    def is_stale(self, count: AppliedCount | None) -> bool:
        """Whether a full snapshot as new as this one has been applied."""
        return count is not None and self.snapshot_at <= count.counted_at

    def outdate(self) -> "Snapshot":
        return replace(self, state=SnapshotState.STALE)

    def weigh(self, sellable: int, lost: int) -> "Snapshot":
        """It waits if it is empty, or takes more than it may, unless a person has decided to believe it."""
        empty = self.full and not self.lines
        too_much = lost * 100 > sellable * self.loss_max_percent
        waits = not self.decided_by and (empty or too_much)
        return replace(self, sellable=sellable, lost=lost, state=SnapshotState.WAITING if waits else self.state)

    def decide(self, *, apply: bool, by: str, why: str) -> "Snapshot":
        """Applied, it is compared again: the books went on. Raises NotWaiting."""
        if self.state is not SnapshotState.WAITING:
            raise NotWaiting(f"{self.snapshot_id}: {self.state}")
        state = SnapshotState.RECEIVING if apply else SnapshotState.REFUSED
        return replace(self, state=state, decided_by=by, decided_why=why)

    def correct(self, booked: int, differences: int, now: datetime) -> "Snapshot":
        """`booked` of its differences are in the books now; with the last one it is applied."""
        if booked < differences:
            return replace(self, state=SnapshotState.CORRECTING, differences=differences, corrected=booked)
        return replace(
            self, state=SnapshotState.APPLIED, differences=differences, corrected=differences, applied_at=now
        )


@dataclass(frozen=True)
class CountedChunk:
    """Lines of one chunk as they are staged: (item_code, grade, total, locked)."""

    owner_code: str
    warehouse_code: str
    snapshot_id: str
    lines: tuple[tuple[str, str, int, int], ...]


@dataclass(frozen=True)
class ChunksDropped:
    """The staged lines of a snapshot that will not be compared again."""

    owner_code: str
    warehouse_code: str
    snapshot_id: str


@dataclass(frozen=True)
class Difference:
    """What the counterpart counted against what the books expected at the snapshot's moment."""

    position: int
    item_code: str
    grade: str
    expected: int
    counted: int
    frozen: int
