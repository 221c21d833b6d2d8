"""A counterpart calls us: signed messages in JSON or XML, and SOAP from our own WSDL; strangers get nothing done."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kingdee_world import NOW, REFERENCE, World, adapter, sample

from lemai_chassis.service import Process
from lemai_contracts.fulfilment import ActualReportedV1
from lemai_docking.channels.signing import Credentials, signed
from lemai_docking.definitions.profile import built_in
from lemai_docking.encodings.choice import codec_of
from lemai_docking.soap.envelope import Login, call
from lemai_docking.soap.wsdl import soap_action

CODES = ("KINGDEE-JFY", "KINGDEE-2")
HTTP, SOAP = CODES
CHANNELS: dict[str, dict[str, Any]] = {
    HTTP: {
        "profile": "kingdee-json",
        "channel": {"kind": "http", "url": "http://127.0.0.1:9", "app_key": "lemai"},
    },
    SOAP: {
        "profile": "kingdee-soap",
        "channel": {"kind": "soap", "url": "http://127.0.0.1:9/soap", "user": "lemai", "partner_user": "jfy"},
    },
}
SECRETS = {
    f"{HTTP}.app_secret": "s3cret\n",
    f"{SOAP}.password": "ours",
    f"{SOAP}.partner_password": "theirs",
}
KEYS = Credentials("lemai", "s3cret")
ENDPOINT = f"/v1/docking/{HTTP}/ship_result"


@pytest.fixture
async def world(postgres: Any, tmp_path: Path) -> AsyncIterator[World]:
    counterparts = [one.model_dump() | CHANNELS[one.code] for one in REFERENCE.counterparts]
    reference = type(REFERENCE).model_validate(REFERENCE.model_dump() | {"counterparts": counterparts})
    async with adapter(postgres, tmp_path, reference, SECRETS) as world:
        yield world


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Process(world.service, world.settings).app())
    async with httpx.AsyncClient(transport=transport, base_url="https://lemai.example") as client:
        yield client


def a_message(profile_name: str, interface: str = "ship_result", warehouse_code: str = "WH01") -> bytes:
    """The sample shipment in another encoding."""
    profile = built_in(profile_name)
    codec = codec_of(profile)
    (shipment,) = sample("SHIP-20261122152100.shupl").documents
    document = type(shipment)(interface, {**shipment.head, "warehouse_code": warehouse_code}, shipment.records)
    header = profile.header(interface, stamp=NOW, created_at=NOW, owner_code="JFY")
    return codec.frame(header, [codec.render(document)]).data


def headers_of(body: bytes, credentials: Credentials = KEYS) -> dict[str, str]:
    return signed(credentials, body, now=datetime.now(UTC), nonce=uuid4().hex)


@pytest.mark.parametrize("encoding", ["json", "xml"])
async def test_a_signed_message_is_taken_and_answered_in_its_own_encoding(
    world: World, http: httpx.AsyncClient, encoding: str
) -> None:
    body = a_message(f"kingdee-{encoding}")

    answer = await http.post(ENDPOINT, content=body, headers=headers_of(body))

    assert (answer.status_code, answer.headers["content-type"]) == (200, f"application/{encoding}")
    if encoding == "json":
        assert (answer.json()["status"], answer.json()["accepted"]) == ("ACCEPTED", 1)
        assert [fact.order_no for fact in await world.told(ActualReportedV1)] == ["2611220001"]


async def test_the_same_message_sent_again_is_a_duplicate(world: World, http: httpx.AsyncClient) -> None:
    body = a_message("kingdee-json")

    first, again = [await http.post(ENDPOINT, content=body, headers=headers_of(body)) for _ in range(2)]

    assert (first.json()["status"], again.json()["status"]) == ("ACCEPTED", "DUPLICATE")
    assert len(await world.told(ActualReportedV1)) == 1


async def test_a_message_nobody_signed_does_nothing(world: World, http: httpx.AsyncClient) -> None:
    body = a_message("kingdee-json")
    once = headers_of(body)

    unsigned = await http.post(ENDPOINT, content=body)
    forged = await http.post(ENDPOINT, content=body, headers=headers_of(body, Credentials("lemai", "guess")))
    altered = await http.post(ENDPOINT, content=body.replace(b"2611220001", b"2611220009"), headers=once)

    assert [answer.status_code for answer in (unsigned, forged, altered)] == [401, 401, 401]
    assert unsigned.headers["content-type"] == "application/problem+json"
    assert await world.rows("docking_file") == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/docking/NOBODY/ship_result",
        f"/v1/docking/{SOAP}/ship_result",
        f"/v1/docking/{HTTP}/deliver_order",
        f"/v1/docking/{HTTP}/nothing",
        f"/soap/{HTTP}",
        "/soap/NOBODY",
    ],
)
async def test_what_is_not_offered_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    body = a_message("kingdee-json")

    answer = await http.post(path, content=body, headers=headers_of(body))

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_the_wsdl_names_the_address_it_is_served_at(http: httpx.AsyncClient) -> None:
    described = await http.get(f"/soap/{SOAP}?wsdl")

    assert described.status_code == 200
    assert f'location="https://lemai.example/soap/{SOAP}"' in described.text
    assert (await http.get(f"/soap/{SOAP}")).status_code == 404


async def soap(http: httpx.AsyncClient, body: bytes, login: Login) -> httpx.Response:
    action = soap_action("SyncShipResult")
    return await http.post(
        f"/soap/{SOAP}",
        content=call("SyncShipResult", body, login),
        headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'},
    )


async def test_a_soap_call_is_answered_by_an_acknowledgement(world: World, http: httpx.AsyncClient) -> None:
    answer = await soap(http, a_message("kingdee-soap", warehouse_code="WH02"), Login("jfy", "theirs"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert "SyncShipResultResponse" in answer.text
    assert "<status>ACCEPTED</status>" in answer.text
    assert [fact.counterpart_code for fact in await world.told(ActualReportedV1)] == [SOAP]


async def test_a_business_refusal_is_an_acknowledgement_too(http: httpx.AsyncClient) -> None:
    answer = await soap(http, a_message("kingdee-soap", warehouse_code="WH01"), Login("jfy", "theirs"))

    assert answer.status_code == 200
    assert "<code>E_WAREHOUSE</code>" in answer.text


async def test_a_soap_call_with_our_own_password_is_a_fault(world: World, http: httpx.AsyncClient) -> None:
    answer = await soap(http, a_message("kingdee-soap", warehouse_code="WH02"), Login("jfy", "ours"))

    assert answer.status_code == 500
    assert "E_AUTH" in answer.text
    assert await world.rows("docking_file") == []


async def test_what_is_too_long_is_refused_before_it_is_read(world: World, http: httpx.AsyncClient) -> None:
    limit = built_in("kingdee-json").limits.bytes
    answer = await http.post(ENDPOINT, content=b"{" * (limit + 1))

    assert answer.status_code == 413
    assert json.loads(answer.content)["status"] == 413
