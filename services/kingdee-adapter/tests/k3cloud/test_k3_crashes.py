"""Whatever dies between two steps, a bill is saved once and posted."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from k3_docking import World
from k3_fake import FakeK3
from k3_world import a_sale

from kingdee_adapter.k3cloud.domain import State

NUMBERS = count(1)
ENDS = ["well", "dies before", "dies after", "dies unrecorded", "cut", "500", "lost", "13", "6"]


async def ended(world: World, k3: FakeK3, end: str) -> None:
    """Make the one call that is due, in this way; what dies is found by the next one, when its lease has run out."""
    await world.docking.poster.round()
    for call in await world.claim():
        operation = str(call.payload["step"]).capitalize()
        if end in {"cut", "500", "lost"}:
            k3.plan(operation, end)
        elif end.isdigit():
            k3.plan(operation, int(end))
        if end == "dies before":
            continue
        if end == "dies after":
            k3.plan(operation, "cut")
            await world.worker._make(call)
            world.worker._ended.get_nowait()
        elif end == "dies unrecorded":
            await world.worker._make(call)
            world.worker._ended.get_nowait()
        else:
            await world.end(call)
    k3.faults.clear()
    await world.wait_out()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.sampled_from(ENDS), max_size=8))
async def test_whatever_happens_a_bill_is_saved_once_and_posted(world: World, k3: FakeK3, ends: list[str]) -> None:
    order_no = f"26112{next(NUMBERS):05}"
    world.owner.told.clear()
    await world.enqueue(a_sale(order_no=order_no))
    for end in [*ends, *["well"] * 8]:
        await ended(world, k3, end)
    operations = k3.operations(order_no)
    assert k3.bills["SAL_SaleOrder", order_no].status == "C"
    assert "Save Save" not in operations.replace("Submit ", "").replace("Audit ", "")
    bill = await world.bill("SAL_SaleOrder", order_no)
    assert (bill.state, bill.step) == (State.POSTED, None)
    assert [told.split()[0] for told in world.owner.told] == ["published", "acknowledged"]
    assert await world.states(order_no) == ("acknowledged", "acknowledged")
