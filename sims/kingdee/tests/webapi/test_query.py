"""ExecuteBillQuery: rows, keys, filters, pages, and the errors that look like data."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from k3_client import K3, Clock, order, refused_rows

from sim_kingdee.webapi.columns import SOURCES
from sim_kingdee.webapi.filters import read_filter

DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"
FORM = "SAL_SaleOrder"


@pytest.fixture
async def two_orders(k3: K3, clock: Clock) -> None:
    """1 with two lines, approved at 10:00:00; 2 with one free line, approved at 10:00:01.500."""
    await k3.approve(FORM, {**order(FORM, "1", (DRESS, 10), (SHOES, 9)), "FNote": "O'Hara's"})
    clock.advance(seconds=1.5)
    free = {"FIsFree": True, "FTaxPrice": "69.900000", "FDeliveryDate": "2026-11-25"}
    await k3.approve(FORM, order(FORM, "2", (DRESS, 1), entry=free))


@pytest.mark.usefixtures("two_orders")
async def test_there_is_one_row_per_entry_when_an_entry_key_is_asked_for(k3: K3) -> None:
    assert await k3.query(FORM, "FBillNo,FCustId.FNumber") == [["1", "TM-JFY-01"], ["2", "TM-JFY-01"]]
    assert await k3.query(FORM, "FBillNo, FMaterialId.FNumber,FSaleOrderEntry_FSeq") == [
        ["1", DRESS, 1],
        ["1", SHOES, 2],
        ["2", DRESS, 1],
    ]


@pytest.mark.usefixtures("two_orders")
async def test_decimals_keep_their_digits_and_absent_values_have_defaults(k3: K3) -> None:
    sent = {
        "data": {
            "FormId": FORM,
            "FieldKeys": "FQty,FTaxPrice,FIsFree,FDeliveryDate,FLinkMan",
            "FilterString": "FBillNo='2'",
        }
    }
    answer = await k3.post("ExecuteBillQuery", sent)

    assert answer.text == '[[1,69.900000,true,"2026-11-25T00:00:00",null]]'
    assert await k3.query(FORM, "FTaxPrice,FIsFree,FDeliveryDate", "FBillNo='1' and FQty=9") == [[0, False, None]]


@pytest.mark.usefixtures("two_orders")
@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", ["1", "2"]),
        ("  ", ["1", "2"]),
        ("FBillNo='1'", ["1"]),
        ("FBillNo<>'1'", ["2"]),
        ("FBillNo = '1' AND FDocumentStatus='C'", ["1"]),
        ("FBillNo='1' and FBillNo='2'", []),
        ("FBillNo>='1' and FBillNo<'2'", ["1"]),
        ("FNote='O''Hara''s'", ["1"]),
        ("FQty>9", ["1"]),
        ("FQty>=9.0 and FQty<'10'", ["1"]),
        ("FQty<=1", ["2"]),
        ("FIsFree=1", ["2"]),
        ("FIsFree='0'", ["1", "1"]),
        ("FCustId.FNumber='TM-JFY-01'", ["1", "2"]),
        ("FApproveDate>='2026-11-22 10:00:01'", ["2"]),
        ("FApproveDate>='2026-11-22T10:00:01.500'", ["2"]),
        ("FApproveDate>'2026-11-22T10:00:01.500'", []),
        ("FApproveDate='2026-11-22 10:00:00'", ["1"]),
        ("FApproveDate<'2026-11-23'", ["1", "2"]),
        ("FDate='2026-11-22'", ["1", "2"]),
        ("FDeliveryDate>'2026-11-24'", ["2"]),
        ("FID=100001", ["1"]),
        ("FID>'100001'", ["2"]),
    ],
)
async def test_a_filter_selects(k3: K3, where: str, found: list[str]) -> None:
    assert [row[0] for row in await k3.query(FORM, "FBillNo", where)] == found


@pytest.mark.parametrize(
    "where",
    [
        "FBillNo",
        "FBillNo=",
        "FBillNo='1",
        "FBillNo='O'Hara'",
        "FBillNo=1",
        'FBillNo="1"',
        "FBillNo='1' and",
        "and FBillNo='1'",
        "FBillNo='1' FQty=1",
        "FBillNo='1' or FBillNo='2'",
        "(FBillNo='1')",
        "FBillNo like '1%'",
        "FBillNo='1'; drop table bill",
        "FBillNo='1' -- and",
        "fbillno='1'",
        "FNobody='1'",
        "FBillNo.FNumber='1'",
        "FCustId.FNobody='1'",
        "FCustId='C'",
        "FQty='many'",
        "FQty=1a",
        "FIsFree=2",
        "FDate='yesterday'",
        "FDate=20261122",
        "FApproveDate>='2026-11-22T10:00:00+08:00'",
    ],
)
async def test_a_bad_filter_is_an_error_that_looks_like_a_row(k3: K3, where: str) -> None:
    rows = await k3.query(FORM, "FBillNo", where)

    assert refused_rows(rows) == (4, "")
    assert rows[0][0]["Result"]["ResponseStatus"]["ErrorCode"] == 500


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ({"FormId": "SAL_SALEORDER", "FieldKeys": "FBillNo"}, 4, ""),
        ({"FormId": "", "FieldKeys": "FBillNo"}, 5, ""),
        ({"FieldKeys": "FBillNo"}, 5, ""),
        ({"FormId": FORM, "FieldKeys": ""}, 8, "FieldKeys"),
        ({"FormId": FORM}, 8, "FieldKeys"),
        ({"FormId": FORM, "FieldKeys": "FBillNo,fdate"}, 9, "fdate"),
        ({"FormId": FORM, "FieldKeys": "FBillNo,"}, 9, ""),
        ({"FormId": FORM, "FieldKeys": "FDate.FNumber"}, 9, "FDate.FNumber"),
        ({"FormId": FORM, "FieldKeys": "FCustomerID.FNumber"}, 9, "FCustomerID.FNumber"),
        ({"FormId": "SAL_OUTSTOCK", "FieldKeys": "FCustId.FNumber"}, 9, "FCustId.FNumber"),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "FilterString": ["FBillNo='1'"]}, 8, "FilterString"),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "Limit": "10"}, 8, "Limit"),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "StartRow": -1}, 8, "StartRow"),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "Filter": ""}, 8, "Filter"),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "OrderString": "FNobody"}, 4, ""),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "OrderString": "FID down"}, 4, ""),
        ({"FormId": FORM, "FieldKeys": "FBillNo", "OrderString": "FID,"}, 4, ""),
    ],
)
async def test_a_bad_query_is_refused(k3: K3, data: dict[str, Any], code: int, field: str) -> None:
    assert refused_rows((await k3.post("ExecuteBillQuery", {"data": data})).json()) == (code, field)


@given(st.text(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_can_be_quoted(text: str) -> None:
    quoted = text.replace("'", "''")

    (condition,) = read_filter(f"FNote='{quoted}'", SOURCES[FORM])

    assert condition.value == text


@pytest.mark.usefixtures("two_orders")
@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"OrderString": "FBillNo DESC"}, ["2", "1", "1"]),
        ({"OrderString": "FIsFree desc, FQty"}, ["2", "1", "1"]),
        ({"StartRow": 1}, ["1", "2"]),
        ({"Limit": 2}, ["1", "1"]),
        ({"StartRow": 2, "Limit": 2}, ["2"]),
        ({"TopRowCount": 2}, ["1", "1"]),
        ({"TopRowCount": 2, "StartRow": 1}, ["1"]),
        ({"TopRowCount": 2, "StartRow": 5}, []),
        ({"TopRowCount": 0, "Limit": 0}, ["1", "1", "2"]),
    ],
)
async def test_rows_are_ordered_and_paged(k3: K3, data: dict[str, Any], found: list[str]) -> None:
    assert [row[0] for row in await k3.query(FORM, "FBillNo,FQty", **data)] == found


async def test_more_than_two_thousand_rows_are_cut_silently(k3: K3) -> None:
    lines = [(DRESS, 1)] * 2_001
    await k3.save(FORM, order(FORM, "1", *lines))

    first = await k3.query(FORM, "FSaleOrderEntry_FSeq", OrderString="FID", Limit=10_000)
    second = await k3.query(FORM, "FSaleOrderEntry_FSeq", OrderString="FID", Limit=2_000, StartRow=2_000)

    assert [row[0] for row in first] == list(range(1, 2_001))
    assert second == [[2_001]]


async def test_stock_is_asked_for_live(k3: K3) -> None:
    rows = [{"warehouse_code": "WH02", "owner_code": "JFY", "item_code": DRESS, "inventory_type": "CC", "on_hand": 7}]
    rows += [
        {"warehouse_code": "WH02", "owner_code": "OTHER", "item_code": DRESS, "inventory_type": "ZP", "on_hand": 9}
    ]
    await k3.http.post("/sim/stock", json={"stock": rows})
    keys = "FMaterialId.FNumber,FStockId.FNumber,FStockStatusId.FNumber,FQty,FBaseQty,FAVBQty"
    keys += ",FStockOrgId.FNumber,FBaseUnitId.FNumber,FLot.FNumber"

    found = await k3.query("STK_Inventory", keys, OrderString="FStockId.FNumber,FMaterialId.FNumber")

    assert found == [
        [SHOES, "WH01", "KCZT01_SYS", 100, 100, 0, "100", "Pcs", None],
        [DRESS, "WH01", "KCZT01_SYS", 100, 100, 0, "100", "Pcs", None],
        [DRESS, "WH02", "KCZT08_SYS", 7, 7, 0, "100", "Pcs", None],
    ]
    ids = await k3.query("STK_Inventory", "FID", OrderString="FID")
    assert (ids, len({row[0] for row in ids})) == (sorted(ids), 3)
    assert await k3.query("STK_Inventory", "FQty", "FStockId.FNumber='WH02' and FQty>0") == [[7]]


async def test_stock_that_open_orders_wait_for_is_locked(k3: K3) -> None:
    await k3.http.post("/sim/scripts", json={"default": "silent"})
    await k3.approve(FORM, order(FORM, "1", (DRESS, 10)))

    rows = await k3.query("STK_Inventory", "FBaseQty,FBaseLockQty,FLockQty", f"FMaterialId.FNumber='{DRESS}'")

    assert rows == [[100, 10, 10]]
