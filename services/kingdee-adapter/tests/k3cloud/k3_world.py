"""Documents of ours, and a site to post them to."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from kingdee_adapter.k3cloud.forms import load
from kingdee_adapter.k3cloud.site import Site
from lemai_docking.documents import Document, Value

SITE = Site(org="100", stores={"聚芳永旗舰店": "TM-JFY-01"})
FORMS = load(SITE)
NIGHT = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
"""Half past midnight of the 22nd in China."""
DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"


def a_sale(**head: Value) -> Document:
    """Interface 1, the order of the reference's sample file."""
    whole: dict[str, Value] = {
        "order_no": "2611220001",
        "order_type": "SALE",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "platform_code": "TM",
        "platform_order_no": "3021456789012345678",
        "shop_code": "TM-JFY-01",
        "shop_name": "聚芳永旗舰店",
        "created_at": NIGHT,
        "placed_at": NIGHT,
        "audited_at": NIGHT,
        "total_amount": Decimal("129.00"),
        "item_amount": Decimal("139.00"),
        "logistics_code": "SF",
        "latest_ship_at": datetime(2026, 11, 24, 1, 31, 2, tzinfo=UTC),
        "buyer_message": "送货前请电联",
        "receiver_name": "张三",
        "receiver_mobile": "13800000000",
        "receiver_province": "浙江省",
        "receiver_city": "杭州市",
        "receiver_area": "余杭区",
        "receiver_town": "五常街道",
        "receiver_address": "文一西路969号",
    }
    lines: list[dict[str, Any]] = [
        {
            "line_no": 1,
            "item_code": DRESS,
            "plan_qty": 1,
            "unit": "Pcs",
            "inventory_type": "ZP",
            "actual_price": Decimal("69.00"),
            "line_amount": Decimal("69.00"),
            "is_gift": "N",
        },
        {
            "line_no": 2,
            "item_code": SHOES,
            "plan_qty": 2,
            "inventory_type": "ZP",
            "actual_price": Decimal("35.123456"),
            "line_amount": Decimal("70.25"),
            "is_gift": "Y",
        },
    ]
    return Document("deliver_order", whole | head, {"L": lines})


def a_purchase(**head: Value) -> Document:
    """Interface 5."""
    whole: dict[str, Value] = {
        "order_no": "2611220002-c",
        "order_type": "PURCHASE",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "supplier_code": "VEN0007",
        "created_at": NIGHT,
        "expect_start_at": datetime(2026, 11, 26, 1, 0, tzinfo=UTC),
        "expect_end_at": datetime(2026, 11, 26, 10, 0, tzinfo=UTC),
    }
    line: dict[str, Any] = {
        "line_no": 1,
        "item_code": DRESS,
        "plan_qty": 200,
        "unit": "Pcs",
        "inventory_type": "ZP",
        "purchase_price": Decimal("32.50"),
        "tax_rate": Decimal(13),
    }
    return Document("receipt_order", whole | head, {"L": [line]})


def a_return(**head: Value) -> Document:
    """Interface 7."""
    whole: dict[str, Value] = {
        "order_no": "2611220001-t",
        "order_type": "RETURN",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "original_order_no": "2611220001",
        "shop_name": "聚芳永旗舰店",
        "return_reason": "SEVEN_DAY",
        "created_at": NIGHT,
        "sender_name": "张三",
        "sender_mobile": "13800000000",
    }
    line: dict[str, Any] = {"line_no": 1, "item_code": DRESS, "plan_qty": 1, "unit": "Pcs", "original_line_no": 1}
    return Document("sales_return_order", whole | head, {"L": [line]})


def a_supplier_return(**head: Value) -> Document:
    """Interface 3."""
    whole: dict[str, Value] = {
        "order_no": "2611220005-gt",
        "order_type": "SUPPLIER_RETURN",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "supplier_code": "VEN0007",
        "created_at": NIGHT,
        "schedule_date": date(2026, 11, 25),
        "return_reason": "季末尾货",
    }
    lines: list[dict[str, Any]] = [
        {"line_no": 1, "item_code": DRESS, "plan_qty": 20, "inventory_type": "ZP", "purchase_price": Decimal("32.50")},
        {"line_no": 2, "item_code": SHOES, "plan_qty": 4, "inventory_type": "CC", "batch_code": "B1"},
    ]
    return Document("supplier_return_order", whole | head, {"L": lines})


def a_loss(**head: Value) -> Document:
    """Interface 1 for -v."""
    whole = {"order_no": "2611220009-v", "order_type": "ADJUST", "warehouse_code": "WH01", "owner_code": "JFY"}
    return Document("deliver_order", {**whole, "created_at": NIGHT, **head}, {"L": [_counted(2)]})


def a_gain(**head: Value) -> Document:
    """Interface 5 for -v."""
    return replace(a_loss(**head), interface="receipt_order")


def an_item(**head: Value) -> Document:
    """Interface 9."""
    whole: dict[str, Value] = {
        "action_type": "ADD",
        "owner_code": "JFY",
        "warehouse_code": "OTHER",
        "item_code": DRESS,
        "item_name": "婴儿连体衣",
        "bar_code": "6901234567892",
        "sku_property": "红色;90cm",
        "unit": "Pcs",
        "category_code": "CLS01",
        "item_type": "ZC",
        "gross_weight": Decimal("0.210"),
        "is_batch_mgmt": "N",
        "is_sn_mgmt": "N",
        "is_shelf_life_mgmt": "N",
        "remark": "面料100%棉",
    }
    return Document("item_master", whole | head)


def _counted(quantity: int) -> dict[str, Any]:
    return {"line_no": 1, "item_code": DRESS, "plan_qty": quantity, "unit": "Pcs", "inventory_type": "CC"}
