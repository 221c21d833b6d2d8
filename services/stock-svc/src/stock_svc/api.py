"""Stock over HTTP: balances and their ledger, commitments, what the stores may sell, snapshots and differences."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.reference import Code, Reference
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.web import (
    PAGE_MAX,
    Commands,
    IdempotencyKey,
    Page,
    Problem,
    decode_cursor,
    encode_cursor,
    not_found,
)
from lemai_contracts.values import Grade
from stock_svc.domain import GOOD, CommitmentState, NotWaiting, Snapshot, SnapshotState
from stock_svc.handlers import snapshots
from stock_svc.storage import search
from stock_svc.storage.rows import BALANCES
from stock_svc.storage.search import List

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(description="上一页的 next / `next` of the page before")]
OwnerCode = Annotated[str | None, Query(description="货主 / owner", examples=["JFY"])]
WarehouseCode = Annotated[str | None, Query(description="仓库 / warehouse", examples=["WH01"])]
Viewer = Annotated[Person, needs(Role.VIEW, by_owner=True)]
StoreCode = Annotated[str | None, Query(description="店铺 / store", examples=["TM-JFY-01"])]
ItemCode = Annotated[str | None, Query(description="商品编码 / item code", examples=["GB-TS-001-R-90"])]


class BalanceView(BaseModel):
    """Pieces of one item and grade in one warehouse."""

    owner_code: str = Field(examples=["JFY"])
    warehouse_code: str = Field(examples=["WH01"])
    item_code: str = Field(examples=["GB-TS-001-R-90"])
    grade: Grade
    on_hand: int = Field(description="货架上；可为负 / on the shelf; may be below zero")
    committed: int = Field(description="已占用 / promised to orders")
    frozen: int = Field(description="冻结 / kept back for others")
    available: int = Field(description="良品中未占用未冻结的 / good pieces neither promised nor frozen")


class MovementView(BaseModel):
    """One line of the stock ledger."""

    warehouse_code: str
    grade: Grade
    entry_no: int = Field(description="该余额的第几笔 / counts the lines of its balance")
    change: int = Field(description="0：已含在盘点中 / 0: an applied snapshot had counted it already")
    on_hand: int = Field(description="变动后 / after the change")
    cause: str = Field(examples=["actual", "snapshot"])
    reference: str = Field(description="实绩号或快照号 / number of the actual or snapshot")
    order_no: str
    occurred_at: datetime
    recorded_at: datetime


class FigureView(BaseModel):
    """What a store may sell of one platform SKU."""

    store_code: str = Field(examples=["TM-JFY-01"])
    platform_item_id: str
    platform_sku_id: str
    owner_code: str
    item_code: str
    active: bool
    quantity: int | None = Field(description="最近告知的可售数 / as told last; null: not told yet")
    version: int = Field(validation_alias="figure_no", description="第几个可售数 / counts the figures told")
    watermark: datetime | None = Field(description="此前的交易均已计入 / all trades until then are in the figure")
    due_since: datetime | None = Field(description="未告知的最早变更 / oldest change not told yet")
    published_quantity: int | None = Field(description="平台最近接受的 / as the platform took last")
    published_version: int = Field(validation_alias="published_no")
    published_at: datetime | None


class ItemStock(BaseModel):
    """An item wherever it lies and wherever it is sold."""

    owner_code: str
    item_code: str
    balances: list[BalanceView]
    figures: list[FigureView]


class CommittedLine(BaseModel):
    item_code: str
    quantity: int = Field(description="订单要求的 / asked for")
    open: int = Field(description="尚未出库的 / still to leave")


class CommitmentView(BaseModel):
    """What was promised to an order, all or none."""

    owner_code: str
    order_no: str = Field(examples=["TM3021456789012345678"])
    store_code: str
    warehouse_code: str
    state: CommitmentState
    lines: list[CommittedLine]
    missing: dict[str, int] = Field(description="请求时缺少的件数 / pieces too few when it asked, by item")
    asked_at: datetime


class SnapshotView(BaseModel):
    """A counterpart's stock balances, and how far they have corrected ours."""

    owner_code: str
    warehouse_code: str
    snapshot_id: str = Field(examples=["IB20261122-WH01"])
    counterpart_code: str
    snapshot_at: datetime
    full: bool
    state: SnapshotState
    sellable: int = Field(description="比对时账面可售 / sellable by the books when compared")
    lost: int = Field(description="其中快照称没有的 / how many of them it says are not there")
    decided_by: str
    decided_why: str
    chunks: int
    chunks_received: int
    lines: int
    differences: int
    corrected: int = Field(description="已入账的差异 / differences in the books")
    received_at: datetime
    applied_at: datetime | None


class SnapshotDecision(BaseModel):
    """Whether a snapshot that waits is true, and how one knows."""

    model_config = ConfigDict(extra="forbid")

    owner_code: Code
    warehouse_code: Code
    snapshot_id: Annotated[str, Field(min_length=1, max_length=100)]
    decision: Literal["apply", "refuse"]
    reason: Annotated[str, Field(min_length=2, max_length=500, examples=["仓库已核实 / the warehouse has looked"])]


class DifferenceView(BaseModel):
    """What was counted against what the books expected at the snapshot's moment."""

    owner_code: str
    warehouse_code: str
    item_code: str
    grade: Grade
    expected: int
    counted: int
    difference: int
    frozen: int


def router(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/v1")
    for looking in (_stock(engine, reference), _commitments(engine), _figures(engine), _snapshots(engine)):
        routes.include_router(looking, dependencies=[needs(Role.VIEW, by_owner=True)])
    routes.include_router(_decisions(engine))
    return routes


def _stock(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/stock", tags=["stock"])

    @routes.get("")
    async def search_stock(
        person: Viewer,
        owner_code: OwnerCode = None,
        warehouse_code: WarehouseCode = None,
        item_code: Annotated[str, Query(description="商品编码前缀 / how item codes begin", examples=["GB-TS"])] = "",
        store_code: Annotated[
            str | None, Query(description="店铺在售的 / what this store lists, where it sells from")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[BalanceView]:
        """Balances by owner, warehouse, item and grade."""
        conditions = [search.item_starts_with(item_code)] if item_code else []
        if store_code:
            conditions += [search.listed_by(store_code), search.in_warehouse(_warehouse_of(reference, store_code))]
        return await _page(
            engine,
            search.BALANCES,
            _balance,
            cursor,
            limit,
            conditions,
            owner_code=person.narrowed(owner_code),
            warehouse_code=warehouse_code,
        )

    @routes.get("/{owner_code}/{item_code}")
    async def one_item(owner_code: str, item_code: str) -> ItemStock:
        """One item in every warehouse and grade, and what the stores may sell of it."""
        its = {"owner_code": owner_code, "item_code": item_code}
        async with engine.database.connect() as connection:
            balances = await search.page(connection, search.BALANCES, PAGE_MAX, **its)
            figures = await search.page(connection, search.FIGURES, PAGE_MAX, **its)
        if not balances and not figures:
            raise not_found("item_code", f"{owner_code}/{item_code}")
        return ItemStock(
            owner_code=owner_code,
            item_code=item_code,
            balances=[_balance(row) for row in balances],
            figures=[FigureView.model_validate(row) for row in figures],
        )

    @routes.get("/{owner_code}/{item_code}/movements")
    async def item_movements(
        owner_code: str, item_code: str, warehouse_code: WarehouseCode = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[MovementView]:
        """An item's ledger, newest first."""
        return await _page(
            engine,
            search.MOVEMENTS,
            MovementView.model_validate,
            cursor,
            limit,
            owner_code=owner_code,
            item_code=item_code,
            warehouse_code=warehouse_code,
        )

    return routes


def _commitments(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/commitments", tags=["commitments"])

    @routes.get("")
    async def search_commitments(
        person: Viewer,
        state: CommitmentState | None = None,
        owner_code: OwnerCode = None,
        store_code: StoreCode = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[CommitmentView]:
        """Commitments in order of asking; with `state=short` the orders that wait for stock, first come first."""
        view = CommitmentView.model_validate
        return await _page(
            engine,
            search.COMMITMENTS,
            view,
            cursor,
            limit,
            state=state,
            owner_code=person.narrowed(owner_code),
            store_code=store_code,
        )

    @routes.get("/{owner_code}/{order_no}")
    async def one_commitment(owner_code: str, order_no: str) -> CommitmentView:
        """What is promised to one order."""
        async with engine.database.connect() as connection:
            found = await search.page(connection, search.COMMITMENTS, 1, owner_code=owner_code, order_no=order_no)
        if not found:
            raise not_found("order_no", f"{owner_code}/{order_no}")
        return CommitmentView.model_validate(found[0])

    return routes


def _figures(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/availability", tags=["availability"])

    @routes.get("")
    async def search_figures(
        person: Viewer,
        store_code: StoreCode = None,
        owner_code: OwnerCode = None,
        item_code: ItemCode = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[FigureView]:
        """What the stores may sell: the figure told last, until when it is true, and what the platform took."""
        view = FigureView.model_validate
        return await _page(
            engine,
            search.FIGURES,
            view,
            cursor,
            limit,
            store_code=store_code,
            owner_code=person.narrowed(owner_code),
            item_code=item_code,
        )

    return routes


def _snapshots(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/snapshots", tags=["snapshots"])

    @routes.get("")
    async def search_snapshots(
        person: Viewer,
        owner_code: OwnerCode = None,
        warehouse_code: WarehouseCode = None,
        state: SnapshotState | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[SnapshotView]:
        """Snapshots, newest first."""
        return await _page(
            engine,
            search.SNAPSHOTS,
            _snapshot,
            cursor,
            limit,
            owner_code=person.narrowed(owner_code),
            warehouse_code=warehouse_code,
            state=state,
        )

    @routes.get("/{snapshot_id}/differences")
    async def snapshot_differences(
        person: Viewer, snapshot_id: str, owner_code: OwnerCode = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[DifferenceView]:
        """What a snapshot differed in, item by item."""
        its = {"owner_code": person.narrowed(owner_code)}
        async with engine.database.connect() as connection:
            if not await search.page(connection, search.SNAPSHOTS, 1, snapshot_id=snapshot_id, **its):
                raise not_found("snapshot_id", snapshot_id)
        of_snapshot = [search.of_snapshot(snapshot_id)]
        return await _page(engine, search.DIFFERENCES, _difference, cursor, limit, of_snapshot, **its)

    return routes


def _decisions(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/snapshots", tags=["snapshots"])
    http = Commands(engine)

    @routes.post("/decide", response_model=SnapshotView)
    async def decide(
        request: Request,
        person: Annotated[Person, needs(Role.STOCK, by_owner=True)],
        asked: SnapshotDecision,
        key: IdempotencyKey = None,
    ) -> Response:
        """Say whether a snapshot that waits is true: it corrects the books, or is left alone for good."""
        person.check(asked.owner_code)
        its = (asked.owner_code, asked.warehouse_code, asked.snapshot_id)
        command = snapshots.Decision(its, asked.decision == "apply", person.name, asked.reason)

        def viewed(command: snapshots.Decision, uow: UnitOfWork) -> SnapshotView:
            return _snapshot(vars(snapshots.decide(command, uow)))

        try:
            return await http.run(request, key, viewed, command, [ref(Snapshot, *its)])
        except snapshots.SnapshotNotFound:
            raise not_found("snapshot_id", asked.snapshot_id) from None
        except NotWaiting as error:
            raise Problem(409, "该快照不待决定 / nobody has to decide about this snapshot", str(error)) from None

    return routes


async def _page(
    engine: Engine,
    wanted: List,
    view: Callable[[RowMapping], T],
    cursor: str | None,
    limit: int,
    conditions: Sequence[search.Condition] = (),
    **equal: str | None,
) -> Page[T]:
    after = decode_cursor(cursor, *wanted.key_kinds) if cursor else None
    async with engine.database.connect() as connection:
        rows = await search.page(connection, wanted, limit, *conditions, after=after, **equal)
    following = encode_cursor(*(rows[-1][name] for name in wanted.order)) if len(rows) == limit else None
    return Page(items=[view(row) for row in rows], next=following)


def _warehouse_of(reference: Reference, store_code: str) -> str:
    try:
        return reference.store(store_code).warehouse
    except KeyError:
        raise not_found("store", store_code) from None


def _balance(row: RowMapping) -> BalanceView:
    balance = BALANCES.parse(row)
    available = max(0, balance.free) if balance.grade == GOOD else 0
    return BalanceView.model_validate({**row, "available": available})


def _snapshot(row: RowMapping | Mapping[str, Any]) -> SnapshotView:
    return SnapshotView.model_validate({**row, "chunks_received": len(row["received"])})


def _difference(row: RowMapping) -> DifferenceView:
    return DifferenceView.model_validate({**row, "difference": row["counted"] - row["expected"]})
