"""Every kind of document as the Model that is saved, to the letter (reference §3.4, §3.6)."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from k3_world import (
    DRESS,
    FORMS,
    NIGHT,
    SHOES,
    SITE,
    a_gain,
    a_loss,
    a_purchase,
    a_return,
    a_sale,
    a_supplier_return,
    an_item,
)

from kingdee_adapter.k3cloud.bills import Posting, posting
from kingdee_adapter.k3cloud.domain import PlannedLine
from kingdee_adapter.k3cloud.forms import load
from lemai_docking.documents import Document
from lemai_docking.faults import DocumentRefused, Fault

ORG = {"FNumber": "100"}


def posted(document: Document) -> Posting:
    return posting(FORMS, SITE, document)


def model(document: Document) -> dict[str, Any]:
    """The Model as text, so that the order of its keys counts."""
    saved: dict[str, Any] = json.loads(posted(document).body)["data"]["Model"]
    return saved


def in_order(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def faults_of(document: Document) -> Sequence[Fault]:
    with pytest.raises(DocumentRefused) as caught:
        posted(document)
    return caught.value.faults


def test_a_sale_is_a_sales_order() -> None:
    assert posted(a_sale()).form_id == "SAL_SaleOrder"
    assert in_order(model(a_sale())) == in_order(
        {
            "FID": 0,
            "FBillTypeID": {"FNUMBER": "XSDD01_SYS"},
            "FBillNo": "2611220001",
            "FDate": "2026-11-22",
            "FSaleOrgId": ORG,
            "FCustId": {"FNumber": "TM-JFY-01"},
            "FLinkMan": "张三",
            "FLinkPhone": "13800000000",
            "FReceiveAddress": "浙江省杭州市余杭区五常街道文一西路969号",
            "FNote": "送货前请电联",
            "FSaleOrderEntry": [
                {
                    "FMaterialId": {"FNumber": DRESS},
                    "FUnitId": {"FNumber": "Pcs"},
                    "FQty": "1",
                    "FTaxPrice": "69.00",
                    "FEntryTaxRate": "13",
                    "FIsFree": False,
                    "FDeliveryDate": "2026-11-24",
                    "FStockId": {"FNumber": "WH01"},
                    "FEntryNote": "1",
                },
                {
                    "FMaterialId": {"FNumber": SHOES},
                    "FUnitId": {"FNumber": "Pcs"},
                    "FQty": "2",
                    "FTaxPrice": "35.123456",
                    "FEntryTaxRate": "13",
                    "FIsFree": True,
                    "FDeliveryDate": "2026-11-24",
                    "FStockId": {"FNumber": "WH01"},
                    "FEntryNote": "2",
                },
            ],
        }
    )


def test_the_outgoing_leg_of_an_exchange_is_a_sales_order() -> None:
    exchange = posted(a_sale(order_no="2611220001-h", order_type="EXCHANGE"))
    assert (exchange.form_id, exchange.number) == ("SAL_SaleOrder", "2611220001-h")


def test_a_resend_is_a_sales_order_that_costs_nothing() -> None:
    resend = a_sale(order_no="2611220001-b", order_type="RESEND")
    sale = model(a_sale())
    free = [line | {"FIsFree": True} for line in sale["FSaleOrderEntry"]]
    assert in_order(model(resend)) == in_order(sale | {"FBillNo": "2611220001-b", "FSaleOrderEntry": free})


def test_a_purchase_is_a_purchase_order() -> None:
    assert posted(a_purchase()).form_id == "PUR_PurchaseOrder"
    assert in_order(model(a_purchase())) == in_order(
        {
            "FID": 0,
            "FBillTypeID": {"FNUMBER": "CGDD01_SYS"},
            "FBillNo": "2611220002-c",
            "FDate": "2026-11-22",
            "FPurchaseOrgId": ORG,
            "FSupplierId": {"FNumber": "VEN0007"},
            "FPOOrderEntry": [
                {
                    "FMaterialId": {"FNumber": DRESS},
                    "FUnitId": {"FNumber": "Pcs"},
                    "FQty": "200",
                    "FTaxPrice": "32.50",
                    "FEntryTaxRate": "13",
                    "FDeliveryDate": "2026-11-26",
                    "FGiveAway": False,
                    "FStockId": {"FNumber": "WH01"},
                    "FEntryNote": "1",
                }
            ],
        }
    )


@pytest.mark.parametrize(("order_no", "order_type"), [("2611220001-t", "RETURN"), ("2611220001-h", "EXCHANGE")])
def test_goods_from_a_customer_are_a_return_notice(order_no: str, order_type: str) -> None:
    document = a_return(order_no=order_no, order_type=order_type)
    assert posted(document).form_id == "SAL_RETURNNOTICE"
    assert in_order(model(document)) == in_order(
        {
            "FID": 0,
            "FBillTypeID": {"FNUMBER": "THTZD01_SYS"},
            "FBillNo": order_no,
            "FDate": "2026-11-22",
            "FSaleOrgId": ORG,
            "FRetcustId": {"FNumber": "TM-JFY-01"},
            "FRetorgId": ORG,
            "FDescription": "SEVEN_DAY",
            "FLinkMan": "张三",
            "FLinkPhone": "13800000000",
            "FEntity": [
                {
                    "FMaterialId": {"FNumber": DRESS},
                    "FUnitID": {"FNumber": "Pcs"},
                    "FQty": "1",
                    "FStockId": {"FNumber": "WH01"},
                    "FStockStatusId": {"FNumber": "KCZT01_SYS"},
                    "FOrderNo": "2611220001",
                    "FEntryNote": "1",
                }
            ],
        }
    )


def test_a_supplier_return_is_a_return_application() -> None:
    assert posted(a_supplier_return()).form_id == "PUR_MRAPP"
    assert in_order(model(a_supplier_return())) == in_order(
        {
            "FID": 0,
            "FBillTypeID": {"FNUMBER": "TLSQDD01_SYS"},
            "FBillNo": "2611220005-gt",
            "FDate": "2026-11-22",
            "FAPPORGID": ORG,
            "FRequireOrgId": ORG,
            "FRMTYPE": "B",
            "FRMMODE": "A",
            "FPURCHASEORGID": ORG,
            "FSUPPLIERID": {"FNumber": "VEN0007"},
            "FDESCRIPTION": "季末尾货",
            "FEntity": [
                {
                    "FMATERIALID": {"FNumber": DRESS},
                    "FUNITID": {"FNumber": "Pcs"},
                    "FMRAPPQTY": "20",
                    "FREPLENISHQTY": "20",
                    "FKEAPAMTQTY": "20",
                    "FSTOCKID": {"FNumber": "WH01"},
                    "FStockStatusId": {"FNumber": "KCZT01_SYS"},
                    "FTAXPRICE": "32.50",
                    "FENTRYTAXRATE": "13",
                    "FEntryNote": "1",
                },
                {
                    "FMATERIALID": {"FNumber": SHOES},
                    "FUNITID": {"FNumber": "Pcs"},
                    "FMRAPPQTY": "4",
                    "FREPLENISHQTY": "4",
                    "FKEAPAMTQTY": "4",
                    "FSTOCKID": {"FNumber": "WH01"},
                    "FStockStatusId": {"FNumber": "KCZT08_SYS"},
                    "FENTRYTAXRATE": "13",
                    "FLot": {"FNumber": "B1"},
                    "FEntryNote": "2",
                },
            ],
        }
    )


@pytest.mark.parametrize(
    ("document", "form_id", "bill_type", "quantity"),
    [
        (a_loss(), "STK_StockCountLoss", "PK01_SYS", "FLossQty"),
        (a_gain(), "STK_StockCountGain", "PY01_SYS", "FGainQty"),
    ],
)
def test_an_adjustment_is_a_counted_loss_or_gain(
    document: Document, form_id: str, bill_type: str, quantity: str
) -> None:
    assert posted(document).form_id == form_id
    assert in_order(model(document)) == in_order(
        {
            "FID": 0,
            "FBillTypeID": {"FNUMBER": bill_type},
            "FBillNo": "2611220009-v",
            "FDate": "2026-11-22",
            "FStockOrgId": ORG,
            "FBillEntry": [
                {
                    "FMaterialId": {"FNumber": DRESS},
                    "FUnitID": {"FNumber": "Pcs"},
                    "FStockId": {"FNumber": "WH01"},
                    "FStockStatusId": {"FNumber": "KCZT08_SYS"},
                    quantity: "2",
                    "FOwnerTypeId": "BD_OwnerOrg",
                    "FOwnerId": ORG,
                    "FKeeperTypeId": "BD_KeeperOrg",
                    "FKeeperId": ORG,
                    "FEntryNote": "1",
                }
            ],
        }
    )


def test_an_item_is_a_material() -> None:
    assert (posted(an_item()).form_id, posted(an_item()).number) == ("BD_MATERIAL", DRESS)
    assert in_order(model(an_item())) == in_order(
        {
            "FMATERIALID": 0,
            "FCreateOrgId": ORG,
            "FUseOrgId": ORG,
            "FNumber": DRESS,
            "FName": "婴儿连体衣",
            "FSpecification": "红色;90cm",
            "FMaterialGroup": {"FNumber": "CLS01"},
            "FDescription": "面料100%棉",
            "SubHeadEntity": {
                "FErpClsID": "1",
                "FCategoryID": {"FNumber": "CHLB01_SYS"},
                "FBaseUnitId": {"FNumber": "Pcs"},
                "FIsPurchase": True,
                "FIsSale": True,
                "FIsInventory": True,
                "FBARCODE": "6901234567892",
                "FGROSSWEIGHT": "0.210",
            },
            "SubHeadEntity1": {
                "FStoreUnitID": {"FNumber": "Pcs"},
                "FIsBatchManage": False,
                "FIsKFPeriod": False,
                "FIsSNManage": False,
            },
        }
    )


def test_items_may_belong_to_another_organisation() -> None:
    site = SITE.model_copy(update={"item_org": "1"})
    saved = json.loads(posting(FORMS, site, an_item()).body)["data"]["Model"]
    assert (saved["FCreateOrgId"], saved["FUseOrgId"]) == ({"FNumber": "1"}, {"FNumber": "1"})
    assert site.allocated_to == ("100",)
    assert SITE.allocated_to == ()


def test_a_note_longer_than_the_form_allows_is_cut() -> None:
    assert model(a_sale(buyer_message="请" * 256))["FNote"] == "请" * 254 + "…"
    assert model(a_sale(buyer_message="请" * 255))["FNote"] == "请" * 255


def test_the_request_asks_to_check_and_to_refuse_the_same_twice() -> None:
    request = json.loads(posted(a_sale()).body)
    del request["data"]["Model"]
    assert request == {
        "formid": "SAL_SaleOrder",
        "data": {
            "NeedReturnFields": ["FBillNo"],
            "IsDeleteEntry": "true",
            "IsVerifyBaseDataField": "true",
            "ValidateRepeatJson": "true",
            "IsControlPrecision": "true",
            "InterationFlags": "",
        },
    }


def test_a_site_may_let_stock_go_below_zero() -> None:
    site = SITE.model_copy(update={"negative_stock": True})
    assert json.loads(posting(FORMS, site, a_sale()).body)["data"]["InterationFlags"] == "STK_InvCheckResult"


def test_a_posting_knows_its_lines_and_needs_its_items() -> None:
    made = posted(a_sale())
    assert made.lines == (PlannedLine(1, DRESS, 1), PlannedLine(2, SHOES, 2))
    assert made.needs == (DRESS, SHOES)
    assert posted(an_item()).needs == ()


def test_codes_of_the_site_replace_ours() -> None:
    site = SITE.model_copy(
        update={"warehouses": {"WH01": "CK001"}, "customers": {"TM-JFY-01": "CUST01"}, "owners": {"JFY": "200"}}
    )
    saved = json.loads(posting(FORMS, site, a_sale()).body)["data"]["Model"]
    assert saved["FSaleOrgId"] == {"FNumber": "200"}
    assert saved["FCustId"] == {"FNumber": "CUST01"}
    assert saved["FSaleOrderEntry"][0]["FStockId"] == {"FNumber": "CK001"}


def test_a_number_longer_than_its_form_allows_is_refused() -> None:
    order_no = "1" * 31
    assert faults_of(a_sale(order_no=order_no)) == [
        Fault("E_FIELD", 0, "order_no", order_no, "≤ 30 字符/characters (SAL_SaleOrder.FBillNo)")
    ]


def test_a_site_with_longer_numbers_takes_it() -> None:
    forms = load(SITE.model_copy(update={"number_max": {"SAL_SaleOrder": 80}}))
    assert posting(forms, SITE, a_sale(order_no="1" * 31)).number == "1" * 31


def test_stock_of_a_type_the_site_has_no_status_for_is_refused() -> None:
    loss = a_loss()
    frozen = replace(loss, records={"L": [{**loss.records["L"][0], "inventory_type": "DJ"}]})
    assert faults_of(frozen) == [Fault("E_INVTYPE", 0, "inventory_type", "DJ", "statuses")]


def test_an_item_is_not_disabled_from_here() -> None:
    (fault,) = faults_of(an_item(action_type="DISABLE"))
    assert (fault.code, fault.field, fault.value) == ("E_FIELD", "action_type", "DISABLE")


def test_dates_are_those_of_china() -> None:
    assert NIGHT.date().isoformat() == "2026-11-21"
    assert model(a_sale())["FDate"] == "2026-11-22"


def test_small_prices_are_written_without_exponent() -> None:
    sale = a_sale()
    cheap = replace(sale, records={"L": [{**sale.records["L"][0], "actual_price": Decimal("0.0000001")}]})
    assert model(cheap)["FSaleOrderEntry"][0]["FTaxPrice"] == "0.0000001"
