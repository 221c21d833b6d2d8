"""A K/3 Cloud whose answers go wrong: every bill is saved and approved once, and what it refuses is told."""

import pytest
from tests.docking.counterparts import K3CLOUD
from tests.docking.exchange import Exchange
from tests.docking.orders import SALES, Instruction

from lemai_contracts.fulfilment import DocumentRejectedV1

pytestmark = pytest.mark.asyncio(loop_scope="session")

TROUBLES = (
    {"kind": "session_lost", "operation": "Submit"},
    {"kind": "session_lost", "operation": "ExecuteBillQuery"},
    {"kind": "server_error", "operation": "ExecuteBillQuery"},
    {"kind": "edit_lock", "operation": "Submit"},
    {"kind": "call_limit", "operation": "Audit"},
    {"kind": "error_500_after_save"},
    {"kind": "error_500_after_save", "operation": "Submit"},
    {"kind": "error_500_after_save", "operation": "Audit"},
    {"kind": "timeout_after_save", "seconds": 0.1},
)
ORDERS = 12


async def test_no_trouble_saves_or_approves_a_bill_twice_or_never(ready: Exchange) -> None:
    for trouble in TROUBLES:
        await ready.kingdee.post("/sim/webapi/misbehave", trouble)
    orders = await ready.instruct(SALES, K3CLOUD, *(f"26112700{number:02}" for number in range(ORDERS)))

    reports = [await ready.reports(order) for order in orders]

    assert [[line.quantity for line in report.lines] for [report] in reports] == [[1, 2]] * ORDERS
    assert [(await _bill(ready, order))["status"] for order in orders] == ["C"] * ORDERS
    assert (await ready.kingdee.get("/sim/duplicates"))["bills_repeated"] == []


async def test_what_is_refused_when_it_is_approved_is_told_in_the_erps_words(ready: Exchange) -> None:
    await ready.kingdee.post("/sim/webapi/misbehave", {"kind": "audit_refused", "message": "信用额度不足"})
    [order] = await ready.instruct(SALES, K3CLOUD, "2611271000")

    [rejected] = await ready.told.wait_for(DocumentRejectedV1, owner_code=K3CLOUD.code, reference=order.order_no)

    assert rejected.code == "E_PARTNER"
    assert "信用额度不足" in rejected.message


async def _bill(exchange: Exchange, order: Instruction) -> dict[str, str]:
    [bill] = (await exchange.kingdee.get("/sim/webapi/bills", form="SAL_SaleOrder", bill_no=order.order_no))["bills"]
    found: dict[str, str] = bill
    return found
