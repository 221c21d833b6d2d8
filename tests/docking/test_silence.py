"""A Kingdee that does not answer by its deadline: somebody is told, and nothing is made up."""

import pytest
import pytest_asyncio
from tests.docking.counterparts import FILES, OWNERS, through
from tests.docking.exchange import Exchange
from tests.docking.orders import SALES, Instruction, Owner

from lemai_contracts.fulfilment import ActualReportedV1, DocumentAcknowledgedV1, DocumentSentV1
from lemai_contracts.ops import AlertRaisedV1

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPTS = {"silent": "2611250001", "ack_only": "2611250002"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def overdue(ready: Exchange) -> dict[tuple[str, str], Instruction]:
    """Orders out for a day without an answer, by owner and script. Only files wait for an acknowledgement."""
    await ready.kingdee.post("/sim/scripts", {"order_no": {number: name for name, number in SCRIPTS.items()}})
    orders = {}
    for name, number in SCRIPTS.items():  # One after the other: a file with any answer in it is acknowledged.
        for owner in FILES if name == "silent" else OWNERS:
            [orders[owner.code, name]] = await ready.instruct(SALES, owner, number)
        for order in orders.values():
            await ready.told.wait_for(DocumentSentV1, owner_code=order.owner_code, reference=order.order_no)
    await ready.adapter(
        "UPDATE docking_file SET published_at = published_at - interval '1 day' "
        f"WHERE id IN (SELECT file_id FROM docking_outgoing WHERE order_no IN {tuple(SCRIPTS.values())})"
    )
    await ready.adapter("UPDATE schedule SET due_at = now() WHERE name LIKE 'remind %'")
    return orders


@through(FILES)
async def test_a_missing_acknowledgement_is_told(
    exchange: Exchange, overdue: dict[tuple[str, str], Instruction], owner: Owner
) -> None:
    order = overdue[owner.code, "silent"]

    await exchange.told.wait_for(AlertRaisedV1, code="not_acknowledged", about=f"{owner.counterpart}/{order.order_no}")

    assert exchange.told.of(DocumentAcknowledgedV1, owner_code=owner.code, reference=order.order_no) == []


@through(OWNERS)
async def test_a_missing_actual_is_told(
    exchange: Exchange, overdue: dict[tuple[str, str], Instruction], owner: Owner
) -> None:
    order = overdue[owner.code, "ack_only"]

    await exchange.told.wait_for(AlertRaisedV1, code="not_answered", about=f"{owner.counterpart}/{order.order_no}")

    assert exchange.told.of(ActualReportedV1, owner_code=owner.code, order_no=order.order_no) == []
