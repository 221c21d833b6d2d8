"""Every route of every service, as every role, as another owner's person and as nobody.

The routes are the apps' own. What is expected is in the tables here: a role that changes, and a new command that is not
in them, fails.
"""

import base64
import json
import re
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
from fastapi import FastAPI

from lemai_chassis import reference
from lemai_chassis.access import Role, guarded
from lemai_chassis.service import Process
from lemai_chassis.testing import person, token
from lemai_tools.platform.home import default_config
from lemai_tools.platform.members import SERVICES

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"
OTHERS = "person of another owner"
PEOPLE = [*(person(role, [role]) for role in Role), person(OTHERS, owners=["NB"])]
VALUES = {"owner_code": "JFY", "order_no": "TM1", "file_id": "1", "quarantine_id": "1", "counterpart": "KINGDEE-JFY"}

OPEN = {"GET /healthz", "GET /readyz", "GET /metrics"}
"""No token is asked for."""
BY_THEMSELVES = {"POST /v1/docking/{counterpart}/{interface}", "GET /soap/{counterpart}", "POST /soap/{counterpart}"}
"""Counterparts sign what they send, or log in within it."""
COMMANDS = {
    "POST /v1/item-sheets": Role.CATALOG,
    "POST /v1/item-sheets/{sheet_id}/confirm": Role.CATALOG,
    "PUT /v1/listings": Role.CATALOG,
    "POST /v1/listing-sheets": Role.CATALOG,
    "POST /v1/orders/{order_no}/approve": Role.ORDERS,
    "POST /v1/orders/{order_no}/hold": Role.ORDERS,
    "POST /v1/orders/{order_no}/release": Role.ORDERS,
    "POST /v1/orders/{order_no}/correct": Role.ORDERS,
    "POST /v1/orders/{order_no}/resend": Role.ORDERS,
    "POST /v1/orders/{order_no}/cancel": Role.ORDERS,
    "POST /v1/held-actuals/resolve": Role.AFTERSALES,
    "POST /v1/snapshots/decide": Role.STOCK,
    "POST /v1/stores/{store_code}/pull": Role.DECIDE,
    "POST /v1/publications/{call_id}/correct": Role.DECIDE,
    "POST /v1/publications/{call_id}/resend": Role.DECIDE,
    "POST /v1/files/{file_id}/replay": Role.DECIDE,
    "POST /v1/files/{file_id}/resend": Role.DECIDE,
    "POST /v1/counterparts/{counterpart}/replay": Role.DECIDE,
    "POST /v1/counterparts/{counterpart}/quarantine/replay": Role.DECIDE,
    "POST /v1/counterparts/{counterpart}/files/{name}/resolve": Role.DECIDE,
    "POST /v1/quarantine/{quarantine_id}/mend": Role.DECIDE,
    "POST /v1/quarantine/{quarantine_id}/discard": Role.DECIDE,
    "POST /v1/calls/retry": Role.OPERATE,
    "POST /v1/calls/{call_id}/retry": Role.OPERATE,
    "POST /v1/calls/{call_id}/give-up": Role.OPERATE,
    "POST /v1/parked/redrive": Role.OPERATE,
    "POST /v1/parked/discard": Role.OPERATE,
}
LOOKS = {
    "GET /v1/files/{file_id}/content": Role.CONTENT,
    "GET /v1/quarantine/{quarantine_id}/content": Role.CONTENT,
    "GET /v1/item-sheets/template": Role.CATALOG,
    "GET /v1/calls": Role.OPERATE,
    "GET /v1/parked": Role.OPERATE,
    "GET /v1/parked/messages": Role.OPERATE,
    "GET /v1/receivables": Role.FINANCE,
    "GET /v1/orders/{order_no}/money": Role.FINANCE,
}
"""Every other GET is of the role `view`."""


def the_app(name: str, folder: Path) -> FastAPI:
    """A service as its process builds it, with no server to talk to."""
    key, stores, access = folder / "master.key", folder / "stores.json", folder / "access.json"
    key.write_bytes(base64.b64encode(b"k" * 32))
    credentials = {"endpoint": "http://127.0.0.1:1", "app_key": "k", "app_secret": "s", "session": "x"}
    stores.write_text(json.dumps({store.code: credentials for store in reference.read(default_config()).stores}))
    access.write_text(json.dumps([each.model_dump(mode="json") for each in PEOPLE]))
    build = import_module(f"{name.replace('-', '_')}.bootstrap").build
    settings = get_type_hints(build)["settings"](
        lemai_config=default_config(),
        database_url=NOWHERE,
        keyring_database_url=NOWHERE,
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key_file=key,
        store_secrets_file=stores,
        docking_root=folder,
        docking_secrets=folder,
        access_file=access,
    )
    return Process(build(settings), settings).app()


def routes(app: FastAPI) -> list[str]:
    return [f"{method} {route.path}" for route in guarded(app) for method in sorted(route.methods or ())]


def expected(route: str, role: Role | None) -> str:
    """What somebody with this role alone gets; `role` None is nobody."""
    if route in OPEN | BY_THEMSELVES:
        return "let in"
    needed = COMMANDS.get(route) or LOOKS.get(route, Role.VIEW)
    if role is None:
        return "401"
    return "let in" if role is needed else "403"


async def called(http: httpx.AsyncClient, route: str, headers: Any) -> str:
    """Whether the door opens; what is behind it needs a database, and says so."""
    method, path = route.split(" ")
    filled = re.sub(r"{(\w+)}", lambda name: VALUES.get(name[1], "X1"), path)
    answer = await http.request(method, filled, headers=headers, params={"owner_code": "JFY"})
    ours = answer.headers.get("content-type") == "application/problem+json" and "signature" not in answer.text
    return str(answer.status_code) if answer.status_code in (401, 403) and ours else "let in"


@pytest.fixture(params=SERVICES)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> FastAPI:
    return the_app(request.param, tmp_path)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


async def test_each_route_lets_in_its_role_and_no_other(app: FastAPI, http: httpx.AsyncClient) -> None:
    wanted, found = {}, {}
    for route in routes(app):
        for role in (None, *Role):
            wanted[route, role] = expected(route, role)
            found[route, role] = await called(http, route, token(role) if role else {})

    assert {key: found[key] for key in found if found[key] != wanted[key]} == {}


async def test_a_person_of_another_owner_is_let_in_nowhere(app: FastAPI, http: httpx.AsyncClient) -> None:
    asked = [route for route in routes(app) if route not in OPEN | BY_THEMSELVES]
    found = {route: await called(http, route, token(OTHERS)) for route in asked}

    assert found == dict.fromkeys(asked, "403")


def test_each_command_names_its_role(app: FastAPI) -> None:
    commands = {route for route in routes(app) if not route.startswith("GET ")}
    assert commands <= COMMANDS.keys() | BY_THEMSELVES


def test_the_tables_name_no_route_that_is_gone(tmp_path: Path) -> None:
    offered = {route for name in SERVICES for route in routes(the_app(name, tmp_path))}
    assert COMMANDS.keys() | LOOKS.keys() | OPEN | BY_THEMSELVES <= offered
