"""HTTP the same way in every service: problems, commands under an idempotency key, pages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from lemai_toy import OWNER_CODE, STORAGE, Tally, state_changed
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import TRACE_ID, TRACEPARENT, count_of, fetch, notes, trade

from lemai_chassis.access import Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Page, decode_cursor, encode_cursor
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.strict import application
from lemai_chassis.testing import access, person, token
from lemai_chassis.web import (
    Commands,
    IdempotencyKey,
    Problem,
    not_found,
)


class Add(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    quantity: int = Field(ge=1)


class Counted(BaseModel):
    name: str
    count: int


def add(command: Add, uow: UnitOfWork) -> Counted:
    """Add to a tally; more than 100 is refused."""
    tally = uow.get(Tally, OWNER_CODE, command.name) or Tally(OWNER_CODE, command.name)
    for _ in range(min(command.quantity, 3)):
        tally = tally.plus(str(command.quantity))
    uow.put(tally)
    uow.emit(state_changed(trade(command.name)), of=tally)
    if command.quantity > 100:
        raise Problem(409, "太多 / too many", f"{command.quantity} > 100")
    return Counted(name=tally.name, count=tally.count)


def an_app(engine: Engine) -> FastAPI:
    routes = APIRouter(dependencies=[needs(Role.ORDERS)])
    commands = Commands(engine)

    @routes.post("/v1/{place}")
    async def post(place: str, command: Add, request: Request, key: IdempotencyKey = None) -> Response:
        return await commands.run(request, key, add, command, [ref(Tally, OWNER_CODE, command.name)])

    @routes.get("/raise/{what}")
    async def raising(what: str) -> None:
        raise {
            "problem": not_found("order_no", "TM1"),
            "http": HTTPException(418, "no coffee", {"X-Pot": "tea"}),
            "bug": KeyError("bug"),
            "away": ConnectionRefusedError("no database"),
            "starting": asyncpg.CannotConnectNowError("starting up"),
        }[what]

    @routes.get("/query")
    async def query(sql: str, value: str) -> None:
        await fetch(engine.database, sql, value)

    return application("toy", [routes], access(person("li.na"), person("wang.wei")))


@pytest.fixture
async def client(database: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app(Engine(database, "toy", STORAGE)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://toy", headers=token("li.na")) as client:
        yield client


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == response.status_code
    return document


async def test_the_same_key_gets_the_same_answer_and_one_effect(
    client: httpx.AsyncClient, database: AsyncEngine
) -> None:
    answers = [
        await client.post("/v1/add", json={"name": "A", "quantity": 2}, headers={"Idempotency-Key": "k1"})
        for _ in range(3)
    ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"name": "A", "count": 2})] * 3
    assert await notes(database) == {"A": ["2", "2"]}
    assert await count_of(database, "event") == 1


async def test_parallel_twins_have_one_effect_and_one_answer(client: httpx.AsyncClient, database: AsyncEngine) -> None:
    answers = await asyncio.gather(
        *(
            client.post("/v1/add", json={"name": "A", "quantity": 1}, headers={"Idempotency-Key": "k1"})
            for _ in range(6)
        )
    )

    assert {(answer.status_code, answer.json()["count"]) for answer in answers} == {(200, 1)}
    assert await notes(database) == {"A": ["1"]}


@pytest.mark.parametrize(("path", "name"), [("/v1/add", "B"), ("/v1/other", "A")], ids=["another body", "another path"])
async def test_a_key_that_was_used_for_another_request_is_refused(
    client: httpx.AsyncClient, database: AsyncEngine, path: str, name: str
) -> None:
    await client.post("/v1/add", json={"name": "A", "quantity": 1}, headers={"Idempotency-Key": "k1"})
    refused = await client.post(path, json={"name": name, "quantity": 1}, headers={"Idempotency-Key": "k1"})

    assert refused.status_code == 422
    document = problem(refused)
    assert document["type"] == "urn:lemai:problem:idempotency-key-used"
    [error] = document["errors"]
    assert (error["field"], error["value"]) == ("header.Idempotency-Key", "k1")
    assert await notes(database) == {"A": ["1"]}


async def test_a_key_of_somebody_else_does_not_hand_over_their_answer(
    client: httpx.AsyncClient, database: AsyncEngine
) -> None:
    key = {"Idempotency-Key": "k1"}
    await client.post("/v1/add", json={"name": "A", "quantity": 1}, headers=key)
    refused = await client.post("/v1/add", json={"name": "A", "quantity": 1}, headers={**key, **token("wang.wei")})

    assert (refused.status_code, problem(refused)["errors"][0]["field"]) == (422, "header.Idempotency-Key")
    assert await notes(database) == {"A": ["1"]}


async def test_without_a_key_each_request_counts(client: httpx.AsyncClient, database: AsyncEngine) -> None:
    for _ in range(2):
        await client.post("/v1/add", json={"name": "A", "quantity": 1})

    assert await notes(database) == {"A": ["1", "1"]}
    assert await count_of(database, "idempotency") == 0


async def test_a_refused_command_leaves_nothing_and_its_key_free(
    client: httpx.AsyncClient, database: AsyncEngine
) -> None:
    headers = {"Idempotency-Key": "k1"}
    refused = await client.post("/v1/add", json={"name": "A", "quantity": 101}, headers=headers)

    assert problem(refused) == {
        "type": "urn:lemai:problem:conflict",
        "title": "太多 / too many",
        "status": 409,
        "detail": "101 > 100",
        "errors": [],
        "request_id": refused.headers["X-Request-Id"],
    }
    assert await notes(database) == {}
    taken = await client.post("/v1/add", json={"name": "A", "quantity": 1}, headers=headers)
    assert taken.json() == {"name": "A", "count": 1}


@pytest.mark.parametrize("traceparent", [TRACEPARENT, "garbage", ""])
async def test_a_command_goes_on_with_the_trace_of_its_request(
    client: httpx.AsyncClient, database: AsyncEngine, traceparent: str
) -> None:
    headers = {"Idempotency-Key": "k1", "traceparent": traceparent}
    await client.post("/v1/add", json={"name": "A", "quantity": 1}, headers=headers)

    [(causationid, trace)] = await fetch(database, "SELECT causationid, traceparent FROM event")
    assert causationid == "k1"
    assert len(trace) == 55
    assert (trace.split("-")[1] == TRACE_ID) == (traceparent == TRACEPARENT)


async def test_bad_input_names_field_value_and_expectation(client: httpx.AsyncClient) -> None:
    bad = {"name": ["A"], "quantity": 0, "colour": "red"}
    document = problem(await client.post("/v1/add", json=bad, headers={"Idempotency-Key": "k" * 201}))

    assert document["title"] == "请求有误 / invalid request"
    assert {error["field"]: (error["value"], error["message"]) for error in document["errors"]} == {
        "header.Idempotency-Key": ("k" * 200, "最多 200 个字符 / at most 200 characters"),
        "body.name": (["A"], "应为文字 / expected text"),
        "body.quantity": (0, "应 ≥ 1 / expected ≥ 1"),
        "body.colour": ("red", "没有此字段 / no such field"),
    }


@pytest.mark.parametrize(
    ("path", "status", "title", "detail"),
    [
        ("/raise/problem", 404, "未找到 / not found", "order_no TM1"),
        ("/raise/http", 418, "请求被拒绝 / refused: 418", ""),
        ("/nowhere", 404, "未找到 / not found", ""),
        ("/raise/bug", 500, "内部错误 / internal error", ""),
        ("/raise/away", 503, "数据库暂不可用，请稍后重试 / the database is away, try again", ""),
        ("/raise/starting", 503, "数据库暂不可用，请稍后重试 / the database is away, try again", ""),
        ("/query?sql=SELECT pg_sleep(9) WHERE $1 = '' OR pg_cancel_backend(pg_backend_pid())&value=x", 503, "", ""),
        ("/query?sql=SELECT $1::text::int&value=x", 422, "值无法使用 / a value cannot be used", "invalid input syntax"),
        ("/query?sql=SELECT nonsense($1)&value=x", 500, "内部错误 / internal error", ""),
    ],
)
async def test_every_refusal_is_problem_json(
    client: httpx.AsyncClient, path: str, status: int, title: str, detail: str
) -> None:
    response = await client.get(path)

    document = problem(response)
    assert response.status_code == status
    assert document["title"].startswith(title)
    assert detail in document["detail"]
    assert response.headers.get("X-Pot") == ("tea" if status == 418 else None)
    assert response.headers.get("Retry-After") == ("1" if status == 503 else None)


@pytest.mark.parametrize("key", [(datetime(2026, 11, 22, tzinfo=UTC), "TM1"), ("乐麦", 7)])
def test_a_cursor_is_the_key_of_the_last_item(key: tuple[str | int | datetime, ...]) -> None:
    cursor = encode_cursor(*key)

    assert decode_cursor(cursor, *map(type, key)) == key
    assert Page(items=[1], next=cursor).model_dump() == {"items": [1], "next": cursor}


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "%", "货", "e30=", "W1tdLHt9XQ=="),
        encode_cursor("one"),
        encode_cursor("one", 1, 2),
        encode_cursor(1, 1),
        encode_cursor("one", True),
        encode_cursor("n\0l", 1),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        decode_cursor(cursor, str, int)

    document = refused.value.document
    assert document.status == 422
    assert [(error.field, error.value) for error in document.errors] == [("query.cursor", cursor)]


@pytest.mark.parametrize("moment", ["2026-11-22T00:00:00", "yesterday", 7])
def test_a_cursor_with_a_moment_that_is_none_is_refused(moment: str | int) -> None:
    with pytest.raises(Problem):
        decode_cursor(encode_cursor(moment), datetime)
