"""Submit, Audit and UnAudit: states, selections and partial success."""

import pytest
from k3_client import K3, Clock, order, refusal

DRESS = "GB-TS-001-R-90"
FORM = "SAL_SaleOrder"


async def status(k3: K3) -> list[object]:
    return (await k3.query(FORM, "FDocumentStatus,FApproveDate"))[0]


async def test_a_bill_goes_from_created_to_approved_and_back(k3: K3, clock: Clock) -> None:
    await k3.save(FORM, order(FORM, "2611220001", (DRESS, 1)))
    assert await status(k3) == ["A", None]
    await k3.step("Submit", FORM, "2611220001")
    assert await status(k3) == ["B", None]
    clock.advance(seconds=1.25)
    result = await k3.step("Audit", FORM, "2611220001")
    assert (result["Id"], result["Number"]) == (100001, "2611220001")
    assert await status(k3) == ["C", "2026-11-22T10:00:01.250"]
    await k3.step("UnAudit", FORM, "2611220001")
    assert await status(k3) == ["D", None]
    await k3.step("Submit", FORM, "2611220001")
    await k3.step("Audit", FORM, "2611220001")
    assert await status(k3) == ["C", "2026-11-22T10:00:01.250"]


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        ([], "Audit"),
        ([], "UnAudit"),
        (["Submit"], "Submit"),
        (["Submit"], "UnAudit"),
        (["Submit", "Audit"], "Submit"),
        (["Submit", "Audit"], "Audit"),
        (["Submit", "Audit", "UnAudit"], "Audit"),
        (["Submit", "Audit", "UnAudit"], "UnAudit"),
    ],
)
async def test_a_step_out_of_turn_is_refused(k3: K3, taken: list[str], refused: str) -> None:
    await k3.save(FORM, order(FORM, "2611220001", (DRESS, 1)))
    for step in taken:
        assert (await k3.step(step, FORM, "2611220001"))["ResponseStatus"]["IsSuccess"]
    before = await status(k3)

    assert refusal(await k3.step(refused, FORM, "2611220001")) == (12, "FDocumentStatus")
    assert await status(k3) == before


async def test_a_step_taken_twice_is_shown(k3: K3) -> None:
    await k3.approve(FORM, order(FORM, "2611220001", (DRESS, 1)))
    await k3.step("Audit", FORM, "2611220001")
    await k3.step("Audit", FORM, "2611220001")

    assert (await k3.http.get("/sim/duplicates")).json()["bills_repeated"] == [
        {"operation": "Audit", "form": FORM, "bill_no": "2611220001", "calls": 2}
    ]
    shown = (await k3.http.get("/sim/webapi/bills")).json()
    (bill,) = shown["bills"]
    assert (bill["status"], bill["calls"]) == ("C", {"Save": 1, "Submit": 1, "Audit": 3})
    assert bill["head"]["FCustId"] == "TM-JFY-01"
    assert bill["entries"][0]["FQty"] == "1"
    assert {(row["operation"], row["refused"]): row["calls"] for row in shown["calls"]} == {
        ("Save", 0): 1,
        ("Submit", 0): 1,
        ("Audit", 0): 1,
        ("Audit", 12): 2,
    }


async def test_bills_are_listed_page_by_page(k3: K3) -> None:
    for number in ("1", "2", "3"):
        await k3.save(FORM, order(FORM, number, (DRESS, 1)))

    first = (await k3.http.get("/sim/webapi/bills", params={"limit": 2})).json()
    second = (await k3.http.get("/sim/webapi/bills", params={"limit": 2, "after": first["next_after"]})).json()
    named = (await k3.http.get("/sim/webapi/bills", params={"form": FORM, "bill_no": "2"})).json()

    assert [bill["bill_no"] for bill in first["bills"]] == ["1", "2"]
    assert ([bill["bill_no"] for bill in second["bills"]], second["next_after"]) == (["3"], None)
    assert [bill["bill_no"] for bill in named["bills"]] == ["2"]


async def test_one_bill_that_is_refused_keeps_no_other_from_its_step(k3: K3) -> None:
    for number in ("1", "3"):
        await k3.save(FORM, order(FORM, number, (DRESS, 1)))

    result = await k3.step("Submit", FORM, "1", "2", "3")

    assert refusal(result) == (10, "FBillNo")
    assert result["ResponseStatus"]["Errors"][0]["DIndex"] == 1
    assert [done["Number"] for done in result["ResponseStatus"]["SuccessEntitys"]] == ["1", "3"]
    assert (result["Id"], result["Number"]) == ("", "")
    assert await k3.query(FORM, "FDocumentStatus") == [["B"], ["B"]]


async def test_bills_may_be_named_by_id(k3: K3) -> None:
    ids = [(await k3.save(FORM, order(FORM, number, (DRESS, 1))))["Id"] for number in ("1", "2")]

    result = await k3.call("Submit", FORM, {"CreateOrgId": 0, "Numbers": [], "Ids": f"{ids[0]}, {ids[1]}"})

    assert [done["Number"] for done in result["ResponseStatus"]["SuccessEntitys"]] == ["1", "2"]


@pytest.mark.parametrize(
    "data", [{}, {"Numbers": ["1"], "Ids": "100001"}, {"Numbers": "1"}, {"Number": "1"}, {"Numbers": ["1"], "X": 1}]
)
async def test_a_step_must_name_its_bills_in_one_way(k3: K3, data: dict[str, object]) -> None:
    assert refusal(await k3.call("Submit", FORM, data)) == (8, "Numbers")


async def test_a_bill_can_be_viewed(k3: K3) -> None:
    model = order(FORM, "2611220001", (DRESS, 2), entry={"FTaxPrice": "69.90"})
    saved = await k3.save(FORM, model)

    by_number = await k3.call("View", FORM, {"CreateOrgId": 0, "Number": "2611220001", "Id": ""})
    by_id = await k3.call("View", FORM, {"Number": "", "Id": str(saved["Id"])})

    assert by_number == by_id
    bill = by_number["Result"]
    assert (bill["Id"], bill["BillNo"], bill["DocumentStatus"]) == (100001, "2611220001", "A")
    assert bill["Date"] == "2026-11-22T00:00:00"
    assert bill["CustId"]["Number"] == "TM-JFY-01"
    assert bill["CustId"]["Name"] == [{"Key": 2052, "Value": "TM-JFY-01"}]
    (entry,) = bill["SaleOrderEntry"]
    assert (entry["Id"], entry["Seq"], entry["MaterialId"]["Number"]) == (100001, 1, DRESS)
    assert (entry["Qty"], entry["TaxPrice"], entry["IsFree"]) == (2, 69.9, False)


async def test_a_view_of_nothing_or_of_both_is_refused(k3: K3) -> None:
    assert refusal(await k3.call("View", FORM, {"Number": "1", "Id": ""})) == (10, "FBillNo")
    assert refusal(await k3.call("View", FORM, {"Number": "", "Id": ""})) == (8, "Number")
    assert refusal(await k3.call("View", FORM, {"Number": "1", "Id": "1"})) == (8, "Number")
    assert refusal(await k3.call("View", "SAL_X", {"Number": "1"})) == (4, "formid")
