"""Calling a counterpart's SOAP server: what each kind of answer, or none, says about the file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lemai_docking.ack import Ack
from lemai_docking.channel import NotDone, Undecided
from lemai_docking.encodings.messages.xml_syntax import whole
from lemai_docking.faults import Fault
from lemai_docking.soap.client import SoapOutlet
from lemai_docking.soap.envelope import Envelope, Login, SoapFault, answer, fault, message_of, opened

from .docking_messages import converted, profile_of
from .soap_world import reply, serving

NAME = "Deliver_20261122100000.sh.xml"
DATA = converted("Deliver_20261122100000.sh", "xml")
LOGIN = Login("lemai", "correct horse")
ACCEPTED = Ack(message_id="LQ1", file_name="", sha256="0" * 64, status="ACCEPTED", documents=1, accepted=1)

Send = Callable[..., Awaitable[None]]


class Partner:
    """A SOAP server that gives one answer, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body
        self.headers: dict[str, str] = {}
        self.envelopes: list[Envelope] = []

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part["body"], part["more_body"]
        self.envelopes.append(opened(body))
        await reply(send, self.status, self.body)


@asynccontextmanager
async def outlet(url: str) -> AsyncIterator[SoapOutlet]:
    outlet = SoapOutlet(url, LOGIN, profile_of("soap"))
    try:
        yield outlet
    finally:
        await outlet.close()


async def put(partner: Partner) -> Ack | None:
    async with serving(partner) as url, outlet(f"{url}/soap") as ours:
        return await ours.put(NAME, DATA, token=1)


def a_fault(side: Any, code: str) -> bytes:
    return fault(SoapFault.of(side, Fault(code)))


async def test_the_stored_message_is_called_in() -> None:
    partner = Partner(200, answer("SyncDeliverOrder", ACCEPTED))

    ack = await put(partner)

    (envelope,) = partner.envelopes
    assert (envelope.operation, envelope.login) == ("SyncDeliverOrder", LOGIN)
    assert whole(message_of(envelope)) == DATA
    assert partner.headers["soapaction"] == '"urn:lemai-kingdee:docking:1.0#SyncDeliverOrder"'
    assert partner.headers["content-type"] == "text/xml; charset=utf-8"
    assert ack == ACCEPTED.model_copy(update={"sha256": ""})


async def test_a_fault_of_the_client_refuses_the_document_for_good() -> None:
    ack = await put(Partner(500, a_fault("Client", "E_SYNTAX")))

    assert ack is not None
    assert ack.refuses_file
    assert [result.code for result in ack.results] == ["E_SYNTAX"]


async def test_a_fault_without_a_code_of_ours_is_understood_too() -> None:
    foreign = a_fault("Client", "E_SYNTAX").replace(b"soap:Client", b"env:Client.Business")
    start, end = foreign.index(b"<detail>"), foreign.index(b"</soap:Fault>")

    ack = await put(Partner(500, foreign[:start] + foreign[end:]))

    assert ack is not None
    assert (ack.status, ack.results[0].code) == ("REJECTED", "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, a_fault("Client", "E_AUTH")),
        (500, a_fault("Client", "E_OPERATION")),
        (500, a_fault("MustUnderstand", "E_SYNTAX")),
        (500, a_fault("VersionMismatch", "E_SYNTAX")),
        (301, b""),
        (401, b"who are you"),
        (404, b"<html>not here</html>"),
        (429, b"later"),
    ],
)
async def test_what_nobody_looked_at_is_tried_again(status: int, body: bytes) -> None:
    with pytest.raises(NotDone):
        await put(Partner(status, body))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, a_fault("Server", "E_SERVER")),
        (500, a_fault("Server", "E_SERVER").replace(b"soap:Server", b"soap:Whatever")),
        (500, b"<html>oops</html>"),
        (500, b""),
        (502, b"bad gateway"),
        (503, a_fault("Client", "E_SYNTAX")),
        (200, b"<html>welcome</html>"),
        (200, answer("SyncReceipt", ACCEPTED)),
        (200, answer("SyncDeliverOrder", ACCEPTED).replace(b"ACCEPTED", b"MAYBE")),
        (200, answer("SyncDeliverOrder", ACCEPTED)[:-20]),
    ],
)
async def test_what_may_have_been_stored_is_undecided(status: int, body: bytes) -> None:
    with pytest.raises(Undecided):
        await put(Partner(status, body))


async def test_nobody_there_means_not_done() -> None:
    async with serving(Partner(200, b"")) as url:
        pass

    async with outlet(url) as ours:
        with pytest.raises(NotDone):
            await ours.put(NAME, DATA, token=1)


async def test_a_connection_cut_after_the_call_is_undecided() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"</soap:Envelope>")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, outlet(f"http://127.0.0.1:{port}") as ours:
        with pytest.raises(Undecided):
            await ours.put(NAME, DATA, token=1)


@pytest.mark.parametrize("url", ["http://kingdee.example/soap", "http://10.0.0.1/soap", "ftp://kingdee.example"])
def test_a_password_is_not_shown_to_the_network(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        SoapOutlet(url, LOGIN, profile_of("soap"))


async def test_loopback_and_tls_are_private() -> None:
    for url in ("http://127.0.0.1:1/soap", "http://localhost/soap", "http://[::1]/soap", "https://kingdee.example"):
        await SoapOutlet(url, LOGIN, profile_of("soap")).close()
