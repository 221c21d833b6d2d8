"""What a request may hold: known parameters once, the declared content type, a bounded body, text that can be kept."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Form, Query, UploadFile
from lemai_toy import STORAGE
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_chassis import operations
from lemai_chassis.access import without_token
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Paged
from lemai_chassis.strict import BODY_BYTES_MAX, LIMIT, Watch, application
from lemai_chassis.testing import access
from lemai_chassis.web import KINDS

JSON = {"content-type": "application/json"}


class Note(BaseModel):
    about: str
    details: dict[str, Any] = {}


class Asked(BaseModel):
    colour: str | None = None


def a_router(database: AsyncEngine) -> APIRouter:
    routes = APIRouter(prefix="/v1", dependencies=[without_token("a toy")])

    @routes.get("/things/{name}")
    async def search_things(name: str, paging: Paged, asked: Annotated[Asked, Query()]) -> str:
        return f"{name} {paging.limit} {asked.colour}"

    @routes.post("/notes")
    async def add_note(note: Note) -> Note:
        return note

    @routes.post("/sheets", openapi_extra={LIMIT: 2000})
    async def upload_sheet(file: UploadFile, owner: Annotated[str, Form()]) -> int:
        return len(await file.read())

    @routes.get("/rows")
    async def count_rows(wait: Annotated[int, Field(ge=0)] = 0) -> int:
        await asyncio.sleep(wait)
        async with database.connect() as connection:
            return int(await connection.scalar(text("SELECT 1")) or 0)

    return routes


def a_client(database: AsyncEngine, *, watched: bool = True) -> httpx.AsyncClient:
    engine = Engine(database, "toy", STORAGE)
    app = application("toy", [a_router(database), operations.router(engine, lambda: 0.0, [])], access())
    if watched:
        app.add_middleware(Watch, database=database)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Nothing of this needs the database, however slow the machine is."""
    async with a_client(connect("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"), watched=False) as client:
        yield client


def refused(answer: httpx.Response, status: int = 422, kind: str = "") -> list[tuple[str, Any]]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document = answer.json()
    assert document["request_id"] == answer.headers["X-Request-Id"] != ""
    assert document["type"] == f"urn:lemai:problem:{kind or KINDS[status][0]}"
    assert all(" / " in error["message"] for error in document["errors"])
    return [(error["field"], error["value"]) for error in document["errors"]]


@pytest.mark.parametrize(
    ("query", "kind", "errors"),
    [
        ("color=red", "unknown-parameter", [("query.color", "red")]),
        ("limit=1&limit=2", "repeated-parameter", [("query.limit", "2")]),
        ("color=red&limit=1&limit=2", "", [("query.color", "red"), ("query.limit", "2")]),
        ("colour=%00", "unfit-text", [("query.colour", "\0")]),
        ("colour=%ed%a0%bd", "unfit-text", [("query.colour", "\ufffd\ufffd\ufffd")]),
        ("limit=0", "", [("query.limit", "0")]),
        ("limit=201", "", [("query.limit", "201")]),
        ("limit=many", "", [("query.limit", "many")]),
    ],
)
async def test_a_query_of_what_nobody_knows_is_refused(
    client: httpx.AsyncClient, query: str, kind: str, errors: list[tuple[str, Any]]
) -> None:
    assert refused(await client.get(f"/v1/things/a?{query}"), kind=kind) == errors


async def test_an_unknown_parameter_is_told_what_is_known(client: httpx.AsyncClient) -> None:
    [error] = (await client.get("/v1/things/a?color=red")).json()["errors"]

    assert error["message"] == "没有此参数，可用的有 / no such parameter, known are: colour, cursor, limit"


async def test_what_is_known_is_taken(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/things/a?colour=red&limit=3")).json() == "a 3 red"


@pytest.mark.parametrize("name", ["a%00b", "a%ff"])
async def test_a_path_that_no_text_can_hold_is_refused(client: httpx.AsyncClient, name: str) -> None:
    [(field, _)] = refused(await client.get(f"/v1/things/{name}"), kind="unfit-text")

    assert field == "path.name"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (r'{"about": "\ud83d"}', "body.about"),
        (r'{"about": "a\u0000b"}', "body.about"),
        (r'{"about": "a", "details": {"b": [1, {"c": "\udc00"}]}}', "body.details.b.1.c"),
        (r'{"about": "a", "details": {"\ud800": 1}}', "body.details"),
    ],
)
async def test_half_a_surrogate_pair_or_nul_in_a_body_names_its_field(
    client: httpx.AsyncClient, body: str, field: str
) -> None:
    answer = await client.post("/v1/notes", content=body, headers=JSON)

    [(named, value)] = refused(answer, kind="unfit-text")
    assert named == field
    assert json.dumps(value)[1:-1] in body


async def test_a_whole_surrogate_pair_is_a_character(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/notes", content=r'{"about": "\ud83d\ude00"}', headers=JSON)

    assert answer.json()["about"] == "😀"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/v1/notes", content=b'{"about": "a"}', headers={"content-type": content_type})

    assert refused(answer, 415) == [("header.content-type", content_type)]
    assert refused(await client.post("/v1/sheets", json={}), 415)[0][1] == "application/json"


@pytest.mark.parametrize("body", [b"{", b'{"about": "\xff"}', b"[" * 200_000, b"1" * 5000])
async def test_a_body_that_is_not_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/notes", content=body, headers=JSON)

    refused(answer, 400, kind="unreadable-body")


async def test_where_a_body_ceases_to_be_json_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/notes", content=b'{"about": "a", ]', headers=JSON)

    [wrong] = answer.json()["errors"]
    assert (wrong["field"], wrong["value"]) == ("body", None)
    assert "no JSON from character 15 on" in wrong["message"]


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 100 + 1):
        yield b"secret" + b" " * 94


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_its_limit_is_refused_and_never_echoed(client: httpx.AsyncClient, declared: bool) -> None:
    content = b"secret" + b" " * BODY_BYTES_MAX if declared else in_pieces(BODY_BYTES_MAX)
    answer = await client.post("/v1/notes", content=content, headers=JSON)

    assert refused(answer, 413) == []
    assert str(BODY_BYTES_MAX) in answer.json()["detail"]
    assert b"secret" not in answer.content


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (3000, 413)])
async def test_a_route_has_a_limit_of_its_own(client: httpx.AsyncClient, size: int, status: int) -> None:
    answer = await client.post("/v1/sheets", files={"file": ("a.csv", b"x" * size)}, data={"owner": "JFY"})

    assert answer.status_code == status


async def test_a_form_field_that_nobody_knows_or_that_comes_twice_is_refused(client: httpx.AsyncClient) -> None:
    files = [("file", ("a.csv", b"x")), ("file", ("b.csv", b"x"))]
    answer = await client.post("/v1/sheets", files=files, data={"owner": "JFY", "colour": "red"})

    assert refused(answer) == [
        ("body.colour", "red"),
        ("body.file", "b.csv"),
    ]


@pytest.mark.parametrize(("sent", "kept"), [("my-id.7", True), ("a b", False), ("x" * 65, False), ("", False)])
async def test_a_request_keeps_its_id_or_gets_one(client: httpx.AsyncClient, sent: str, kept: bool) -> None:
    answers = [
        await client.get(path, headers={"X-Request-Id": sent}) for path in ("/v1/things/a", "/v1/nothing", "/healthz")
    ]

    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert (ids == [sent] * 3) == kept
    assert kept or len(set(ids)) == 3
    assert answers[1].json()["request_id"] == ids[1]


@pytest.fixture
def hanging() -> Iterator[AsyncEngine]:
    """A database server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield connect(f"postgresql+asyncpg://nobody@127.0.0.1:{server.getsockname()[1]}/orders")


async def test_a_database_that_hangs_is_503_within_a_second(hanging: AsyncEngine) -> None:
    async with a_client(hanging) as client:
        started = asyncio.get_running_loop().time()
        answer = await client.get("/v1/rows")
        lasted_s = asyncio.get_running_loop().time() - started

    assert refused(answer, 503) == []
    assert answer.headers["Retry-After"] == "1"
    assert f"127.0.0.1:{hanging.url.port}/orders" in answer.json()["detail"]
    assert lasted_s < 1


async def test_a_process_whose_database_hangs_is_not_ready_within_a_second(hanging: AsyncEngine) -> None:
    async with a_client(hanging) as client:
        started = asyncio.get_running_loop().time()
        answer = await client.get("/readyz")
        lasted_s = asyncio.get_running_loop().time() - started

    [reason] = answer.json()["reasons"]
    assert reason.startswith(f"database 127.0.0.1:{hanging.url.port}/orders: ")
    assert (answer.status_code, lasted_s < 1) == (503, True)


async def test_a_slow_answer_is_waited_for_while_the_database_is_there(database: AsyncEngine) -> None:
    async with a_client(database) as client:
        assert (await client.get("/v1/rows?wait=1")).json() == 1


def test_every_refusal_is_declared_as_problem_json(hanging: AsyncEngine) -> None:
    document = application("toy", [a_router(hanging)], access()).openapi()

    upload = document["paths"]["/v1/sheets"]["post"]
    assert upload["operationId"] == "upload_sheet"
    assert upload[LIMIT] == 2000
    refusals = {status: answer["content"] for status, answer in upload["responses"].items() if status >= "400"}
    assert {"413", "415", "422", "503"} <= set(refusals)
    reference = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    assert all(content == {"application/problem+json": reference} for content in refusals.values())
    assert document["components"]["schemas"]["Body_upload_sheet"]["properties"]["file"]["format"] == "binary"
    assert "415" not in document["paths"]["/v1/rows"]["get"]["responses"]
