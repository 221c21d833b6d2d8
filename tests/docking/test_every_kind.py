"""Every order kind goes out through every channel and its actual comes back, once, as both ends tell it."""

import pytest
from tests.docking.docking_world import OWNERS, Exchange, through
from tests.docking.orders import CASES, Case, Instruction, Owner

from lemai_contracts.fulfilment import ActualReportedV1, DocumentAcknowledgedV1, DocumentRejectedV1, DocumentSentV1
from lemai_contracts.values import Grade

pytestmark = pytest.mark.asyncio(loop_scope="session")

INVENTORY_TYPES = {Grade.GOOD: "ZP", Grade.DEFECTIVE: "CC"}


@through(OWNERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_was_instructed_is_done_and_reported(
    exchange: Exchange, instructed: dict[tuple[str, str], Instruction], owner: Owner, case: Case
) -> None:
    order = instructed[owner.code, case.name]
    key = {"owner_code": owner.code, "order_no": order.order_no, "leg": case.leg}
    document = {"owner_code": owner.code, "reference": order.order_no, "leg": case.leg, "interface": case.interface}

    [actual] = await exchange.told.wait_for(ActualReportedV1, **key)
    [acknowledged] = await exchange.told.wait_for(DocumentAcknowledgedV1, **document)
    [sent] = exchange.told.of(DocumentSentV1, **document)
    told = await exchange.kingdee.get(f"/sim/orders/{owner.code}/{order.order_no}")
    [done] = [instruction for instruction in told["instructions"] if instruction["leg"] == case.leg]

    assert (done["order_type"], done["warehouse_code"], done["state"]) == (case.order_type, owner.warehouse, "DONE")
    assert [
        (line["line_no"], line["item_code"], line["inventory_type"], line["done_qty"]) for line in done["lines"]
    ] == [(line.line_no, line.item_code, INVENTORY_TYPES[line.grade], line.quantity) for line in order.lines]
    assert (actual.kind, actual.final, actual.family) == (case.kind, True, order.family)
    assert actual.warehouse_code == owner.warehouse
    assert [(line.line_no, line.item_code, line.quantity, line.grade) for line in actual.lines] == [
        (line.line_no, line.item_code, line.quantity, line.grade) for line in order.lines
    ]
    assert [actual.actual_no] == [booked["out_biz_code"] for booked in done["actuals"]]
    assert sent.document.file_name == acknowledged.file_name
    assert exchange.told.of(DocumentRejectedV1, owner_code=owner.code, reference=order.order_no) == []


@through(OWNERS)
async def test_the_parcel_of_a_sale_has_its_waybill_and_contents(
    exchange: Exchange, instructed: dict[tuple[str, str], Instruction], owner: Owner
) -> None:
    order = instructed[owner.code, "sales"]
    [actual] = await exchange.told.wait_for(ActualReportedV1, owner_code=owner.code, order_no=order.order_no)
    told = await exchange.kingdee.get(f"/sim/orders/{owner.code}/{order.order_no}")
    [waybill] = told["actuals"][0]["waybills"]

    [parcel] = actual.parcels

    assert (parcel.carrier_code, parcel.waybill_no) == ("SF", waybill["express_no"])


@through(OWNERS)
async def test_the_kingdee_reads_the_consignee_that_was_sealed(
    exchange: Exchange, instructed: dict[tuple[str, str], Instruction], owner: Owner
) -> None:
    order = instructed[owner.code, "sales"]
    await exchange.told.wait_for(ActualReportedV1, owner_code=owner.code, order_no=order.order_no)

    told = await exchange.kingdee.get(f"/sim/orders/{owner.code}/{order.order_no}")

    head = told["instructions"][0]["head"]
    assert (head["receiver_name"], head["receiver_mobile"], head["receiver_address"]) == (
        "张三",
        "13800000000",
        "文一西路969号",
    )


async def test_nothing_happened_twice(exchange: Exchange, instructed: dict[tuple[str, str], Instruction]) -> None:
    for order in instructed.values():
        await exchange.told.wait_for(ActualReportedV1, owner_code=order.owner_code, order_no=order.order_no)

    duplicates = await exchange.kingdee.get("/sim/duplicates")

    assert {name: found for name, found in duplicates.items() if found} == {}
    actuals = exchange.told.of(ActualReportedV1)
    assert len({actual.subject for actual in actuals}) == len(actuals)
