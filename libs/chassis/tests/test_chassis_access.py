"""Who may call what: the token's person, their roles, their owners; a route that says nothing does not start."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import httpx
import pytest
import structlog
from fastapi import APIRouter

from lemai_chassis.access import Access, Person, Role, UndeclaredRoute, needs, without_token
from lemai_chassis.misconfigured import Misconfigured
from lemai_chassis.strict import application
from lemai_chassis.testing import access, person, token

PEOPLE = (
    person("li.na", [Role.VIEW, Role.ORDERS]),
    person("wang.wei", [Role.VIEW]),
    person("brand", [Role.VIEW, Role.ORDERS], ["JFY"]),
    person("brands", [Role.VIEW], ["JFY", "NB"]),
)


def a_router() -> APIRouter:
    routes = APIRouter()

    @routes.get("/health", dependencies=[without_token("the cluster asks")])
    async def health() -> str:
        return "well"

    @routes.post("/approve")
    async def approve(by: Annotated[Person, needs(Role.ORDERS)]) -> str:
        return by.name

    @routes.get("/orders")
    async def orders(by: Annotated[Person, needs(Role.VIEW, by_owner=True)], owner_code: str = "") -> str | None:
        return by.narrowed(owner_code or None)

    @routes.get("/orders/{owner_code}", dependencies=[needs(Role.VIEW, by_owner=True)])
    async def order(owner_code: str) -> str:
        return owner_code

    return routes


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application("toy", [a_router()], access(*PEOPLE)))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
        yield client


async def test_the_actor_is_the_name_behind_the_token(http: httpx.AsyncClient) -> None:
    assert (await http.post("/approve", headers=token("li.na"))).json() == "li.na"


@pytest.mark.parametrize(
    "headers", [{}, token("stranger"), {"Authorization": "Basic bGkubmE6"}, {"Authorization": "Bearer "}]
)
async def test_nobody_is_let_in_and_it_is_logged_without_what_they_sent(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await http.post("/approve", headers=headers)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert [(line["event"], line["path"]) for line in lines] == [("log-in refused", "/approve")]
    assert "stranger" not in str(lines)


async def test_another_role_is_not_enough(http: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await http.post("/approve", headers=token("wang.wei"))

    assert (answer.status_code, answer.json()["detail"]) == (403, "wang.wei: role orders")
    assert [(line["event"], line["person"]) for line in lines] == [("not allowed", "wang.wei")]


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json"])
async def test_health_and_the_description_of_the_calls_are_open(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("brand", "/orders/JFY", 200),
        ("brand", "/orders/NB", 403),
        ("brand", "/orders?owner_code=NB", 403),
        ("brand", "/orders?owner_code=JFY&owner_code=NB", 403),
        ("brands", "/orders", 422),
        ("brands", "/orders?owner_code=NB", 200),
        ("wang.wei", "/orders/NB", 200),
    ],
)
async def test_who_is_limited_to_owners_sees_no_other(
    http: httpx.AsyncClient, name: str, path: str, status: int
) -> None:
    assert (await http.get(path, headers=token(name))).status_code == status


async def test_a_list_without_an_owner_is_of_a_persons_only_one(http: httpx.AsyncClient) -> None:
    assert (await http.get("/orders", headers=token("brand"))).json() == "JFY"
    assert (await http.get("/orders", headers=token("wang.wei"))).json() is None


async def test_what_is_not_by_owner_is_for_those_with_every_owner(http: httpx.AsyncClient) -> None:
    answer = await http.post("/approve", headers=token("brand"))
    assert (answer.status_code, answer.json()["detail"]) == (403, "brand: owners *")


def test_a_route_that_declares_nothing_does_not_start() -> None:
    routes = a_router()
    routes.add_api_route("/forgotten", lambda: "open", methods=["GET"])
    with pytest.raises(UndeclaredRoute, match="/forgotten"):
        application("toy", [routes], access())


async def test_without_a_file_nobody_may(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(application("toy", [a_router()], Access.read(None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
        assert (await client.post("/approve", headers=token(""))).status_code == 401


def test_the_file_is_a_list_of_people(tmp_path: Path) -> None:
    path = tmp_path / "access.json"
    entry = {"name": "li.na", "roles": ["orders"], "owners": ["*"], "token_sha256": sha256(b"secret").hexdigest()}
    path.write_text(json.dumps([entry]))
    found = Access.read(path).person("secret")
    assert found is not None
    assert (found.name, found.roles) == ("li.na", frozenset({Role.ORDERS}))
    assert Access.read(path).person("guess") is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"roles": ["king"]}, "roles"),
        ({"owners": []}, "owners"),
        ({"token": "secret"}, "token"),
        ({"token_sha256": "secret"}, "token_sha256"),
        ({"name": ""}, "name"),
        ({}, "token_sha256"),
    ],
)
def test_a_wrong_file_is_refused_and_says_where(tmp_path: Path, change: dict[str, object], named: str) -> None:
    path = tmp_path / "access.json"
    entry = {"name": "li.na", "roles": ["orders"], "owners": ["*"], "token_sha256": sha256(b"secret").hexdigest()}
    path.write_text(json.dumps([entry, entry | change]))
    with pytest.raises(Misconfigured, match=named) as refused:
        Access.read(path)
    assert "secret" not in str(refused.value)
