"""Stores, publications and unreadable trades over HTTP."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, model_validator

from lemai_chassis import trace
from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.listing import Page, Paged
from lemai_chassis.trace import Cause
from lemai_chassis.web import Problem, not_found
from lemai_contracts.order import OrderShippedV1
from lemai_marketplace.errors import PlatformError
from marketplace_adapter import storage
from marketplace_adapter.handlers import (
    PUBLISH_SHIPMENT,
    Correction,
    ParcelUnclear,
    corrected,
    on_shipment_corrected,
)
from marketplace_adapter.pulling import Puller

StoreCode = Annotated[str, Path(description="店铺 / store", examples=["TM-JFY-01"])]
ByDecider = Annotated[Person, needs(Role.DECIDE)]
CallId = Annotated[int, Path(ge=1, lt=2**63, description="发布编号 / id of the publication")]
Kind = Literal["publish_shipment", "publish_stock"]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
State = Literal["pending", "sending", "unknown", "waiting", "done", "rejected", "superseded"]


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


class Resend(BaseModel):
    """Why a refused shipment is told again."""

    reason: Reason


class Correct(Resend):
    """What was wrong with it: at least one of carrier and waybill."""

    carrier_code: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,49}$")] | None = None
    waybill_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,50}$")] | None = None
    of_waybill: str | None = Field(None, description="有多个包裹时，原运单号 / of several parcels the one with it")

    @model_validator(mode="after")
    def _corrects_something(self) -> Self:
        if self.carrier_code is None and self.waybill_no is None:
            raise ValueError("请给出 carrier_code 或 waybill_no / give carrier_code or waybill_no")
        return self


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
    async def list_stores() -> Page[StoreView]:
        """How far each store has been pulled, and what went wrong last."""
        async with engine.database.connect() as connection:
            return Page(items=[StoreView.model_validate(row) for row in await storage.pulls(connection, pullers)])

    @routes.post("/stores/{store_code}/pull", tags=["stores"], dependencies=may_decide)
    async def pull_store(store_code: StoreCode) -> PulledView:
        """Pull a store's trades now."""
        if store_code not in pullers:
            raise not_found("store_code", store_code)
        try:
            return PulledView(store_code=store_code, trades=await pullers[store_code].pull())
        except PlatformError as error:
            raise Problem(502, "平台调用失败 / the platform call failed", f"{type(error).__name__}: {error}") from error

    @routes.get("/publications", tags=["publications"], dependencies=may_see)
    async def search_publications(
        paging: Paged,
        kind: Annotated[Kind | None, Query(description="种类 / kind")] = None,
        state: Annotated[State | None, Query(description="状态 / state")] = None,
        key: Annotated[
            str | None, Query(description="店铺/交易号 或 店铺/商品/SKU / store/trade or store/item/SKU")
        ] = None,
    ) -> Page[PublicationView]:
        """Publications to the platforms, newest first."""
        view = PublicationView.model_validate
        return await storage.PUBLICATIONS.page(engine.database, view, paging, kind=kind, state=state, key=key)

    @routes.get("/malformed-trades", tags=["stores"], dependencies=may_see)
    async def search_malformed_trades(paging: Paged) -> Page[MalformedTradeView]:
        """Trades that cannot be read, newest first; each is read again when it changes."""
        return await storage.MALFORMED_TRADES.page(engine.database, MalformedTradeView.model_validate, paging)

    routes.include_router(_corrections(engine))
    return routes


def _corrections(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/publications", tags=["publications"])

    @routes.post("/{call_id}/correct")
    async def correct_publication(call_id: CallId, body: Correct, person: ByDecider) -> PublicationView:
        """Tell the platform of a refused shipment again with another carrier or waybill; no stock moves.

        Sent twice it is one publication: the answer is the one that follows the refused one.
        """
        given = body.model_dump()
        return await again(call_id, partial(Correction, actor=person.name, **given))

    @routes.post("/{call_id}/resend")
    async def resend_publication(call_id: CallId, body: Resend, person: ByDecider) -> PublicationView:
        """Tell the platform of a refused shipment again as it was: what it refused has been put right there."""
        return await again(call_id, partial(Correction, actor=person.name, reason=body.reason))

    async def again(call_id: int, correction: Callable[..., Correction]) -> PublicationView:
        try:
            await engine.transact(partial(_again, call_id, correction))
        except ParcelUnclear as error:
            raise Problem(422, "不知更正哪个包裹 / unclear which parcel", str(error)) from error
        async with engine.database.connect() as connection:
            refused = await storage.publication(connection, call_id)
            return PublicationView.model_validate(refused and await storage.follower(connection, refused))

    return routes


async def _again(call_id: int, correction: Callable[..., Correction], transaction: Transaction) -> None:
    row = await storage.publication(transaction.connection, call_id)
    if row is None:
        raise not_found("publication", str(call_id))
    if row["kind"] != PUBLISH_SHIPMENT or row["state"] != "rejected":
        raise Problem(
            409,
            "不是被拒绝的发货 / not a refused shipment",
            f"{row['kind']} {row['key']} 状态为 is {row['state']}；waiting 的请先 lemai calls give-up",
        )
    command = correction(call_id, row["key"], OrderShippedV1.model_validate(row["payload"]))
    follower = await storage.follower(transaction.connection, row)
    if follower is None:
        cause = Cause("", trace.start())
        await transaction.run(on_shipment_corrected, command, cause)
    elif OrderShippedV1.model_validate(follower["payload"]) != corrected(command):
        told = f"已更正为发布 {follower['id']}，请更正它 / corrected already as publication {follower['id']}"
        raise Problem(409, "已经更正过 / corrected already", told)
