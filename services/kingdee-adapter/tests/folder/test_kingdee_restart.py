"""A process that ends and begins again does nothing twice, and many documents cost no more statements than one."""

from dataclasses import replace

from kingdee_world import SHIP, World, a_shipment_file
from sqlalchemy import event

from kingdee_adapter.bootstrap import build
from lemai_contracts.fulfilment import ActualReportedV1, DocumentSentV1


async def test_a_process_that_begins_again_publishes_and_reads_nothing_twice(world: World) -> None:
    async with world.running():
        await world.order("2611220001")
        await world.wait_for(DocumentSentV1)
        await world.drop(SHIP, a_shipment_file("2611220001"))
    again = replace(world, service=build(world.settings))

    async with again.running():
        await again.order("2611220002")
        await again.wait_for(DocumentSentV1, reference="2611220002")
        await again.drop(SHIP, a_shipment_file("2611220001"))
    await again.service.engine.database.dispose()

    sent = await world.told(DocumentSentV1)
    files = sorted(path.name for path in (world.folder / "outbox").glob("Deliver_*.sh"))
    assert [event.reference for event in sent] == ["2611220001", "2611220002"]
    assert [event.document.file_name for event in sent] == files
    assert len(await world.told(ActualReportedV1)) == 1


async def test_many_documents_cost_no_more_writes_than_one(world: World) -> None:
    writes: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.lstrip().startswith("SELECT"):
            writes.append(statement)

    async def exchanged(file_name: str, *order_nos: str) -> int:
        writes.clear()
        await world.order(*order_nos)
        await world.wait_for(DocumentSentV1, reference=order_nos[-1])
        await world.drop(file_name, a_shipment_file(*order_nos))
        return len(writes)

    event.listen(world.service.engine.database.sync_engine, "before_cursor_execute", count)
    async with world.running():
        await exchanged(SHIP, "2611220001")
        one = await exchanged("SHIP-20261122152101.shupl", "2611220002")
        many = await exchanged("SHIP-20261122152102.shupl", *(f"26112210{number:03}" for number in range(300)))

    assert one == many
    assert len(await world.told(ActualReportedV1)) == 302
