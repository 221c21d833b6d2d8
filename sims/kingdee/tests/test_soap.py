"""The SOAP face over real connections: what Lemai may call, and how long the ERP calls Lemai."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from pydantic import SecretStr

from sim_kingdee import reports, xml_codec
from sim_kingdee.api import create_app
from sim_kingdee.damage import Damage
from sim_kingdee.domain import Behaviour
from sim_kingdee.faces.folder import Folder
from sim_kingdee.faces.soap import Soap
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.settings import SoapExchange

Plan = Callable[..., None]

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
NS = "urn:lemai-kingdee:docking:1.0"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"

Serving = Callable[[FastAPI], AbstractAsyncContextManager[str]]


class Lemai:
    """Lemai's server: answers with what it is told to, and keeps what it got."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.got: list[bytes] = []
        self.actions: list[str] = []
        self.answers: list[Response] = []
        self.app.add_api_route("/soap/JFY", self._take, methods=["POST"])

    async def _take(self, request: Request) -> Response:
        self.got.append(await request.body())
        self.actions.append(request.headers["soapaction"])
        return self.answers.pop(0) if self.answers else self.ack()

    def ack(self, status: str = "ACCEPTED", message_id: str = "") -> Response:
        body = self.got[-1].decode()
        found = re.search("<messageId>(.*?)</messageId>", body)
        operation = re.search("<[a-z]+:(Sync[A-Za-z]+)", body)
        assert operation is not None
        values = f"<messageId>{message_id or (found and found[1])}</messageId><status>{status}</status><results/>"
        return envelope(f'<r:{operation[1]}Response xmlns:r="{NS}"><ack>{values}</ack></r:{operation[1]}Response>')


def envelope(body: str, header: str = "", status: int = 200) -> Response:
    text = f'<e:Envelope xmlns:e="{SOAP}">{header}<e:Body>{body}</e:Body></e:Envelope>'
    return Response(text, status_code=status, media_type="text/xml")


def fault(side: str) -> Response:
    return envelope(f"<e:Fault><faultcode>e:{side}</faultcode><faultstring>no</faultstring></e:Fault>", status=500)


@pytest.fixture
async def lemai(serving: Serving) -> AsyncIterator[tuple[Lemai, str]]:
    lemai = Lemai()
    async with serving(lemai.app) as url:
        yield lemai, f"{url}/soap/JFY"


@pytest.fixture
def soap(folder: Folder, lemai: tuple[Lemai, str]) -> Soap:
    settings = SoapExchange(
        name="soap",
        user="lemai",
        password=SecretStr("p&ss"),
        url=lemai[1],
        lemai_user="kingdee",
        lemai_password=SecretStr("w<rd"),
    )
    return Soap(settings, folder.erp)


@pytest.fixture
async def http(soap: Soap, folder: Folder, serving: Serving) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(create_app([folder, soap], lambda: NOW)) as url,
        httpx.AsyncClient(base_url=url, timeout=5) as client,
    ):
        yield client


@pytest.fixture
async def near(folder: Folder) -> AsyncIterator[httpx.AsyncClient]:
    """The same without a socket, for tables of requests."""
    settings = SoapExchange(
        name="soap",
        user="lemai",
        password=SecretStr("p&ss"),
        url="unused",
        lemai_user="unused",
        lemai_password=SecretStr("unused"),
    )
    transport = httpx.ASGITransport(create_app([folder, Soap(settings, folder.erp)], lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://kingdee") as client:
        yield client


def message(samples: Path) -> str:
    return (samples / "Deliver_20261122100000.sh.xml").read_text().partition("?>\n")[2]


def call_of(text: str, *, user: str = "lemai", password: str = "p&amp;ss", operation: str = "SyncDeliverOrder") -> str:
    security = (
        f'<w:Security xmlns:w="{WSSE}"><w:UsernameToken><w:Username>{user}</w:Username>'
        f'<w:Password Type="{TEXT}">{password}</w:Password></w:UsernameToken></w:Security>'
    )
    return (
        f'<e:Envelope xmlns:e="{SOAP}"><e:Header>{security}</e:Header>'
        f'<e:Body><d:{operation} xmlns:d="{NS}">{text}</d:{operation}></e:Body></e:Envelope>'
    )


async def post(http: httpx.AsyncClient, text: str, operation: str = "SyncDeliverOrder") -> httpx.Response:
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NS}#{operation}"'}
    return await http.post("/soap", content=text.encode(), headers=headers)


def ack_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    ack = ET.fromstring(answer.content).find(f"{{{SOAP}}}Body/{{{NS}}}SyncDeliverOrderResponse/ack")
    assert ack is not None
    codes = ",".join(code.text or "" for code in ack.iterfind("results/result/code"))
    return {child.tag: child.text or "" for child in ack if child.tag != "results"} | {"codes": codes}


def fault_of(answer: httpx.Response) -> tuple[str, str]:
    assert answer.status_code == 500
    found = ET.fromstring(answer.content).find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
    assert found is not None
    return found.findtext("faultcode", ""), found.findtext("detail/code", "")


async def test_an_instruction_is_acknowledged_in_the_answer(http: httpx.AsyncClient, samples: Path) -> None:
    assert ack_of(await post(http, call_of(message(samples)))) == {
        "messageId": "LQ20261122100000000001",
        "fileName": "",
        "sha256": "",
        "status": "ACCEPTED",
        "receivedAt": "2026-11-22T15:21:00+08:00",
        "documents": "1",
        "accepted": "1",
        "held": "0",
        "rejected": "0",
        "codes": "",
    }
    order = (await http.get("/sim/orders/JFY/2611220001")).json()
    assert order["instructions"][0]["face"] == "soap"


async def test_the_same_message_again_is_a_duplicate_in_any_envelope(http: httpx.AsyncClient, samples: Path) -> None:
    await post(http, call_of(message(samples)))

    again = ack_of(await post(http, call_of(re.sub(r"\n *", "", message(samples)).replace("电联100", "电联\n100"))))

    assert (again["status"], again["accepted"]) == ("DUPLICATE", "1")


async def test_another_message_under_a_used_message_id_is_refused(http: httpx.AsyncClient, samples: Path) -> None:
    await post(http, call_of(message(samples)))

    ack = ack_of(await post(http, call_of(message(samples).replace("2611220001<", "2611220002<"))))

    assert (ack["status"], ack["codes"]) == ("REJECTED", "E_FILE_CHANGED")


@pytest.mark.parametrize(
    ("old", "new", "code"), [("WH01", "WH09", "E_WAREHOUSE"), ("<totalQty>3", "<totalQty>4", "E_TRAILER")]
)
async def test_a_business_refusal_is_an_acknowledgement(
    near: httpx.AsyncClient, samples: Path, old: str, new: str, code: str
) -> None:
    ack = ack_of(await post(near, call_of(message(samples).replace(old, new))))

    assert (ack["status"], ack["codes"]) == ("REJECTED", code)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: call_of(text, password="wrong"), ("soap:Client", "E_AUTH")),
        (lambda text: call_of(text, user="root"), ("soap:Client", "E_AUTH")),
        (lambda text: call_of(text).replace("#PasswordText", "#PasswordDigest"), ("soap:Client", "E_AUTH")),
        (lambda text: re.sub("<e:Header>.*?</e:Header>", "", call_of(text)), ("soap:Client", "E_AUTH")),
        (lambda text: call_of(text, operation="SyncShipResult"), ("soap:Client", "E_OPERATION")),
        (lambda text: call_of(text, operation="SyncItem"), ("soap:Client", "E_OPERATION")),
        (lambda text: call_of(text) + "<", ("soap:Client", "E_SYNTAX")),
        (lambda text: "<!DOCTYPE x []>" + call_of(text), ("soap:Client", "E_SYNTAX")),
        (lambda text: call_of(text + text), ("soap:Client", "E_SYNTAX")),
        (lambda text: call_of(text).replace("<message>", f'<message xmlns="{NS}">'), ("soap:Client", "E_SYNTAX")),
        (lambda text: call_of(text).replace(NS, "urn:other"), ("soap:Client", "E_SYNTAX")),
        (
            lambda text: call_of(text).replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"),
            ("soap:VersionMismatch", "E_SYNTAX"),
        ),
    ],
)
async def test_a_bad_envelope_is_a_fault(
    near: httpx.AsyncClient, samples: Path, change: Callable[[str], str], expected: tuple[str, str]
) -> None:
    assert fault_of(await post(near, change(message(samples)))) == expected
    assert (await near.get("/sim/orders")).json()["orders"] == []


async def test_an_error_after_storing_is_made_good_by_the_same_call(
    http: httpx.AsyncClient, soap: Soap, samples: Path, plan: Plan
) -> None:
    plan(kind="error_after_storing")

    assert (await post(http, call_of(message(samples)))).status_code == 500
    assert ack_of(await post(http, call_of(message(samples))))["status"] == "DUPLICATE"
    assert len(reports.orders(soap.store.db, limit=10)) == 1


async def test_an_answer_may_come_too_late(http: httpx.AsyncClient, soap: Soap, samples: Path, plan: Plan) -> None:
    plan(kind="timeout_after_storing", seconds=0.05)

    assert (await post(http, call_of(message(samples)))).status_code == 504
    assert ack_of(await post(http, call_of(message(samples))))["status"] == "DUPLICATE"


async def test_a_planned_fault_stores_nothing(http: httpx.AsyncClient, soap: Soap, samples: Path, plan: Plan) -> None:
    plan(kind="fault")

    assert fault_of(await post(http, call_of(message(samples)))) == ("soap:Server", "E_SERVER")
    assert ack_of(await post(http, call_of(message(samples))))["status"] == "ACCEPTED"


async def test_a_silent_order_is_stored_and_never_answered(http: httpx.AsyncClient, soap: Soap, samples: Path) -> None:
    soap.store.save_scripts("default", {"": Behaviour.SILENT})

    with pytest.raises(httpx.ReadTimeout):
        await http.post(
            "/soap",
            content=call_of(message(samples)).encode(),
            headers={"SOAPAction": f'"{NS}#SyncDeliverOrder"'},
            timeout=0.2,
        )

    assert [row["state"] for row in reports.orders(soap.store.db, limit=10)] == ["NEW"]


async def test_the_actual_is_called_in_with_our_credentials(
    http: httpx.AsyncClient, soap: Soap, lemai: tuple[Lemai, str], samples: Path
) -> None:
    await post(http, call_of(message(samples)))
    soap.write_actuals(NOW)

    async with httpx.AsyncClient() as client:
        await soap.push(client)
        await soap.push(client)

    (data,) = lemai[0].got
    root = ET.fromstring(data)
    token = root.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    assert token is not None
    assert (token.findtext(f"{{{WSSE}}}Username"), token.findtext(f"{{{WSSE}}}Password")) == ("kingdee", "w<rd")
    assert lemai[0].actions == [f'"{NS}#SyncShipResult"']
    sent = root.find(f"{{{SOAP}}}Body/{{{NS}}}SyncShipResult/message")
    assert sent is not None
    (order,) = xml_codec.read(ET.tostring(sent), INTERFACES["ship_result"]).documents
    assert (order.head.values["order_no"], order.findings) == ("2611220001", [])
    assert list(order.head.values)[:4] == ["order_no", "wms_order_no", "order_type", "warehouse_code"]
    (file,) = (await http.get("/sim/files", params={"direction": "out"})).json()["files"]
    assert (file["face"], file["status"], file["ack"]["status"]) == ("soap", "ANSWERED", "ACCEPTED")


async def test_the_same_bytes_are_sent_until_an_acknowledgement_comes(
    soap: Soap, lemai: tuple[Lemai, str], http: httpx.AsyncClient, samples: Path
) -> None:
    await post(http, call_of(message(samples)))
    soap.write_actuals(NOW)
    server = lemai[0]
    server.answers = [
        Response("busy", status_code=503),
        fault("Server"),
        fault("Client"),
        envelope("<nothing/>"),
        Response("no soap"),
    ]

    async with httpx.AsyncClient() as client:
        for _ in range(5):
            await soap.push(client)
            assert [file.name for file in soap.journal.unfinished()] == ["SHIP-20261122152100.shupl.xml"]
        await soap.push(client)

    assert len(server.got) == 6
    assert len(set(server.got)) == 1
    assert soap.journal.unfinished() == []


async def test_calls_stay_in_order_and_are_repeated_on_demand(
    soap: Soap, lemai: tuple[Lemai, str], http: httpx.AsyncClient
) -> None:
    server = lemai[0]
    place = {"warehouse_code": "WH01", "owner_code": "JFY", "face": "soap", "page_lines": 1}
    names = (await http.post("/sim/snapshot", json=place)).json()["files"]
    server.answers = [Response("busy", status_code=503)]

    async with httpx.AsyncClient() as client:
        await soap.push(client)
        await soap.push(client)
        repeat = {"kind": "duplicate", "face": "soap", "file_name": names[0]}
        assert (await http.post("/sim/misbehave", json=repeat)).status_code == 200
        await soap.push(client)

    pages = [re.findall(rb"<currentPage>(\d)<", body)[0] for body in server.got]
    assert pages == [b"1", b"1", b"2", b"1"]
    assert server.got[3] == server.got[0]


async def test_a_damaged_call_is_given_up_after_a_fault_and_its_actual_comes_again(
    soap: Soap, lemai: tuple[Lemai, str], http: httpx.AsyncClient, samples: Path
) -> None:
    soap.damages.append(Damage.HALF_FILE)
    await post(http, call_of(message(samples)))
    soap.write_actuals(NOW)
    lemai[0].answers = [fault("Client")]

    async with httpx.AsyncClient() as client:
        await soap.push(client)
        soap.write_actuals(NOW)
        await soap.push(client)

    assert [row["status"] for row in reports.files(soap.store.db, direction="out")] == ["REFUSED", "ANSWERED"]
    with pytest.raises(ET.ParseError):
        ET.fromstring(lemai[0].got[0])
