"""What our SOAP face answers, by everything that can be wrong with a call."""

import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from lemai_docking.ack import Ack
from lemai_docking.soap.envelope import Login, ack_of, call, fault_of, opened
from lemai_docking.soap.server import Answered, respond

from .docking_messages import converted
from .soap_world import LOGIN, Inbox, face, serving

SHIP = converted("SHIP-20261122152100.shupl", "xml")
ACTION = '"urn:lemai-kingdee:docking:1.0#SyncShipResult"'
TEXT = "text/xml; charset=utf-8"
CALL = call("SyncShipResult", SHIP, LOGIN)
ENVELOPE_12 = b"http://www.w3.org/2003/05/soap-envelope"
INCLUDE = b'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="file:///etc/hostname"/>'
XSI = b'xmlns:x="http://www.w3.org/2001/XMLSchema-instance"'

# (old bytes, new bytes, faultcode, our code): the call is refused before anything is taken.
FAULTS = [
    # The envelope.
    (b"</soap:Envelope>", b"", "Client", "E_SYNTAX"),
    (b"http://schemas.xmlsoap.org/soap/envelope/", ENVELOPE_12, "VersionMismatch", "E_SYNTAX"),
    (b"soap:Envelope", b"soap:Envelop", "VersionMismatch", "E_SYNTAX"),
    (b"<soap:Body>", b"<soap:Body><other/>", "Client", "E_SYNTAX"),
    (b"<soap:Body>", b"<soap:Body/><soap:Body>", "Client", "E_SYNTAX"),
    (b"<soap:Header>", b"<soap:Header/><soap:Header>", "Client", "E_SYNTAX"),
    (b"<soap:Header>", b'<soap:Header><a soap:mustUnderstand="1"/>', "MustUnderstand", "E_SYNTAX"),
    (b"<?xml", b"\n<?xml", "Client", "E_SYNTAX"),
    (b"encoding='utf-8'", b"encoding='GB18030'", "Client", "E_CHARSET"),
    (b"encoding='utf-8'", b"encoding='UTF-16'", "Client", "E_CHARSET"),
    ("顺丰".encode(), "顺丰".encode("gb18030"), "Client", "E_CHARSET"),
    ("顺丰".encode(), b"\x00", "Client", "E_CHARSET"),
    ("顺丰".encode(), b"&#1;", "Client", "E_SYNTAX"),
    ("顺丰".encode(), b"&laugh;", "Client", "E_SYNTAX"),
    (b"<soap:Envelope", b"<!DOCTYPE a [<!ENTITY laugh 'ha'>]><soap:Envelope", "Client", "E_SYNTAX"),
    (b"<soap:Envelope", b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'><soap:Envelope", "Client", "E_SYNTAX"),
    (b"<soap:Envelope", b"<?xml-stylesheet href='a'?><soap:Envelope", "Client", "E_SYNTAX"),
    (b"<soap:Header>", b"<soap:Header>" + b"<a>" * 20 + b"</a>" * 20, "Client", "E_LIMIT"),
    (b"<soap:Header>", b"<soap:Header><a " + b" ".join(b'a%d=""' % n for n in range(99)) + b"/>", "Client", "E_LIMIT"),
    (b"<soap:Header>", b"<soap:Header>" + b"<a/>" * 250_001, "Client", "E_LIMIT"),
    (b"<soap:Header>", b"<soap:Header><a>" + b"a" * 100_001 + b"</a>", "Client", "E_LIMIT"),
    (b"<soap:Header>", b"<soap:Header>" + b" " * 10_000_001, "Client", "E_LIMIT"),
    # Who calls.
    (b"wsse:UsernameToken", b"wsse:Token", "Client", "E_AUTH"),
    (b">kingdee<", b">lemai<", "Client", "E_AUTH"),
    (b">kingdee<", b"><", "Client", "E_AUTH"),
    (b">correct horse<", b">correct<", "Client", "E_AUTH"),
    (b">correct horse<", b"><", "Client", "E_AUTH"),
    (b"#PasswordText", b"#PasswordDigest", "Client", "E_AUTH"),
    (b"</wsse:Security>", b"<wsse:UsernameToken/></wsse:Security>", "Client", "E_AUTH"),
    # What is called.
    (b"SyncShipResult", b"SyncShipResults", "Client", "E_OPERATION"),
    (b"SyncShipResult", b"SyncShipResultResponse", "Client", "E_OPERATION"),
    (b"SyncShipResult", b"SyncReceiptResult", "Client", "E_OPERATION"),
    (b"SyncShipResult", b"SyncDeliverOrder", "Client", "E_OPERATION"),
    (b"urn:lemai-kingdee:docking:1.0", b"urn:lemai-kingdee:docking:2.0", "Client", "E_OPERATION"),
    (b">ship_result<", b">receipt_result<", "Client", "E_OPERATION"),
    (b"<interface>ship_result</interface>", b"", "Client", "E_OPERATION"),
    # The message against its schema.
    (b"<orderType>", b"<colour>red</colour><orderType>", "Client", "E_SYNTAX"),
    (b"<orderType>", b"<orderType>SALE</orderType><orderType>", "Client", "E_SYNTAX"),
    (b"<orderType>", b"red<orderType>", "Client", "E_SYNTAX"),
    (b"<orderType>SALE", b"<orderType><a>SALE</a>", "Client", "E_SYNTAX"),
    (b"<orderType>", b'<orderType lang="zh">', "Client", "E_SYNTAX"),
    (b"<orderType>", b"<orderType %s x:type='int'>" % XSI, "Client", "E_SYNTAX"),
    (b"<orderType>", b"<orderType %s x:schemaLocation='http://127.0.0.1:9/'>" % XSI, "Client", "E_SYNTAX"),
    (b"<orderType>SALE", b"<orderType>" + INCLUDE, "Client", "E_SYNTAX"),
    (b"<orders>", b"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='a'/><orders>", "Client", "E_SYNTAX"),
    (b"</message>", b"</message><message/>", "Client", "E_SYNTAX"),
]

# (SOAPAction, Content-Type, faultcode, our code)
HEADERS = [
    ("", TEXT, "Client", "E_OPERATION"),
    ('""', TEXT, "Client", "E_OPERATION"),
    ('"urn:lemai-kingdee:docking:1.0#SyncReceiptResult"', TEXT, "Client", "E_OPERATION"),
    (ACTION, "application/soap+xml; charset=utf-8", "VersionMismatch", "E_SYNTAX"),
    (ACTION, 'multipart/related; type="application/xop+xml"; boundary=a', "Client", "E_SYNTAX"),
    (ACTION, "application/json", "Client", "E_SYNTAX"),
    (ACTION, "", "Client", "E_SYNTAX"),
    (ACTION, "text/xml; charset=utf-16", "Client", "E_CHARSET"),
    (ACTION, "text/xml; charset=gbk", "Client", "E_CHARSET"),
]

# (old bytes, new bytes, our code, field): taken, and refused by an acknowledgement.
REFUSALS = [
    (b"<outBizCode>SHP-2611220001-1</outBizCode>", b"", "E_FIELD", "out_biz_code"),
    (b"<actualQty>1<", b"<actualQty>one<", "E_FIELD", "actual_qty"),
    (b"<actualQty>1<", b"<actualQty>0.5<", "E_QTY", "actual_qty"),
    (b"<inventoryType>ZP<", b"<inventoryType>XX<", "E_INVTYPE", "inventory_type"),
    (b">2611220001<", b">2611220001-c<", "E_ROUTE", "order_no"),
]


async def responded(inbox: Inbox, body: bytes, action: str = ACTION, content_type: str = TEXT) -> Answered:
    return await respond(inbox, LOGIN, action=action, content_type=content_type, body=body)


def faulted(answered: Answered) -> tuple[int, str, str]:
    fault = fault_of(opened(answered.body))
    assert fault is not None
    return answered.status, fault.side, fault.code


async def test_a_call_is_taken_as_the_file_it_could_have_been() -> None:
    inbox = Inbox()

    answered = await responded(inbox, CALL)

    assert inbox.taken == [("SHIP-20261122100000.shupl.xml", SHIP)]
    ack = ack_of(opened(answered.body))
    assert (answered.status, ack.status, ack.message_id) == (200, "ACCEPTED", "KD20261122152100000001")


@pytest.mark.parametrize(("old", "new", "side", "code"), FAULTS)
async def test_what_is_wrong_with_a_call_is_a_fault(old: bytes, new: bytes, side: str, code: str) -> None:
    inbox = Inbox()
    assert old in CALL

    answered = await responded(inbox, CALL.replace(old, new) if b"Envelop" in old else CALL.replace(old, new, 2))

    assert faulted(answered) == (500, side, code)
    assert inbox.taken == []


@pytest.mark.parametrize(("action", "content_type", "side", "code"), HEADERS)
async def test_what_is_wrong_with_the_request_is_a_fault(action: str, content_type: str, side: str, code: str) -> None:
    inbox = Inbox()

    assert faulted(await responded(inbox, CALL, action, content_type)) == (500, side, code)
    assert inbox.taken == []


@pytest.mark.parametrize(("old", "new", "code", "field"), REFUSALS)
async def test_a_business_refusal_is_an_acknowledgement(old: bytes, new: bytes, code: str, field: str) -> None:
    assert old in CALL

    answered = await responded(Inbox(), CALL.replace(old, new, 1))

    result = ack_of(opened(answered.body)).results[0]
    assert (answered.status, result.code, result.field) == (200, code, field)


def test_how_many_bad_calls_were_tried(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{len(FAULTS) + len(HEADERS) + len(REFUSALS)} bad SOAP calls\n")

    assert {row[3] for row in FAULTS} == {"E_SYNTAX", "E_CHARSET", "E_LIMIT", "E_AUTH", "E_OPERATION"}


async def test_the_user_is_checked_before_the_body_is_looked_into() -> None:
    bad = CALL.replace(b"<orderType>", b"<colour>red</colour><orderType>")

    assert faulted(await respond(Inbox(), Login("kingdee", "changed"), action="", content_type=TEXT, body=bad)) == (
        500,
        "Client",
        "E_AUTH",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<?xml version='1.0' encoding='utf-8'?>", b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>"),
        (b"<?xml version='1.0' encoding='utf-8'?>", b""),
        (b">2611220001<", b">2611<!-- -->220001<"),
        (b">2611220001<", b">2611<![CDATA[220001]]><"),
        (b"<orders>", b"\n  <orders>\n"),
        (b"<soap:Header>", b'<soap:Header><a soap:mustUnderstand="0"/>'),
        (b"<confirmType>1</confirmType>", b"<operatorName %s x:nil='true'/><confirmType>1</confirmType>" % XSI),
        (
            b"<orderType>SALE</orderType><warehouseCode>WH01</warehouseCode>",
            b"<warehouseCode>WH01</warehouseCode><orderType>SALE</orderType>",
        ),
    ],
)
async def test_a_call_is_the_same_however_it_is_spelled(old: bytes, new: bytes) -> None:
    """So its repetition gives the same bytes, which are known by their digest."""
    inbox = Inbox()
    assert old in CALL

    await responded(inbox, CALL.replace(old, new, 1))

    assert inbox.taken == [("SHIP-20261122100000.shupl.xml", SHIP)]


async def test_a_failure_of_ours_is_a_server_fault(caplog: pytest.LogCaptureFixture) -> None:
    def fails(_name: str) -> Ack:
        raise ConnectionError("the database went away")

    answered = await responded(Inbox(answer=fails), CALL)

    assert faulted(answered) == (500, "Server", "E_SERVER")
    assert b"database" not in answered.body
    assert "the database went away" in caplog.text


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(face(Inbox())) as url:
        yield url


async def test_it_works_on_a_socket(url: str) -> None:
    async with httpx.AsyncClient() as client:
        wsdl = await client.get(f"{url}/soap?wsdl")
        answered = await client.post(f"{url}/soap", content=CALL, headers={"Content-Type": TEXT, "SOAPAction": ACTION})

    assert f'location="{url}/soap"' in wsdl.text
    assert (answered.status_code, ack_of(opened(answered.content)).status) == (200, "ACCEPTED")
