"""What is wrong with a file from Kingdee stops nothing but itself, and is told to people and to Kingdee."""

import os
from typing import Any

import pytest
from kingdee_world import KINGDEE, Exchange, Simulator, World, gone, until

from lemai_contracts.fulfilment import ActualReportedV1, Direction, DocumentRejectedV1
from lemai_contracts.ops import AlertRaisedV1

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def answer(kingdee: Simulator, damage: str) -> dict[str, Any]:
    """The file that Kingdee spoilt, with our acknowledgement of it."""

    async def acknowledged() -> dict[str, Any] | None:
        found = [
            file for file in (await kingdee.get("/sim/files", direction="out"))["files"] if file["damage"] == damage
        ]
        return found[-1] if found and found[-1]["ack"] else None

    return await until(acknowledged, f"acknowledgement of a {damage} file")


async def test_a_bad_line_holds_back_its_document_and_no_other(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    await kingdee.post("/sim/misbehave", kind="bad_line")
    await world.order("2611220101", "2611220102")

    (rejected,) = await world.wait_for(DocumentRejectedV1, direction=Direction.INCOMING)

    file = await answer(kingdee, "bad_line")
    assert (rejected.reference, rejected.family) == ("2611220102", "tmall/2611220102")
    assert (rejected.code, rejected.field, rejected.value) == ("E_FIELD", "line_no", "第一行")
    assert rejected.document.file_name == file["name"]
    assert (file["ack"]["status"], file["ack"]["accepted"], file["ack"]["rejected"]) == ("PARTIAL", 1, 1)
    (alert,) = await world.told(AlertRaisedV1, about=f"{KINGDEE}/{file['name']}")
    assert alert.code == "document_quarantined"
    (held,) = await world.rows("docking_quarantine", name=file["name"])
    assert (held["order_no"], held["document_line"], held["line"]) == (
        "2611220102",
        rejected.document.line,
        rejected.document.line + 1,
    )
    # Kingdee sends both again, sound: the one that went through counts once.
    (later,) = await world.wait_for(ActualReportedV1, order_no="2611220102")
    (first,) = await world.told(ActualReportedV1, order_no="2611220101")
    assert first.document.file_name == file["name"] != later.document.file_name


async def test_a_file_with_a_broken_frame_is_refused_as_a_whole(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    await kingdee.post("/sim/misbehave", kind="wrong_hash")
    await world.order("2611220103")

    (actual,) = await world.wait_for(ActualReportedV1, order_no="2611220103")

    file = await answer(kingdee, "wrong_hash")
    assert (file["ack"]["status"], file["ack"]["results"][0]["code"]) == ("REJECTED", "E_CHECKSUM")
    assert actual.document.file_name != file["name"]
    (held,) = await world.rows("docking_quarantine", name=file["name"])
    assert (held["kind"], held["code"]) == ("file", "E_CHECKSUM")
    (aside,) = (world.folder / "quarantine").glob(f"{file['name']}.*")
    assert aside.name == f"{file['name']}.{file['sha256'][:12]}"


async def test_the_same_file_again_is_answered_and_ignored(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    file_name = await shipped(world, "2611220104")

    await kingdee.post("/sim/misbehave", kind="duplicate", file_name=file_name)

    await gone(world.folder / "inbox" / file_name)
    assert (await answer(kingdee, "duplicate"))["ack"]["status"] == "ACCEPTED"
    (only,) = [row for row in await world.rows("event") if file_name in str(row["data"])]
    assert only["type"] == ActualReportedV1.type


async def test_another_file_under_a_used_name_is_quarantined_and_alarmed(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    file_name = await shipped(world, "2611220105")

    await kingdee.post("/sim/misbehave", kind="changed", file_name=file_name)

    (alert,) = await world.wait_for(AlertRaisedV1, code="file_changed")
    assert alert.about == f"{KINGDEE}/{file_name}"
    await gone(world.folder / "inbox" / file_name)
    (held,) = await world.rows("docking_quarantine", name=file_name)
    assert (held["kind"], held["code"]) == ("file", "E_FILE_CHANGED")
    assert len(await world.told(ActualReportedV1, order_no="2611220105")) == 1


async def test_a_half_written_file_is_left_alone_until_it_is_too_old(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    await kingdee.post("/sim/misbehave", kind="half_file")

    file_name = await shipped(world, "2611220106")

    (half,) = (world.folder / "inbox").iterdir()
    assert half.name != file_name
    assert await world.rows("docking_file", name=half.name) == []
    os.utime(half, (0, 0))
    file = await answer(kingdee, "half_file")
    assert (file["name"], file["ack"]["results"][0]["code"]) == (half.name, "E_TRAILER")
    await gone(half)
    assert len(await world.told(ActualReportedV1, order_no="2611220106")) == 1


async def shipped(world: World, order_no: str) -> str:
    """The file that brought the actual of a new order, once it is out of the inbox."""
    await world.order(order_no)
    (actual,) = await world.wait_for(ActualReportedV1, order_no=order_no)
    await gone(world.folder / "inbox" / actual.document.file_name)
    return actual.document.file_name
