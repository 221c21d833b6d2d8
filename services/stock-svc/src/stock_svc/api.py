"""Stock over HTTP: balances and their ledger, commitments, what the stores may sell, snapshots and differences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import PAGE_MAX, Page, Paged
from lemai_chassis.reference import Code, Reference
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.web import Commands, IdempotencyKey, Problem, not_found
from lemai_contracts.values import Grade
from stock_svc.domain import GOOD, CommitmentState, NotWaiting, Snapshot, SnapshotState
from stock_svc.handlers import snapshots
from stock_svc.storage import search
from stock_svc.storage.rows import BALANCES

OwnerCode = Annotated[str | None, Query(description="货主 / owner", examples=["JFY"])]
WarehouseCode = Annotated[str | None, Query(description="仓库 / warehouse", examples=["WH01"])]
Viewer = Annotated[Person, needs(Role.VIEW, by_owner=True)]
StoreCode = Annotated[str | None, Query(description="店铺 / store", examples=["TM-JFY-01"])]
ItemCode = Annotated[str | None, Query(description="商品编码 / item code", examples=["GB-TS-001-R-90"])]
OwnerOf = Annotated[str, Path(description="货主 / owner", examples=["JFY"])]
ItemOf = Annotated[str, Path(description="商品编码 / item code", examples=["GB-TS-001-R-90"])]
OrderOf = Annotated[str, Path(description="订单号 / order number", examples=["TM3021456789012345678"])]
SnapshotOf = Annotated[str, Path(description="快照号 / number of the snapshot", examples=["IB20261122-WH01"])]


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
    routes, database = APIRouter(prefix="/v1"), engine.database
    for looking in (_stock(database, reference), _commitments(database), _figures(database), _snapshots(database)):
        routes.include_router(looking, dependencies=[needs(Role.VIEW, by_owner=True)])
    routes.include_router(_decisions(engine))
    return routes


def _stock(database: AsyncEngine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/stock", tags=["stock"])

    @routes.get("")
    async def search_stock(
        person: Viewer,
        paging: Paged,
        owner_code: OwnerCode = None,
        warehouse_code: WarehouseCode = None,
        item_code: Annotated[
            str | None, Query(description="商品编码前缀 / how item codes begin", examples=["GB-TS"])
        ] = None,
        store_code: Annotated[
            str | None, Query(description="店铺在售的 / what this store lists, where it sells from")
        ] = None,
    ) -> Page[BalanceView]:
        """Balances by owner, warehouse, item and grade."""
        return await search.BALANCES.page(
            database,
            _balance,
            paging,
            owner_code=person.narrowed(owner_code),
            warehouse_code=warehouse_code,
            prefix=item_code,
            listed_by=store_code,
            sold_from=_warehouse_of(reference, store_code) if store_code else None,
        )

    @routes.get("/{owner_code}/{item_code}")
    async def get_item_stock(owner_code: OwnerOf, item_code: ItemOf) -> ItemStock:
        """One item in every warehouse and grade, and what the stores may sell of it."""
        its = {"owner_code": owner_code, "item_code": item_code}
        async with database.connect() as connection:
            balances = await search.BALANCES.rows(connection, PAGE_MAX, **its)
            figures = await search.FIGURES.rows(connection, PAGE_MAX, **its)
        if not balances and not figures:
            raise not_found("item_code", f"{owner_code}/{item_code}")
        return ItemStock(
            owner_code=owner_code,
            item_code=item_code,
            balances=[_balance(row) for row in balances],
            figures=[FigureView.model_validate(row) for row in figures],
        )

    @routes.get("/{owner_code}/{item_code}/movements")
    async def search_movements(
        owner_code: OwnerOf, item_code: ItemOf, paging: Paged, warehouse_code: WarehouseCode = None
    ) -> Page[MovementView]:
        """An item's ledger, newest first."""
        wanted = {"owner_code": owner_code, "item_code": item_code, "warehouse_code": warehouse_code}
        return await search.MOVEMENTS.page(database, MovementView.model_validate, paging, **wanted)

    return routes


def _commitments(database: AsyncEngine) -> APIRouter:
    routes = APIRouter(prefix="/commitments", tags=["commitments"])

    @routes.get("")
    async def search_commitments(
        person: Viewer,
        paging: Paged,
        state: Annotated[CommitmentState | None, Query(description="状态 / state")] = None,
        owner_code: OwnerCode = None,
        store_code: StoreCode = None,
    ) -> Page[CommitmentView]:
        """Commitments in order of asking; with `state=short` the orders that wait for stock, first come first."""
        wanted = {"state": state, "owner_code": person.narrowed(owner_code), "store_code": store_code}
        return await search.COMMITMENTS.page(database, CommitmentView.model_validate, paging, **wanted)

    @routes.get("/{owner_code}/{order_no}")
    async def get_commitment(owner_code: OwnerOf, order_no: OrderOf) -> CommitmentView:
        """What is promised to one order."""
        async with database.connect() as connection:
            found = await search.COMMITMENTS.rows(connection, 1, owner_code=owner_code, order_no=order_no)
        if not found:
            raise not_found("order_no", f"{owner_code}/{order_no}")
        return CommitmentView.model_validate(found[0])

    return routes


def _figures(database: AsyncEngine) -> APIRouter:
    routes = APIRouter(prefix="/availability", tags=["availability"])

    @routes.get("")
    async def search_availability(
        person: Viewer,
        paging: Paged,
        store_code: StoreCode = None,
        owner_code: OwnerCode = None,
        item_code: ItemCode = None,
    ) -> Page[FigureView]:
        """What the stores may sell: the figure told last, until when it is true, and what the platform took."""
        wanted = {"store_code": store_code, "owner_code": person.narrowed(owner_code), "item_code": item_code}
        return await search.FIGURES.page(database, FigureView.model_validate, paging, **wanted)

    return routes


def _snapshots(database: AsyncEngine) -> APIRouter:
    routes = APIRouter(prefix="/snapshots", tags=["snapshots"])

    @routes.get("")
    async def search_snapshots(
        person: Viewer,
        paging: Paged,
        owner_code: OwnerCode = None,
        warehouse_code: WarehouseCode = None,
        state: Annotated[SnapshotState | None, Query(description="状态 / state")] = None,
    ) -> Page[SnapshotView]:
        """Snapshots, newest first."""
        wanted = {"owner_code": person.narrowed(owner_code), "warehouse_code": warehouse_code, "state": state}
        return await search.SNAPSHOTS.page(database, _snapshot, paging, **wanted)

    @routes.get("/{snapshot_id}/differences")
    async def search_differences(
        person: Viewer, snapshot_id: SnapshotOf, paging: Paged, owner_code: OwnerCode = None
    ) -> Page[DifferenceView]:
        """What a snapshot differed in, item by item."""
        wanted = {"snapshot_id": snapshot_id, "owner_code": person.narrowed(owner_code)}
        async with database.connect() as connection:
            if not await search.SNAPSHOTS.rows(connection, 1, **wanted):
                raise not_found("snapshot_id", snapshot_id)
        return await search.DIFFERENCES.page(database, _difference, paging, **wanted)

    return routes


def _decisions(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/snapshots", tags=["snapshots"])
    http = Commands(engine)

    @routes.post("/decide", response_model=SnapshotView)
    async def decide_snapshot(
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
