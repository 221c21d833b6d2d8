"""HTTP the same way in every service: problems, commands under an idempotency key, pages."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from lemai_chassis.database import DRIVER_ERRORS, sqlstate
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork

M = TypeVar("M")
R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")
PAGE_MAX = 200
KEY_LENGTH_MAX = 200
UNUSABLE = "值无法使用 / a value cannot be used"
AWAY = "数据库暂不可用，请稍后重试 / the database is away, try again"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_LENGTH_MAX,
        description="同一键的重复请求返回第一次的结果 / a repeated request with the same key gets the first answer",
    ),
]


class FieldProblem(BaseModel):
    """One thing that is wrong: where, what was sent, what was expected."""

    field: str
    value: Any = None
    message: str


class ProblemDocument(BaseModel):
    """application/problem+json (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = []


class Problem(Exception):
    """Raised by an endpoint that refuses a request. Text is Chinese first, then English."""

    def __init__(self, status: int, title: str, detail: str = "", errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(f"{title}: {detail}")
        self.document = ProblemDocument(title=title, status=status, detail=detail, errors=list(errors))


def not_found(what: str, value: str) -> Problem:
    return Problem(404, "未找到 / not found", f"{what} {value}")


class Page(BaseModel, Generic[T]):
    """One page of a list. `next` is the cursor of the following one, null on the last."""

    items: list[T]
    next: str | None = None


def encode_cursor(*key: str | int | datetime) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode()


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The key behind a cursor, each part a str, int or datetime as `kinds` say. Raises Problem for another."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor))
        return tuple(_key_part(kind, part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError):
        message = "应为上一页返回的 next / expected the `next` of the page before"
        wrong = FieldProblem(field="cursor", value=cursor, message=message)
        raise Problem(422, "参数错误 / invalid parameter", errors=[wrong]) from None


def _key_part(kind: type, part: Any) -> str | int | datetime:
    if kind is datetime:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return moment
    if isinstance(part, str | int) and type(part) is kind and "\0" not in str(part):
        return part
    raise ValueError("another kind of value")


class Commands:
    """Runs commands that came by HTTP, once per idempotency key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(
        self,
        request: Request,
        key: str | None,
        handler: Callable[[M, UnitOfWork], R],
        command: M,
        touches: Iterable[Ref] = (),
    ) -> Response:
        """The handler's answer as JSON: the first one, where the person used the key before for the same request."""
        refs = tuple(touches)
        asked = f"{request.state.person.name} {request.method} {request.url.path}"
        fingerprint = hashlib.sha256(asked.encode() + await request.body()).hexdigest()

        async def work(transaction: Transaction) -> bytes:
            if key and (answer := await _answered(transaction, key, fingerprint)):
                return answer
            await transaction.load(refs)
            answer = (await transaction.run(handler, command)).model_dump_json().encode()
            if key:
                await transaction.connection.exec_driver_sql(
                    "UPDATE idempotency SET answer = $2::text::jsonb WHERE key = $1", (key, answer.decode())
                )
            return answer

        return Response(await self._engine.transact(work), media_type="application/json")


async def _answered(transaction: Transaction, key: str, fingerprint: str) -> bytes | None:
    """The answer given before under this key; a twin that still runs is waited for."""
    connection = transaction.connection
    await connection.exec_driver_sql(
        "INSERT INTO idempotency (key, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING", (key, fingerprint)
    )
    row = (
        await connection.exec_driver_sql(
            "SELECT fingerprint, answer::text AS answer FROM idempotency WHERE key = $1 FOR UPDATE", (key,)
        )
    ).one()
    if row.fingerprint != fingerprint:
        raise Problem(
            422,
            "幂等键已用于另一请求 / the idempotency key was used for another request",
            errors=[FieldProblem(field="Idempotency-Key", value=key, message="换一个新键 / use a new key")],
        )
    return row.answer.encode() if row.answer else None


def add_problem_handlers(app: FastAPI) -> None:
    """Every refusal of this app becomes application/problem+json."""

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return _problem(error.document)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [_field_problem(problem) for problem in error.errors()]
        return _problem(ProblemDocument(title="请求有误 / invalid request", status=422, errors=errors))

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _problem(ProblemDocument(title=str(error.detail), status=error.status_code), error.headers)

    async def refused_by_database(_request: Request, error: Exception) -> Response:
        state = sqlstate(error)
        if state.startswith("22"):
            return _problem(ProblemDocument(title=UNUSABLE, status=422, detail=str(getattr(error, "orig", error))))
        if state.startswith(("23", "42")):
            raise error
        return _problem(ProblemDocument(title=AWAY, status=503), {"Retry-After": "1"})

    async def crashed(_request: Request, _error: Exception) -> Response:
        return _problem(ProblemDocument(title="内部错误 / internal error", status=500))

    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    for kind in (DBAPIError, *DRIVER_ERRORS, ConnectionError):
        app.add_exception_handler(kind, refused_by_database)
    app.add_exception_handler(Exception, crashed)


def _field_problem(problem: Mapping[str, Any]) -> FieldProblem:
    field = ".".join(str(part) for part in problem["loc"])
    value = problem.get("input")
    shown = value if isinstance(value, str | int | bool) or value is None else repr(value)[:200]
    return FieldProblem(field=field, value=shown, message=problem["msg"])


def _problem(document: ProblemDocument, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        document.model_dump(), status_code=document.status, headers=headers, media_type="application/problem+json"
    )
