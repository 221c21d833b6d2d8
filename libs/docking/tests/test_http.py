"""Signed HTTP both ways: pushing messages, pulling files, and the endpoint that takes them."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest
from sqlalchemy import text

from lemai_docking.ack import Ack
from lemai_docking.ack_xml import read_xml, xml_bytes
from lemai_docking.channel import NotDone, Undecided
from lemai_docking.channels import http_client
from lemai_docking.channels.http_client import HttpClient
from lemai_docking.channels.http_pull import Cursor, HttpInlet
from lemai_docking.channels.http_push import HttpOutlet
from lemai_docking.channels.http_server import NonceTable, answer
from lemai_docking.channels.signing import Credentials, Unsigned, signed, verify
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.encodings.choice import codec_of
from lemai_docking.testing.docking import TABLES, Docking
from lemai_docking.testing.http import Asked, FaultyHttp, serving

Sample = Callable[[str], bytes]
KNOWN = Credentials("lemai", "s3cret")
NAME = "Deliver_20261122100000.sh.json"
MESSAGE = b'{"header": {}}'


@pytest.fixture
def spoken(docking: Docking) -> Docking:
    """A docking that speaks JSON."""
    return replace(docking, profile=built_in("kingdee-json"))


@pytest.fixture
def shipments(spoken: Docking, profile: Profile, sample: Sample) -> Callable[..., bytes]:
    """Messages of interface 2, each of its own number, in JSON or XML."""
    name = "SHIP-20261122152100.shupl"
    (shipment,) = codec_of(profile).decode(name, sample(name)).documents

    def make(number: int, encoding: Literal["json", "xml"] = "json") -> bytes:
        own = built_in(f"kingdee-{encoding}")
        code = {"order_no": f"26112200{number:02}", "out_biz_code": f"SHP-{number}"}
        stamp = spoken.clock() + timedelta(seconds=number)
        header = own.header("ship_result", stamp=stamp, created_at=stamp, owner_code="JFY")
        codec = codec_of(own)
        return codec.frame(header, [codec.render(replace(shipment, head={**shipment.head, **code}))]).data

    return make


class Once:
    async def claim(self, nonce: str, now: Any) -> bool:
        return True


@asynccontextmanager
async def pushing(
    docking: Docking, respond: Callable[[Asked], tuple[int, bytes]]
) -> AsyncIterator[tuple[HttpOutlet, FaultyHttp]]:
    async def responding(asked: Asked) -> tuple[int, bytes]:
        await verify(KNOWN, asked.headers, asked.body, now=docking.clock(), nonces=Once())
        return respond(asked)

    async with serving(responding) as partner:
        client = HttpClient(partner.url, KNOWN, docking.clock)
        yield HttpOutlet(client, docking.profile), partner
        await client.close()


@pytest.mark.parametrize("write", [Ack.json_bytes, xml_bytes])
async def test_a_message_is_posted_signed_and_its_answer_read(spoken: Docking, write: Callable[[Ack], bytes]) -> None:
    ack = Ack(file_name=NAME, status="ACCEPTED", sha256=hashlib.sha256(MESSAGE).hexdigest())
    async with pushing(spoken, lambda _: (200, write(ack))) as (outlet, partner):
        assert await outlet.put(NAME, MESSAGE, 1) == ack

    (asked,) = partner.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/deliver_order", MESSAGE)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-lk-file-name"] == NAME


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Undecided),
        (301, NotDone),
        (401, NotDone),
        (404, NotDone),
        (408, Undecided),
        (429, NotDone),
        (500, Undecided),
        (502, Undecided),
        (503, Undecided),
    ],
)
async def test_what_a_status_says_of_a_message(spoken: Docking, status: int, outcome: type[Exception]) -> None:
    async with pushing(spoken, lambda _: (status, "出错了".encode())) as (outlet, _):
        with pytest.raises(outcome, match="出错了"):
            await outlet.put(NAME, MESSAGE, 1)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_message_that_is_refused_for_good_is_a_rejected_file(spoken: Docking, status: int) -> None:
    async with pushing(spoken, lambda _: (status, "字段 qty".encode())) as (outlet, _):
        ack = await outlet.put(NAME, MESSAGE, 1)

    assert ack is not None
    assert (ack.status, ack.results[0].code, ack.results[0].message) == ("REJECTED", f"HTTP_{status}", "字段 qty")


@pytest.mark.parametrize(
    ("misdeed", "outcome"), [("cut before", Undecided), ("cut after", Undecided), ("hang", Undecided)]
)
async def test_a_call_that_breaks_may_have_been_taken(
    spoken: Docking, misdeed: Any, outcome: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT", 0.3)
    async with pushing(spoken, lambda _: (200, b"")) as (outlet, partner):
        partner.misdeed = misdeed
        with pytest.raises(outcome):
            await outlet.put(NAME, MESSAGE, 1)


async def test_a_call_that_nobody_takes_is_not_done(spoken: Docking) -> None:
    async with serving(lambda _: NotImplemented) as partner:
        port = partner.port
    client = HttpClient(f"http://127.0.0.1:{port}", KNOWN, spoken.clock)

    with pytest.raises(NotDone, match="ConnectError"):
        await HttpOutlet(client, spoken.profile).put(NAME, MESSAGE, 1)
    await client.close()


class Shelf:
    """A partner's files, listed two at a time."""

    def __init__(self) -> None:
        self.files: list[tuple[str, bytes]] = []
        self.acks: dict[str, bytes] = {}

    async def __call__(self, asked: Asked) -> tuple[int, bytes]:
        path, _, query = asked.path.partition("?after=")
        if path == "/v1/files":
            after = int(query or 0)
            page = [
                {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "cursor": str(at)}
                for at, (name, data) in enumerate(self.files, 1)
            ][after : after + 2]
            return 200, json.dumps({"files": page}).encode()
        name = path.split("/")[3]
        if asked.method == "POST":
            self.acks[name] = asked.body
            return 204, b""
        found = dict(self.files).get(name, b"")
        return (200, found) if found else (404, b"")


@asynccontextmanager
async def pulling(docking: Docking, shelf: Shelf) -> AsyncIterator[tuple[Cursor, Callable[[], HttpInlet], FaultyHttp]]:
    async with serving(shelf) as partner:
        client = HttpClient(partner.url, KNOWN, docking.clock)
        cursor = Cursor(docking.engine, TABLES.cursor, "JFY-K3")
        yield cursor, lambda: HttpInlet(client, cursor), partner
        await client.close()


def a_name(number: int) -> str:
    return f"SHIP-202611221521{number:02}.shupl.json"


async def test_files_are_pulled_in_order_answered_and_not_listed_again(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    shelf = Shelf()
    shelf.files = [(a_name(number), shipments(number)) for number in range(5)]
    async with pulling(spoken, shelf) as (cursor, inlet, partner):
        await spoken.reader(inlet()).scan()

        assert [word.split(":")[0] for word in await spoken.told()] == [f"received {a_name(n)}" for n in range(5)]
        assert {json.loads(ack)["status"] for ack in shelf.acks.values()} == {"ACCEPTED"}
        assert await cursor.read() == "5"
        partner.asked.clear()
        await spoken.reader(inlet()).scan()
        assert [asked.path for asked in partner.asked] == ["/v1/files?after=5"]


async def test_the_cursor_does_not_pass_what_is_not_dealt_with(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    shelf = Shelf()
    shelf.files = [(a_name(number), shipments(number)) for number in range(3)]
    async with pulling(spoken, shelf) as (cursor, inlet, _):
        pulled = inlet()
        await pulled.prepare()
        await pulled.entries()
        await pulled.archive(a_name(1), spoken.clock())
        assert await cursor.read() == ""
        await pulled.archive(a_name(0), spoken.clock())
        assert await cursor.read() == "2"

        again = inlet()
        await again.prepare()
        assert [entry.name for entry in await again.entries()] == [a_name(2)]


async def test_bytes_that_are_not_those_listed_are_left_and_the_others_taken(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    shelf = Shelf()
    shelf.files = [(a_name(number), shipments(number)) for number in range(3)]

    async def damaging(asked: Asked) -> tuple[int, bytes]:
        status, content = await shelf(asked)
        return (status, content[:-1]) if asked.path.endswith(a_name(1)) else (status, content)

    async with pulling(spoken, shelf) as (cursor, inlet, partner):
        partner.respond = damaging
        reader = spoken.reader(inlet())
        with pytest.raises(NotDone, match="SHA-256"):
            await reader.scan()
        assert len(await spoken.told()) == 2
        assert await cursor.read() == "1"
        partner.respond = shelf
        await reader.scan()

        assert len(await spoken.told()) == 3
        assert await cursor.read() == "3"


async def test_a_file_that_is_gone_is_passed_over_and_a_path_never_asked_for(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    shelf = Shelf()
    shelf.files = [(a_name(0), b""), (a_name(1), shipments(1)), ("../secret", b"secret"), ("..", b"secret")]
    async with pulling(spoken, shelf) as (cursor, inlet, partner):
        await spoken.reader(inlet()).scan()

        assert await cursor.read() == "2"
        assert not any("secret" in asked.path or ".." in asked.path for asked in partner.asked)
        assert sorted(word for word in await spoken.told() if "E_SPECIAL" in word) == [
            "alert E_SPECIAL ..",
            "alert E_SPECIAL ../secret",
        ]


async def test_a_list_that_is_none_is_not_done(spoken: Docking) -> None:
    async with pulling(spoken, Shelf()) as (_, inlet, partner):

        async def page(_: Asked) -> tuple[int, bytes]:
            return 200, b"<html>"

        partner.respond = page
        with pytest.raises(NotDone, match="malformed"):
            await spoken.reader(inlet()).scan()


async def asked_for(docking: Docking, interface: str, body: bytes, nonce: str, **headers: str) -> Any:
    nonces = NonceTable(docking.engine, TABLES.nonce, "JFY-K3")
    own = signed(KNOWN, body, now=docking.clock(), nonce=nonce)
    return await answer(docking.receiver(), KNOWN, nonces, interface, {**own, **headers}, body)


async def test_a_signed_message_is_stored_and_answered_in_its_encoding(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    as_json = await asked_for(spoken, "ship_result", shipments(1), "1", **{"X-LK-File-Name": a_name(1)})
    spoken.profile = built_in("kingdee-xml")
    as_xml = await asked_for(spoken, "ship_result", shipments(2, "xml"), "2")

    assert (as_json.media_type, as_xml.media_type) == ("application/json", "application/xml")
    ack, other = json.loads(as_json.body), read_xml(as_xml.body)
    assert (ack["file_name"], ack["status"], ack["accepted"]) == (a_name(1), "ACCEPTED", 1)
    assert other is not None
    assert (other.file_name, other.status) == ("SHIP-20261122100000.shupl.xml", "ACCEPTED")
    assert len(await spoken.told()) == 2


async def test_a_call_without_a_name_that_comes_again_is_a_duplicate(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    acks = [json.loads((await asked_for(spoken, "ship_result", shipments(1), nonce)).body) for nonce in "12"]

    assert [ack["status"] for ack in acks] == ["ACCEPTED", "DUPLICATE"]
    assert acks[0]["message_id"] == acks[1]["message_id"]
    assert len(await spoken.told()) == 1


async def test_a_refused_message_is_an_answer(spoken: Docking) -> None:
    ack = json.loads((await asked_for(spoken, "ship_result", b"{}", "1")).body)

    assert (ack["status"], ack["results"][0]["code"]) == ("REJECTED", "E_HEADER")


@pytest.mark.parametrize(
    ("interface", "name"),
    [
        ("nothing", ""),
        ("deliver_order", ""),
        ("ship_result", "RECV-20261122152100.rcupl.json"),
        ("ship_result", "../../etc/passwd"),
    ],
)
async def test_a_message_of_another_interface_is_not_taken(
    spoken: Docking, shipments: Callable[..., bytes], interface: str, name: str
) -> None:
    with pytest.raises(LookupError):
        await asked_for(spoken, interface, shipments(1), "1", **{"X-LK-File-Name": name})

    assert await spoken.states("file") == []


async def test_a_message_is_taken_once_with_a_signature_and_old_nonces_are_forgotten(
    spoken: Docking, shipments: Callable[..., bytes]
) -> None:
    with pytest.raises(Unsigned):
        await asked_for(spoken, "ship_result", shipments(1), "1", **{"X-LK-Sign": "0"})
    await asked_for(spoken, "ship_result", shipments(1), "1")
    with pytest.raises(Unsigned, match="used before"):
        await asked_for(spoken, "ship_result", shipments(1), "1")
    spoken.clock.forward(minutes=21)
    await asked_for(spoken, "ship_result", shipments(1), "2")

    async with spoken.engine.connect() as connection:
        assert list((await connection.execute(text("SELECT nonce FROM docking_nonce"))).scalars()) == ["2"]
