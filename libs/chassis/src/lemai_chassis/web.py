"""HTTP the same way in every service: problems, and commands under an idempotency key."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from lemai_chassis.database import DRIVER_ERRORS, sqlstate
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork

M = TypeVar("M")
R = TypeVar("R", bound=BaseModel)
KEY_LENGTH_MAX = 200
VALUE_LENGTH_MAX = 200
REQUEST_ID = "request_id"
"""Under this the id of a request is kept in its scope."""
PROBLEM_JSON = "application/problem+json"
INVALID = "请求有误 / invalid request"
UNUSABLE = "值无法使用 / a value cannot be used"
AWAY = "数据库暂不可用，请稍后重试 / the database is away, try again"
KINDS: Mapping[int, tuple[str, str]] = {
    400: ("unreadable-body", "请求体无法读取 / the body cannot be read"),
    401: ("unauthenticated", "需要有效的令牌 / a valid token is needed"),
    403: ("forbidden", "没有权限 / not allowed"),
    404: ("not-found", "未找到 / not found"),
    405: ("method-not-allowed", "此地址不支持该方法 / this address does not take the method"),
    409: ("conflict", "状态不允许 / not in this state"),
    410: ("gone", "内容已删除 / its content is gone"),
    413: ("too-large", "请求体过大 / the body is too large"),
    415: ("wrong-content-type", "内容类型不符 / another content type is expected"),
    422: ("invalid-request", INVALID),
    500: ("internal-error", "内部错误 / internal error"),
    502: ("platform-failed", "平台调用失败 / the platform call failed"),
    503: ("unavailable", AWAY),
}
"""What a status stands for where nothing narrower is said: the end of the problem's type, and its title."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_LENGTH_MAX,
        description="同一键的重复请求返回第一次的结果 / a repeated request with the same key gets the first answer",
        examples=["0b9a4f6e-4c1e-4b51-9f5e-6f1d2c3b4a59"],
    ),
]


class FieldProblem(BaseModel):
    """One thing that is wrong: where, what was sent, what is expected."""

    field: str = Field(examples=["query.limit"])
    value: Any = Field(None, description="收到的值，过长则截短 / as sent, cut where it is long", examples=[0])
    message: str = Field(examples=["应 ≥ 1 / expected ≥ 1"])


class ProblemDocument(BaseModel):
    """application/problem+json (RFC 9457)."""

    type: str = Field("about:blank", examples=["urn:lemai:problem:invalid-request"])
    title: str = Field(examples=[INVALID])
    status: int = Field(examples=[422])
    detail: str = ""
    errors: list[FieldProblem] = []
    request_id: str = Field("", description="即 X-Request-Id / as in X-Request-Id")


class Problem(HTTPException):
    """Raised by an endpoint that refuses a request. Text is Chinese first, then English.

    `kind` ends the document's type: what programs tell problems apart by. By default it is the status's.
    """

    def __init__(
        self, status: int, title: str, detail: str = "", errors: Sequence[FieldProblem] = (), kind: str = ""
    ) -> None:
        super().__init__(status, f"{title}: {detail}")
        type_ = f"urn:lemai:problem:{kind or _kind(status)[0]}"
        self.document = ProblemDocument(type=type_, title=title, status=status, detail=detail, errors=list(errors))


def not_found(what: str, value: str) -> Problem:
    return Problem(404, KINDS[404][1], f"{what} {value}")


def invalid(errors: Sequence[FieldProblem], kind: str = "") -> Problem:
    return Problem(422, INVALID, errors=errors, kind=kind)


def away(detail: str = "") -> Problem:
    problem = Problem(503, AWAY, detail)
    problem.headers = {"Retry-After": "1"}
    return problem


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
            errors=[FieldProblem(field="header.Idempotency-Key", value=key, message="换一个新键 / use a new key")],
            kind="idempotency-key-used",
        )
    return row.answer.encode() if row.answer else None


def add_problem_handlers(app: FastAPI) -> None:
    """Every refusal of this app becomes application/problem+json."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem_response(request, error)

    async def not_valid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            at, why = first["loc"][-1], first["ctx"]["error"]
            message = f"第 {at} 个字符起不是合法的 JSON / no JSON from character {at} on: {why}"
            wrong = FieldProblem(field="body", message=message)
            return problem_response(request, Problem(400, KINDS[400][1], errors=[wrong]))
        return problem_response(request, invalid([_field_problem(wrong) for wrong in error.errors()]))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = Problem(error.status_code, _kind(error.status_code)[1])
        problem.headers = error.headers
        return problem_response(request, problem)

    async def refused_by_database(request: Request, error: Exception) -> Response:
        state = sqlstate(error)
        if state.startswith("22"):
            return problem_response(request, Problem(422, UNUSABLE, str(getattr(error, "orig", error))))
        if state.startswith(("23", "42")):
            raise error
        return problem_response(request, away())

    async def crashed(request: Request, _error: Exception) -> Response:
        return problem_response(request, Problem(500, KINDS[500][1]))

    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(RequestValidationError, not_valid)
    app.add_exception_handler(HTTPException, http)
    for kind in (DBAPIError, *DRIVER_ERRORS, ConnectionError):
        app.add_exception_handler(kind, refused_by_database)
    app.add_exception_handler(Exception, crashed)


def problem_response(request: Request, problem: Problem) -> Response:
    """What was sent comes back as it was: half a surrogate pair as the escape that JSON writes it with."""
    request_id = request.scope.get(REQUEST_ID, "")
    document = problem.document.model_copy(update={REQUEST_ID: request_id}).model_dump()
    return Response(
        json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        problem.document.status,
        {"X-Request-Id": request_id, **(problem.headers or {})},
        PROBLEM_JSON,
    )


def shown(value: Any) -> Any:
    """A value as it was sent, if it is short; else how its JSON begins."""
    text = json.dumps(value, ensure_ascii=False, default=lambda sent: getattr(sent, "filename", str(sent)))
    if len(text) > VALUE_LENGTH_MAX or "NaN" in text or "Infinity" in text:
        return (value if isinstance(value, str) else text)[:VALUE_LENGTH_MAX]
    return json.loads(text)


def _kind(status: int) -> tuple[str, str]:
    return KINDS.get(status, (f"status-{status}", f"请求被拒绝 / refused: {status}"))


def _field_problem(problem: Mapping[str, Any]) -> FieldProblem:
    field = ".".join(str(part) for part in problem["loc"])
    kind, context = problem["type"], problem.get("ctx") or {}
    expected = EXPECTED.get(kind) or EXPECTED.get(kind.partition("_")[0])
    message = expected.format(**context) if expected else f"不符合要求 / {problem['msg'].removeprefix('Value error, ')}"
    # What is missing has no value: pydantic names all that stands around it.
    return FieldProblem(field=field, value=None if kind == "missing" else shown(problem.get("input")), message=message)


EXPECTED = {
    "missing": "必填 / required",
    "extra_forbidden": "没有此字段 / no such field",
    "string": "应为文字 / expected text",
    "string_too_long": "最多 {max_length} 个字符 / at most {max_length} characters",
    "string_too_short": "至少 {min_length} 个字符 / at least {min_length} characters",
    "string_pattern_mismatch": "应符合 / expected to match {pattern}",
    "too_long": "最多 {max_length} 项 / at most {max_length} of them",
    "too_short": "至少 {min_length} 项 / at least {min_length} of them",
    "int": "应为整数 / expected a whole number",
    "bool": "应为 true 或 false / expected true or false",
    "decimal": "应为小数 / expected a decimal number",
    "greater_than": "应 > {gt} / expected > {gt}",
    "greater_than_equal": "应 ≥ {ge} / expected ≥ {ge}",
    "less_than": "应 < {lt} / expected < {lt}",
    "less_than_equal": "应 ≤ {le} / expected ≤ {le}",
    "enum": "应为其中之一 / expected one of: {expected}",
    "literal_error": "应为其中之一 / expected one of: {expected}",
    "date": "应为日期，如 / expected a day, such as 2026-11-22",
    "datetime": "应为带时区的时间，如 / expected a moment with its zone, such as 2026-11-22T10:00:00+08:00",
    "timezone": "应为带时区的时间，如 / expected a moment with its zone, such as 2026-11-22T10:00:00+08:00",
    "list": "应为数组 / expected an array",
    "dict": "应为对象 / expected an object",
    "model": "应为对象 / expected an object",
    "base64": "应为 Base64 / expected base64",
}
"""What pydantic expects, by its error's type, or by the first word of that."""
