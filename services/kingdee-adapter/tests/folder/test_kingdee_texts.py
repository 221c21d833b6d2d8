"""Texts nobody can file stop nothing: cleaned with a note on the way out, refused alone on the way in (ADR 021)."""

import pytest
from kingdee_world import SHIP, World, a_shipment_file

from lemai_contracts.fulfilment import ActualReportedV1, Direction, DocumentRejectedV1, DocumentSentV1
from lemai_docking.testing.docking import reseal

LATER = "SHIP-20261122152101.shupl"


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("\ufeff快一点", "去除 removed U+FEFF"),
        ("快\x0b一点", "去除 removed U+000B"),
        ("快\x08一点", "去除 removed U+0008"),
        ("快" * 501, "截短 cut 501 → 500"),
        ("快一点😀\n谢谢", ""),
    ],
)
async def test_a_buyers_note_goes_out_with_its_order(world: World, message: str, note: str) -> None:
    async with world.running():
        await world.order("2611220001", buyer_message=message)
        (sent,) = await world.wait_for(DocumentSentV1)

    assert sent.notes == ((f"buyer_message: {note}",) if note else ())
    assert await world.told(DocumentRejectedV1) == []


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        (b"2611220001\t", b"26112\x0020001\t", "order_no", "26112<U+0000>20001"),
        (b"SHP-2611220001-1", b"SHP-\x002611220001", "out_biz_code", "SHP-<U+0000>2611220001"),
        (b"\tJFY\tSHP", b"\tJF\x00Y\tSHP", "owner_code", "JF<U+0000>Y"),
        (b"2611220001\t", "26112\ufeff20001\t".encode(), "order_no", "26112\ufeff20001"),
    ],
)
async def test_a_key_nobody_can_keep_refuses_its_document_alone(
    world: World, old: bytes, new: bytes, field: str, value: str
) -> None:
    data = a_shipment_file("2611220001", "2611220002")
    assert old in data
    async with world.running():
        await world.drop(SHIP, reseal(data.replace(old, new, 1)))
        await world.drop(LATER, a_shipment_file("2611220003"))
        actuals = await world.wait_for(ActualReportedV1, 2)

    assert [actual.order_no for actual in actuals] == ["2611220002", "2611220003"]
    (rejected,) = await world.told(DocumentRejectedV1, direction=Direction.INCOMING)
    assert (rejected.code, rejected.field, rejected.value) == ("E_CHAR", field, value)
    assert "U+" in rejected.message


async def test_a_name_that_is_no_text_is_left_alone(world: World) -> None:
    async with world.running():
        inbox = world.folder / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / b"SHIP-\xff20261122152100.shupl".decode(errors="surrogateescape")).write_bytes(b"x")
        await world.drop(LATER, a_shipment_file("2611220001"))

    assert [actual.order_no for actual in await world.told(ActualReportedV1)] == ["2611220001"]
