"""Events as the other services send them, and stock-svc with a clock the test moves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

import stock_svc
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.delivery.message import Message
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import Aggregate, UnitOfWork
from lemai_chassis.testing import handle
from lemai_contracts import Attributes, Event, to_headers
from lemai_contracts.catalog import Component, ItemChangedV1, ListingChangedV1
from lemai_contracts.fulfilment import ActualReportedV1, DocumentPlace, ReportedLine
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.order import (
    CommitmentLine,
    CommitmentRequestedV1,
    IntakeAdvancedV1,
    OrderState,
    OrderStateChangedV1,
)
from lemai_contracts.stock import (
    AvailabilityChangedV1,
    CommitmentAnsweredV1,
    SnapshotLine,
    SnapshotReportedV1,
    SnapshotScope,
)
from lemai_contracts.topics import ORDER_PARTITIONS
from lemai_contracts.values import Grade, Leg, OrderKind
from stock_svc import consumers, settling
from stock_svc.domain import Balance, Movement
from stock_svc.storage.rows import STORAGE

M = TypeVar("M")
K = TypeVar("K", bound=Aggregate)
MIGRATIONS = Path(stock_svc.__file__).parent / "migrations"
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
OWNER, WAREHOUSE = "JFY", "WH01"
TSHIRT, SHOES, SET = "GB-TS-001-R-90", "GB-SH-014-B-22", "GB-SET-01"
FLAGSHIP, OUTLET = "TM-JFY-01", "TM-JFY-02"

REFERENCE = Reference.model_validate(
    {
        "version": "test",
        "owners": [{"code": OWNER}],
        "counterparts": [
            {
                "code": code,
                "kind": "kingdee",
                "profile": "kingdee-default",
                "channel": {"kind": "folder", "folder": code},
                "locked_stock": locked_stock,
                "snapshot_loss_max_percent": 100 if code != "CAUTIOUS" else 30,
            }
            for code, locked_stock in (("KINGDEE-JFY", "ours"), ("WMS-JFY", "others"), ("CAUTIOUS", "ours"))
        ],
        "warehouses": [{"code": WAREHOUSE, "counterpart": "KINGDEE-JFY"}],
        "stores": [
            {"code": FLAGSHIP, "platform": "tmall", "owners": [OWNER], "warehouse": WAREHOUSE, "carrier": "SF"},
            {
                "code": OUTLET,
                "platform": "tmall",
                "owners": [OWNER],
                "warehouse": WAREHOUSE,
                "carrier": "SF",
                "stock_share_percent": 50,
                "safety_stock": 3,
            },
        ],
        "carriers": [{"code": "SF"}],
        "order_no_prefixes": {"tmall": "TM"},
    }
)


def pieces_of(tshirt: int | None, shoes: int | None) -> dict[str, int]:
    """Pieces by item, of the items a test names."""
    given = {TSHIRT: tshirt, SHOES: shoes}
    return {item: quantity for item, quantity in given.items() if quantity is not None}


def requested(
    order_no: str,
    *,
    tshirt: int | None = None,
    shoes: int | None = None,
    store_code: str = FLAGSHIP,
    owner_code: str = OWNER,
    ask_no: int = 1,
) -> CommitmentRequestedV1:
    pieces = pieces_of(tshirt, shoes)
    return CommitmentRequestedV1(
        family=order_no,
        owner_code=owner_code,
        order_no=order_no,
        store_code=store_code,
        warehouse_code=WAREHOUSE,
        ask_no=ask_no,
        lines=tuple(CommitmentLine(item_code=item, quantity=quantity) for item, quantity in pieces.items()),
    )


def cancelled(order_no: str) -> OrderStateChangedV1:
    return OrderStateChangedV1(family=order_no, owner_code=OWNER, order_no=order_no, state=OrderState.CANCELLED)


def moved(
    leg: Leg,
    order_no: str,
    actual_no: str,
    *,
    final: bool = False,
    occurred_at: datetime = NOW,
    grade: Grade = Grade.GOOD,
    owner_code: str = OWNER,
    warehouse_code: str = WAREHOUSE,
    tshirt: int | None = None,
    shoes: int | None = None,
) -> ActualReportedV1:
    lines = enumerate(pieces_of(tshirt, shoes).items(), 1)
    return ActualReportedV1(
        family=order_no,
        owner_code=owner_code,
        order_no=order_no,
        leg=leg,
        kind=OrderKind.SALES if leg is Leg.OUT else OrderKind.PURCHASE,
        counterpart_code="KINGDEE-JFY",
        actual_no=actual_no,
        status="DELIVERED" if final else "PARTDELIVERED",
        final=final,
        occurred_at=occurred_at,
        warehouse_code=warehouse_code,
        lines=tuple(
            ReportedLine(line_no=number, item_code=item, quantity=quantity, grade=grade)
            for number, (item, quantity) in lines
        ),
        document=DocumentPlace(file_name="SHIP-20261122152100.shupl", line=3),
    )


def shipped(order_no: str, actual_no: str, **more: Any) -> ActualReportedV1:
    return moved(Leg.OUT, order_no, actual_no, **more)


def received(order_no: str, actual_no: str, **more: Any) -> ActualReportedV1:
    return moved(Leg.IN, order_no, actual_no, **more)


def snapshot(
    snapshot_id: str,
    *lines: SnapshotLine,
    at: datetime = NOW,
    scope: SnapshotScope = SnapshotScope.FULL,
    chunk: int = 1,
    chunks: int = 1,
    counterpart_code: str = "KINGDEE-JFY",
    owner_code: str = OWNER,
) -> SnapshotReportedV1:
    return SnapshotReportedV1(
        owner_code=owner_code,
        warehouse_code=WAREHOUSE,
        counterpart_code=counterpart_code,
        snapshot_id=snapshot_id,
        snapshot_at=at,
        scope=scope,
        chunk=chunk,
        chunks=chunks,
        lines=lines,
    )


def counted(item_code: str, total: int, locked: int = 0, grade: Grade = Grade.GOOD) -> SnapshotLine:
    return SnapshotLine(item_code=item_code, grade=grade, free=total - locked, locked=locked, total=total)


def listed(
    item_code: str, sku: str, store_code: str = FLAGSHIP, *, active: bool = True, owner_code: str = OWNER
) -> ListingChangedV1:
    return ListingChangedV1(
        store_code=store_code,
        platform_item_id="100",
        platform_sku_id=sku,
        owner_code=owner_code,
        item_code=item_code,
        active=active,
        changed_at=NOW,
    )


def combo(item_code: str, *, tshirt: int | None = None, shoes: int | None = None) -> ItemChangedV1:
    parts = pieces_of(tshirt, shoes)
    components = tuple(Component(item_code=item, quantity=quantity) for item, quantity in parts.items())
    return ItemChangedV1(
        owner_code=OWNER,
        item_code=item_code,
        item_name=item_code,
        barcodes=(),
        unit="Pcs",
        components=components,
        changed_at=NOW,
    )


def pulled_until(until: datetime, store_code: str = FLAGSHIP) -> list[IntakeAdvancedV1]:
    """The store's watermark on every partition."""
    return [
        IntakeAdvancedV1(store_code=store_code, partition=partition, until=until)
        for partition in range(ORDER_PARTITIONS)
    ]


class Memory:
    """The handlers on state in memory: what a sequence of messages leads to."""

    def __init__(self, *state: Aggregate) -> None:
        self.now = NOW
        self.state = {(type(kept), kept.key): kept for kept in state}
        self.ledger: list[Movement] = []

    def do(self, handler: Callable[[M, UnitOfWork], Any], message: M) -> list[Event]:
        """Handle one message; the events that came of it."""
        handled = handle(handler, message, list(self.state.values()), now=self.now)
        self.state = {
            (its.kind, its.key): kept.aggregate for its, kept in handled.state.items() if kept.aggregate is not None
        }
        self.ledger += [record for record in handled.records if isinstance(record, Movement)]
        return list(handled.events)

    def get(self, kind: type[K], *key: str | int) -> K | None:
        found = self.state.get((kind, key))
        assert found is None or isinstance(found, kind)
        return found

    def all(self, kind: type[K]) -> list[K]:
        return [kept for kept in self.state.values() if isinstance(kept, kind)]

    def balance(self, item_code: str = TSHIRT, grade: str = "good") -> tuple[int, int, int]:
        """(on hand, committed, frozen)."""
        found = self.get(Balance, OWNER, WAREHOUSE, item_code, grade)
        return (found.on_hand, found.committed, found.frozen) if found else (0, 0, 0)


@dataclass
class World:
    """stock-svc on a database."""

    database: AsyncEngine
    reference: Reference = REFERENCE
    now: datetime = NOW
    _offset: int = 0

    def __post_init__(self) -> None:
        self.engine = Engine(
            self.database, "stock-svc", STORAGE, consumers.routes(self.reference), clock=lambda: self.now
        )
        self._following_up = settling.following_up(self.reference)

    def later(self, **passed: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**passed)
        return self.now

    async def take(self, *events: Event) -> None:
        """One batch from Kafka."""
        await self.engine.run([self._message(event) for event in events])

    async def follow_up(self) -> None:
        """What the endless work does until nothing is left to do now."""
        while any([await self.engine.transact(step) for step in self._following_up]):
            pass

    async def count(self) -> None:
        """Apply the snapshots that are complete."""
        while await self.engine.transact(settling.count):
            pass

    async def hold(self, *, tshirt: int | None = None, shoes: int | None = None, owner_code: str = OWNER) -> None:
        """Start with these pieces on the shelf, counted in full an hour ago."""
        lines = [counted(item, quantity) for item, quantity in pieces_of(tshirt, shoes).items()]
        await self.take(snapshot("first", *lines, at=self.now - timedelta(hours=1), owner_code=owner_code))
        await self.count()

    async def forget(self) -> None:
        """Forget what the stores list and were told; stock stays, because the ledger does."""
        async with self.database.begin() as connection:
            for table in ("figure", "watermark", "event", "outbox"):
                await connection.exec_driver_sql(f"DELETE FROM {table}")

    async def rows(self, sql: str, *parameters: object) -> Sequence[Mapping[str, Any]]:
        async with self.database.connect() as connection:
            return [dict(row) for row in (await connection.exec_driver_sql(sql, parameters)).mappings()]

    async def on_hand(self, item_code: str = TSHIRT, grade: str = "good") -> tuple[int, int, int]:
        """(on hand, committed, frozen)."""
        [row] = await self.rows(
            "SELECT on_hand, committed, frozen FROM balance WHERE item_code = $1 AND grade = $2", item_code, grade
        )
        return row["on_hand"], row["committed"], row["frozen"]

    async def published(self, event: type[Event]) -> list[Any]:
        """Every event of a type, first first."""
        rows = await self.rows("SELECT data::text AS data FROM event WHERE type = $1 ORDER BY seq", event.type)
        return [event.model_validate_json(row["data"]) for row in rows]

    async def alerts(self) -> list[AlertRaisedV1]:
        return await self.published(AlertRaisedV1)

    async def answers(self) -> list[tuple[str, str]]:
        return [(answer.order_no, answer.state.value) for answer in await self.published(CommitmentAnsweredV1)]

    async def figures(self, store_code: str = FLAGSHIP) -> list[tuple[str, int, int]]:
        """(platform SKU, quantity, version) as told to a store."""
        told = await self.published(AvailabilityChangedV1)
        return [(f.platform_sku_id, f.quantity, f.version) for f in told if f.store_code == store_code]

    def _message(self, event: Event) -> Message:
        self._offset += 1
        attributes = Attributes(
            id=uuid4(),
            source="test",
            type=event.type,
            time=self.now,
            subject=event.subject,
            partitionkey=event.partitionkey,
            aggregateversion=1,
            traceparent="",
        )
        value = event.model_dump_json().encode()
        return Message(event.topic.name, 0, self._offset, event.partitionkey, to_headers(attributes), value)
