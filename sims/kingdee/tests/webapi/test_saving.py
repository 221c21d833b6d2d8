"""What Save takes and refuses."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from k3_client import K3, order, refusal

DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"
SALE = order("SAL_SaleOrder", "2611220001", (DRESS, 1), (SHOES, 2))
ENTRY = SALE["FSaleOrderEntry"][0]


def changed(head: dict[str, Any] | None = None, *, without: str = "", **entry: object) -> dict[str, Any]:
    """The sale with other head or entry values, or without a key."""
    model = {**SALE, **(head or {}), "FSaleOrderEntry": [{**ENTRY, **entry}]}
    model["FSaleOrderEntry"][0].pop(without, None)
    model.pop(without, None)
    return model


async def test_a_saved_bill_is_answered_with_id_and_number(k3: K3) -> None:
    result = await k3.save("SAL_SaleOrder", SALE, NeedReturnFields=["FBillNo", "FSaleOrderEntry.FEntryID"])

    assert result == {
        "ResponseStatus": {
            "IsSuccess": True,
            "Errors": [],
            "SuccessEntitys": [{"Id": 100001, "Number": "2611220001", "DIndex": 0}],
            "SuccessMessages": [],
            "MsgCode": 0,
        },
        "Id": 100001,
        "Number": "2611220001",
        "NeedReturnData": [{"FBillNo": "2611220001", "FSaleOrderEntry": [{"FEntryID": 100001}, {"FEntryID": 100002}]}],
    }
    assert await k3.query("SAL_SaleOrder", "FBillNo,FDocumentStatus") == [["2611220001", "A"]]


async def test_a_number_used_before_is_refused_by_name(k3: K3) -> None:
    await k3.save("SAL_SaleOrder", SALE)

    result = await k3.save("SAL_SaleOrder", changed({"FNote": "again"}))

    assert result == {
        "ResponseStatus": {
            "ErrorCode": 500,
            "IsSuccess": False,
            "Errors": [
                {
                    "FieldName": "FBillNo",
                    "Message": "违反字段唯一性要求：编码唯一。[2611220001]在当前系统中已经被使用。",
                    "DIndex": 0,
                }
            ],
            "SuccessEntitys": [],
            "SuccessMessages": [],
            "MsgCode": 11,
        },
        "Id": "",
        "Number": "",
        "NeedReturnData": [{}],
    }
    assert await k3.query("SAL_SaleOrder", "FNote") == [[None]]
    duplicates = (await k3.http.get("/sim/duplicates")).json()
    assert duplicates["bills_repeated"] == [
        {"operation": "Save", "form": "SAL_SaleOrder", "bill_no": "2611220001", "calls": 1}
    ]


async def test_the_same_number_may_be_used_in_another_form(k3: K3) -> None:
    await k3.save("SAL_SaleOrder", order("SAL_SaleOrder", "2611220001-h", (DRESS, 1)))

    result = await k3.save("SAL_RETURNNOTICE", order("SAL_RETURNNOTICE", "2611220001-h", (DRESS, 1)))

    assert result["ResponseStatus"]["IsSuccess"]


async def test_a_bill_without_number_is_given_one(k3: K3) -> None:
    assert (await k3.save("SAL_SaleOrder", changed(without="FBillNo")))["Number"] == "XSDD100001"


async def test_the_same_json_twice_is_refused_when_the_caller_asks_for_it(k3: K3) -> None:
    model = changed(without="FBillNo")
    await k3.save("SAL_SaleOrder", model, ValidateRepeatJson="true")

    assert refusal(await k3.save("SAL_SaleOrder", model, ValidateRepeatJson="true")) == (11, "")
    assert (await k3.save("SAL_SaleOrder", model))["ResponseStatus"]["IsSuccess"]


@pytest.mark.parametrize(
    ("model", "code", "field"),
    [
        pytest.param(changed({"FCustomerID": {"FNumber": "C"}}), 9, "FCustomerID", id="a key of another form"),
        pytest.param(changed({"FCustID": {"FNumber": "C"}}), 9, "FCustID", id="a key in another case"),
        pytest.param(changed(FMaterialID={"FNumber": DRESS}), 9, "FMaterialID", id="an entry key in another case"),
        pytest.param(changed(FNote="n"), 9, "FNote", id="a head key in the entry"),
        pytest.param(changed({"FQty": "1"}), 9, "FQty", id="an entry key in the head"),
        pytest.param(changed({"FSaleOrderFinance": {"FRate": 1}}), 9, "FRate", id="an unknown key in a sub-head"),
        pytest.param(changed(without="FCustId"), 9, "FCustId", id="no customer"),
        pytest.param(changed({"FCustId": {"FNumber": ""}}), 9, "FCustId", id="an empty customer"),
        pytest.param(changed({"FDate": ""}), 9, "FDate", id="an empty date"),
        pytest.param(changed(without="FQty"), 9, "FQty", id="no quantity"),
        pytest.param(changed() | {"FSaleOrderEntry": []}, 9, "FSaleOrderEntry", id="no entry"),
        pytest.param(changed() | {"FSaleOrderEntry": {}}, 8, "FSaleOrderEntry", id="an entry that is no list"),
        pytest.param(changed({"FID": "x"}), 8, "FID", id="an id that is none"),
        pytest.param(changed({"FID": 7}), 10, "FID", id="an id of no bill"),
        pytest.param(changed({"FBillNo": "9" * 31}), 11, "FBillNo", id="a number too long"),
        pytest.param(changed({"FNote": "长" * 256}), 11, "FNote", id="a text too long"),
        pytest.param(changed({"FNote": 1}), 11, "FNote", id="a text that is none"),
        pytest.param(changed({"FDate": "22/11/2026"}), 11, "FDate", id="a date in another form"),
        pytest.param(changed({"FDate": "2026-11-22T00:00:00+08:00"}), 11, "FDate", id="a date with a zone"),
        pytest.param(changed({"FBillTypeID": {"FNUMBER": "XSCKD01_SYS"}}), 11, "FBillTypeID", id="another bill type"),
        pytest.param(changed({"FSaleOrgId": {"FNumber": "101"}}), 11, "FSaleOrgId", id="another organisation"),
        pytest.param(changed({"FCustId": "C"}), 11, "FCustId", id="base data as text"),
        pytest.param(changed({"FCustId": {"FName": "C"}}), 11, "FCustId", id="base data by name"),
        pytest.param(changed({"FCustId": {"FNumber": 1}}), 11, "FCustId", id="a number that is no text"),
        pytest.param(changed(FQty="0"), 11, "FQty", id="nothing"),
        pytest.param(changed(FQty="-1"), 11, "FQty", id="less than nothing"),
        pytest.param(changed(FQty=1.5), 11, "FQty", id="half a piece"),
        pytest.param(changed(FQty="1e99"), 11, "FQty", id="too many"),
        pytest.param(changed(FQty="NaN"), 11, "FQty", id="no quantity at all"),
        pytest.param(changed(FQty="one"), 11, "FQty", id="a quantity in words"),
        pytest.param(changed(FQty=True), 11, "FQty", id="a quantity that is true"),
        pytest.param(changed(FIsFree="yes"), 11, "FIsFree", id="a flag in words"),
        pytest.param(changed(FStockId={"FNumber": "WH99"}), 11, "FStockId", id="an unknown warehouse"),
        pytest.param(changed(FMaterialId={"FNumber": "NOBODY"}), 11, "FMaterialId", id="an unknown item"),
    ],
)
async def test_a_bad_bill_is_refused_with_code_and_field(k3: K3, model: dict[str, Any], code: int, field: str) -> None:
    assert refusal(await k3.save("SAL_SaleOrder", model)) == (code, field)
    assert await k3.query("SAL_SaleOrder", "FBillNo") == []


async def test_an_unknown_stock_status_is_refused(k3: K3) -> None:
    bill = order("STK_StockCountGain", "1-v", (DRESS, 1), entry={"FStockStatusId": {"FNumber": "KCZT99_SYS"}})

    assert refusal(await k3.save("STK_StockCountGain", bill)) == (11, "FStockStatusId")


@pytest.mark.parametrize("places", [("1.000001", True), ("1.0000001", False)])
async def test_places_of_a_price_are_counted_when_the_caller_asks_for_it(k3: K3, places: tuple[str, bool]) -> None:
    price, is_taken = places

    result = await k3.save("SAL_SaleOrder", changed(FTaxPrice=price), IsControlPrecision="true")

    assert result["ResponseStatus"]["IsSuccess"] is is_taken
    assert (await k3.save("SAL_SaleOrder", changed({"FBillNo": "2"}, FTaxPrice=price)))["ResponseStatus"]["IsSuccess"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"formid": "SAL_SALEORDER", "data": {"Model": SALE}}, 4, "formid"),
        ({"formid": "STK_Inventory", "data": {"Model": SALE}}, 4, "formid"),
        ({"formid": "", "data": {"Model": SALE}}, 5, "formid"),
        ({"data": {"Model": SALE}}, 5, "formid"),
        ({"formid": "SAL_SaleOrder"}, 8, "data"),
        ({"formid": "SAL_SaleOrder", "data": {}}, 8, "Model"),
        (
            {"formid": "SAL_SaleOrder", "data": {"Model": SALE, "IsAutoSubmitAndAudit": "true"}},
            8,
            "IsAutoSubmitAndAudit",
        ),
        ({"formid": "SAL_SaleOrder", "data": {"Model": SALE, "IsDeleteEntry": "perhaps"}}, 8, "IsDeleteEntry"),
    ],
)
async def test_a_bad_call_is_refused(k3: K3, body: dict[str, Any], code: int, field: str) -> None:
    assert refusal((await k3.post("Save", body)).json()["Result"]) == (code, field)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["FNumber", "FQty", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    value=JSON, name=st.sampled_from([*SALE, "FNumber"]), entry_name=st.sampled_from([*ENTRY, "FEntryID"]), flag=JSON
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
async def test_no_json_breaks_the_server(k3: K3, value: Any, name: str, entry_name: str, flag: Any) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("Save", {"Model": {**SALE, name: value}}),
        ("Save", {"Model": {**SALE, "FSaleOrderEntry": [{**ENTRY, entry_name: value}]}}),
        ("Save", {"Model": value, "NeedReturnFields": flag}),
        ("Submit", {"Numbers": value, "Ids": flag}),
        ("Allocate", {"PkIds": value, "TOrgIds": flag}),
        ("View", {"Number": value, "Id": flag}),
    ]
    for operation, data in calls:
        assert (await k3.post(operation, {"formid": "SAL_SaleOrder", "data": data})).status_code == 200


async def test_every_envelope_is_read(k3: K3) -> None:
    model = '{"Model":{"FNumber":"A%s","FName":"裙","FCreateOrgId":{"FNumber":"1"},'
    model += '"FUseOrgId":{"FNumber":"1"},"SubHeadEntity":{"FBaseUnitId":{"FNumber":"Pcs"}}}}'
    bodies: list[object] = [
        {"formid": "BD_MATERIAL", "data": model % 1},
        ["BD_MATERIAL", model % 2],
        {"format": 1, "useragent": "ApiClient", "parameters": ["BD_MATERIAL", model % 3], "v": "1.0"},
    ]

    numbers = [(await k3.post("Save", body)).json()["Result"]["Number"] for body in bodies]

    assert numbers == ["A1", "A2", "A3"]


@pytest.mark.parametrize(
    ("service", "status"),
    [
        ("Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Delete", 404),
        ("Kingdee.BOS.WebApi.ServicesStub.AuthService.Save", 404),
        ("DynamicFormService.Save", 404),
        ("Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Save", 500),
    ],
)
async def test_a_broken_request_is_no_answer(k3: K3, service: str, status: int) -> None:
    answer = await k3.http.post(f"/k3cloud/{service}.common.kdsvc", content="{")

    assert (answer.status_code, answer.text[:15]) == (status, "response_error:")


async def test_a_bill_can_be_changed_until_it_is_submitted(k3: K3) -> None:
    saved = await k3.save("SAL_SaleOrder", SALE)
    first, second = (row[0] for row in await k3.query("SAL_SaleOrder", "FSaleOrderEntry_FEntryID"))

    await k3.save(
        "SAL_SaleOrder",
        {"FID": saved["Id"], "FNote": "改", "FSaleOrderEntry": [{"FEntryID": second, "FQty": "5"}]},
        IsDeleteEntry="false",
    )

    keys = "FNote,FSaleOrderEntry_FEntryID,FQty,FMaterialId.FNumber"
    assert await k3.query("SAL_SaleOrder", keys) == [["改", first, 1, DRESS], ["改", second, 5, SHOES]]
    await k3.save("SAL_SaleOrder", {"FID": saved["Id"], "FSaleOrderEntry": [{"FEntryID": second}]})
    assert await k3.query("SAL_SaleOrder", keys) == [["改", second, 5, SHOES]]
    await k3.step("Submit", "SAL_SaleOrder", "2611220001")
    assert refusal(await k3.save("SAL_SaleOrder", {"FID": saved["Id"], "FNote": "晚"})) == (12, "")


async def test_only_the_fields_named_are_changed(k3: K3) -> None:
    saved = await k3.save("SAL_SaleOrder", SALE)
    data = {"NeedUpDateFields": ["FNote"], "IsDeleteEntry": False}

    await k3.save("SAL_SaleOrder", {"FID": saved["Id"], "FNote": "改", "FLinkMan": "李四"}, **data)

    assert await k3.query("SAL_SaleOrder", "FNote,FLinkMan") == [["改", None]]


async def test_a_change_cannot_rename_a_bill_or_touch_the_entry_of_another(k3: K3) -> None:
    saved = await k3.save("SAL_SaleOrder", SALE)
    await k3.save("SAL_SaleOrder", changed({"FBillNo": "2"}))
    other = (await k3.query("SAL_SaleOrder", "FSaleOrderEntry_FEntryID", "FBillNo='2'"))[0][0]

    assert refusal(await k3.save("SAL_SaleOrder", {"FID": saved["Id"], "FBillNo": "3"})) == (11, "FBillNo")
    touching = {"FID": saved["Id"], "FSaleOrderEntry": [{"FEntryID": other, "FQty": "5"}]}
    assert refusal(await k3.save("SAL_SaleOrder", touching)) == (10, "FEntryID")
