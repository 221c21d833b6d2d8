"""Every order kind from Save to its approved result, items, counts and stock."""

from typing import Any

import pytest
from k3_client import K3, ORG, Clock, order, refusal

from sim_kingdee.faces.folder import Folder
from sim_kingdee.webapi.approval import Approvals, Site
from sim_kingdee.webapi.columns import internal_id
from sim_kingdee.webapi.server import Server

DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"

# order form, number, result form, key of our number, other keys, pieces of the dress after
OUTSTOCK = ("SAL_OUTSTOCK", "FSoorDerno", "FMaterialID.FNumber,FRealQty,FStockStatusID.FNumber", 98)
INSTOCK = ("STK_InStock", "FPOOrderNo", "FMaterialId.FNumber,FRealQty,FStockStatusId.FNumber", 102)
RETURNSTOCK = ("SAL_RETURNSTOCK", "FSrcBillNo", "FMaterialId.FNumber,FRealQty,FStockStatusId.FNumber", 102)
MRB = ("PUR_MRB", "FSRCBillNo", "FMATERIALID.FNumber,FRMREALQTY,FStockStatusId.FNumber", 98)
KINDS = [
    ("SAL_SaleOrder", "2611220001", *OUTSTOCK),
    ("SAL_SaleOrder", "2611220001-b", *OUTSTOCK),
    ("SAL_SaleOrder", "2611220001-h", *OUTSTOCK),
    ("PUR_PurchaseOrder", "2611220002-c", *INSTOCK),
    ("SAL_RETURNNOTICE", "2611220001-t", *RETURNSTOCK),
    ("SAL_RETURNNOTICE", "2611220001-h", *RETURNSTOCK),
    ("PUR_MRAPP", "2611220003-gt", *MRB),
]


async def on_hand(k3: K3, status: str = "KCZT01_SYS") -> list[list[Any]]:
    where = f"FMaterialId.FNumber='{DRESS}' and FStockStatusId.FNumber='{status}'"
    return await k3.query("STK_Inventory", "FQty", where)


@pytest.mark.parametrize(("form", "bill_no", "result", "ours", "keys", "left"), KINDS)
async def test_an_audited_order_becomes_an_approved_result(
    k3: K3, server: Server, clock: Clock, form: str, bill_no: str, result: str, ours: str, keys: str, left: int
) -> None:
    await k3.approve(form, order(form, bill_no, (DRESS, 2), (SHOES, 1)))
    assert await k3.query(result, "FBillNo") == []
    clock.advance(seconds=5)
    server.bill_results(clock.now)

    asked = f"FBillNo,FDocumentStatus,FApproveDate,F_LM_ConfirmType,{ours},FEntryNote,{keys}"
    rows = await k3.query(result, asked, f"{ours}='{bill_no}'", OrderString="FID")

    leg = "RCV" if left > 100 else "SHP"
    head = [f"{leg}-{bill_no}-1", "C", "2026-11-22T10:00:05.000", "0", bill_no]
    assert rows == [[*head, "1", DRESS, 2, "KCZT01_SYS"], [*head, "2", SHOES, 1, "KCZT01_SYS"]]
    assert await on_hand(k3) == [[left]]
    server.bill_results(clock.now)
    assert len(await k3.query(result, "FBillNo")) == 1


async def test_a_shipment_names_carrier_and_waybill(k3: K3, server: Server, clock: Clock) -> None:
    model = order("SAL_SaleOrder", "2611220001", (DRESS, 1))
    await k3.approve("SAL_SaleOrder", {**model, "F_LM_CarrierID": {"FNumber": "YTO"}})
    server.bill_results(clock.now)

    keys = "FCustomerID.FNumber,FCarrierID.FNumber,FCarriageNO,FUnitID.FNumber,FStockID.FNumber,FOwnerTypeID,FDate"
    (row,) = await k3.query("SAL_OUTSTOCK", keys)

    assert (row[:2], row[3:]) == (["TM-JFY-01", "YTO"], ["Pcs", "WH01", "BD_OwnerOrg", "2026-11-22T00:00:00"])
    assert (row[2][:2], len(row[2])) == ("YT", 15)
    shown = (await k3.http.get("/sim/orders/JFY/2611220001")).json()
    assert [parcel["express_no"] for parcel in shown["actuals"][0]["waybills"]] == [row[2]]
    assert shown["actuals"][0]["file_name"] == "SAL_OUTSTOCK SHP-2611220001-1"


async def test_two_parcels_are_two_bills_and_only_the_last_is_final(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"default": "two_parcels"})
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1), (SHOES, 2)))
    for _ in range(3):
        server.bill_results(clock.now)
        clock.advance(seconds=2)

    assert await k3.query("SAL_OUTSTOCK", "FBillNo,F_LM_ConfirmType,FEntryNote,FRealQty,FMustQty") == [
        ["SHP-2611220001-1", "1", "1", 1, 1],
        ["SHP-2611220001-1", "1", "2", 1, 2],
        ["SHP-2611220001-2", "0", "2", 1, 2],
    ]


async def test_a_short_order_is_final_with_less(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"order_no": {"2611220001": "short"}})
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1), (SHOES, 2)))
    server.bill_results(clock.now)

    assert await k3.query("SAL_OUTSTOCK", "F_LM_ConfirmType,FRealQty") == [["0", 1], ["0", 1]]


async def test_a_rejected_order_is_final_with_nothing(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"default": "reject"})
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1)))
    server.bill_results(clock.now)

    rows = await k3.query("SAL_OUTSTOCK", "F_LM_ConfirmType,FRealQty,FNote,FCarriageNO")
    assert rows == [["0", 0, "仓库拒绝执行", None]]


async def test_a_silent_order_has_no_result(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"default": "silent"})
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1)))
    clock.advance(days=1)
    server.bill_results(clock.now)

    assert await k3.query("SAL_OUTSTOCK", "FBillNo") == []


async def test_a_mere_status_is_told_by_no_bill(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"default": "status_only"})
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1)))
    for _ in range(3):
        server.bill_results(clock.now)
        clock.advance(seconds=2)

    assert await k3.query("SAL_OUTSTOCK", "F_LM_ConfirmType,FRealQty") == [["0", 1]]
    shown = (await k3.http.get("/sim/orders/JFY/2611220001")).json()
    assert [(actual["status"], actual["file_name"]) for actual in shown["actuals"]] == [
        ("ACCEPT", "SAL_SaleOrder 2611220001"),
        ("DELIVERED", "SAL_OUTSTOCK SHP-2611220001-2"),
    ]


async def test_damaged_goods_stand_in_a_row_of_their_own(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"default": "damaged"})
    await k3.approve("PUR_PurchaseOrder", order("PUR_PurchaseOrder", "1-c", (DRESS, 5)))
    server.bill_results(clock.now)

    rows = await k3.query("STK_InStock", "FEntryNote,FRealQty,FStockStatusId.FNumber")
    assert rows == [["1", 4, "KCZT01_SYS"], ["1", 1, "KCZT08_SYS"]]


async def test_returned_goods_keep_the_grade_they_came_with(k3: K3, server: Server, clock: Clock) -> None:
    status = {"FStockStatusId": {"FNumber": "KCZT08_SYS"}}
    await k3.approve("SAL_RETURNNOTICE", order("SAL_RETURNNOTICE", "1-t", (DRESS, 3), entry=status))
    server.bill_results(clock.now)

    assert await k3.query("SAL_RETURNSTOCK", "FStockStatusId.FNumber") == [["KCZT08_SYS"]]
    assert (await on_hand(k3), await on_hand(k3, "KCZT08_SYS")) == ([[100]], [[3]])


async def test_results_of_this_face_are_in_no_file(k3: K3, server: Server, folder: Folder, clock: Clock) -> None:
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1)))
    folder.write_actuals(clock.now)
    server.bill_results(clock.now)

    assert (await k3.http.get("/sim/files")).json() == {"files": []}
    assert await k3.query("SAL_OUTSTOCK", "FSoorDerno") == [["2611220001"]]


async def test_goods_received_by_hand_are_billed_here_too(k3: K3, server: Server, clock: Clock) -> None:
    await k3.http.post("/sim/scripts", json={"default": "silent"})
    await k3.approve("PUR_PurchaseOrder", order("PUR_PurchaseOrder", "1-c", (DRESS, 5)))
    line = {"item_code": SHOES, "qty": 4, "inventory_type": "CC"}
    body = {"order_no": "1-c", "warehouse_code": "WH01", "owner_code": "JFY", "is_final": False, "lines": [line]}
    await k3.http.post("/sim/receipts", json=body)
    server.bill_results(clock.now)

    keys = "FBillNo,F_LM_ConfirmType,FMaterialId.FNumber,FRealQty,FMustQty,FStockStatusId.FNumber,FUnitID.FNumber"
    assert await k3.query("STK_InStock", keys) == [["RCV-1-c-1", "1", SHOES, 4, 0, "KCZT08_SYS", "Pcs"]]


async def test_an_order_is_taken_back_until_it_is_worked_on(k3: K3, server: Server, clock: Clock) -> None:
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001", (DRESS, 1)))
    await k3.step("UnAudit", "SAL_SaleOrder", "2611220001")
    server.bill_results(clock.now)
    assert await k3.query("SAL_OUTSTOCK", "FBillNo") == []

    await k3.step("Submit", "SAL_SaleOrder", "2611220001")
    await k3.step("Audit", "SAL_SaleOrder", "2611220001")
    server.bill_results(clock.now)
    assert refusal(await k3.step("UnAudit", "SAL_SaleOrder", "2611220001")) == (12, "")
    assert await k3.query("SAL_SaleOrder", "FDocumentStatus") == [["C"]]


async def test_an_order_for_two_warehouses_is_not_approved(k3: K3) -> None:
    await k3.http.post(
        "/sim/stock",
        json={"stock": [{"warehouse_code": "WH02", "owner_code": "JFY", "item_code": DRESS, "on_hand": 1}]},
    )
    model = order("SAL_SaleOrder", "1", (DRESS, 1), (DRESS, 1))
    model["FSaleOrderEntry"][1]["FStockId"] = {"FNumber": "WH02"}
    await k3.save("SAL_SaleOrder", model)
    await k3.step("Submit", "SAL_SaleOrder", "1")

    assert refusal(await k3.step("Audit", "SAL_SaleOrder", "1")) == (11, "")
    assert await k3.query("SAL_SaleOrder", "FDocumentStatus,FApproveDate") == [["B", None]]


async def test_lines_without_numbers_of_their_own_are_counted(k3: K3, server: Server, clock: Clock) -> None:
    model = order("SAL_SaleOrder", "1", (DRESS, 1), (SHOES, 1))
    model["FSaleOrderEntry"][1]["FEntryNote"] = "赠品"
    await k3.approve("SAL_SaleOrder", model)
    server.bill_results(clock.now)

    assert await k3.query("SAL_OUTSTOCK", "FEntryNote") == [["1"], ["2"]]


@pytest.mark.parametrize(("form", "left"), [("STK_StockCountLoss", 97), ("STK_StockCountGain", 103)])
async def test_a_count_moves_stock_and_is_its_own_result(k3: K3, form: str, left: int) -> None:
    await k3.approve(form, order(form, "1-v", (DRESS, 3)))

    assert await k3.query(form, "FBillNo,FDocumentStatus,FApproveDate") == [["1-v", "C", "2026-11-22T10:00:00.000"]]
    assert await on_hand(k3) == [[left]]
    await k3.step("UnAudit", form, "1-v")
    assert await on_hand(k3) == [[100]]


async def test_stock_falls_below_nothing_only_when_the_caller_says_so(k3: K3) -> None:
    form = "STK_StockCountLoss"
    await k3.save(form, order(form, "1-v", (DRESS, 60), (DRESS, 60)))
    await k3.step("Submit", form, "1-v")

    assert refusal(await k3.step("Audit", form, "1-v")) == (11, "")
    assert (await on_hand(k3), await k3.query(form, "FDocumentStatus")) == ([[100]], [["B"]])
    result = await k3.step("Audit", form, "1-v", InterationFlags="STK_InvCheckResult")
    assert result["ResponseStatus"]["IsSuccess"]
    assert await on_hand(k3) == [[-20]]


MATERIAL = {
    "FNumber": "NEW-1",
    "FName": "新裙",
    "FCreateOrgId": {"FNumber": "1"},
    "FUseOrgId": {"FNumber": "1"},
    "SubHeadEntity": {"FBaseUnitId": {"FNumber": "Pcs"}, "FBARCODE": "6901234567892", "FIsSale": True},
    "SubHeadEntity1": {"FIsBatchManage": "true"},
}


async def orderable(k3: K3) -> str:
    """Why NEW-1 cannot be ordered, empty when it can."""
    result = await k3.save("SAL_SaleOrder", order("SAL_SaleOrder", "", ("NEW-1", 1)))
    errors = result["ResponseStatus"]["Errors"]
    return str(errors[0]["Message"]) if errors else ""


async def test_an_item_is_usable_once_it_is_approved_and_allocated(k3: K3) -> None:
    org_id = (await k3.query("ORG_Organizations", "FOrgID", "FNumber='100'"))[0][0]
    saved = await k3.save("BD_MATERIAL", MATERIAL)
    allocation = {"PkIds": str(saved["Id"]), "TOrgIds": str(org_id)}
    assert "未审核" in await orderable(k3)
    assert refusal(await k3.call("Allocate", "BD_MATERIAL", allocation)) == (12, "FDocumentStatus")
    await k3.step("Submit", "BD_MATERIAL", "NEW-1")
    await k3.step("Audit", "BD_MATERIAL", "NEW-1")
    assert "未分配" in await orderable(k3)
    assert (await k3.call("Allocate", "BD_MATERIAL", allocation))["ResponseStatus"]["IsSuccess"]
    assert await orderable(k3) == ""

    assert await k3.query(
        "BD_MATERIAL", "FMATERIALID,FNumber,FName,FIsBatchManage,FForbidStatus,FUseOrgId,FUseOrgId.FNumber"
    ) == [[saved["Id"], "NEW-1", "新裙", True, "A", internal_id("org", "1"), "1"]]
    (item,) = (await k3.http.get("/sim/items", params={"item_code": "NEW-1"})).json()["items"]
    assert (item["is_valid"], item["record"]["item_name"], item["record"]["is_batch_mgmt"]) == ("Y", "新裙", "Y")
    assert (await k3.query("SAL_SaleOrder", "FMaterialId,FMaterialId.FName"))[0] == [saved["Id"], "新裙"]


async def test_an_item_is_changed_by_taking_its_approval_back(k3: K3) -> None:
    saved = await k3.save("BD_MATERIAL", MATERIAL)
    await k3.step("Submit", "BD_MATERIAL", "NEW-1")
    await k3.step("Audit", "BD_MATERIAL", "NEW-1")
    await k3.call("Allocate", "BD_MATERIAL", {"PkIds": str(saved["Id"]), "TOrgIds": str(internal_id("org", "100"))})
    change = {"FMATERIALID": saved["Id"], "FNumber": "NEW-1", "FName": "旧裙"}

    assert refusal(await k3.save("BD_MATERIAL", change)) == (12, "")
    await k3.step("UnAudit", "BD_MATERIAL", "NEW-1")
    assert "未审核" in await orderable(k3)
    assert (await k3.save("BD_MATERIAL", change))["ResponseStatus"]["IsSuccess"]
    await k3.step("Submit", "BD_MATERIAL", "NEW-1")
    await k3.step("Audit", "BD_MATERIAL", "NEW-1")
    assert await orderable(k3) == ""
    (item,) = (await k3.http.get("/sim/items", params={"item_code": "NEW-1"})).json()["items"]
    assert item["record"]["item_name"] == "旧裙"


async def test_an_item_of_the_same_organisation_needs_no_allocation(folder: Folder, k3: K3, server: Server) -> None:
    site = Site(org="1", item_org="1", owner_code="JFY", warehouse_code="WH01")
    approvals = Approvals(folder.erp, server.bills, site)
    await k3.approve("BD_MATERIAL", MATERIAL)

    assert approvals.item_fault("NEW-1") == ""


async def test_a_disabled_item_cannot_be_ordered_until_it_is_enabled(k3: K3) -> None:
    saved = await k3.save("BD_MATERIAL", MATERIAL)
    await k3.step("Submit", "BD_MATERIAL", "NEW-1")
    await k3.step("Audit", "BD_MATERIAL", "NEW-1")
    await k3.call("Allocate", "BD_MATERIAL", {"PkIds": str(saved["Id"]), "TOrgIds": str(internal_id("org", "100"))})

    for operation, reason in (("Forbid", "已禁用"), ("Enable", "")):
        body = {"formid": "BD_MATERIAL", "opNumber": operation, "data": {"Numbers": ["NEW-1"]}}
        assert (await k3.post("ExcuteOperation", body)).json()["Result"]["ResponseStatus"]["IsSuccess"]
        assert reason in await orderable(k3)
    body["opNumber"] = "Explode"
    assert refusal((await k3.post("ExcuteOperation", body)).json()["Result"]) == (3, "opNumber")


async def test_an_item_number_used_before_is_refused_by_name(k3: K3) -> None:
    await k3.save("BD_MATERIAL", MATERIAL)

    result = await k3.save("BD_MATERIAL", {**MATERIAL, "FName": "别的"})

    assert refusal(result) == (11, "FNumber")
    assert "[NEW-1]" in result["ResponseStatus"]["Errors"][0]["Message"]


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ({"PkIds": "", "TOrgIds": "1"}, 8, "PkIds"),
        ({"PkIds": "NEW-1", "TOrgIds": "1"}, 8, "PkIds"),
        ({"Numbers": ["NEW-1"], "TOrgIds": "1"}, 8, "PkIds"),
        ({"PkIds": "1", "TOrgIds": "1"}, 11, "TOrgIds"),
        ({"PkIds": "1", "TOrgIds": str(internal_id("org", "100"))}, 10, "FNumber"),
    ],
)
async def test_a_bad_allocation_is_refused(k3: K3, data: dict[str, object], code: int, field: str) -> None:
    assert refusal(await k3.call("Allocate", "BD_MATERIAL", data)) == (code, field)


async def test_only_base_data_is_allocated_or_disabled(k3: K3) -> None:
    await k3.approve("SAL_SaleOrder", order("SAL_SaleOrder", "1", (DRESS, 1)))
    body = {"formid": "SAL_SaleOrder", "opNumber": "Forbid", "data": {"Numbers": ["1"]}}

    assert refusal((await k3.post("ExcuteOperation", body)).json()["Result"]) == (12, "FDocumentStatus")


async def test_results_may_be_written_here_too(k3: K3) -> None:
    entry = {
        "FMaterialID": {"FNumber": DRESS},
        "FUnitID": {"FNumber": "Pcs"},
        "FRealQty": "1",
        "FStockID": {"FNumber": "WH01"},
        "FStockStatusID": {"FNumber": "KCZT01_SYS"},
        "FTaxPrice": "69.00",
        "FEntryTaxRate": 13,
        "FSoorDerno": "2611220001",
        "FEntity_Link": [{"FEntity_Link_FRuleId": "SaleOrder-OutStock", "FEntity_Link_FSBillId": "100123"}],
    }
    outstock = {
        "FBillTypeID": {"FNUMBER": "XSCKD01_SYS"},
        "FBillNo": "2611220001_1",
        "FDate": "2026-11-22",
        "FSaleOrgId": ORG,
        "FCustomerID": {"FNumber": "TM-JFY-01"},
        "FStockOrgId": ORG,
        "FCarriageNO": "SF1400123456789",
        "SubHeadEntity": {"FSettleCurrId": {"FNumber": "PRE001"}, "FExchangeRate": 1},
        "FEntity": [entry],
    }
    await k3.approve("SAL_OUTSTOCK", outstock)

    assert await on_hand(k3) == [[99]]
    bad = {**outstock, "FBillNo": "2", "FEntity": [{**entry, "FEntity_Link": [{"FRuleId": "x"}]}]}
    assert refusal(await k3.save("SAL_OUTSTOCK", bad)) == (9, "FRuleId")
