"""Rows of approved bills as documents of the interfaces 2, 4, 6, 8 and 10."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from k3_world import DRESS, FORMS, NIGHT, SHOES, SITE

from kingdee_adapter.k3cloud.domain import PlannedLine
from kingdee_adapter.k3cloud.files import ResultCodec, bill_file, stock_file
from kingdee_adapter.k3cloud.results import Order, texts
from lemai_docking.documents import Decoded, Document, Rejected
from lemai_docking.faults import FileRejected

CODEC = ResultCodec(FORMS, SITE)
SALE = Order("JFY", final=True, lines=(PlannedLine(1, DRESS, 1), PlannedLine(2, SHOES, 2)))
SHIPMENT = {
    "FID": "200001",
    "FBillNo": "XSCKD000001",
    "FApproveDate": "2026-11-22T15:20:31.457",
    "FCarrierID.FNumber": "SF",
    "FCarriageNO": "SF1400123456789",
    "FSoorDerno": "2611220001",
    "FStockID.FNumber": "WH01",
    "FStockStatusID.FNumber": "KCZT01_SYS",
    "FUnitID.FNumber": "Pcs",
}


def a_row(item: str, quantity: str, note: str = "", **cells: str) -> dict[str, str]:
    row = SHIPMENT | {"FMaterialID.FNumber": item, "FRealQty": quantity, "FEntryNote": note}
    row |= {key.replace("__", "."): cell for key, cell in cells.items()}
    return {key: cell for key, cell in row.items() if cell}


def decoded(form_id: str, *rows: Mapping[str, str], **orders: Order) -> Decoded:
    known = {number.replace("_", "-").lstrip("o"): order for number, order in orders.items()}
    return CODEC.decode(f"{form_id}-X.json", bill_file(form_id, rows, known))


def shipped(*rows: Mapping[str, str], order: Order = SALE) -> Document:
    (document,) = decoded("SAL_OUTSTOCK", *rows, o2611220001=order).documents
    return document


def refused(*rows: Mapping[str, str], order: Order = SALE) -> Rejected:
    (document,) = decoded("SAL_OUTSTOCK", *rows, o2611220001=order).rejected
    return document


def test_a_shipment_is_an_outbound_actual() -> None:
    document = shipped(a_row(DRESS, "1.0000000000", "1"), a_row(SHOES, "2", "2"))
    assert document == Document(
        "ship_result",
        {
            "order_no": "2611220001",
            "wms_order_no": "XSCKD000001",
            "order_type": "SALE",
            "warehouse_code": "WH01",
            "owner_code": "JFY",
            "out_biz_code": "XSCKD000001",
            "confirm_type": 0,
            "status": "DELIVERED",
            "shipped_at": datetime(2026, 11, 22, 7, 20, 31, tzinfo=UTC),
            "line_count": 2,
            "logistics_code": "SF",
            "express_no": "SF1400123456789",
        },
        {
            "L": [
                {
                    "line_no": 1,
                    "item_code": DRESS,
                    "plan_qty": 1,
                    "actual_qty": 1,
                    "unit": "Pcs",
                    "inventory_type": "ZP",
                },
                {
                    "line_no": 2,
                    "item_code": SHOES,
                    "plan_qty": 2,
                    "actual_qty": 2,
                    "unit": "Pcs",
                    "inventory_type": "ZP",
                },
            ]
        },
    )


def test_more_to_come_is_a_partial_shipment() -> None:
    document = shipped(a_row(DRESS, "1", "1"), order=Order("JFY", final=False, lines=SALE.lines))
    assert (document.head["confirm_type"], document.head["status"]) == (1, "PARTDELIVERED")


def test_the_end_without_any_piece_is_a_closed_order() -> None:
    document = shipped(a_row(DRESS, "0", "1", FCarrierID__FNumber="", FCarriageNO=""))
    assert (document.head["confirm_type"], document.head["status"]) == (0, "CLOSED")


def test_several_waybills_are_several_parcels() -> None:
    document = shipped(a_row(DRESS, "1", "1", FCarriageNO="SF1,SF2，SF3"))
    assert document.records["P"] == [
        {"package_no": "1", "logistics_code": "SF", "express_no": "SF1"},
        {"package_no": "2", "logistics_code": "SF", "express_no": "SF2"},
        {"package_no": "3", "logistics_code": "SF", "express_no": "SF3"},
    ]
    assert (document.head["express_no"], document.head["package_count"]) == ("SF1", 3)


def test_lots_of_one_line_stay_apart() -> None:
    document = shipped(
        a_row(SHOES, "1", "2", FLot__FNumber="B1", FExpiryDate="2028-08-31T00:00:00"),
        a_row(SHOES, "1", "2", FLot__FNumber="B2"),
    )
    assert [(row["line_no"], row["actual_qty"], row["batch_code"]) for row in document.records["L"]] == [
        (2, 1, "B1"),
        (2, 1, "B2"),
    ]
    assert document.records["L"][0]["expire_date"] == date(2028, 8, 31)


def test_without_a_carrier_it_is_another() -> None:
    assert shipped(a_row(DRESS, "1", "1", FCarrierID__FNumber="")).head["logistics_code"] == "OTHER"


def test_the_status_of_the_site_for_defective_goods_is_defective() -> None:
    document = shipped(a_row(DRESS, "1", "1", FStockStatusID__FNumber="KCZT08_SYS"))
    assert document.records["L"][0]["inventory_type"] == "CC"


@pytest.mark.parametrize("status", ["KCZT99_SYS", ""])
def test_an_unknown_status_is_never_good(status: str) -> None:
    (fault,) = refused(a_row(DRESS, "1", "1", FStockStatusID__FNumber=status)).faults
    assert (fault.code, fault.line, fault.field) == ("E_INVTYPE", 1, "inventory_type")


@pytest.mark.parametrize(
    ("quantity", "code"), [("1.5", "E_QTY"), ("-1", "E_QTY"), ("many", "E_FIELD"), ("NaN", "E_FIELD")]
)
def test_what_is_no_number_of_pieces_is_refused_at_its_row(quantity: str, code: str) -> None:
    (fault,) = refused(a_row(DRESS, "1", "1"), a_row(SHOES, quantity, "2")).faults
    assert (fault.code, fault.line, fault.field) == (code, 2, "actual_qty")


def test_lines_without_our_number_are_filled_by_item_in_order() -> None:
    planned = (PlannedLine(1, DRESS, 1), PlannedLine(2, SHOES, 2), PlannedLine(3, DRESS, 5))
    document = shipped(
        a_row(DRESS, "1"),
        a_row(DRESS, "5"),
        a_row(SHOES, "2"),
        a_row("SWAPPED", "1"),
        order=Order("JFY", True, planned),
    )
    assert [row["line_no"] for row in document.records["L"]] == [1, 3, 2, 4]


def test_a_note_that_is_not_our_number_is_not_taken_for_one() -> None:
    document = shipped(a_row(SHOES, "2", "1"), a_row(DRESS, "1", "请轻放"))
    assert [row["line_no"] for row in document.records["L"]] == [2, 1]


def test_a_bill_for_two_orders_answers_both() -> None:
    both = decoded(
        "SAL_OUTSTOCK",
        a_row(DRESS, "1", "1"),
        a_row(SHOES, "1", "1", FSoorDerno="2611220002-b"),
        o2611220001=SALE,
        o2611220002_b=Order("JFY", final=False, lines=(PlannedLine(1, SHOES, 3),)),
    ).documents
    assert [(one.order_no, one.head["order_type"], one.head["confirm_type"], one.line_no) for one in both] == [
        ("2611220001", "SALE", 0, 1),
        ("2611220002-b", "RESEND", 1, 2),
    ]


def test_two_warehouses_answer_apart_and_the_last_one_ends_it() -> None:
    parts = decoded(
        "SAL_OUTSTOCK",
        a_row(DRESS, "1", "1"),
        a_row(SHOES, "2", "2", FStockID__FNumber="WH02"),
        o2611220001=SALE,
    ).documents
    assert [(one.head["warehouse_code"], one.head["out_biz_code"], one.head["confirm_type"]) for one in parts] == [
        ("WH01", "XSCKD000001/WH01", 1),
        ("WH02", "XSCKD000001/WH02", 0),
    ]


def test_an_excerpt_of_a_part_decodes_to_that_part() -> None:
    data = bill_file(
        "SAL_OUTSTOCK",
        [a_row(DRESS, "1", "1"), a_row(SHOES, "2", "2", FStockID__FNumber="WH02")],
        {"2611220001": SALE},
    )
    parts = CODEC.decode("SAL_OUTSTOCK-X.json", data).documents
    excerpts = CODEC.excerpts("x", data, {1, 2})
    assert [CODEC.decode("x", excerpts[line], vouched=True).documents for line in (1, 2)] == [[one] for one in parts]


def test_the_kind_of_an_order_is_in_its_number() -> None:
    (rejected,) = decoded(
        "SAL_OUTSTOCK", a_row(DRESS, "1", FSoorDerno="2611220001-c"), o2611220001_c=Order("JFY")
    ).rejected
    assert rejected.faults[0].code == "E_ROUTE"


def test_a_receipt_is_an_inbound_actual() -> None:
    row = {
        "FID": "300001",
        "FBillNo": "CGRK000001",
        "FApproveDate": "2026-11-26T14:11:09",
        "FPOOrderNo": "2611220002-c",
        "FStockId.FNumber": "WH01",
        "FMaterialId.FNumber": DRESS,
        "FUnitID.FNumber": "Pcs",
        "FEntryNote": "1",
    }
    order = Order("JFY", final=False, lines=(PlannedLine(1, DRESS, 200),))
    good = row | {"FRealQty": "190", "FStockStatusId.FNumber": "KCZT01_SYS"}
    bad = row | {"FRealQty": "5", "FStockStatusId.FNumber": "KCZT08_SYS"}
    (document,) = decoded("STK_InStock", good, bad, o2611220002_c=order).documents
    assert document.interface == "receipt_result"
    assert (document.head["order_type"], document.head["status"]) == ("PURCHASE", "PARTFULFILLED")
    assert document.head["received_at"] == datetime(2026, 11, 26, 6, 11, 9, tzinfo=UTC)
    assert [(row["actual_qty"], row["inventory_type"]) for row in document.records["L"]] == [(190, "ZP"), (5, "CC")]


RETURN = {
    "FID": "400001",
    "FBillNo": "XSTHD000001",
    "FApproveDate": "2026-11-30T16:45:00",
    "FStockId.FNumber": "WH01",
    "FMaterialId.FNumber": DRESS,
    "FRealQty": "1",
    "FStockStatusId.FNumber": "KCZT08_SYS",
}


@pytest.mark.parametrize(("order_no", "kind"), [("2611220001-t", "RETURN"), ("2611220001-h", "EXCHANGE")])
def test_goods_back_are_a_return_actual_with_their_grade(order_no: str, kind: str) -> None:
    file = bill_file("SAL_RETURNSTOCK", [RETURN | {"FSrcBillNo": order_no}], {order_no: Order("JFY")})
    (document,) = CODEC.decode("x", file).documents
    assert (document.interface, document.head["order_type"], document.order_no) == (
        "sales_return_result",
        kind,
        order_no,
    )
    assert document.records["L"] == [
        {"line_no": 1, "item_code": DRESS, "actual_qty": 1, "inventory_type": "CC", "defect_reason": "KCZT08_SYS"}
    ]


def test_goods_nobody_announced_go_by_the_number_of_their_bill() -> None:
    (document,) = CODEC.decode("x", bill_file("SAL_RETURNSTOCK", [RETURN], {"XSTHD000001": Order("JFY")})).documents
    assert (document.order_no, document.head["order_type"]) == ("XSTHD000001", "RETURN")


def test_goods_back_to_the_supplier_are_a_supplier_return_actual() -> None:
    row = {
        "FID": "500001",
        "FBillNo": "CGTL000001",
        "FApproveDate": "2026-11-25 11:02:00",
        "FSRCBillNo": "2611220005-gt",
        "FSTOCKID.FNumber": "WH01",
        "FSupplierID.FNumber": "VEN0007",
        "FMATERIALID.FNumber": DRESS,
        "FRMREALQTY": "18",
        "FStockStatusId.FNumber": "KCZT01_SYS",
        "FEntryNote": "1",
    }
    order = Order("JFY", final=True, lines=(PlannedLine(1, DRESS, 20),))
    (document,) = decoded("PUR_MRB", row, o2611220005_gt=order).documents
    assert document.interface == "supplier_return_result"
    assert document.head["supplier_code"] == "VEN0007"
    assert document.records["L"] == [
        {"line_no": 1, "item_code": DRESS, "plan_qty": 20, "actual_qty": 18, "inventory_type": "ZP"}
    ]


@pytest.mark.parametrize(
    ("form_id", "interface", "quantity", "time"),
    [
        ("STK_StockCountLoss", "ship_result", "FLossQty", "shipped_at"),
        ("STK_StockCountGain", "receipt_result", "FGainQty", "received_at"),
    ],
)
def test_a_count_is_the_actual_of_its_adjustment(form_id: str, interface: str, quantity: str, time: str) -> None:
    row = {
        "FID": "600001",
        "FBillNo": "2611220009-v",
        "FApproveDate": "2026-11-25T11:02:00",
        "FStockId.FNumber": "WH01",
        "FMaterialId.FNumber": DRESS,
        quantity: "2",
        "FStockStatusId.FNumber": "KCZT08_SYS",
    }
    (document,) = CODEC.decode("x", bill_file(form_id, [row], {"2611220009-v": Order("JFY")})).documents
    assert (document.interface, document.order_no) == (interface, "2611220009-v")
    assert document.head["order_type"] == "ADJUST"
    assert document.head[time] == datetime(2026, 11, 25, 3, 2, tzinfo=UTC)
    assert document.records["L"][0]["actual_qty"] == 2


def a_balance(**cells: str) -> dict[str, str]:
    row = {
        "FOwnerId.FNumber": "100",
        "FMaterialId.FNumber": DRESS,
        "FStockStatusId.FNumber": "KCZT01_SYS",
        "FBaseUnitId.FNumber": "Pcs",
        "FBaseQty": "123.0000000000",
        "FBaseLockQty": "3",
    }
    return {key: cell for key, cell in (row | cells).items() if cell}


def counted(*rows: Mapping[str, str]) -> Decoded:
    return CODEC.decode("x", stock_file("STK_Inventory", rows, warehouse_code="WH01", owner_code="JFY", at=NIGHT))


def test_balances_of_a_warehouse_are_one_full_snapshot() -> None:
    (document,) = counted(
        a_balance(), a_balance(**{"FStockStatusId.FNumber": "KCZT08_SYS", "FBaseLockQty": ""})
    ).documents
    assert document == Document(
        "inventory_balance",
        {
            "snapshot_id": "K3-WH01-20261122003000",
            "snapshot_at": NIGHT,
            "scope": "FULL",
            "warehouse_code": "WH01",
            "page": 1,
            "total_page": 1,
            "line_count": 2,
        },
        {
            "B": [
                {
                    "warehouse_code": "WH01",
                    "owner_code": "JFY",
                    "item_code": DRESS,
                    "inventory_type": "ZP",
                    "qty": 120,
                    "lock_qty": 3,
                    "total_qty": 123,
                    "unit": "Pcs",
                },
                {
                    "warehouse_code": "WH01",
                    "owner_code": "JFY",
                    "item_code": DRESS,
                    "inventory_type": "CC",
                    "qty": 123,
                    "lock_qty": 0,
                    "total_qty": 123,
                    "unit": "Pcs",
                },
            ]
        },
    )


def test_one_bad_balance_rejects_the_whole_snapshot() -> None:
    made = counted(a_balance(), a_balance(FBaseQty="1.5"))
    assert not made.documents
    assert {(fault.code, fault.line) for fault in made.rejected[0].faults} == {("E_QTY", 2)}


def test_the_header_says_when_and_whose() -> None:
    header = decoded("SAL_OUTSTOCK", a_row(DRESS, "1", "1"), o2611220001=SALE).header
    assert (header.interface, header.owner_code, header.message_id) == ("ship_result", "JFY", "SAL_OUTSTOCK-X")
    assert header.created_at == datetime(2026, 11, 22, 7, 20, 31, 457000, tzinfo=UTC)


def test_blank_cells_are_absent() -> None:
    assert texts(("A", "B", "C", "D"), ["x ", None, "", Decimal("1.50")]) == {"A": "x", "D": "1.50"}


def test_numbers_are_read_without_exponent() -> None:
    assert texts(("A", "B"), [Decimal("0.0000000000"), 7]) == {"A": "0.0000000000", "B": "7"}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"form_id":"X","orders":{},"rows":[]}', b'{"form_id":1}'])
def test_what_is_no_such_file_is_rejected(data: bytes) -> None:
    with pytest.raises(FileRejected):
        CODEC.decode("x", data)


def test_the_same_rows_make_the_same_bytes() -> None:
    rows: list[Any] = [dict(reversed(list(a_row(DRESS, "1").items()))), a_row(DRESS, "1")]
    first, second = (bill_file("SAL_OUTSTOCK", [row], {"2611220001": SALE}) for row in rows)
    assert first == second
