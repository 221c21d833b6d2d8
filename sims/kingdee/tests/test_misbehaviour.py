"""What a tester plans over HTTP happens as often as planned, on the face it is planned for."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sim_kingdee import frame, xml_codec
from sim_kingdee.api import create_app
from sim_kingdee.exchange import Pace
from sim_kingdee.faces.folder import Folder
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, FrameError

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
DELIVER, RECEIPT = "Deliver_20261122100000.sh", "Receipt_20261122101000.rc"
SHIP = "SHIP-20261122152100.shupl"
DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"


@pytest.fixture
def other(folder: Folder, tmp_path: Path) -> Folder:
    """A second face of the same ERP that speaks XML, as the SFTP face does."""
    return Folder(tmp_path / "other", folder.erp, trailer_patience_s=600, face="sftp", encoding=xml_codec)


@pytest.fixture
async def client(folder: Folder, other: Folder) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app([folder, other], lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://kingdee") as client:
        yield client


async def misbehave(client: httpx.AsyncClient, **body: Any) -> None:
    answer = await client.post("/sim/misbehave", json=body)
    assert (answer.status_code, answer.json()) == (200, {"kind": body["kind"]})


def put(root: Path, samples: Path, name: str) -> None:
    (root / "outbox" / name).write_bytes((samples / name).read_bytes())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def actuals(root: Path, interface: str = "ship_result") -> list[Document]:
    """All actuals in the inbox, each file sound."""
    found = []
    for name in names(root / "inbox"):
        found += frame.read((root / "inbox" / name).read_bytes(), INTERFACES[interface]).documents
    assert [document.findings for document in found] == [[] for _ in found]
    return found


def rows(document: Document) -> list[tuple[str, str, str]]:
    return [(r.values["line_no"], r.values["inventory_type"], r.values["actual_qty"]) for r in document.lines()]


async def test_a_damaged_piece_is_a_record_of_its_own(
    client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path
) -> None:
    await misbehave(client, kind="damaged")
    put(root, samples, RECEIPT)

    folder.take_outbox(NOW)
    folder.write_actuals(NOW)

    (document,) = actuals(root, "receipt_result")
    assert rows(document) == [("1", "ZP", "199"), ("1", "CC", "1")]
    assert [line.values["line_remark"] for line in document.lines()] == ["", "外箱破损"]
    assert document.head.values["line_count"] == "2"
    stock = (await client.get("/sim/stock", params={"item_code": DRESS})).json()["stock"]
    assert {row["inventory_type"]: row["on_hand"] for row in stock} == {"ZP": 299, "CC": 1}


async def test_a_damaged_return_says_why(client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path) -> None:
    await misbehave(client, kind="damaged")
    put(root, samples, "Deliver_20261128100000.rc")

    folder.take_outbox(NOW)
    folder.write_actuals(NOW)

    (document,) = actuals(root, "sales_return_result")
    assert [(line.values["inventory_type"], line.values["defect_reason"]) for line in document.lines()] == [
        ("CC", "外箱破损")
    ]


async def test_one_order_is_late(client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path) -> None:
    await misbehave(client, kind="late", order_no="2611220001", delay_ms=5000)
    for name in (DELIVER, RECEIPT):
        put(root, samples, name)
    folder.take_outbox(NOW)

    folder.write_actuals(NOW + timedelta(milliseconds=4999))
    assert [name[:4] for name in names(root / "inbox")] == ["RECV"]
    folder.write_actuals(NOW + timedelta(seconds=5))
    assert [name[:4] for name in names(root / "inbox")] == ["RECV", "SHIP"]


@pytest.mark.parametrize(("kind", "acks"), [("silent", []), ("ack_only", [f"{DELIVER}.ack"])])
async def test_an_order_is_never_answered(
    client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path, kind: str, acks: list[str]
) -> None:
    await misbehave(client, kind=kind)
    put(root, samples, DELIVER)

    folder.take_outbox(NOW)
    folder.write_actuals(NOW + timedelta(days=1))

    assert names(root / "ack") == acks
    assert names(root / "inbox") == []
    assert names(root / "outbox") == []


@pytest.mark.parametrize(("kind", "status"), [("status_only", "ACCEPT"), ("exception", "EXCEPTION")])
async def test_a_status_without_goods_comes_first(
    client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path, kind: str, status: str
) -> None:
    await misbehave(client, kind=kind)
    put(root, samples, DELIVER)
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)
    folder.write_actuals(NOW + timedelta(seconds=1))

    first, second = actuals(root)
    assert (first.head.values["status"], first.head.values["confirm_type"], first.children) == (status, "1", [])
    assert (second.head.values["status"], second.head.values["confirm_type"]) == ("DELIVERED", "0")
    assert rows(second) == [("1", "ZP", "1"), ("2", "ZP", "2")]


async def test_a_plan_is_used_up_on_its_face_only(
    client: httpx.AsyncClient, folder: Folder, other: Folder, root: Path, samples: Path, tmp_path: Path
) -> None:
    await misbehave(client, kind="reject", face="sftp")
    await misbehave(client, kind="partial", count=2, face="folder")
    put(root, samples, DELIVER)
    put(root, samples, RECEIPT)
    put(root, samples, "ReturnNote_20261122100500.sh")

    folder.take_outbox(NOW)

    orders = (await client.get("/sim/orders")).json()["orders"]
    assert [row["behaviour"] for row in orders] == ["two_parcels", "two_parcels", "full"]
    (tmp_path / "other" / "outbox" / "Deliver_20261122100000.sh.xml").write_bytes(
        (samples / "Deliver_20261122100000.sh.xml").read_bytes().replace(b">2611220001<", b">2611220009<")
    )
    other.take_outbox(NOW)
    found = (await client.get("/sim/orders/JFY/2611220009")).json()["instructions"]
    assert [(row["face"], row["behaviour"]) for row in found] == [("sftp", "reject")]


async def test_a_writer_that_crashed_mid_file_completes_it_one_turn_later(
    client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path
) -> None:
    await misbehave(client, kind="crash_mid_file")
    put(root, samples, DELIVER)
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)
    half = (root / "inbox" / SHIP).read_bytes()
    folder.write_actuals(NOW + timedelta(seconds=1))

    whole = (root / "inbox" / SHIP).read_bytes()
    assert half == whole[: len(whole) // 2]
    assert not frame.is_finished(half)
    assert [document.head.values["order_no"] for document in actuals(root)] == ["2611220001"]
    assert names(root / "inbox") == [SHIP]


@pytest.mark.parametrize("kind", ["wrong_total", "half_file"])
async def test_files_of_any_encoding_are_spoilt_as_often_as_planned(
    client: httpx.AsyncClient, other: Folder, samples: Path, tmp_path: Path, kind: str
) -> None:
    await misbehave(client, kind=kind, count=2, face="sftp")
    root = tmp_path / "other"
    put(root, samples, "Deliver_20261122100000.sh.xml")
    other.take_outbox(NOW)

    for second in range(3):
        other.write_actuals(NOW + timedelta(seconds=second))

    *spoilt, sound = [(root / "inbox" / name).read_bytes() for name in names(root / "inbox")]
    assert len(spoilt) == 2
    for data in spoilt:
        with pytest.raises(FrameError):
            xml_codec.read(data, INTERFACES["ship_result"])
    assert len(xml_codec.read(sound, INTERFACES["ship_result"]).documents) == 1


async def test_an_xml_file_is_dropped_again_with_other_bytes(
    client: httpx.AsyncClient, other: Folder, tmp_path: Path
) -> None:
    place = {"warehouse_code": "WH01", "owner_code": "JFY", "face": "sftp"}
    (name,) = (await client.post("/sim/snapshot", json=place)).json()["files"]
    path = tmp_path / "other" / "inbox" / name
    first = path.read_bytes()
    path.unlink()

    await misbehave(client, kind="changed", face="sftp", file_name=name)

    again = xml_codec.read(path.read_bytes(), INTERFACES["inventory_balance"])
    before = xml_codec.read(first, INTERFACES["inventory_balance"])
    assert again.header["message_id"] == before.header["message_id"] + "X"
    assert again.documents == before.documents


async def test_goods_and_orders_nobody_knows_are_reported_on_the_face_named(
    client: httpx.AsyncClient, folder: Folder, other: Folder, root: Path, tmp_path: Path
) -> None:
    place = {"warehouse_code": "WH01", "owner_code": "JFY", "face": "sftp"}
    receipt = {**place, "order_no": "2611229999-t", "lines": [{"item_code": DRESS, "qty": 1}]}
    assert (await client.post("/sim/receipts", json=receipt)).status_code == 200
    await misbehave(client, kind="unknown_order", order_no="X-1", item_code=SHOES, count=2, **place)

    folder.write_actuals(NOW)
    other.write_actuals(NOW)

    assert names(root / "inbox") == []
    assert [name.partition("-")[0] for name in names(tmp_path / "other" / "inbox")] == ["RECV", "SHIP"]
    assert (await client.get("/sim/orders/JFY/X-1_2")).json()["actuals"][0]["face"] == "sftp"


async def test_a_file_shows_its_face(client: httpx.AsyncClient, folder: Folder, other: Folder) -> None:
    for face in (folder, other):
        face.write_snapshot("WH01", "JFY", 100, NOW)

    shown = (await client.get("/sim/files", params={"face": "sftp"})).json()["files"]

    assert [(row["face"], row["name"], row["in_inbox"]) for row in shown] == [
        ("sftp", "IBAL-20261122152100.Ibupl.xml", True)
    ]


async def test_a_tight_watch_takes_a_file_at_once(
    client: httpx.AsyncClient, folder: Folder, root: Path, samples: Path
) -> None:
    await misbehave(client, kind="takes_before_marked")

    watch = asyncio.create_task(folder.serve(Pace(lambda: NOW, poll_s=3600, flush_s=3600)))
    await asyncio.sleep(0)
    put(root, samples, DELIVER)
    try:
        async with asyncio.timeout(2):
            while names(root / "ack") == []:
                await asyncio.sleep(0.001)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    assert json.loads((root / "ack" / f"{DELIVER}.ack").read_bytes())["status"] == "ACCEPTED"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "short", "count": 0},
        {"kind": "late", "delay_ms": -1},
        {"kind": "long_listing", "names": 0},
        {"kind": "cut_upload", "bytes": 1},
        {"kind": "nonsense"},
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.post("/sim/misbehave", json=body)).status_code == 422


async def test_a_face_that_is_not_configured_is_not_found(client: httpx.AsyncClient) -> None:
    place = {"warehouse_code": "WH01", "owner_code": "JFY", "face": "soap"}

    assert (await client.post("/sim/snapshot", json=place)).status_code == 404
    assert (await client.post("/sim/misbehave", json={"kind": "short", "face": "telex"})).status_code == 404
