"""What Lemai asks for and what Kingdee reports, through the folder and a Kingdee in a process of its own."""

from typing import Any

import pytest
from kingdee_world import DRESS, KINGDEE, SHOES, Exchange, an_instruction, an_item

from lemai_contracts.fulfilment import (
    ActualReportedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentRejectedV1,
    DocumentSentV1,
)
from lemai_contracts.stock import SnapshotReportedV1, SnapshotScope
from lemai_contracts.values import Grade, Leg, OrderKind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_instruction_goes_out_as_a_file_and_comes_back_as_an_actual(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    await world.order("2611220001")

    (actual,) = await world.wait_for(ActualReportedV1, order_no="2611220001")

    (sent,) = await world.wait_for(DocumentSentV1, reference="2611220001")
    assert (sent.family, sent.interface, sent.leg) == ("tmall/2611220001", "deliver_order", Leg.OUT)
    (acknowledged,) = await world.wait_for(DocumentAcknowledgedV1, reference="2611220001")
    assert (acknowledged.family, acknowledged.file_name) == (sent.family, sent.document.file_name)
    order = await kingdee.order("2611220001")
    (taken,), (done,) = order["instructions"], order["actuals"]
    assert (sent.document.file_name, sent.document.line) == (taken["file_name"], taken["file_line"])
    assert (actual.family, actual.leg, actual.counterpart_code) == (sent.family, Leg.OUT, KINGDEE)
    assert (actual.document.file_name, actual.document.line) == (done["file_name"], done["file_line"])
    assert (actual.actual_no, actual.status, actual.final) == (done["out_biz_code"], "DELIVERED", True)
    assert [(line.item_code, line.quantity) for line in actual.lines] == [(DRESS, 1), (SHOES, 2)]
    assert [parcel.waybill_no for parcel in actual.parcels] == [done["waybills"][0]["express_no"]]


async def test_an_item_goes_out_before_the_order_that_needs_it(exchange: Exchange) -> None:
    world, kingdee = exchange.world, exchange.kingdee
    await world.take(an_item(item_code="GB-NEW", barcodes=("0690001",)))

    await world.order("2611220002", lines=lines_with("GB-NEW"))

    await world.wait_for(DocumentAcknowledgedV1, reference="2611220002")
    (sent,) = await world.told(DocumentSentV1, reference="GB-NEW", counterpart_code=KINGDEE)
    assert (sent.interface, sent.leg, sent.family) == ("item_master", None, "JFY/GB-NEW")
    (acknowledged, *_) = await world.wait_for(DocumentAcknowledgedV1, reference="GB-NEW", counterpart_code=KINGDEE)
    assert acknowledged.file_name == sent.document.file_name
    (item,) = (await kingdee.get("/sim/items", item_code="GB-NEW"))["items"]
    assert item["record"]["bar_code"] == "0690001"


async def test_two_parcels_are_two_actuals_that_add_up(exchange: Exchange) -> None:
    await exchange.kingdee.script("2611220003", "two_parcels")
    await exchange.world.order("2611220003")

    first, second = await exchange.world.wait_for(ActualReportedV1, 2, order_no="2611220003")

    assert [(line.item_code, line.quantity) for line in first.lines] == [(DRESS, 1), (SHOES, 1)]
    assert [(line.item_code, line.quantity) for line in second.lines] == [(SHOES, 1)]
    assert (first.final, second.final) == (False, True)
    assert first.parcels[0].waybill_no != second.parcels[0].waybill_no
    assert first.family == second.family == "tmall/2611220003"


async def test_a_short_shipment_is_final_with_fewer_pieces(exchange: Exchange) -> None:
    await exchange.kingdee.script("2611220004", "short")
    await exchange.world.order("2611220004")

    (actual,) = await exchange.world.wait_for(ActualReportedV1, order_no="2611220004")

    assert (actual.final, [line.quantity for line in actual.lines]) == (True, [1, 1])


async def test_an_order_the_warehouse_refuses_ends_without_pieces(exchange: Exchange) -> None:
    await exchange.kingdee.script("2611220005", "reject")
    await exchange.world.order("2611220005")

    (actual,) = await exchange.world.wait_for(ActualReportedV1, order_no="2611220005")

    assert (actual.status, actual.final) == ("REJECT", True)
    assert ([line.quantity for line in actual.lines], actual.parcels) == ([0, 0], ())


async def test_a_document_kingdee_cannot_take_is_told_with_file_line_and_reason(exchange: Exchange) -> None:
    world = exchange.world
    await world.order("2611220006", lines=lines_with("GB-UNKNOWN"))

    (rejected,) = await world.wait_for(DocumentRejectedV1, reference="2611220006")

    (sent,) = await world.told(DocumentSentV1, reference="2611220006")
    assert (rejected.family, rejected.document) == ("tmall/2611220006", sent.document)
    assert (rejected.direction, rejected.code, rejected.field) == (Direction.OUTGOING, "E_PARTNER", "item_code")
    assert rejected.value.startswith("E_SKU")
    assert await world.told(DocumentAcknowledgedV1, reference="2611220006") == []


async def test_a_refused_instruction_goes_out_again_as_the_next_revision(exchange: Exchange) -> None:
    world, lines = exchange.world, lines_with("GB-LATER")
    await world.order("2611220010", lines=lines)
    (rejected,) = await world.wait_for(DocumentRejectedV1, reference="2611220010")
    assert (rejected.leg, rejected.revision) == (Leg.OUT, 1)

    await exchange.kingdee.stock("JFY", {"GB-LATER": 10})
    await world.take(an_item(item_code="GB-LATER", barcodes=("0690002",)))
    await world.order("2611220010", lines=lines, revision=2)

    (acknowledged,) = await world.wait_for(DocumentAcknowledgedV1, reference="2611220010")
    (actual,) = await world.wait_for(ActualReportedV1, order_no="2611220010")
    assert acknowledged.revision == 2
    assert [(line.item_code, line.quantity) for line in actual.lines] == [("GB-LATER", 1), (SHOES, 2)]


async def test_goods_that_left_without_an_order_are_a_fact(exchange: Exchange) -> None:
    goods = {"warehouse_code": "WH01", "owner_code": "JFY", "item_code": DRESS, "qty": 3}
    await exchange.kingdee.post("/sim/misbehave", kind="unknown_order", order_no="X-9001", **goods)

    (actual,) = await exchange.world.wait_for(ActualReportedV1, order_no="X-9001")

    assert (actual.family, actual.counterpart_code) == ("JFY/X-9001", KINGDEE)
    assert [(line.item_code, line.quantity) for line in actual.lines] == [(DRESS, 3)]


async def test_goods_that_came_in_are_facts_with_their_grade(exchange: Exchange) -> None:
    lines = [
        {"item_code": DRESS, "qty": 190},
        {"item_code": DRESS, "qty": 5, "inventory_type": "CC", "remark": "外箱破损"},
    ]
    receipt = {"order_no": "2611220007-c", "warehouse_code": "WH01", "owner_code": "JFY", "lines": lines}
    await exchange.kingdee.post("/sim/receipts", is_final=False, **receipt)

    (actual,) = await exchange.world.wait_for(ActualReportedV1, order_no="2611220007-c")

    assert (actual.kind, actual.leg, actual.final) == (OrderKind.PURCHASE, Leg.IN, False)
    assert [(line.quantity, line.grade, line.remark) for line in actual.lines] == [
        (190, Grade.GOOD, ""),
        (5, Grade.DEFECTIVE, "外箱破损"),
    ]


async def test_a_snapshot_is_told_once_its_last_page_is_there(exchange: Exchange) -> None:
    await exchange.kingdee.stock("NB", {"NB-1": 10, "NB-2": 20, "NB-3": 0})

    place = {"warehouse_code": "WH01", "owner_code": "NB"}
    pages = (await exchange.kingdee.post("/sim/snapshot", page_lines=1, **place))["files"]

    (event,) = await exchange.world.wait_for(SnapshotReportedV1, owner_code="NB")
    assert len(pages) == 3
    assert (event.warehouse_code, event.scope, event.chunk, event.chunks) == ("WH01", SnapshotScope.FULL, 1, 1)
    assert [(line.item_code, line.free, line.total) for line in event.lines] == [
        ("NB-1", 10, 10),
        ("NB-2", 20, 20),
        ("NB-3", 0, 0),
    ]


def lines_with(item_code: str) -> list[dict[str, Any]]:
    """The sample's lines, the first of another item."""
    first, second = (line.model_dump() for line in an_instruction().lines)
    return [first | {"item_code": item_code}, second]
