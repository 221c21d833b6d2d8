"""Documents over HTTP: where each stands, what is held, and what a person decides."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from kingdee_world import KINGDEE, SHIP, World, a_shipment_file, until

from kingdee_adapter.bootstrap import build
from lemai_contracts.fulfilment import DocumentSentV1
from lemai_contracts.ops import AlertRaisedV1
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import FencedOut
from lemai_docking.testing.docking import reseal

WHY = {"reason": "对接方确认未收到"}


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.http("li.na") as client:
        yield client


async def test_an_instruction_can_be_followed_to_its_file_and_line(world: World, http: httpx.AsyncClient) -> None:
    await world.order("2611220001", "2611220002")
    async with world.running():
        await world.wait_for(DocumentSentV1, 2)

    (document,) = await items(http, "/documents/outgoing", order_no="2611220002")
    (file,) = await items(http, "/files", direction="out", counterpart=KINGDEE)
    assert (document["state"], document["revision"], document["leg"]) == ("published", 1, "OUT")
    assert (document["file_name"], document["line"], document["faults"]) == (file["name"], 7, None)
    assert (file["state"], file["documents"], file["ack"]) == ("published", 2, None)
    assert await items(http, "/documents/outgoing", state="pending") == []
    in_file = await items(http, "/documents/outgoing", file_name=file["name"])
    assert [document["order_no"] for document in in_file] == ["2611220002", "2611220001"]


async def test_an_actual_can_be_followed_to_its_file_and_line(world: World, http: httpx.AsyncClient) -> None:
    async with world.running():
        await world.drop(SHIP, a_shipment_file("2611220001", "2611220002"))

    (file,) = await items(http, "/files", direction="in", name=SHIP)
    (document,) = await items(http, "/documents/incoming", file_name=SHIP, order_no="2611220002")
    assert (file["state"], file["documents"], file["ack"]["status"]) == ("received", 2, "ACCEPTED")
    assert (document["interface"], document["out_biz_code"], document["line"]) == (
        "ship_result",
        "SHP-2611220002-1",
        12,
    )


async def test_quarantine_names_line_field_value_and_reason(world: World, http: httpx.AsyncClient) -> None:
    data = reseal(a_shipment_file("2611220001", "2611220002").replace(b"O\t2611220002", "O\t坏-单号".encode()))
    async with world.running():
        await world.drop("SHIP-20261122152101.shupl", data)
        await world.drop("SHIP-20261122152102.shupl", data.replace("坏".encode(), "错".encode()))

    file, document = await items(http, "/quarantine")
    assert (file["kind"], file["file_name"], file["code"]) == ("file", "SHIP-20261122152102.shupl", "E_CHECKSUM")
    assert (document["kind"], document["file_name"]) == ("document", "SHIP-20261122152101.shupl")
    assert (document["document_line"], document["line"], document["field"]) == (12, 12, "order_no")
    assert document["value"] == "坏-单号"
    assert document["message"].startswith("第 12 行 order_no：")
    assert await items(http, "/quarantine", order_no="坏-单号") == [document]
    assert "content" not in document


async def test_what_was_exchanged_is_found_by_anything_it_is_known_by(world: World, http: httpx.AsyncClient) -> None:
    await world.order("2611220001", "2611220002")
    async with world.running():
        (sent, _) = await world.wait_for(DocumentSentV1, 2)
        await world.drop(SHIP, a_shipment_file("2611220001"))

    today = datetime.now(SHANGHAI).date()
    tomorrow = today + timedelta(days=1)
    for path, asked in {
        "/documents/outgoing": {"order_no": "2611220001", "leg": "OUT", "revision": "1", "sha256": sent.sha256},
        "/documents/incoming": {"order_no": "2611220001", "leg": "OUT", "interface": "ship_result", "file_name": SHIP},
        "/files": {"direction": "in", "interface": "ship_result", "state": "received", "name": SHIP},
    }.items():
        everything = asked | {"counterpart": KINGDEE, "since": str(today), "until": str(today)}
        assert len(await items(http, path, **everything)) == 1, path
        for name, other in {
            "counterpart": "KINGDEE-2",
            "interface": "x",
            "sha256": "x",
            "since": str(tomorrow),
        }.items():
            assert await items(http, path, **(asked | {name: other})) == [], (path, name)


async def test_a_document_in_error_is_found_by_each_of_its_codes(world: World, http: httpx.AsyncClient) -> None:
    data = a_shipment_file("2611220001").replace(b"\t1\tZP", b"\t-1\tXX")
    async with world.running():
        await world.drop(SHIP, reseal(data))

    for code, found in {"E_QTY": 1, "E_INVTYPE": 1, "E_CHAR": 0}.items():
        assert len(await items(http, "/quarantine", code=code, state="open", leg="OUT")) == found


async def test_lists_come_in_pages_newest_first(world: World, http: httpx.AsyncClient) -> None:
    numbers = [f"261122000{number}" for number in range(5)]
    await world.order(*numbers)

    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while not pages or cursor:
        page = (await http.get("/documents/outgoing", params={"limit": "2", **cursor})).json()
        pages.append([document["order_no"] for document in page["items"]])
        cursor = {"cursor": page["next"]} if page["next"] else {}

    assert pages == [numbers[4:2:-1], numbers[2:0:-1], numbers[:1]]


async def test_a_person_tells_what_became_of_a_file_that_a_crash_cut_off(world: World, http: httpx.AsyncClient) -> None:
    with suppress(FencedOut):
        await cut_off(world, "2611220001")
    (name,) = (file["name"] for file in await world.rows("docking_file"))
    again = replace(world, service=build(world.settings))
    async with again.running():
        await world.wait_for(AlertRaisedV1, code="file_unknown", about=f"{KINGDEE}/{name}")
        (file,) = await items(http, "/files", state="unknown")
        assert not (world.folder / "outbox" / name).exists()

        answer = await http.post(f"/counterparts/{KINGDEE}/files/{file['name']}/resolve?decision=rewrite", json=WHY)

        assert (answer.status_code, answer.json()["state"]) == (200, "rewrite")
        (sent,) = await world.wait_for(DocumentSentV1)
    await again.service.engine.database.dispose()
    assert sent.document.file_name == name
    assert (world.folder / "outbox" / name).exists()
    twice = await http.post(f"/counterparts/{KINGDEE}/files/{name}/resolve?decision=rewrite", json=WHY)
    assert (twice.status_code, twice.json()["detail"]) == (409, f"{name}: published")
    [deed] = await items(http, "/deeds")
    assert (deed["person"], deed["deed"], deed["reason"]) == ("li.na", "resolve", WHY["reason"])
    assert deed["about"] == f"{KINGDEE}/{name}: rewrite"


async def cut_off(world: World, order_no: str) -> None:
    """Leave a file stored but not renamed: its publisher finds that another one has taken over."""
    outbox = world.folder / "outbox"

    async def ready() -> bool | None:
        return (outbox / ".publisher").exists() or None

    async def written() -> bool | None:
        return any(outbox.glob(".Deliver*.tmp")) or None

    async with world.running():
        await until(ready, "publisher")
        (outbox / ".publisher").write_text("0")
        await world.order(order_no)
        await until(written, "file")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/files?direction=sideways", "query.direction"),
        ("/files?limit=0", "query.limit"),
        ("/documents/outgoing?state=lost", "query.state"),
        ("/documents/incoming?cursor=abc", "query.cursor"),
        ("/quarantine?cursor=WyJhIiwiYiJd", "query.cursor"),
        ("/quarantine?since=yesterday", "query.since"),
        ("/files?order_no=1", "query.order_no"),
    ],
)
async def test_a_bad_question_is_a_problem_that_names_the_field(http: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/counterparts/NOBODY/files/Deliver_20261122100000.sh/resolve?decision=done", 404, "counterpart NOBODY"),
        (f"/counterparts/{KINGDEE}/files/{SHIP}/resolve?decision=done", 404, f"name {SHIP}"),
        (f"/counterparts/{KINGDEE}/files/{SHIP}/resolve?decision=perhaps", 422, ""),
    ],
)
async def test_a_bad_decision_is_a_problem(http: httpx.AsyncClient, path: str, status: int, detail: str) -> None:
    answer = await http.post(path, json=WHY)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"] == detail


async def items(http: httpx.AsyncClient, path: str, **parameters: str) -> list[dict[str, Any]]:
    return list((await http.get(path, params=parameters)).raise_for_status().json()["items"])
