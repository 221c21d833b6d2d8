"""Every order kind goes out through every channel and its actual comes back, once, as both ends tell it."""

import pytest
from tests.docking import record
from tests.docking.counterparts import OWNERS, through
from tests.docking.exchange import Exchange
from tests.docking.orders import CASES, SALES, Case, Instruction, Owner

from lemai_contracts.fulfilment import ActualReportedV1, DocumentAcknowledgedV1, DocumentRejectedV1, DocumentSentV1

pytestmark = pytest.mark.asyncio(loop_scope="session")


@through(OWNERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_was_instructed_is_done_and_reported(
    exchange: Exchange, instructed: dict[tuple[str, str], Instruction], owner: Owner, case: Case
) -> None:
    order = instructed[owner.code, case.name]
    document = {"owner_code": owner.code, "reference": order.order_no, "leg": case.leg, "interface": case.interface}
    wanted = [(line.line_no, line.item_code, line.grade, line.quantity) for line in order.lines]

    [actual] = await exchange.told.wait_for(
        ActualReportedV1, owner_code=owner.code, order_no=order.order_no, leg=case.leg
    )
    [acknowledged] = await exchange.told.wait_for(DocumentAcknowledgedV1, **document)
    [sent] = exchange.told.of(DocumentSentV1, **document)
    done = await record.done(exchange.kingdee, owner, case, order)

    assert done.lines == wanted
    assert [(line.line_no, line.item_code, line.grade, line.quantity) for line in actual.lines] == wanted
    assert (actual.kind, actual.final, actual.family) == (case.kind, True, order.family)
    assert (actual.warehouse_code, [actual.actual_no]) == (owner.warehouse, done.numbers)
    assert sent.document.file_name == acknowledged.file_name
    assert exchange.told.of(DocumentRejectedV1, owner_code=owner.code, reference=order.order_no) == []


@through(OWNERS)
async def test_the_parcel_of_a_sale_is_known_by_its_waybill(
    exchange: Exchange, instructed: dict[tuple[str, str], Instruction], owner: Owner
) -> None:
    order = instructed[owner.code, SALES.name]
    [actual] = await exchange.reports(order)
    told = await exchange.kingdee.get(f"/sim/orders/{owner.code}/{order.order_no}")
    waybills = [waybill["express_no"] for actual in told["actuals"] for waybill in actual["waybills"]]

    assert [(parcel.carrier_code, parcel.waybill_no) for parcel in actual.parcels] == [("SF", *waybills)]


@through(OWNERS)
async def test_the_kingdee_reads_the_consignee_that_was_sealed(
    exchange: Exchange, instructed: dict[tuple[str, str], Instruction], owner: Owner
) -> None:
    order = instructed[owner.code, SALES.name]
    await exchange.reports(order)

    assert await record.receiver(exchange.kingdee, owner, order) == (
        "张三",
        "13800000000",
        "浙江省杭州市余杭区五常街道文一西路969号",
    )


async def test_nothing_happened_twice(exchange: Exchange, instructed: dict[tuple[str, str], Instruction]) -> None:
    for order in instructed.values():
        await exchange.reports(order)

    duplicates = await exchange.kingdee.get("/sim/duplicates")

    assert {name: found for name, found in duplicates.items() if found} == {}
    actuals = exchange.told.of(ActualReportedV1)
    assert len({actual.subject for actual in actuals}) == len(actuals)
