"""Items go before the orders that need them, and the documents of one bill one after the other."""

import json

from k3_docking import World
from k3_fake import FakeK3
from k3_world import DRESS, SHOES, a_sale, an_item

from kingdee_adapter.k3cloud.domain import State

NO = "2611220001"


async def test_items_go_before_the_orders_that_need_them(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(a_sale())
    await docked.enqueue(an_item(), an_item(item_code=SHOES))
    await docked.work()
    saved = [about for operation, about in k3.calls if operation == "Save"]
    audited = [about for operation, about in k3.calls if operation == "Audit"]
    assert set(saved[:2]) == {DRESS, SHOES}
    assert k3.calls.index(("Save", NO)) > max(k3.calls.index(("Audit", item)) for item in (DRESS, SHOES))
    assert audited[-1] == NO


async def test_an_order_waits_for_an_item_that_was_never_approved(docked: World, k3: FakeK3) -> None:
    k3.plan("Save", 9)
    await docked.enqueue(an_item())
    await docked.work()
    await docked.enqueue(a_sale())
    await docked.work()
    assert (await docked.bill("SAL_SaleOrder", NO)).state is State.WAITING
    await docked.enqueue(an_item(remark="mended"), revision=2)
    await docked.work()
    assert k3.bills["SAL_SaleOrder", NO].status == "C"


async def test_an_order_needs_no_item_that_we_never_sent(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(a_sale())
    await docked.work()
    assert k3.bills["SAL_SaleOrder", NO].status == "C"


async def test_a_failed_change_of_an_approved_item_holds_no_order(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(an_item())
    await docked.work()
    k3.plan("UnAudit", 12)
    await docked.enqueue(an_item(item_name="连体衣"), revision=2)
    await docked.work()
    assert (await docked.bill("BD_MATERIAL", DRESS)).state is State.REFUSED
    await docked.enqueue(a_sale())
    await docked.work()
    assert k3.bills["SAL_SaleOrder", NO].status == "C"


async def test_a_changed_item_is_opened_changed_and_approved_again(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(an_item())
    await docked.work()
    k3.calls.clear()
    await docked.enqueue(an_item(item_name="连体衣"), revision=2)
    await docked.work()
    assert [operation for operation, _ in k3.calls if operation != "ExecuteBillQuery"] == [
        "UnAudit",
        "Save",
        "Submit",
        "Audit",
    ]
    item = k3.bills["BD_MATERIAL", DRESS]
    assert (item.status, item.model["FName"]) == ("C", "连体衣")
    async with docked.engine.database.begin() as connection:
        file = await docked.outgoing.file(connection, f"BD_MATERIAL-{DRESS}-2.json")
    assert file is not None
    assert json.loads(file.content)["data"]["Model"]["FMATERIALID"] == str(item.id)


async def test_revisions_of_one_bill_go_one_after_the_other(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(an_item(item_name="一"))
    await docked.enqueue(an_item(item_name="二"), revision=2)
    await docked.enqueue(an_item(item_name="三"), revision=3)
    await docked.work()
    assert k3.bills["BD_MATERIAL", DRESS].model["FName"] == "三"
    names = [file["name"] for file in await docked.rows("SELECT name FROM docking_file ORDER BY id")]
    assert names == [f"BD_MATERIAL-{DRESS}.json", f"BD_MATERIAL-{DRESS}-2.json", f"BD_MATERIAL-{DRESS}-3.json"]
    assert [told.split()[0] for told in docked.owner.told] == ["published", "acknowledged"] * 3


async def test_a_number_of_another_owner_is_not_taken_over(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(an_item())
    await docked.work()
    await docked.enqueue(an_item(owner_code="NB", item_name="别家"))
    await docked.work()
    assert docked.owner.told[-1] == f"rejected {DRESS} in no file: E_DUP_CONFLICT JFY"
    assert k3.bills["BD_MATERIAL", DRESS].model["FName"] == "婴儿连体衣"


async def test_two_posters_open_a_document_once(docked: World, k3: FakeK3) -> None:
    await docked.enqueue(a_sale())
    async with docked.engine.database.connect() as connection:
        pending = await docked.outgoing.pending(connection, "deliver_order", 10)
    written, refused = docked.docking.poster._rendered(pending, [a_sale()])
    await docked.docking.poster.round()
    await docked.engine.transact(
        lambda transaction: docked.docking.poster._store("deliver_order", written, refused, transaction)
    )
    await docked.work()
    assert k3.operations(NO).count("Save") == 1
