"""Documents become approved bills: in their order, once each, resumed wherever they were left."""

import json
from dataclasses import replace

import pytest
from k3_docking import World
from k3_fake import FakeBill, FakeK3
from k3_world import FORMS, SITE, a_loss, a_purchase, a_return, a_sale, a_supplier_return, an_item

from kingdee_adapter.k3cloud.bills import posting
from kingdee_adapter.k3cloud.domain import State, Step
from lemai_docking.documents import Document

NO = "2611220001"


def there(document: Document, status: str) -> FakeBill:
    """The bill of a document, as if somebody had made it there before."""
    return FakeBill(77, json.loads(posting(FORMS, SITE, document).body)["data"]["Model"], status)


async def test_a_document_is_saved_submitted_and_audited(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(a_sale())
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery Save Submit Audit"
    assert k3.bills["SAL_SaleOrder", NO].status == "C"
    assert docked.owner.told == [
        f"published {NO} in SAL_SaleOrder-{NO}.json",
        f"acknowledged {NO} in SAL_SaleOrder-{NO}.json",
    ]
    assert await docked.states(NO) == ("acknowledged", "acknowledged")


@pytest.mark.parametrize(
    ("document", "form_id"),
    [
        (a_sale(order_no=f"{NO}-h", order_type="EXCHANGE"), "SAL_SaleOrder"),
        (a_sale(order_no=f"{NO}-b", order_type="RESEND"), "SAL_SaleOrder"),
        (a_purchase(), "PUR_PurchaseOrder"),
        (a_return(), "SAL_RETURNNOTICE"),
        (a_return(order_no=f"{NO}-h", order_type="EXCHANGE"), "SAL_RETURNNOTICE"),
        (a_supplier_return(), "PUR_MRAPP"),
        (a_loss(), "STK_StockCountLoss"),
        (replace(a_loss(), interface="receipt_order"), "STK_StockCountGain"),
        (an_item(), "BD_MATERIAL"),
    ],
)
async def test_every_kind_is_posted(docked: World, k3: FakeK3, document: Document, form_id: str) -> None:
    await docked.enqueue(document)
    await docked.work()
    assert k3.bills[form_id, document.order_no].status == "C"


async def test_the_journal_keeps_the_bytes_that_were_sent(docked: World) -> None:
    await docked.enqueue(a_sale())
    await docked.work()
    async with docked.engine.database.begin() as connection:
        file = await docked.outgoing.file(connection, f"SAL_SaleOrder-{NO}.json")
    assert file is not None
    assert file.content == posting(FORMS, SITE, a_sale()).body
    (row,) = await docked.rows("SELECT sha256, ack FROM docking_file")
    assert row["sha256"] == file.sha256
    assert (row["ack"]["status"], row["ack"]["accepted"]) == ("ACCEPTED", 1)


async def test_what_is_kept_and_called_is_sealed(docked: World) -> None:
    await docked.enqueue(a_sale())
    await docked.work()
    kept = await docked.rows(
        "SELECT payload::text AS text FROM outbound_call UNION ALL SELECT k3_bill::text FROM k3_bill"
    )
    assert kept
    assert not any("张三" in row["text"] for row in kept)


async def test_both_legs_of_an_exchange_have_their_bills(docked: World, k3: FakeK3) -> None:
    order_no = f"{NO}-h"
    await docked.enqueue(a_return(order_no=order_no, order_type="EXCHANGE"))
    await docked.enqueue(a_sale(order_no=order_no, order_type="EXCHANGE"))
    await docked.work()
    assert {form for form, number in k3.bills if number == order_no} == {"SAL_RETURNNOTICE", "SAL_SaleOrder"}


async def test_a_document_k3_cannot_take_is_rejected_without_a_call(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(a_sale(order_no="1" * 31))
    await docked.work()
    assert k3.calls == []
    assert docked.owner.told == [f"rejected {'1' * 31} in no file: E_FIELD {'1' * 31}"]


# What is there already


@pytest.mark.parametrize(
    ("status", "operations"),
    [
        ("A", "ExecuteBillQuery Submit Audit"),
        ("B", "ExecuteBillQuery Audit"),
        ("C", "ExecuteBillQuery"),
        ("D", "ExecuteBillQuery Submit Audit"),
    ],
)
async def test_a_bill_that_is_there_is_taken_up_where_it_stands(
    docked: World, k3: FakeK3, status: str, operations: str
) -> None:
    k3.bills["SAL_SaleOrder", NO] = there(a_sale(), status)
    await docked.enqueue(a_sale())
    await docked.work()
    assert k3.operations(NO) == operations
    assert [told.split()[0] for told in docked.owner.told] == ["published", "acknowledged"]


async def test_another_content_under_our_number_is_a_conflict(docked: World, k3: FakeK3) -> None:
    k3.bills["SAL_SaleOrder", NO] = there(replace(a_sale(), records={"L": a_sale().records["L"][:1]}), "C")
    await docked.enqueue(a_sale())
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery"
    assert docked.owner.told == [f"rejected {NO} in SAL_SaleOrder-{NO}.json: E_DUP_CONFLICT {NO}"]
    assert (await docked.bill("SAL_SaleOrder", NO)).state is State.REFUSED


async def test_a_bill_made_between_looking_and_saving_is_found_by_the_refusal(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(a_sale())
    await docked.docking.poster.round()
    (call,) = await docked.claim()
    k3.plan("Save", 11)
    k3.bills["SAL_SaleOrder", NO] = there(a_sale(), "A")
    k3.rows["SAL_SaleOrder"] = []
    k3.plan("ExecuteBillQuery")
    original = k3._query

    def first_empty(data: dict[str, object]) -> object:
        rows = original(data)
        k3.rows.pop("SAL_SaleOrder", None)
        return rows

    k3._query = first_empty  # type: ignore[method-assign]
    await docked.end(call)
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery Save ExecuteBillQuery Submit Audit"
    assert k3.bills["SAL_SaleOrder", NO].status == "C"


# What goes wrong


async def test_a_refusal_is_told_in_k3s_own_words(docked: World, k3: FakeK3) -> None:
    k3.plan("Save", 9)
    await docked.enqueue(a_sale())
    await docked.work()
    name = f"SAL_SaleOrder-{NO}.json"
    assert docked.owner.told == [f"rejected {NO} in {name}: E_PARTNER MsgCode 9 refused by plan"]
    assert await docked.states(NO) == ("acknowledged", "rejected")


async def test_a_bill_that_is_saved_but_not_audited_is_told_as_both(docked: World, k3: FakeK3) -> None:
    k3.plan("Audit", 11)
    await docked.enqueue(a_sale())
    await docked.work()
    assert [told.split()[0] for told in docked.owner.told] == ["published", "rejected"]


async def test_what_was_refused_is_taken_up_again_by_a_person(docked: World, k3: FakeK3) -> None:
    k3.plan("Audit", 11)
    await docked.enqueue(a_sale())
    await docked.work()
    assert await docked.docking.poster.repost("SAL_SaleOrder", NO)
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery Save Submit Audit ExecuteBillQuery ExecuteBillQuery Audit"
    assert await docked.states(NO) == ("acknowledged", "acknowledged")
    assert not await docked.docking.poster.repost("SAL_SaleOrder", NO)


async def test_a_refused_file_sent_again_is_taken_up_again(docked: World, k3: FakeK3) -> None:
    k3.plan("Save", 9)
    await docked.enqueue(a_sale())
    await docked.work()
    async with docked.engine.database.begin() as connection:
        assert await docked.outgoing.resend(connection, f"SAL_SaleOrder-{NO}.json")
    await docked.work()
    assert k3.bills["SAL_SaleOrder", NO].status == "C"
    assert await docked.states(NO) == ("acknowledged", "acknowledged")


@pytest.mark.parametrize("msg_code", [13, 14])
@pytest.mark.parametrize("operation", ["Save", "Submit", "Audit"])
async def test_a_lock_and_a_call_limit_are_waited_out(docked: World, k3: FakeK3, operation: str, msg_code: int) -> None:
    k3.plan(operation, msg_code)
    await docked.enqueue(a_sale())
    await docked.work()
    (call,) = await docked.rows("SELECT state, due_at > now() AS waits FROM outbound_call WHERE ended_at IS NULL")
    assert call == {"state": "pending", "waits": True}
    await docked.wait_out()
    await docked.work()
    assert k3.bills["SAL_SaleOrder", NO].status == "C"


async def test_a_lock_that_never_opens_is_given_up(docked: World, k3: FakeK3) -> None:
    k3.plan("Save", *[13] * 30)
    await docked.enqueue(a_sale())
    for _ in range(20):
        await docked.work()
        await docked.wait_out()
    assert k3.operations(NO).count("Save") == 20
    assert docked.owner.told == [f"rejected {NO} in SAL_SaleOrder-{NO}.json: E_PARTNER MsgCode 13 refused by plan"]


@pytest.mark.parametrize("fault", ["cut", "500"])
async def test_a_save_without_an_answer_is_unknown_until_somebody_looks(docked: World, k3: FakeK3, fault: str) -> None:
    k3.plan("Save", fault)
    await docked.enqueue(a_sale())
    await docked.work()
    assert await docked.states(NO) == ("unknown", "unknown")
    (call,) = await docked.rows("SELECT state FROM outbound_call")
    assert call["state"] == "unknown"
    await docked.wait_out()
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery Save ExecuteBillQuery Submit Audit"
    assert await docked.states(NO) == ("acknowledged", "acknowledged")


async def test_a_save_that_got_lost_is_repeated_after_looking(docked: World, k3: FakeK3) -> None:
    k3.plan("Save", "lost")
    await docked.enqueue(a_sale())
    await docked.work()
    await docked.wait_out()
    await docked.work()
    assert k3.operations(NO) == ("ExecuteBillQuery Save ExecuteBillQuery ExecuteBillQuery Save Submit Audit")


@pytest.mark.parametrize("msg_code", [4, 6])
async def test_a_failure_inside_k3_is_looked_into_before_a_repeat(docked: World, k3: FakeK3, msg_code: int) -> None:
    k3.plan("Submit", msg_code)
    await docked.enqueue(a_sale())
    await docked.work()
    await docked.wait_out()
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery Save Submit ExecuteBillQuery Submit Audit"


async def test_nothing_is_written_while_nobody_can_look(docked: World, k3: FakeK3) -> None:
    k3.plan("ExecuteBillQuery", "lost", "lost")
    await docked.enqueue(a_sale())
    await docked.work()
    assert k3.operations(NO) == "ExecuteBillQuery"
    assert await docked.states(NO) == ("rendered", "rendered")


async def test_refused_credentials_alarm_once_and_lose_nothing(docked: World, k3: FakeK3) -> None:
    k3.plan("ExecuteBillQuery", 1, 1)
    await docked.enqueue(a_sale())
    await docked.work()
    assert [told.split()[:3] for told in docked.owner.told] == [["alert", "E_CHANNEL", "k3cloud"]]
    await docked.wait_out()
    await docked.work()
    assert len(docked.owner.told) == 1
    docked.clock.forward(minutes=6)
    await docked.wait_out()
    await docked.work()
    assert k3.bills["SAL_SaleOrder", NO].status == "C"


async def test_an_unknown_call_blocks_its_bill_and_no_other(docked: World, k3: FakeK3) -> None:
    k3.plan("Save", "cut")
    await docked.enqueue(a_sale())
    await docked.work()
    await docked.enqueue(a_sale(order_no="2611220002"))
    await docked.work()
    assert (await docked.bill("SAL_SaleOrder", NO)).step is Step.SAVE
    assert k3.bills["SAL_SaleOrder", "2611220002"].status == "C"
