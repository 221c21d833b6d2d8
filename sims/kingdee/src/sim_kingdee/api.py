"""Inspection of the simulator over HTTP. Errors are application/problem+json."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from sim_kingdee import control, reports
from sim_kingdee.dependencies import TheErp, TheExchanges
from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Exchange
from sim_kingdee.webapi.api import router as webapi_router
from sim_kingdee.webapi.server import Server

router = APIRouter()


def create_app(
    exchanges: Sequence[Exchange], now: Callable[[], datetime], webapi: Server | None = None, *, erp: Erp | None = None
) -> FastAPI:
    """The HTTP side of one simulator; handlers run on the event loop, which is the store's only thread."""
    app = FastAPI(title="Kingdee simulator 金蝶模拟器")
    app.state.exchanges = {exchange.face: exchange for exchange in exchanges}
    app.state.erp = erp or exchanges[0].erp
    app.state.now = now
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.include_router(router)
    app.include_router(control.router)
    for exchange in exchanges:
        app.include_router(exchange.routes(now))
    if webapi:
        app.state.webapi = webapi
        app.include_router(webapi_router)
    return app


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, error.detail)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(map(str, e["loc"])), "value": repr(e["input"])[:200], "expected": e["msg"]}
        for e in error.errors()
    ]
    return _answer(422, "请求不合要求 / the request is not valid", errors=errors)


def _answer(status: int, detail: str, **more: object) -> JSONResponse:
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


@router.get("/healthz")
async def health() -> dict[str, str]:
    """Answers while the faces run: the end of one ends the program."""
    return {"status": "ok"}


@router.get("/sim/orders")
async def orders(
    erp: TheErp,
    *,
    owner_code: str = "",
    platform_order_no: str = "",
    state: str = "",
    after: int = 0,
    limit: Annotated[int, Query(gt=0, le=5_000)] = 500,
) -> dict[str, object]:
    """Instructions with lines and actuals; `next_after` is the `after` of the next page, null at the end."""
    found = reports.orders(
        erp.store.db,
        owner_code=owner_code,
        platform_order_no=platform_order_no,
        state=state,
        after=after,
        limit=limit,
    )
    return {"orders": found, "next_after": found[-1]["id"] if len(found) == limit else None}


@router.get("/sim/orders/{owner_code}/{order_no}")
async def order(erp: TheErp, owner_code: str, order_no: str) -> dict[str, object]:
    """Both legs of an order as received, and all its actuals, asked for or not."""
    instructions = reports.orders(erp.store.db, owner_code=owner_code, order_no=order_no, limit=2)
    actuals = reports.actuals(erp.store.db, owner_code, order_no)
    if not instructions and not actuals:
        raise HTTPException(404, f"没有单据 {owner_code}/{order_no} / no such order")
    return {
        "owner_code": owner_code,
        "order_no": order_no,
        "instructions": instructions,
        "actuals": actuals,
    }


@router.get("/sim/stock")
async def stock(erp: TheErp, warehouse_code: str = "", owner_code: str = "", item_code: str = "") -> dict[str, object]:
    """Pieces on hand, locked and available."""
    found = reports.stock(erp.store.db, warehouse_code=warehouse_code, owner_code=owner_code, item_code=item_code)
    return {"stock": found}


@router.get("/sim/items")
async def items(erp: TheErp, owner_code: str = "", item_code: str = "") -> dict[str, object]:
    """Items as the last item master described them."""
    return {"items": reports.items(erp.store.db, owner_code=owner_code, item_code=item_code)}


@router.get("/sim/files")
async def files(
    erp: TheErp,
    exchanges: TheExchanges,
    direction: Literal["in", "out", ""] = "",
    name: str = "",
    face: str = "",
) -> dict[str, object]:
    """Files and calls from Lemai (in) with our acknowledgement, those for Lemai (out) with theirs."""
    found = reports.files(erp.store.db, direction=direction, name=name, face=face)
    return {"files": [exchanges[str(row["face"])].describe(row) if row["face"] in exchanges else row for row in found]}


@router.get("/sim/duplicates")
async def duplicates(erp: TheErp) -> dict[str, list[reports.Row]]:
    """What happened twice; empty lists when all is well."""
    return reports.duplicates(erp.store.db)
