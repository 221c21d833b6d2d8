"""Refusals of the inspection API as problem+json (RFC 9457), Chinese first."""

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from sim_tmall.refusals import Contradiction, IllegalTransition, TooLittleStock, Unknown

_REFUSALS: dict[type[Exception], tuple[int, str]] = {
    Unknown: (404, "不存在 / not found"),
    TooLittleStock: (409, "库存不足 / too little stock"),
    IllegalTransition: (409, "当前状态不允许 / not allowed in this status"),
    Contradiction: (422, "请求自相矛盾 / the request is contradictory"),
}


def _problem(status: int, title: str, detail: str, **more: object) -> Response:
    content = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, **more})
    return Response(content, status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Turn the known refusals and invalid bodies into problems; anything else stays a 500."""

    async def refuse(_: Request, error: Exception) -> Response:
        return _problem(*_REFUSALS[type(error)], str(error))

    async def invalid(_: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        errors = [
            {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"], "value": repr(one["input"])}
            for one in found
        ]
        detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
        return _problem(422, "请求无效 / the request is invalid", detail, errors=errors)

    for kind in _REFUSALS:
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(RequestValidationError, invalid)
