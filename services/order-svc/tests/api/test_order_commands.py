"""What people do over HTTP: once per key, refused with what is wrong."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import encode_cursor
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_contracts.stock import CommitmentState
from order_svc.domain.orders import Line, Order

if TYPE_CHECKING:
    from conftest import Desk

PATH = "/v1/orders/TM3021456789012345678"
ACTUAL = {"owner_code": "JFY", "order_no": "TM3021456789012345678", "leg": "OUT", "actual_no": "SHP-1"}
DECISION = ACTUAL | {"resolution": "已核实"}


@pytest.fixture
async def placed(deliver: Callable[..., Awaitable[None]], desk: "Desk") -> None:
    """The order of the example trade waits for customer service and for its commitment."""
    await deliver(*desk.masters(), desk.trade(seller_message="先联系顾客"))


@pytest.fixture
async def instructed(
    placed: None, deliver: Callable[..., Awaitable[None]], http: httpx.AsyncClient, desk: "Desk"
) -> None:
    await deliver(desk.answer(CommitmentState.COMMITTED))
    answer = await http.post(f"{PATH}/approve", json={})
    assert answer.json()["state"] == "instructed"


async def events(engine: Engine) -> list[str]:
    async with engine.database.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT type FROM event ORDER BY seq")
        return list(rows.scalars())


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert " / " in document["title"]
    return document


def fields(document: dict[str, Any]) -> list[tuple[str, Any]]:
    assert all(error["message"] for error in document["errors"])
    return [(error["field"], error["value"]) for error in document["errors"]]


@pytest.mark.usefixtures("placed")
async def test_customer_service_holds_releases_and_approves(http: httpx.AsyncClient) -> None:
    by = {"reason": "改期"}
    held = (await http.post(f"{PATH}/hold", json=by)).json()
    assert held["waiting_for"] == ["hold:manual:改期", "approval", "commitment"]
    assert (await http.post(f"{PATH}/release", json=by)).json()["waiting_for"] == ["approval", "commitment"]
    approved = (await http.post(f"{PATH}/approve", json=by)).json()
    assert (approved["waiting_for"], approved["approved_by"]) == (["commitment"], "tester")

    steps = (await http.get(f"{PATH}/journey")).json()["steps"]
    assert [(step["kind"], step["detail"]["actor"]) for step in steps if "actor" in step["detail"]] == [
        ("held", "tester"),
        ("released", "tester"),
        ("approved", "tester"),
    ]


@pytest.mark.usefixtures("placed")
async def test_a_command_with_a_key_is_done_once(http: httpx.AsyncClient, engine: Engine) -> None:
    before = len(await events(engine))
    headers = {"Idempotency-Key": "7f3a"}
    first = await http.post(f"{PATH}/cancel", json={"reason": "不要了"}, headers=headers)
    again = await http.post(f"{PATH}/cancel", json={"reason": "不要了"}, headers=headers)

    assert (first.status_code, first.json()["state"]) == (200, "cancelled")
    assert again.json() == first.json()
    assert len(await events(engine)) == before + 1

    other = await http.post(f"{PATH}/hold", json={}, headers=headers)
    assert fields(problem(other, 422)) == [("header.Idempotency-Key", "7f3a")]


@pytest.mark.usefixtures("instructed")
@pytest.mark.parametrize("command", ["cancel", "hold"])
async def test_a_told_warehouse_cannot_be_stopped(http: httpx.AsyncClient, engine: Engine, command: str) -> None:
    before = await events(engine)
    document = problem(await http.post(f"{PATH}/{command}", json={}), 409)
    assert document["detail"] == "TM3021456789012345678 is instructed"
    assert await events(engine) == before


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("command", ["approve", "hold"])
async def test_a_cancelled_order_stays_cancelled(http: httpx.AsyncClient, command: str) -> None:
    await http.post(f"{PATH}/cancel", json={})
    document = problem(await http.post(f"{PATH}/{command}", json={}), 409)
    assert document["detail"] == "TM3021456789012345678 is cancelled"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/orders/TM404"),
        ("GET", "/v1/orders/TM404/journey"),
        ("GET", "/v1/orders/TM404?owner_code=JFY"),
        *(("POST", f"/v1/orders/TM404/{command}") for command in ("approve", "hold", "release", "cancel")),
    ],
)
async def test_an_unknown_order_is_not_found(http: httpx.AsyncClient, method: str, path: str) -> None:
    body: dict[str, str] | None = {} if method == "POST" else None
    document = problem(await http.request(method, path, json=body), 404)
    assert document["detail"] == "order_no TM404"


async def test_a_number_of_two_owners_needs_the_owner(
    http: httpx.AsyncClient, engine: Engine, order: Callable[..., Order]
) -> None:
    def put(owner_code: str, uow: UnitOfWork) -> None:
        uow.put(order([Line(1, "A", "", 1, 100)], owner_code=owner_code))

    for owner_code in ("JFY", "NB"):
        await engine.execute(put, owner_code, [ref(Order, owner_code, "TM1")])

    for method, path in (("GET", ""), ("GET", "/journey"), ("POST", "/cancel")):
        body: dict[str, str] | None = {} if method == "POST" else None
        document = problem(await http.request(method, f"/v1/orders/TM1{path}", json=body), 409)
        assert [error["field"] for error in document["errors"]] == ["owner_code"]
        assert "JFY, NB" in document["errors"][0]["message"]
    cancelled = await http.post("/v1/orders/TM1/cancel", params={"owner_code": "NB"}, json={})
    assert (cancelled.json()["owner_code"], cancelled.json()["state"]) == ("NB", "cancelled")
    assert (await http.get("/v1/orders/TM1", params={"owner_code": "JFY"})).json()["state"] == "open"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "lost"}, "query.state"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "201"}, "query.limit"),
        ({"placed_from": "2026-11-22T05:00:00"}, "query.placed_from"),
        ({"placed_until": "gestern"}, "query.placed_until"),
        ({"number": "TM 1"}, "query.number"),
        ({"number": "TM1\0"}, "query.number"),
        ({"owner_code": ""}, "query.owner_code"),
        ({"store_code": "店铺"}, "query.store_code"),
        ({"cursor": "%%%"}, "query.cursor"),
        ({"cursor": encode_cursor("2026-11-22T05:00:00Z", "TM1")}, "query.cursor"),
        ({"cursor": encode_cursor("gestern", "TM1", "JFY")}, "query.cursor"),
        ({"cursor": encode_cursor("2026-11-22T05:00:00", "TM1", "JFY")}, "query.cursor"),
        ({"cursor": encode_cursor("2026-11-22T05:00:00Z", "TM1", 1)}, "query.cursor"),
    ],
)
async def test_a_bad_parameter_is_named(unconnected: httpx.AsyncClient, query: dict[str, str], field: str) -> None:
    document = problem(await unconnected.get("/v1/orders", params=query), 422)
    assert fields(document) == [(field, next(iter(query.values())))]


@pytest.mark.parametrize("path", ["/v1/orders/TM%201", "/v1/orders/TM%201/journey", "/v1/orders/-1"])
async def test_a_number_that_can_be_none_is_named(unconnected: httpx.AsyncClient, path: str) -> None:
    [(field, _)] = fields(problem(await unconnected.get(path), 422))
    assert field == "path.order_no"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"actor": "cs01"}, "body.actor"),
        ({"reason": "x" * 201}, "body.reason"),
        ({"until": "morgen"}, "body.until"),
    ],
)
@pytest.mark.usefixtures("placed")
async def test_a_command_with_a_bad_or_unknown_field_is_refused(
    http: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    document = problem(await http.post(f"{PATH}/hold", json=body), 422)
    assert [error["field"] for error in document["errors"]] == [field]
    assert (await http.get(PATH)).json()["waiting_for"] == ["approval", "commitment"]


@pytest.mark.usefixtures("placed")
async def test_a_held_actual_is_resolved_once(
    http: httpx.AsyncClient, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    desk.placed()
    await deliver(desk.actual(1, 2))
    resolved = (await http.post("/v1/held-actuals/resolve", json=DECISION)).json()

    assert (resolved["code"], resolved["resolution"]) == ("E_STATE", "tester: 已核实")
    assert resolved["resolved_at"] == "2026-11-22T02:00:00Z"
    assert (await http.get("/v1/held-actuals")).json() == {"items": [], "next": None}
    document = problem(await http.post("/v1/held-actuals/resolve", json=DECISION), 409)
    assert "已核实" in document["detail"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"actual_no": "SHP-404"}, 404), ({"leg": "UP"}, 422), ({"resolution": ""}, 422), ({"book": True}, 422)],
)
async def test_a_decision_on_what_is_not_held_is_refused(
    http: httpx.AsyncClient, changes: dict[str, Any], status: int
) -> None:
    problem(await http.post("/v1/held-actuals/resolve", json=DECISION | changes), status)


async def test_a_bad_cursor_of_held_actuals_is_named(unconnected: httpx.AsyncClient) -> None:
    cursor = encode_cursor("2026-11-22T05:00:00Z", "JFY", "TM1", "OUT")
    assert fields(problem(await unconnected.get("/v1/held-actuals", params={"cursor": cursor}), 422)) == [
        ("query.cursor", cursor)
    ]


async def test_a_stranger_can_read_the_description(unconnected: httpx.AsyncClient) -> None:
    described = (await unconnected.get("/openapi.json")).json()

    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation.get("description") or " / " in operation["summary"], path
            assert {"404", "409", "422"} <= operation["responses"].keys()
            for status in ("404", "409", "422"):
                assert "ProblemDocument" in json.dumps(operation["responses"][status])
