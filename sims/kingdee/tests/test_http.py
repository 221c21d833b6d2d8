"""The HTTP face over real connections: signatures, instructions posted, actuals pulled or posted."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from pydantic import SecretStr

from sim_kingdee import frame, json_codec, reports
from sim_kingdee.api import create_app
from sim_kingdee.faces.folder import Folder
from sim_kingdee.faces.http import Http
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.settings import HttpExchange

Plan = Callable[..., None]

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
SECRET = "s3cret"

Serving = Callable[[FastAPI], AbstractAsyncContextManager[str]]


def signed(body: bytes, nonce: str, stamp: str = STAMP, secret: str = SECRET, key: str = "lemai") -> dict[str, str]:
    text = key + stamp + nonce + hashlib.sha256(body).hexdigest()
    sign = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest().upper()
    return {"X-LK-AppKey": key, "X-LK-Timestamp": stamp, "X-LK-Nonce": nonce, "X-LK-Sign": sign}


class Client:
    """Lemai as a client that signs every request with a nonce of its own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self._requests = 0

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
        self._requests += 1
        return await self.http.request(
            method, path, content=body, headers={**signed(body, f"n{self._requests}"), **headers}
        )


@pytest.fixture
def settings() -> HttpExchange:
    return HttpExchange(name="http", app_key="lemai", app_secret=SecretStr(SECRET))


@pytest.fixture
def face(folder: Folder, settings: HttpExchange) -> Http:
    return Http(settings, folder.erp)


@pytest.fixture
async def client(folder: Folder, face: Http, serving: Serving) -> AsyncIterator[Client]:
    async with (
        serving(create_app([folder, face], lambda: NOW)) as url,
        httpx.AsyncClient(base_url=url, timeout=5) as http,
    ):
        yield Client(http)


@pytest.fixture
def order_json(samples: Path) -> bytes:
    text = frame.read((samples / "Deliver_20261122100000.sh").read_bytes(), INTERFACES["deliver_order"])
    return json_codec.write(text.header, text.documents).data


async def test_a_json_instruction_is_acknowledged_in_json(client: Client, order_json: bytes) -> None:
    name = "Deliver_20261122100000.sh.json"

    answer = await client.send("POST", "/v1/deliver_order", order_json, **{"X-LK-File-Name": name})

    assert answer.json() == {
        "message_id": "LQ20261122100000000001",
        "file_name": name,
        "sha256": hashlib.sha256(order_json).hexdigest(),
        "status": "ACCEPTED",
        "received_at": "2026-11-22T15:21:00+08:00",
        "documents": 1,
        "accepted": 1,
        "held": 0,
        "rejected": 0,
        "results": [],
    }


async def test_an_xml_instruction_is_acknowledged_in_xml(client: Client, samples: Path) -> None:
    body = (samples / "Deliver_20261122100000.sh.xml").read_bytes()

    answer = await client.send("POST", "/v1/deliver_order", body)

    ack = ET.fromstring(answer.content)
    assert (ack.tag, ack.findtext("status"), ack.findtext("messageId")) == ("ack", "ACCEPTED", "LQ20261122100000000001")
    assert ack.findtext("sha256") == hashlib.sha256(body).hexdigest()


async def test_the_same_call_again_is_a_duplicate(client: Client, order_json: bytes) -> None:
    statuses = [(await client.send("POST", "/v1/deliver_order", order_json)).json()["status"] for _ in range(2)]
    changed = order_json.replace(b'"2611220001"', b'"2611220002"')
    other = (await client.send("POST", "/v1/deliver_order", changed)).json()

    assert statuses == ["ACCEPTED", "DUPLICATE"]
    assert [result["code"] for result in other["results"]] == ["E_FILE_CHANGED"]


@pytest.mark.parametrize(
    ("path", "name", "codes"),
    [
        ("/v1/receipt_order", "", ["E_HEADER"]),
        ("/v1/deliver_order", "Item_20261122100000.im.json", ["E_NAME"]),
        ("/v1/deliver_order", "Deliver_20261122100000.sh", ["E_NAME"]),
    ],
)
async def test_a_call_of_another_interface_is_refused(
    client: Client, order_json: bytes, path: str, name: str, codes: list[str]
) -> None:
    ack = (await client.send("POST", path, order_json, **({"X-LK-File-Name": name} if name else {}))).json()

    assert [result["code"] for result in ack["results"]] == codes


@pytest.mark.parametrize("interface", ["ship_result", "nothing"])
async def test_only_instructions_are_taken(client: Client, interface: str) -> None:
    assert (await client.send("POST", f"/v1/{interface}", b"{}")).status_code == 404


async def test_a_signature_is_checked(client: Client) -> None:
    good = signed(b"", "a")
    bad = [
        {},
        {**good, "X-LK-Sign": good["X-LK-Sign"].lower()},
        {**good, "X-LK-Nonce": "b"},
        {**good, "X-LK-Timestamp": "now"},
        signed(b"other", "a"),
        signed(b"", "a", secret="guess"),
        signed(b"", "a", key="other"),
        signed(b"", "a", stamp=str(int(STAMP) - 601)),
        signed(b"", "a", stamp=str(int(STAMP) + 601)),
    ]

    refused = [await client.http.get("/v1/files", headers=headers) for headers in bad]
    first = await client.http.get("/v1/files", headers=good)
    again = await client.http.get("/v1/files", headers=good)

    assert [answer.status_code for answer in refused] == [401] * len(bad)
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert (first.status_code, again.status_code) == (200, 401)


async def test_actuals_are_pulled_and_acknowledged(client: Client, face: Http, order_json: bytes) -> None:
    await client.send("POST", "/v1/deliver_order", order_json)
    face.write_actuals(NOW)
    (listed,) = (await client.send("GET", "/v1/files")).json()["files"]

    content = (await client.send("GET", f"/v1/files/{listed['name']}")).content
    answer = await client.send("POST", f"/v1/files/{listed['name']}/ack", b'{"status": "ACCEPTED"}')

    assert listed["name"] == "SHIP-20261122152100.shupl.json"
    assert hashlib.sha256(content).hexdigest() == listed["sha256"]
    (document,) = json_codec.read(content, INTERFACES["ship_result"]).documents
    assert document.head.values["order_no"] == "2611220001"
    assert answer.status_code == 204
    (row,) = reports.files(face.store.db, direction="out")
    assert (row["status"], row["ack"]) == ("ACKNOWLEDGED", {"status": "ACCEPTED"})
    assert (await client.send("GET", f"/v1/files?after={listed['cursor']}")).json() == {
        "files": [],
        "next": listed["cursor"],
    }


async def test_an_acknowledgement_is_xml_or_empty_or_refused(client: Client, face: Http) -> None:
    (file,) = face.write_snapshot("WH01", "JFY", 100, NOW)

    path = f"/v1/files/{file.name}/ack"
    sent = [b"<ack><status>HELD</status></ack>", b"", b"{}", b"<ack", b"[1]"]
    answers = [(await client.send("POST", path, body)).status_code for body in sent]

    assert answers == [204, 204, 422, 422, 422]
    assert (await client.send("POST", "/v1/files/IBAL-1/ack")).status_code == 404
    assert (await client.send("GET", "/v1/files/IBAL-1")).status_code == 404


async def test_a_long_list_comes_in_pages(client: Client, face: Http) -> None:
    for _ in range(51):
        face.write_snapshot("WH01", "JFY", 1, NOW)

    first = (await client.send("GET", "/v1/files")).json()
    second = (await client.send("GET", f"/v1/files?after={first['next']}")).json()

    assert (len(first["files"]), len(second["files"])) == (100, 2)
    assert len({row["name"] for row in first["files"] + second["files"]}) == 102


async def test_a_call_can_fail_after_it_was_stored_or_before(
    client: Client, face: Http, order_json: bytes, plan: Plan
) -> None:
    plan(kind="fault")
    plan(kind="error_after_storing", face="http")
    plan(kind="error_after_storing", face="soap")
    plan(kind="timeout_after_storing", seconds=0.01)

    answers = [await client.send("POST", "/v1/deliver_order", order_json) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [503, 500, 504, 200]
    assert answers[-1].json()["status"] == "DUPLICATE"


async def test_actuals_are_posted_where_a_url_is_set(folder: Folder, settings: HttpExchange, serving: Serving) -> None:
    got: list[tuple[dict[str, str], bytes]] = []
    answers = [Response("busy", status_code=503), Response("[]"), Response('{"status": "ACCEPTED"}')]
    lemai = FastAPI()

    @lemai.post("/v1/docking/JFY/{interface}")
    async def take(interface: str, request: Request) -> Response:
        got.append((dict(request.headers) | {"interface": interface}, await request.body()))
        return answers.pop(0)

    async with serving(lemai) as url, httpx.AsyncClient() as http:
        face = Http(settings.model_copy(update={"url": f"{url}/v1/docking/JFY"}), folder.erp)
        face.write_snapshot("WH01", "JFY", 100, NOW)
        for _ in range(4):
            await face.push(http)

    assert len(got) == 3
    headers, body = got[2]
    assert {body for _, body in got} == {body}
    assert json.loads(body)["snapshot"]["line_count"] == 2
    assert (headers["interface"], headers["x-lk-file-name"]) == ("inventory_balance", "IBAL-20261122152100.Ibupl.json")
    assert len({headers["x-lk-nonce"] for headers, _ in got}) == 3
    expected = signed(body, headers["x-lk-nonce"], headers["x-lk-timestamp"])
    assert headers["x-lk-sign"] == expected["X-LK-Sign"]
    assert [row["status"] for row in reports.files(face.store.db)] == ["ANSWERED"]
