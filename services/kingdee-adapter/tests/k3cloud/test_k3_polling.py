"""Approved bills are read with an overlap, page by page, each once; stock is read whole or not at all."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from k3_docking import World, a_world
from k3_fake import FakeK3
from k3_world import DRESS, FORMS, SHOES, SITE, a_loss, a_sale

from kingdee_adapter.k3cloud.client import QueryRefused, Unanswered
from kingdee_adapter.k3cloud.forms import load
from kingdee_adapter.k3cloud.polling import rows_of
from kingdee_adapter.k3cloud.wire import Query

NO = "2611220001"
SMALL = SITE.model_copy(update={"page_rows": 3, "confirm_type_key": ""})
CONFIRMED = SITE.model_copy(update={"confirm_type_key": "F_LM_ConfirmType"})


@pytest.fixture
def k3() -> FakeK3:
    fake = FakeK3()
    for form_id in (*FORMS.results, "STK_Inventory"):
        fake.rows[form_id] = []
    return fake


@pytest.fixture
async def docked(database_url: str, k3: FakeK3) -> AsyncIterator[World]:
    async with a_world(database_url, k3.http(), SMALL) as docked:
        yield docked


def shipped(bill_no: str, *lines: tuple[str, int], at: str = "16:05:00", order_no: str = NO, **cells: Any) -> list[Any]:
    """Rows of an approved SAL_OUTSTOCK; the docking's clock begins at 16:00 in China."""
    return [
        {
            "FID": int(bill_no[-3:]),
            "FEntity_FSeq": number,
            "FBillNo": bill_no,
            "FDocumentStatus": "C",
            "FApproveDate": f"2026-11-22 {at}",
            "FSoorDerno": order_no,
            "FMaterialID.FNumber": item,
            "FRealQty": quantity,
            "FStockID.FNumber": "WH01",
            "FStockStatusID.FNumber": "KCZT01_SYS",
            "FCarrierID.FNumber": "SF",
            "FCarriageNO": f"SF{bill_no}",
        }
        | cells
        for number, (item, quantity) in enumerate(lines, 1)
    ]


async def post(docked: World, k3: FakeK3, *documents: Any) -> None:
    """Have documents posted, their forms not scripted."""
    await docked.enqueue(*documents)
    await docked.work()
    docked.owner.told.clear()


async def test_an_approved_bill_is_received_once(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), (SHOES, 2))
    await docked.docking.results.poll()
    await docked.docking.results.poll()
    assert docked.owner.told == [f"received {NO} from SAL_OUTSTOCK-XSCK001.json"]
    (document,) = docked.owner.received
    assert document.head["out_biz_code"] == "XSCK001"


async def test_a_restart_receives_nothing_twice(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1))
    await docked.docking.results.poll()
    docked.docking.results._seen.clear()
    await docked.docking.results.poll()
    assert len(docked.owner.received) == 1


async def test_bills_that_are_not_approved_are_left_alone(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), FDocumentStatus="B")
    await docked.docking.results.poll()
    assert docked.owner.received == []


async def test_partial_results_end_when_nothing_is_missing(docked: World, k3: FakeK3) -> None:
    await post(docked, k3, a_sale())
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), (SHOES, 1))
    await docked.docking.results.poll()
    k3.rows["SAL_OUTSTOCK"] += shipped("XSCK002", (SHOES, 1), at="16:06:00")
    await docked.docking.results.poll()
    assert [(one.head["out_biz_code"], one.head["confirm_type"]) for one in docked.owner.received] == [
        ("XSCK001", 1),
        ("XSCK002", 0),
    ]


async def test_line_numbers_come_from_the_order_we_posted(docked: World, k3: FakeK3) -> None:
    await post(docked, k3, a_sale())
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (SHOES, 2), (DRESS, 1))
    await docked.docking.results.poll()
    assert [row["line_no"] for row in docked.owner.received[0].records["L"]] == [2, 1]


async def test_k3_itself_may_say_what_is_the_end(database_url: str, k3: FakeK3) -> None:
    async with a_world(database_url, k3.http(), CONFIRMED, load(CONFIRMED)) as docked:
        await post(docked, k3, a_sale())
        k3.rows = {form_id: [row | {"F_LM_ConfirmType": "1"} for row in rows] for form_id, rows in k3.rows.items()} | {
            "SAL_OUTSTOCK": shipped("XSCK001", (DRESS, 1), (SHOES, 2), F_LM_ConfirmType="1")
        }
        await docked.docking.results.poll()
        k3.rows["SAL_OUTSTOCK"] += shipped("XSCK002", (SHOES, 1), at="16:06:00", F_LM_ConfirmType="0")
        await docked.docking.results.poll()
        assert [one.head["confirm_type"] for one in docked.owner.received] == [1, 0]


async def test_an_order_we_did_not_post_is_a_fact_too(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), order_no="2611229999")
    await docked.docking.results.poll()
    (document,) = docked.owner.received
    assert (document.order_no, document.owner_code, document.head["confirm_type"]) == ("2611229999", "JFY", 0)


async def test_a_bill_that_answers_no_order_is_left_alone(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), order_no="")
    await docked.docking.results.poll()
    assert docked.owner.told == []


async def test_counts_of_the_erps_own_are_left_alone_and_ours_are_actuals(docked: World, k3: FakeK3) -> None:
    await post(docked, k3, a_loss())
    count = {"FID": 9, "FBillEntry_FSeq": 1, "FDocumentStatus": "C", "FApproveDate": "2026-11-22 16:05:00"}
    count |= {"FStockId.FNumber": "WH01", "FMaterialId.FNumber": DRESS, "FLossQty": 2}
    count |= {"FStockStatusId.FNumber": "KCZT08_SYS"}
    k3.rows["STK_StockCountLoss"] = [count | {"FBillNo": number} for number in ("PK000001", "2611220009-v")]
    await docked.docking.results.poll()
    assert docked.owner.told == ["received 2611220009-v from STK_StockCountLoss-2611220009-v.json"]


async def test_a_bill_changed_after_it_was_received_is_told_and_not_counted_again(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1))
    await docked.docking.results.poll()
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 2))
    await docked.docking.results.poll()
    await docked.docking.results.poll()
    assert len(docked.owner.received) == 1
    assert [told.split()[:2] for told in docked.owner.told[1:]] == [["alert", "E_FILE_CHANGED"]]


async def test_a_bad_row_is_quarantined_with_its_place(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), **{"FStockStatusID.FNumber": "KCZT99_SYS"})
    await docked.docking.results.poll()
    (row,) = await docked.rows("SELECT name, code, line, field, value FROM docking_quarantine")
    assert row == {
        "name": "SAL_OUTSTOCK-XSCK001.json",
        "code": "E_INVTYPE",
        "line": 1,
        "field": "inventory_type",
        "value": "KCZT99_SYS",
    }


# Cursor and pages


async def test_the_first_poll_reads_no_history(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), at="15:49:59") + shipped(
        "XSCK002", (DRESS, 1), at="15:50:00"
    )
    await docked.docking.results.poll()
    assert [one.head["out_biz_code"] for one in docked.owner.received] == ["XSCK002"]


async def test_an_approval_that_shows_late_is_read_within_the_overlap(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK002", (DRESS, 1), at="16:20:00")
    await docked.docking.results.poll()
    k3.rows["SAL_OUTSTOCK"] += shipped("XSCK001", (DRESS, 1), at="16:10:00", order_no="2611220002")
    await docked.docking.results.poll()
    assert [one.head["out_biz_code"] for one in docked.owner.received] == ["XSCK002", "XSCK001"]


async def test_a_date_from_the_future_skips_nothing(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1), at="23:00:00")
    await docked.docking.results.poll()
    k3.rows["SAL_OUTSTOCK"] += shipped("XSCK002", (DRESS, 1), at="16:05:00", order_no="2611220002")
    await docked.docking.results.poll()
    assert [one.head["out_biz_code"] for one in docked.owner.received] == ["XSCK001", "XSCK002"]


async def test_the_cursor_stays_where_reading_failed(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = shipped("XSCK001", (DRESS, 1))
    k3.plan("ExecuteBillQuery", "lost")
    with pytest.raises(Unanswered):
        await docked.docking.results.poll()
    assert "SAL_OUTSTOCK" not in {row["form_id"] for row in await docked.rows("SELECT form_id FROM k3_cursor")}
    await docked.docking.results.poll()
    assert len(docked.owner.received) == 1


async def test_a_form_that_cannot_be_read_holds_up_no_other(docked: World, k3: FakeK3) -> None:
    k3.plan("ExecuteBillQuery", 9)
    k3.rows["STK_InStock"] = [
        {
            "FID": 1,
            "FInStockEntry_FSeq": 1,
            "FBillNo": "CGRK001",
            "FDocumentStatus": "C",
            "FApproveDate": "2026-11-22 16:05:00",
            "FPOOrderNo": "2611220002-c",
            "FMaterialId.FNumber": DRESS,
            "FRealQty": 1,
            "FStockId.FNumber": "WH01",
            "FStockStatusId.FNumber": "KCZT01_SYS",
        }
    ]
    with pytest.raises(QueryRefused):
        await docked.docking.results.poll()
    assert [one.order_no for one in docked.owner.received] == ["2611220002-c"]


@pytest.mark.parametrize("bills", [[1, 1, 1], [1, 2], [2, 2, 2], [3], [7], [1, 7, 1], [3, 3, 3], [1, 1, 1, 1, 1, 1, 1]])
async def test_pages_hold_whole_bills_whatever_their_size(docked: World, k3: FakeK3, bills: list[int]) -> None:
    rows = [
        {"FID": number, "FEntity_FSeq": line} for number, lines in enumerate(bills, 1) for line in range(1, lines + 1)
    ]
    k3.rows["X"] = [row | {"FDocumentStatus": "C"} for row in rows]
    query = Query("X", ("FID", "FEntity_FSeq"), "FDocumentStatus='C'", "FID,FEntity_FSeq", 3)
    pages = [page async for page in rows_of(docked.docking.results._client, query)]
    assert [row for page in pages for row in page] == [[row["FID"], row["FEntity_FSeq"]] for row in rows]
    ids = [{row[0] for row in page} for page in pages if page]
    assert all(not first & second for first, second in pairwise(ids))


async def test_a_full_page_is_never_the_last(docked: World, k3: FakeK3) -> None:
    k3.rows["X"] = [{"FID": number, "FDocumentStatus": "C"} for number in (1, 2, 3)]
    query = Query("X", ("FID",), "FDocumentStatus='C'", "FID", 3)
    assert [len(page) async for page in rows_of(docked.docking.results._client, query)] == [2, 1]


# Stock


def balances(count: int) -> list[dict[str, Any]]:
    return [
        {
            "FID": f"{number:04}",
            "FStockId.FNumber": "WH01",
            "FOwnerId.FNumber": "100",
            "FMaterialId.FNumber": f"SKU{number}",
            "FStockStatusId.FNumber": "KCZT01_SYS",
            "FBaseUnitId.FNumber": "Pcs",
            "FBaseQty": 10,
            "FBaseLockQty": 1,
        }
        for number in range(1, count + 1)
    ]


async def test_stock_is_one_snapshot_for_each_warehouse(docked: World, k3: FakeK3) -> None:
    k3.rows["STK_Inventory"] = [*balances(7), balances(1)[0] | {"FStockId.FNumber": "WH02", "FID": "9999"}]
    await docked.docking.stock.read_all()
    (snapshot,) = docked.owner.snapshots
    assert snapshot.head["snapshot_id"] == "K3-WH01-20261122160000"
    assert [row["item_code"] for row in snapshot.records["B"]] == [f"SKU{number}" for number in range(1, 8)]
    assert {(row["qty"], row["lock_qty"], row["total_qty"]) for row in snapshot.records["B"]} == {(9, 1, 10)}


async def test_nothing_is_applied_when_a_page_fails(docked: World, k3: FakeK3) -> None:
    k3.rows["STK_Inventory"] = balances(7)
    original, asked = k3._query, []

    def second_fails(data: dict[str, Any]) -> Any:
        asked.append(data)
        return original(data) if len(asked) == 1 else [[{"Result": {"ResponseStatus": {"IsSuccess": False}}}]]

    k3._query = second_fails  # type: ignore[method-assign]
    with pytest.raises(QueryRefused):
        await docked.docking.stock.read_all()
    assert docked.owner.snapshots == []
    k3._query = original  # type: ignore[method-assign]
    docked.clock.forward(seconds=1)
    await docked.docking.stock.read_all()
    assert len(docked.owner.snapshots) == 1


async def test_no_rows_are_a_snapshot_without_rows_that_stock_svc_decides_on(docked: World) -> None:
    await docked.docking.stock.read_all()

    (snapshot,) = docked.owner.snapshots
    told = snapshot.head["warehouse_code"], snapshot.head["scope"], list(snapshot.records.get("B", ()))
    assert told == ("WH01", "FULL", [])


async def test_a_bill_with_what_nobody_can_keep_is_that_bills_trouble(docked: World, k3: FakeK3) -> None:
    k3.rows["SAL_OUTSTOCK"] = [
        *shipped("XSCK001", (DRESS, 1), FCarriageNO="SF\x001"),
        *shipped("XSCK002", (DRESS, 1), order_no="26\ud83d11"),
        *shipped("XSCK003", (DRESS, 1), FBillNo="XS\x00CK003"),
        *shipped("XSCK004", (DRESS, 1), order_no="2611220004"),
    ]

    await docked.docking.results.poll()
    await docked.docking.results.poll()

    assert [document.order_no for document in docked.owner.received] == ["2611220004"]
    refused = [told for told in docked.owner.told if "E_CHAR" in told]
    assert [told for told in docked.owner.told if told not in refused] == [
        "received 2611220004 from SAL_OUTSTOCK-XSCK004.json"
    ]
    assert len(refused) == 3
