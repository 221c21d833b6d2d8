"""The application every service answers HTTP with: strict about what it takes, and described as it answers."""

import asyncio
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping, Sequence
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import Headers, MutableHeaders, UploadFile
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lemai_chassis import database
from lemai_chassis.access import BEARER, Access, Needs, declared, guard
from lemai_chassis.requests import Requests
from lemai_chassis.web import (
    KINDS,
    PROBLEM_JSON,
    REQUEST_ID,
    FieldProblem,
    Problem,
    ProblemDocument,
    add_problem_handlers,
    away,
    invalid,
    problem_response,
    shown,
)
from lemai_contracts.text import code_point

BODY_BYTES_MAX = 1024 * 1024
LIMIT = "x-body-bytes-max"
"""A route that takes more says so by `openapi_extra={LIMIT: …}`, which is how everybody can read it."""
ASK_AFTER_S = 0.5
ANSWER_WITHIN_S = 0.4
"""The database of a request that is not answered after the first is asked whether it is there, and has the second."""
JSON = "application/json"
Wrong = tuple[str, FieldProblem]
"""A kind of problem, and where it is."""
_OTHER_JSON = r"application/[\w.-]+\+json"
_REQUEST_ID = re.compile("[0-9A-Za-z._-]{1,64}")
_UNFIT = re.compile("[\0\ud800-\udfff]")
_UNFIT_PARAMETER = re.compile("[\0\ufffd]")
"""Percent signs can also write what is no UTF-8: it comes as U+FFFD."""
_UNFIT_ESCAPES = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


def application(name: str, routers: Iterable[APIRouter], people: Access) -> FastAPI:
    """The HTTP face of a service; its API page at /docs needs nothing from elsewhere. Raises UndeclaredRoute."""
    app = FastAPIOffline(
        "/docs",
        None,
        title=name,
        static_url="/docs/assets",
        version="1",
        generate_unique_id_function=lambda route: route.name,
        responses={status: {"model": ProblemDocument, "description": title} for status, (_, title) in KINDS.items()},
    )
    add_problem_handlers(app)
    app.add_middleware(Requests)
    app.add_middleware(_Edge)
    for router in routers:
        app.include_router(router, dependencies=[Depends(_strict)])
    guard(app, people)
    app.openapi = _description(app)  # type: ignore[method-assign]
    return app


class _Edge:
    """Gives every request its id, and keeps its body within its limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        scope[REQUEST_ID] = asked if _REQUEST_ID.fullmatch(asked) else uuid4().hex

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = scope[REQUEST_ID]
            await send(message)

        await self._app(scope, _bounded(scope, receive), answer)


class Watch:
    """Answers a request that waits for a database which is away."""

    def __init__(self, app: ASGIApp, database: AsyncEngine) -> None:
        self._app = app
        self._database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        begun = left = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            if not left:
                await send(message)

        serving = asyncio.ensure_future(self._app(scope, receive, answer))
        serving.add_done_callback(_look_at)
        try:
            while not (await asyncio.wait([serving], timeout=ASK_AFTER_S))[0]:
                # Who holds a connection to a server that hangs cannot be waited for, only left.
                if not begun and (trouble := await database.trouble(self._database, ANSWER_WITHIN_S)) and not begun:
                    left = True
                    await problem_response(Request(scope), away(trouble))(scope, receive, send)
                    return
            await serving
        finally:
            serving.cancel()


def _look_at(ended: "asyncio.Future[None]") -> None:
    """The exception of a request that was left is nobody's."""
    if not ended.cancelled():
        ended.exception()


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Reads a body no further than its route's limit. A route without a declared body bounds it itself."""
    declared = Headers(scope=scope).get("content-length", "")
    received = 0

    async def bounded() -> Message:
        nonlocal received
        most = _bytes_max(scope.get("route"))
        message: Message = {} if declared.isdecimal() and int(declared) > most else await receive()
        received += len(message.get("body", b""))
        if not message or received > most:
            raise Problem(413, KINDS[413][1], f"最多 {most} 字节 / at most {most} bytes")
        return message

    return bounded


def _bytes_max(route: Any) -> float:
    if not isinstance(route, APIRoute) or route.body_field is None:
        return math.inf
    limit: int = (route.openapi_extra or {}).get(LIMIT, BODY_BYTES_MAX)
    return limit


async def _strict(request: Request) -> None:
    """Refuses parameters nobody knows or that come twice, another content type, and text that nothing can hold."""
    route = request.scope["route"]
    wrong = [*_wrong_names("query", request.query_params.multi_items(), set(_query_names(route.dependant)))]
    for place, sent in {"path": request.path_params, "query": request.query_params, "header": request.headers}.items():
        for name, value in sent.items():
            if found := _UNFIT_PARAMETER.search(str(value)):
                wrong.append(_unfit(f"{place}.{name}", value, found[0]))
    if route.body_field:
        wrong += await _wrong_in_body(request, route)
    if wrong:
        # Who may not call at all learns nothing of what the call takes.
        for asked in declared(request.scope["fastapi"]["effective_route_context"]):
            if isinstance(asked, Needs):
                await asked(request, await BEARER(request))
        kinds = {kind for kind, _ in wrong}
        raise invalid([problem for _, problem in wrong], kinds.pop() if len(kinds) == 1 else "")


async def _wrong_in_body(request: Request, route: APIRoute) -> Iterable[Wrong]:
    expected = getattr(route.body_field and route.body_field.field_info, "media_type", JSON)
    sent = request.headers.get("content-type", "")
    if not _fits(sent.partition(";")[0].strip().lower(), expected) and _carries_a_body(request):
        wrong = FieldProblem(field="header.content-type", value=sent, message=f"应为 / expected {expected}")
        raise Problem(415, KINDS[415][1], errors=[wrong])
    if expected != JSON:
        form = (await request.form()).multi_items()
        texts = {name: value.filename if isinstance(value, UploadFile) else value for name, value in form}
        known = {parameter.alias for parameter in route.dependant.body_params}
        return [*_wrong_names("body", form, known), *_unfit_texts(texts)]
    return _unfit_texts(await request.json()) if _UNFIT_ESCAPES.search(await request.body()) else ()


def _carries_a_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _fits(content_type: str, expected: str) -> bool:
    return content_type == expected or (expected == JSON and re.fullmatch(_OTHER_JSON, content_type) is not None)


def _wrong_names(place: str, sent: Sequence[tuple[str, Any]], known: Collection[str]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for name, value in sent:
        field = f"{place}.{name}"
        if name not in known:
            message = f"没有此参数，可用的有 / no such parameter, known are: {', '.join(sorted(known)) or '-'}"
            yield "unknown-parameter", FieldProblem(field=field, value=shown(value), message=message)
        elif name in seen:
            message = "只能出现一次 / expected once"
            yield "repeated-parameter", FieldProblem(field=field, value=shown(value), message=message)
        seen.add(name)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from model.model_fields
        else:
            yield parameter.alias
    for needed in dependant.dependencies:
        yield from _query_names(needed)


def _unfit_texts(body: Any) -> Iterator[Wrong]:
    """Texts of a body, and names in it, that neither PostgreSQL nor an answer could hold."""
    waiting = [("body", body)]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, str) and (found := _UNFIT.search(value)):
            yield _unfit(field, value, found[0])
        elif isinstance(value, dict):
            waiting += [(field, name) for name in value] + [(f"{field}.{name}", value[name]) for name in value]
        elif isinstance(value, list):
            waiting += [(f"{field}.{position}", inner) for position, inner in enumerate(value)]


def _unfit(field: str, value: str, character: str) -> Wrong:
    message = f"{code_point(character)} 无法保存 / cannot be kept"
    return "unfit-text", FieldProblem(field=field, value=shown(value), message=message)


def _description(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """OpenAPI as every service answers: which refusals where, in which form, and files that generated clients send."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = FastAPI.openapi(app)
            for operations in document["paths"].values():
                for operation in operations.values():
                    _describe(operation)
            for schema in document["components"]["schemas"].values():
                for part in schema.get("properties", {}).values():
                    if part.get("contentMediaType") == "application/octet-stream":
                        part["format"] = "binary"
        return app.openapi_schema or {}

    return described


def _describe(operation: MutableMapping[str, Any]) -> None:
    responses = operation["responses"]
    for status in [] if "requestBody" in operation else ["400", "413", "415"]:
        responses.pop(status, None)
    for status, response in responses.items():
        if status < "300":
            response["description"] = operation.get("description", "").partition("\n")[0]
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema", {}).get("$ref", "").endswith("/ProblemDocument"):
            response["content"] = {PROBLEM_JSON: content["application/json"]}
    for parameter in operation.get("parameters", []):
        for said in (parameter["schema"], *parameter["schema"].get("anyOf", ())):
            if "description" in said:
                parameter.setdefault("description", said["description"])
