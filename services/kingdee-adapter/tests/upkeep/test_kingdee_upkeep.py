"""What is due by the clock: answers that did not come are told once, bytes past their retention are gone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kingdee_world import KINGDEE, SHIP, World, a_shipment_file, an_item

from lemai_contracts.fulfilment import DocumentSentV1
from lemai_contracts.ops import AlertRaisedV1
from lemai_docking.ack import Ack


async def reminded(world: World, **later: float) -> list[tuple[str, str]]:
    """Run the reminders so much later; the alerts raised so far."""
    world.service.engine.clock = lambda: datetime.now(UTC) + timedelta(**later)
    for schedule in world.service.schedules:
        if schedule.name.startswith("remind"):
            await schedule.run()
    return [(alert.code, alert.about) for alert in await world.told(AlertRaisedV1)]


async def acknowledge(world: World, file_name: str) -> None:
    """Answer a file of ours as Kingdee does, and have the answer taken."""
    ack = Ack(file_name=file_name, status="ACCEPTED", documents=1, accepted=1)
    (world.folder / "ack" / f"{file_name}.ack").write_bytes(ack.json_bytes())
    await world.wait_for_row("docking_file", counterpart=KINGDEE, name=file_name, state="acknowledged")


async def test_what_is_not_acknowledged_by_its_deadline_is_told_once(world: World) -> None:
    async with world.running():
        await world.order("2611220001", "2611220002")
        (sent, _) = await world.wait_for(DocumentSentV1, 2)

    assert await reminded(world, minutes=29) == []
    late = [("not_acknowledged", f"{KINGDEE}/{order_no}") for order_no in ("2611220001", "2611220002")]
    assert sorted(await reminded(world, minutes=31)) == late
    assert sorted(await reminded(world, hours=2)) == late
    assert sent.document.file_name in (await world.told(AlertRaisedV1))[0].message


async def test_what_is_acknowledged_in_time_is_not_told_until_its_actual_is_due(world: World) -> None:
    async with world.running():
        await world.order("2611220001")
        (sent,) = await world.wait_for(DocumentSentV1)
        await acknowledge(world, sent.document.file_name)

    assert await reminded(world, hours=23) == []
    assert await reminded(world, hours=25) == [("not_answered", f"{KINGDEE}/2611220001")]
    assert await reminded(world, hours=49) == [("not_answered", f"{KINGDEE}/2611220001")]


async def test_an_actual_answers_even_without_an_acknowledgement(world: World) -> None:
    async with world.running():
        await world.order("2611220001")
        await world.wait_for(DocumentSentV1)
        await world.drop(SHIP, a_shipment_file("2611220001"))

    assert await reminded(world, days=3) == []


async def test_an_item_is_acknowledged_but_never_answered(world: World) -> None:
    async with world.running():
        await world.take(an_item())
        (sent, *_) = await world.wait_for(DocumentSentV1, counterpart_code=KINGDEE)
        await acknowledge(world, sent.document.file_name)

    alerts = await reminded(world, days=3)
    assert [about for _, about in alerts if about.startswith(f"{KINGDEE}/")] == []


async def test_bytes_past_their_retention_are_gone_and_names_hashes_and_states_stay(world: World) -> None:
    async with world.running():
        await world.order("2611220001")
        await world.wait_for(DocumentSentV1)
        await world.drop(SHIP, a_shipment_file("2611220001"))
    before = await world.rows("docking_file")

    assert await kept_after(world, 89) == before
    assert await kept_after(world, 91) == [dict(row, content=None) for row in before]
    assert not any((world.folder / "archive").iterdir())


async def kept_after(world: World, days: int) -> list[Mapping[str, Any]]:
    """The files as they are kept so many days later."""
    world.service.engine.clock = lambda: datetime.now(UTC) + timedelta(days=days)
    for schedule in world.service.schedules:
        if schedule.name.startswith("forget"):
            await schedule.run()
    return await world.rows("docking_file")
