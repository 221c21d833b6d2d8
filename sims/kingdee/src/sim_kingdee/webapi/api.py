"""The WebAPI over HTTP, and what testers ask of it under /sim/webapi."""

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sim_kingdee import reports
from sim_kingdee.dependencies import Now
from sim_kingdee.webapi.answers import Refused, failure
from sim_kingdee.webapi.calls import LOGIN, operation_of, read_arguments
from sim_kingdee.webapi.misbehaviour import Kind, Misbehaviour
from sim_kingdee.webapi.server import SESSION, Server
from sim_kingdee.webapi.signature import WrongDataCentre

router = APIRouter()


async def _server(request: Request) -> Server:
    return cast(Server, request.app.state.webapi)


TheServer = Annotated[Server, Depends(_server)]


class MisbehaveBody(BaseModel):
    """What goes wrong with the next `times` calls; without an operation, with those the kind is about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    times: int = Field(default=1, gt=0)
    operation: Literal[
        "", "Save", "Submit", "Audit", "UnAudit", "View", "ExecuteBillQuery", "Allocate", "ExcuteOperation"
    ] = ""
    seconds: float = Field(default=0, ge=0, le=600)
    message: str = ""


@router.post("/k3cloud/{service}.common.kdsvc")
async def call(service: str, request: Request, server: TheServer, now: Now) -> Response:
    """One call of a service. Refusals are HTTP 200, as the server has it."""
    operation = operation_of(service)
    if operation is None:
        return _broken(404, f"没有服务 {service}")
    try:
        arguments = read_arguments(operation, await request.body())
        if operation == LOGIN:
            login = server.login(arguments)
            return _with_session(_json(login), str(login["KDSVCSessionId"]))
        return await _called(operation, arguments, request, server, now)
    except WrongDataCentre as error:
        return _broken(500, f"数据中心 {error} 不存在")
    except ValueError:
        return _broken(500, "请求不是 JSON")


async def _called(
    operation: str, arguments: dict[str, Any], request: Request, server: Server, now: datetime
) -> Response:
    fault = server.script.take(operation)
    kind = fault.kind if fault else None
    if fault and kind is Kind.SLOW:
        await asyncio.sleep(fault.seconds)
    if kind is Kind.SERVER_ERROR:
        return _broken(500, "服务器内部错误")
    if kind is Kind.SESSION_LOST:
        server.lose_sessions()
    named = request.headers.get(SESSION) or request.cookies.get(SESSION, "")
    try:
        session = server.session_for(request.headers, named, request.url.path, now)
    except Refused as refused:
        return _json(failure(operation, refused))
    answer = server.answer(operation, arguments, fault, now)
    if fault and kind is Kind.TIMEOUT_AFTER_SAVE:
        await asyncio.sleep(fault.seconds)
        # An answer shorter than it says makes the HTTP server end the connection.
        return Response(headers={"Content-Length": "1"})
    if kind is Kind.ERROR_500_AFTER_SAVE:
        return _broken(500, "服务器内部错误")
    return _with_session(Response(answer, media_type="application/json"), session)


def _json(content: object) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), media_type="application/json")


def _broken(status: int, message: str) -> Response:
    return Response(f"response_error:{message}", status, media_type="text/plain")


def _with_session(response: Response, session: str) -> Response:
    if session:
        response.headers[SESSION] = session
        response.set_cookie(SESSION, session, path="/")
    return response


@router.post("/sim/webapi/misbehave")
async def misbehave(body: MisbehaveBody, server: TheServer) -> dict[str, str]:
    """Let calls go wrong from now on, after those that were told before."""
    server.script.add(Misbehaviour(body.kind, body.times, body.operation, body.seconds, body.message))
    return {"kind": body.kind}


@router.delete("/sim/webapi/misbehave")
async def behave(server: TheServer) -> dict[str, str]:
    """Forget what was still to go wrong."""
    server.script.clear()
    return {}


@router.get("/sim/webapi/bills")
async def bills(
    server: TheServer,
    *,
    form: str = "",
    bill_no: str = "",
    after: int = 0,
    limit: Annotated[int, Query(gt=0, le=5_000)] = 500,
) -> dict[str, object]:
    """Bills with their entries and how often each operation was called on them, and all calls by operation.

    `next_after` is the `after` of the next page, null at the end; `refused` is the MsgCode, 0 when a call was done.
    """
    found = reports.bills(server.store.db, form=form, bill_no=bill_no, after=after, limit=limit)
    return {
        "bills": found,
        "next_after": found[-1]["id"] if len(found) == limit else None,
        "calls": reports.bill_calls(server.store.db),
    }
