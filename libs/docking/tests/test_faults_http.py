"""Calls that break on the way: nothing lost, nothing twice, what is unknown shown as unknown; from both ends."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lemai_docking.ack import Ack
from lemai_docking.channel import NotDone, Undecided
from lemai_docking.channels import http_client
from lemai_docking.channels.http_client import HttpClient
from lemai_docking.channels.http_pull import Cursor, HttpInlet
from lemai_docking.channels.http_push import HttpOutlet
from lemai_docking.channels.http_server import NonceTable, answer
from lemai_docking.channels.signing import Credentials, signed
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.publisher import Publisher
from lemai_docking.testing.docking import TABLES, Docking
from lemai_docking.testing.http import Asked, FaultyHttp, serving

Sample = Callable[[str], bytes]
KNOWN = Credentials("lemai", "s3cret")
FIRST = "Deliver_20261122100001.sh.json"
PULLED = "SHIP-20261122152100.shupl.json"


@dataclass
class Erp:
    """A partner that stores a message, then answers with `status`; the same bytes again are a duplicate."""

    status: int = 200
    stored: list[bytes] = field(default_factory=list)
    calls: int = 0

    async def __call__(self, asked: Asked) -> tuple[int, bytes]:
        self.calls += 1
        known = asked.body in self.stored
        if not known:
            self.stored.append(asked.body)
        ack = Ack(
            file_name=asked.headers["x-lk-file-name"],
            sha256=hashlib.sha256(asked.body).hexdigest(),
            status="DUPLICATE" if known else "ACCEPTED",
        )
        return self.status, ack.json_bytes() if self.status == 200 else b"Internal Server Error"


@pytest.fixture
def spoken(docking: Docking) -> Docking:
    """A docking that speaks JSON by calls."""
    return replace(docking, profile=built_in("kingdee-json").model_copy(update={"acknowledge": "answer"}))


@pytest.fixture
def order(profile: Profile, sample: Sample) -> Document:
    name = "Deliver_20261122100000.sh"
    (document,) = codec_of(profile).decode(name, sample(name)).documents
    return document


@pytest.fixture
def shipment(spoken: Docking, profile: Profile, sample: Sample) -> bytes:
    name = "SHIP-20261122152100.shupl"
    (document,) = codec_of(profile).decode(name, sample(name)).documents
    codec, now = codec_of(spoken.profile), spoken.clock()
    header = spoken.profile.header("ship_result", stamp=now, created_at=now, owner_code="JFY")
    return codec.frame(header, [codec.render(document)]).data


@asynccontextmanager
async def publishing(
    docking: Docking, erp: Erp, order: Document, after_crash: Any
) -> AsyncIterator[tuple[Publisher, FaultyHttp]]:
    await docking.enqueue(order)
    docking.clock.forward(seconds=1)
    docking.profile = docking.profile.model_copy(update={"after_crash": after_crash})
    async with serving(erp) as partner:
        client = HttpClient(partner.url, KNOWN, docking.clock)
        publisher = docking.publisher(outlet=HttpOutlet(client, docking.profile))
        async with publisher.active():
            yield publisher, partner
        await client.close()


FAULTS = ["500", "503", "cut after", "hang"]


def break_it(fault: str, erp: Erp, partner: FaultyHttp) -> None:
    if fault.isdigit():
        erp.status = int(fault)
    else:
        partner.misdeed = fault  # type: ignore[assignment]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_message_that_was_stored_before_the_call_broke_is_unknown_and_sent_no_more(
    spoken: Docking, order: Document, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT", 0.5)
    erp = Erp()
    async with publishing(spoken, erp, order, "ask") as (publisher, partner):
        break_it(fault, erp, partner)
        with pytest.raises(Undecided):
            await publisher.round()
        erp.status, partner.misdeed = 200, ""
        await publisher.round()
        await publisher.round()

        assert (len(erp.stored), erp.calls) == (1, 1)
        assert await spoken.states() == ["unknown"]
        assert await spoken.told() == [f"alert E_UNKNOWN {FIRST}"]
        async with spoken.engine.begin() as connection:
            await publisher.resolve(connection, FIRST, "done")
        await publisher.round()

    assert (len(erp.stored), erp.calls) == (1, 1)
    assert (await spoken.told())[1].startswith(f"published {FIRST}:")


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_same_bytes_again_settle_it_where_the_partner_knows_duplicates(
    spoken: Docking, order: Document, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT", 0.5)
    erp = Erp()
    async with publishing(spoken, erp, order, "rewrite") as (publisher, partner):
        break_it(fault, erp, partner)
        for _ in range(2):
            with pytest.raises(Undecided):
                await publisher.round()
        erp.status, partner.misdeed = 200, ""
        await publisher.round()
        await publisher.round()

    assert (len(erp.stored), erp.calls) == (1, 3)
    assert [word.split(":")[0] for word in await spoken.told()] == [f"published {FIRST}", f"acknowledged {FIRST}"]


async def test_a_crash_between_the_answer_and_its_record_is_as_an_answer_that_never_came(
    spoken: Docking, order: Document
) -> None:
    erp = Erp()
    async with publishing(spoken, erp, order, "rewrite") as (publisher, _):
        spoken.owner.fail = "acknowledged"
        with pytest.raises(ConnectionError):
            await publisher.round()
        spoken.owner.fail = ""
        assert await spoken.told() == []
        await publisher.round()

    assert (len(erp.stored), erp.calls) == (1, 2)
    assert await spoken.states() == ["acknowledged"]
    assert len(await spoken.told()) == 2


async def test_a_message_that_never_got_out_is_sent_when_the_partner_is_back(spoken: Docking, order: Document) -> None:
    erp = Erp(status=429)

    async def away(_: Asked) -> tuple[int, bytes]:
        return 429, b"later"

    async with publishing(spoken, erp, order, "ask") as (publisher, partner):
        partner.respond = away
        for _ in range(2):
            with pytest.raises(NotDone, match="429"):
                await publisher.round()
        erp.status, partner.respond = 200, erp
        await publisher.round()

    assert (len(erp.stored), erp.calls) == (1, 1)
    assert await spoken.states() == ["acknowledged"]


@pytest.mark.parametrize("misdeed", ["cut after", "hang"])
@pytest.mark.parametrize("step", ["list", "read", "ack"])
async def test_whatever_breaks_while_a_file_is_pulled_it_is_taken_once(
    spoken: Docking, shipment: bytes, step: str, misdeed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT", 0.3)
    acks: list[bytes] = []
    healed = False

    async def shelf(asked: Asked) -> tuple[int, bytes]:
        now = "ack" if asked.path.endswith("/ack") else "read" if PULLED in asked.path else "list"
        partner.misdeed = "" if healed or now != step else misdeed
        if now == "ack":
            acks.append(asked.body)
            return 204, b""
        if now == "read":
            return 200, shipment
        offer = {"name": PULLED, "sha256": hashlib.sha256(shipment).hexdigest(), "cursor": "1"}
        return 200, json.dumps({"files": [] if "after=1" in asked.path else [offer]}).encode()

    async with serving(shelf) as partner:
        client = HttpClient(partner.url, KNOWN, spoken.clock)
        cursor = Cursor(spoken.engine, TABLES.cursor, "JFY-K3")
        reader = spoken.reader(HttpInlet(client, cursor))
        with pytest.raises(NotDone):
            await reader.scan()
        healed = True

        await reader.scan()
        await spoken.reader(HttpInlet(client, cursor)).scan()
        await client.close()

    (word,) = await spoken.told()
    assert word.startswith(f"received {PULLED}:")
    assert {json.loads(ack)["status"] for ack in acks} == {"ACCEPTED"}
    assert await cursor.read() == "1"


async def test_a_caller_that_did_not_get_our_answer_gets_it_when_it_calls_again(
    spoken: Docking, shipment: bytes
) -> None:
    async def called(nonce: str) -> dict[str, Any]:
        headers = {**signed(KNOWN, shipment, now=spoken.clock(), nonce=nonce), "X-LK-File-Name": PULLED}
        nonces = NonceTable(spoken.engine, TABLES.nonce, "JFY-K3")
        answered = await answer(spoken.receiver(), KNOWN, nonces, "ship_result", headers, shipment)
        found: dict[str, Any] = json.loads(answered.body)
        return found

    spoken.owner.fail = "received"
    with pytest.raises(ConnectionError):
        await called("1")
    spoken.owner.fail = ""
    assert await spoken.states("file") == []
    first = await called("2")
    spoken.clock.forward(minutes=3)

    assert await called("3") == first
    assert len(await spoken.told()) == 1
