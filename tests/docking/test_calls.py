"""Calls whose answer is lost or wrong after the Kingdee has stored them: nothing twice, unknown shown as unknown."""

import pytest
from tests.docking.counterparts import HTTP, SOAP, through
from tests.docking.exchange import Exchange
from tests.docking.orders import SALES, Instruction, Owner

from lemai_contracts.fulfilment import DocumentAcknowledgedV1, DocumentSentV1
from lemai_contracts.ops import AlertRaisedV1

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNANSWERED: dict[str, dict[str, str | int]] = {
    "error_after_storing": {"kind": "error_after_storing"},
    "timeout_after_storing": {"kind": "timeout_after_storing", "seconds": 1},
}


@through([HTTP])
@pytest.mark.parametrize("kind", UNANSWERED)
async def test_a_call_that_may_have_been_stored_is_unknown_until_a_person_tells(
    ready: Exchange, owner: Owner, kind: str
) -> None:
    before = len(ready.told.of(AlertRaisedV1, code="file_unknown"))
    order = await _sent_in_vain(ready, owner, kind)

    *_, alert = await ready.told.wait_for(AlertRaisedV1, before + 1, code="file_unknown")
    name = alert.about.removeprefix(f"{owner.counterpart}/")
    [file] = (await ready.documents.get("/v1/files", name=name))["items"]
    [_] = await ready.reports(order)
    assert file["state"] == "unknown"
    assert ready.told.of(DocumentSentV1, owner_code=owner.code, reference=order.order_no) == []

    await ready.documents.post(
        f"/v1/counterparts/{owner.counterpart}/files/{name}/resolve?decision=done", {"reason": "对接方已有"}
    )
    await ready.told.wait_for(DocumentSentV1, owner_code=owner.code, reference=order.order_no)
    assert await ready.came(order) == 1


@through([SOAP])
@pytest.mark.parametrize("kind", UNANSWERED)
async def test_a_call_that_may_be_repeated_is_and_has_one_effect(ready: Exchange, owner: Owner, kind: str) -> None:
    order = await _sent_in_vain(ready, owner, kind)

    await ready.told.wait_for(DocumentAcknowledgedV1, owner_code=owner.code, reference=order.order_no)
    [_] = await ready.reports(order)

    assert await ready.came(order) == 1


async def _sent_in_vain(exchange: Exchange, owner: Owner, kind: str) -> Instruction:
    await exchange.kingdee.post("/sim/misbehave", {**UNANSWERED[kind], "face": owner.channel})
    [order] = await exchange.instruct(SALES, owner, f"26112600{list(UNANSWERED).index(kind):02}")
    return order
