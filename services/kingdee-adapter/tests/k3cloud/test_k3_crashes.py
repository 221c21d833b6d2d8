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


async def ended(docked: World, k3: FakeK3, end: str) -> None:
    """Make the one call that is due, in this way; what dies is found by the next one, when its lease has run out."""
    await docked.docking.poster.round()
    for call in await docked.claim():
        operation = str(call.payload["step"]).capitalize()
        if end in {"cut", "500", "lost"}:
            k3.plan(operation, end)
        elif end.isdigit():
            k3.plan(operation, int(end))
        if end == "dies before":
            continue
        if end == "dies after":
            k3.plan(operation, "cut")
            await docked.worker._make(call)
            docked.worker._ended.get_nowait()
        elif end == "dies unrecorded":
            await docked.worker._make(call)
            docked.worker._ended.get_nowait()
        else:
            await docked.end(call)
    k3.faults.clear()
    await docked.wait_out()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.sampled_from(ENDS), max_size=8))
async def test_whatever_happens_a_bill_is_saved_once_and_posted(docked: World, k3: FakeK3, ends: list[str]) -> None:
    order_no = f"26112{next(NUMBERS):05}"
    docked.owner.told.clear()
    await docked.enqueue(a_sale(order_no=order_no))
    for end in [*ends, *["well"] * 8]:
        await ended(docked, k3, end)
    operations = k3.operations(order_no)
    assert k3.bills["SAL_SaleOrder", order_no].status == "C"
    assert "Save Save" not in operations.replace("Submit ", "").replace("Audit ", "")
    bill = await docked.bill("SAL_SaleOrder", order_no)
    assert (bill.state, bill.step) == (State.POSTED, None)
    assert [told.split()[0] for told in docked.owner.told] == ["published", "acknowledged"]
    assert await docked.states(order_no) == ("acknowledged", "acknowledged")
