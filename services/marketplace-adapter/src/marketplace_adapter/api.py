"""Stores, publications and unreadable trades over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from lemai_chassis.access import Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import PAGE_MAX, Page, Problem, not_found
from lemai_marketplace.errors import PlatformError
from marketplace_adapter import storage
from marketplace_adapter.pulling import Puller

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Before = Annotated[int, Query(ge=0, lt=2**63, description="上一页的 next / `next` of the page before")]
Key = Annotated[
    str, Query(examples=["TM-JFY-01/3021456789012345678"], description="店铺/交易号 store/trade, 店铺/商品/SKU")
]
Kind = Literal["publish_shipment", "publish_stock"]
State = Literal["pending", "sending", "unknown", "done", "rejected", "superseded"]


class StoreView(BaseModel):
    """How far a store's trades have been pulled, and why they are not."""

    store_code: str = Field(examples=["TM-JFY-01"])
    until: datetime | None = Field(description="此前的变更均已拉取 / every change before this has been pulled")
    last_run_at: datetime | None
    failing_since: datetime | None = Field(
        description="拉取自何时起一直失败，空为正常 / since when pulling has failed, empty if it does not"
    )
    last_error: str | None = Field(
        description="失败的原因 / why it fails", examples=["AuthExpired: taobao.trades.sold.increment.get: …"]
    )


class PulledView(BaseModel):
    """What one pull read."""

    store_code: str
    trades: int = Field(description="读取的交易数，含已知的 / trades read, known ones included")


class PublicationView(BaseModel):
    """Something told, or to be told, to a platform."""

    id: int
    kind: Kind
    key: str = Field(examples=["TM-JFY-01/3021456789012345678"])
    state: State
    attempts: int
    payload: dict[str, Any]
    answer: dict[str, Any] | None = Field(description="平台的最近答复 / what the platform answered last")
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None


class MalformedTradeView(BaseModel):
    """A trade the plugin could not read."""

    store_code: str
    trade_no: str
    reason: str = Field(examples=["payment = 'twelve'"])
    seen_at: datetime


def router(engine: Engine, pullers: Mapping[str, Puller]) -> APIRouter:
    routes = APIRouter(prefix="/v1")
    may_see, may_decide = [needs(Role.VIEW)], [needs(Role.DECIDE)]

    @routes.get("/stores", tags=["stores"], dependencies=may_see)
    async def stores() -> Page[StoreView]:
        """How far each store has been pulled, and what went wrong last."""
        async with engine.database.connect() as connection:
            return Page(items=[StoreView.model_validate(row) for row in await storage.pulls(connection, pullers)])

    @routes.post("/stores/{store_code}/pull", tags=["stores"], dependencies=may_decide)
    async def pull(store_code: str) -> PulledView:
        """Pull a store's trades now."""
        if store_code not in pullers:
            raise not_found("store_code", store_code)
        try:
            return PulledView(store_code=store_code, trades=await pullers[store_code].pull())
        except PlatformError as error:
            raise Problem(502, "平台调用失败 / the platform call failed", f"{type(error).__name__}: {error}") from error

    @routes.get("/publications", tags=["publications"], dependencies=may_see)
    async def publications(
        kind: Kind | None = None,
        state: State | None = None,
        key: Annotated[
            str | None, Query(description="店铺/交易号 或 店铺/商品/SKU / store/trade or store/item/SKU")
        ] = None,
        cursor: Annotated[int | None, Query(description="上一页的 next / `next` of the page before")] = None,
        limit: Limit = 50,
    ) -> Page[PublicationView]:
        """Publications to the platforms, newest first."""
        async with engine.database.connect() as connection:
            rows = await storage.publications(connection, kind, state, key, cursor, limit)
        items = [PublicationView.model_validate(row) for row in rows]
        return Page(items=items, next=str(items[-1].id) if len(items) == limit else None)

    @routes.get("/malformed-trades", tags=["stores"], dependencies=may_see)
    async def malformed_trades(limit: Limit = 50) -> Page[MalformedTradeView]:
        """Trades that cannot be read; each is read again when it changes."""
        async with engine.database.connect() as connection:
            rows = await storage.malformed_trades(connection, limit)
        return Page(items=[MalformedTradeView.model_validate(row) for row in rows])

    return routes
