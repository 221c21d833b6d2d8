"""Raw bytes and decisions: only by people who may, each with a reason that is kept."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from kingdee_world import KINGDEE, SHIP, World, a_shipment_file, until

from lemai_contracts.fulfilment import ActualReportedV1, DocumentSentV1
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.testing.docking import reseal

WHY = {"reason": "对接方要求"}
BAD = b"\t-1\tZP"
GOOD = b"\t1\tZP"


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.http("li.na") as client:
        yield client


async def received(world: World, data: bytes, name: str = SHIP) -> dict[str, Any]:
    """The journal's row of a file that Kingdee dropped."""
    async with world.running():
        await world.drop(name, data)
    (file,) = await world.rows("docking_file", name=name)
    return dict(file)


def spoilt(*order_nos: str) -> bytes:
    """A file of shipments, each with a line of which -1 pieces left."""
    return reseal(a_shipment_file(*order_nos).replace(GOOD, BAD))


async def in_quarantine(http: httpx.AsyncClient, **asked: str) -> list[dict[str, Any]]:
    return list((await http.get("/quarantine", params=asked)).raise_for_status().json()["items"])


async def mend(http: httpx.AsyncClient, quarantine_id: int, content: bytes) -> httpx.Response:
    return await http.post(f"/quarantine/{quarantine_id}/mend", data=WHY, files={"file": ("mended", content)})


async def deeds(http: httpx.AsyncClient) -> list[tuple[str, str, str, str]]:
    found = (await http.get("/deeds")).raise_for_status().json()["items"]
    return [(deed["person"], deed["deed"], deed["about"], deed["reason"]) for deed in found]


async def test_a_file_is_given_byte_for_byte_and_the_look_is_kept(world: World, http: httpx.AsyncClient) -> None:
    data = a_shipment_file("2611220001")
    file = await received(world, data)

    answer = await http.get(f"/files/{file['id']}/content", params={"purpose": "对账"})

    assert (answer.status_code, answer.content) == (200, data)
    assert SHIP in answer.headers["content-disposition"]
    assert await deeds(http) == [("li.na", "download", f"{KINGDEE}/{SHIP}", "对账")]


@pytest.mark.parametrize(
    ("person", "path", "status"),
    [
        ("", "/files/1/content?purpose=对账", 401),
        ("nobody", "/files/1/content?purpose=对账", 401),
        ("wang.wei", "/files/1/content", 422),
        ("wang.wei", "/files/1/content?purpose=对账", 404),
        ("wang.wei", "/quarantine/1/content?purpose=对账", 404),
    ],
)
async def test_raw_bytes_need_a_person_a_role_and_a_purpose(world: World, person: str, path: str, status: int) -> None:
    async with world.http(person) as http:
        answer = await http.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/files/1/replay", {}),
        ("/files/1/resend", {}),
        (f"/counterparts/{KINGDEE}/replay", {"day": "2026-11-22"}),
        (f"/counterparts/{KINGDEE}/quarantine/replay", {}),
        ("/quarantine/1/discard", {}),
        (f"/counterparts/{KINGDEE}/files/Deliver_20261122100000.sh/resolve?decision=done", {}),
    ],
)
async def test_who_may_only_look_decides_nothing(world: World, path: str, more: dict[str, str]) -> None:
    async with world.http("wang.wei") as looker, world.http("li.na") as decider:
        refused = await looker.post(path, json=WHY | more)
        without_reason = await decider.post(path, json=more)

    assert (refused.status_code, refused.json()["detail"]) == (403, "wang.wei: role decide")
    assert without_reason.status_code == 422
    assert await world.rows("deed") == []


async def test_who_may_only_look_mends_nothing(world: World) -> None:
    async with world.http("wang.wei") as looker, world.http("li.na") as decider:
        refused = await mend(looker, 1, b"x")
        without_reason = await decider.post("/quarantine/1/mend", files={"file": b"x"})

    assert (refused.status_code, without_reason.status_code) == (403, 422)


async def test_a_file_replayed_posts_nothing_twice(world: World, http: httpx.AsyncClient) -> None:
    file = await received(world, a_shipment_file("2611220001"))

    answer = await http.post(f"/files/{file['id']}/replay", json=WHY)

    assert (answer.status_code, answer.json()["status"]) == (200, "ACCEPTED")
    assert [result["code"] for result in answer.json()["results"]] == ["I_SAME"]
    assert len(await world.told(ActualReportedV1)) == 1


async def test_one_document_of_a_file_can_be_replayed(world: World, http: httpx.AsyncClient) -> None:
    file = await received(world, a_shipment_file("2611220001", "2611220002"))

    answer = await http.post(f"/files/{file['id']}/replay", json=WHY | {"line": 12})
    nowhere = await http.post(f"/files/{file['id']}/replay", json=WHY | {"line": 5})

    assert (answer.json()["documents"], answer.json()["results"][0]["order_no"]) == (1, "2611220002")
    assert nowhere.status_code == 409


async def test_a_day_is_replayed_file_by_file(world: World, http: httpx.AsyncClient) -> None:
    await received(world, a_shipment_file("2611220001"))
    await received(world, spoilt("2611220002"), "SHIP-20261122152101.shupl")
    await received(world, a_shipment_file("2611220003").replace(GOOD, BAD), "SHIP-20261122152102.shupl")
    today = datetime.now(SHANGHAI).date()

    answer = await http.post(f"/counterparts/{KINGDEE}/replay", json=WHY | {"day": str(today)})
    nothing = await http.post(f"/counterparts/{KINGDEE}/replay", json=WHY | {"day": "2020-01-01"})

    assert answer.json() == {"files": 3, "documents": 1, "rejected_files": 1, "rejected_documents": 1}
    assert nothing.json()["files"] == 0
    assert (await deeds(http))[1][2:] == (f"{KINGDEE}/{today}", "对接方要求")


async def test_all_that_one_fault_held_back_is_replayed_at_once(world: World, http: httpx.AsyncClient) -> None:
    await received(world, spoilt("2611220001"))
    await received(world, reseal(a_shipment_file("2611220002").replace(b"\tZP", b"\tQQ")), "SHIP-20261122152101.shupl")

    answer = await http.post(f"/counterparts/{KINGDEE}/quarantine/replay", json=WHY | {"code": "E_INVTYPE"})

    assert answer.json() == {"files": 1, "documents": 0, "rejected_files": 0, "rejected_documents": 1}
    assert len(await in_quarantine(http, state="open")) == 2


async def test_a_mended_document_is_posted_and_both_digests_are_kept(world: World, http: httpx.AsyncClient) -> None:
    await received(world, spoilt("2611220001"))
    (held,) = await in_quarantine(http, state="open")
    content = (await http.get(f"/quarantine/{held['id']}/content", params={"purpose": "修改"})).content
    mended = content.replace(BAD, GOOD)

    answer = await mend(http, held["id"], mended)

    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    (actual,) = await world.told(ActualReportedV1)
    assert actual.order_no == "2611220001"
    (decided,) = await in_quarantine(http, state="replayed")
    assert (decided["decided_by"], decided["decided_why"]) == ("li.na", "对接方要求")
    digests = [hashlib.sha256(each).hexdigest() for each in (content, mended)]
    assert [decided["before_sha256"], decided["after_sha256"]] == digests
    assert (await mend(http, held["id"], mended)).status_code == 409
    assert [deed for _, deed, _, _ in await deeds(http)] == ["mend", "download"]


async def test_what_is_still_wrong_is_told_and_stays(world: World, http: httpx.AsyncClient) -> None:
    await received(world, spoilt("2611220001"))
    (held,) = await in_quarantine(http, state="open")
    content = (await http.get(f"/quarantine/{held['id']}/content", params={"purpose": "修改"})).content

    unmended = await mend(http, held["id"], content)
    broken = await mend(http, held["id"], b"x")

    assert (unmended.status_code, broken.status_code) == (422, 422)
    errors = unmended.json()["errors"]
    assert [error["value"] for error in errors] == ["-1"] * len(errors)
    assert errors[0]["field"].endswith("actual_qty")
    assert len(await in_quarantine(http, state="open")) == 1
    assert await world.told(ActualReportedV1) == []
    assert [deed for _, deed, _, _ in await deeds(http)] == ["download"]


@pytest.mark.parametrize(
    ("correction", "left"),
    [
        ("the same shipment", 0),
        ("another shipment of the order", 1),
    ],
)
async def test_what_a_later_file_puts_right_waits_for_nobody(
    world: World, http: httpx.AsyncClient, correction: str, left: int
) -> None:
    await received(world, spoilt("2611220001"))
    good = a_shipment_file("2611220001")
    if left:
        good = good.replace(b"SHP-2611220001-1", b"SHP-2611220001-2")
    again = "SHIP-20261122152101.shupl"

    await received(world, reseal(good), again)

    assert len(await in_quarantine(http, state="open")) == left, correction
    told = [(row["decided_by"], row["decided_why"]) for row in await in_quarantine(http, state="superseded")]
    assert told == [(None, f"{again} 已补正 / has put it right")] * (1 - left)
    assert await deeds(http) == []


async def test_what_is_given_up_is_never_posted(world: World, http: httpx.AsyncClient) -> None:
    await received(world, spoilt("2611220001"))
    (held,) = await in_quarantine(http, state="open")

    (stuck,) = (await http.get("/stuck")).raise_for_status().json()["items"]
    assert (stuck["kind"], stuck["owner_code"]) == ("quarantined", "JFY")
    assert (stuck["about"].rpartition("/")[0], stuck["settle"]) == (
        f"{KINGDEE}/{SHIP}",
        f"lemai quarantine show {held['id']}",
    )

    first, second = [await http.post(f"/quarantine/{held['id']}/discard", json=WHY) for _ in range(2)]

    assert (first.status_code, second.status_code) == (204, 409)
    (decided,) = await in_quarantine(http, state="discarded")
    assert decided["decided_by"] == "li.na"
    assert [deed for _, deed, _, _ in await deeds(http)] == ["discard"]
    assert (await http.get("/stuck")).json()["items"] == []


async def test_a_file_that_the_counterpart_lost_is_put_there_again(world: World, http: httpx.AsyncClient) -> None:
    async with world.running():
        await world.order("2611220001")
        (sent,) = await world.wait_for(DocumentSentV1)
        path = world.folder / "outbox" / sent.document.file_name
        data = path.read_bytes()
        path.unlink()
        (file,) = await world.rows("docking_file", name=path.name)

        answer = await http.post(f"/files/{file['id']}/resend", json=WHY)

        async def there() -> bool | None:
            return path.exists() or None

        await until(there, path.name)

    assert (answer.status_code, answer.json()["state"]) == (200, "resend")
    assert path.read_bytes() == data
    assert len(await world.told(DocumentSentV1)) == 1


async def test_what_came_from_them_cannot_be_sent_again_nor_ours_be_read(world: World, http: httpx.AsyncClient) -> None:
    theirs = await received(world, a_shipment_file("2611220001"))
    async with world.running():
        await world.order("2611220001")
        await world.wait_for(DocumentSentV1)
    (ours,) = await world.rows("docking_file", direction="out")

    assert (await http.post(f"/files/{theirs['id']}/resend", json=WHY)).status_code == 409
    assert (await http.post(f"/files/{ours['id']}/replay", json=WHY)).status_code == 409
