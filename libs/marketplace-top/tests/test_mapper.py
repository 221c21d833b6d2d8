import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_marketplace.types import (
    Charge,
    ChargeKind,
    Hold,
    LineKind,
    Malformed,
    Parcel,
    ParcelLine,
    RefundStatus,
    Trade,
    TradeStatus,
)
from lemai_marketplace_top.mapper import parcels, read, trade

PAGE = Path(__file__).parent / "gateways" / "sold_increment_page.json"


def recorded(index: int) -> dict[str, Any]:
    page = json.loads(PAGE.read_text(encoding="utf-8"))
    row: dict[str, Any] = page["trades_sold_increment_get_response"]["trades"]["trade"][index]
    return row


def a_row(*orders: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A trade to ship of one line for 100.00 unless said otherwise."""
    return {
        "tid": 1,
        "status": "WAIT_SELLER_SEND_GOODS",
        "created": "2026-01-15 09:00:00",
        "modified": "2026-01-15 09:00:00",
        "payment": "100.00",
        "orders": {"order": list(orders) or [an_order()]},
        **fields,
    }


def an_order(**fields: Any) -> dict[str, Any]:
    return {
        "oid": 1,
        "status": "WAIT_SELLER_SEND_GOODS",
        "num_iid": 7,
        "num": 1,
        "price": "100.00",
        "divide_order_fee": "100.00",
        **fields,
    }


def test_a_recorded_trade_is_read_whole() -> None:
    got = trade(recorded(0))

    assert (got.trade_no, got.status, got.holds) == (
        "2871001234567890123",
        TradeStatus.TO_SHIP,
        frozenset(),
    )
    assert got.created_at == datetime(2025, 12, 31, 15, 58, tzinfo=UTC)
    assert got.paid_at == datetime(2025, 12, 31, 16, 0, 5, tzinfo=UTC)
    assert got.ship_by == datetime(2026, 1, 3, 15, 59, 59, tzinfo=UTC)
    assert got.version == 1767196806000
    assert (got.currency, got.buyer_paid_minor) == ("CNY", 26200)
    assert got.charges == (Charge(ChargeKind.FREIGHT, 1200),)
    assert [line.paid_minor for line in got.lines] == [16000, 9000, 0]
    assert got.buyer_note == "请尽快发货，谢谢 & 祝好"
    assert got.raw == recorded(0)


def test_its_lines_carry_both_sides_codes() -> None:
    line, bound, gift = trade(recorded(0)).lines

    assert (line.line_id, line.platform_item_id) == ("2871001234567890124", "620000000001")
    assert (line.platform_sku_id, line.merchant_sku) == ("4400000000011", "GB-TS-001-R-90")
    assert (line.kind, line.quantity, line.unit_price_minor) == (LineKind.GOODS, 2, 10000)
    assert bound.ship_with == ("2871001234567890124",)
    assert (gift.kind, gift.line_id, gift.quantity) == (LineKind.GIFT, "gift:mjs-78:620000000099", 2)


def test_its_consignee_is_masked_and_carries_the_token() -> None:
    consignee = trade(recorded(0)).consignee

    assert (consignee.name, consignee.phone, consignee.address) == ("王**", "*******1234", "中***")
    assert (consignee.province, consignee.city, consignee.district) == ("江苏省", "昆山市", "")
    assert consignee.token == "1kZ9Vh2cUqX0"


def test_a_trade_that_cannot_be_read_comes_with_its_raw_body_and_the_reason() -> None:
    assert read(recorded(1)) == Malformed("2871001234567890200", recorded(1), "payment = 'twelve'")


def test_a_row_that_no_mapping_foresaw_is_its_own_trouble() -> None:
    row = a_row() | {"orders": {"order": [a_row()["orders"]["order"][0] | {"num": "9" * 5000}]}}

    got = read(row)

    assert isinstance(got, Malformed)
    assert got.reason.startswith("ValueError: ")


@pytest.mark.parametrize("missing", ["tid", "status", "created", "modified", "payment", "orders"])
def test_a_trade_without_what_matters_is_malformed(missing: str) -> None:
    row = a_row()
    del row[missing]

    got = read(row)

    assert isinstance(got, Malformed)
    assert missing in got.reason


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("TRADE_NO_CREATE_PAY", TradeStatus.UNPAID),
        ("WAIT_BUYER_PAY", TradeStatus.UNPAID),
        ("PAY_PENDING", TradeStatus.UNPAID),
        ("WAIT_PRE_AUTH_CONFIRM", TradeStatus.UNPAID),
        ("PAID_FORBID_CONSIGN", TradeStatus.PAID_HELD),
        ("WAIT_SELLER_SEND_GOODS", TradeStatus.TO_SHIP),
        ("SELLER_CONSIGNED_PART", TradeStatus.PARTLY_SHIPPED),
        ("WAIT_BUYER_CONFIRM_GOODS", TradeStatus.SHIPPED),
        ("TRADE_BUYER_SIGNED", TradeStatus.SHIPPED),
        ("TRADE_FINISHED", TradeStatus.COMPLETED),
        ("TRADE_CLOSED", TradeStatus.CANCELLED),
        ("TRADE_CLOSED_BY_TAOBAO", TradeStatus.CANCELLED),
        ("TRADE_INVENTED_TOMORROW", TradeStatus.UNKNOWN),
    ],
)
def test_each_status_has_one_meaning_and_keeps_its_word(raw: str, expected: TradeStatus) -> None:
    got = trade(a_row(an_order(status=raw), status=raw))

    assert (got.status, got.raw_status) == (expected, raw)
    assert (got.lines[0].status, got.lines[0].raw_status) == (expected, raw)


def test_a_paid_deposit_holds_the_trade() -> None:
    got = trade(recorded(2))

    assert (got.status, got.raw_status, got.holds) == (
        TradeStatus.PAID_HELD,
        "WAIT_BUYER_PAY",
        frozenset({Hold.PRESALE}),
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("FRONT_NOPAID_FINAL_NOPAID", TradeStatus.PAID_HELD),
        ("FRONT_PAID_FINAL_NOPAID", TradeStatus.PAID_HELD),
        ("FRONT_PAID_FINAL_PAID", TradeStatus.TO_SHIP),
    ],
)
def test_a_presale_is_to_ship_only_when_all_is_paid(step: str, expected: TradeStatus) -> None:
    assert trade(a_row(step_trade_status=step)).status is expected


def test_a_forbidden_trade_is_held_by_the_platform_and_its_open_refund() -> None:
    assert trade(recorded(3)).holds == {Hold.PLATFORM, Hold.REFUND}
    assert trade(a_row(is_sh_ship=True)).holds == {Hold.PLATFORM}


@pytest.mark.parametrize(
    ("raw", "expected", "holds"),
    [
        ("NO_REFUND", None, set()),
        ("WAIT_SELLER_AGREE", RefundStatus.REQUESTED, {Hold.REFUND}),
        ("WAIT_BUYER_RETURN_GOODS", RefundStatus.AWAIT_BUYER_RETURN, {Hold.REFUND}),
        ("WAIT_SELLER_CONFIRM_GOODS", RefundStatus.AWAIT_SELLER_RECEIPT, {Hold.REFUND}),
        ("SELLER_REFUSE_BUYER", RefundStatus.REJECTED, set()),
        ("SUCCESS", RefundStatus.SUCCEEDED, set()),
        ("CLOSED", RefundStatus.WITHDRAWN, set()),
        ("NEW_KIND_OF_REFUND", RefundStatus.UNKNOWN, {Hold.REFUND}),
    ],
)
def test_an_undecided_refund_of_a_line_to_ship_is_a_hold(
    raw: str, expected: RefundStatus | None, holds: set[Hold]
) -> None:
    got = trade(a_row(an_order(refund_status=raw)))

    assert got.lines[0].refund_status == expected
    assert got.holds == holds


def test_a_refund_of_a_line_that_is_closed_holds_nothing() -> None:
    closed = an_order(oid=2, status="TRADE_CLOSED", refund_status="WAIT_SELLER_AGREE")

    assert trade(a_row(an_order(), closed, payment="200.00")).holds == frozenset()


def test_the_only_line_pays_the_trade_less_freight() -> None:
    order = an_order(divide_order_fee=None, payment="112.00")

    got = trade(a_row(order, payment="112.00", post_fee="12.00"))

    assert got.lines[0].paid_minor == 10000
    assert got.charges == (Charge(ChargeKind.FREIGHT, 1200),)


def test_lines_without_a_share_pay_their_payment_less_their_part_of_the_discount() -> None:
    one = an_order(oid=1, divide_order_fee=None, payment="60.00", part_mjz_discount="6.00")
    other = an_order(oid=2, divide_order_fee=None, payment="40.00", part_mjz_discount="4.00")

    got = trade(a_row(one, other, payment="102.00", post_fee="12.00"))

    assert [line.paid_minor for line in got.lines] == [5400, 3600]
    assert got.charges == (Charge(ChargeKind.FREIGHT, 1200),)


def test_a_fen_lost_in_sharing_is_rounding_and_more_is_unexplained() -> None:
    assert trade(a_row(payment="100.01")).charges == (Charge(ChargeKind.ROUNDING, 1),)
    assert trade(a_row(payment="98.00")).charges == (Charge(ChargeKind.UNEXPLAINED, -200),)


amounts = st.integers(0, 10**9).map(lambda units: f"{units // 100}.{units % 100:02d}")


@given(payment=amounts, freight=amounts, shares=st.lists(amounts, min_size=1, max_size=5))
def test_lines_and_charges_always_add_up_to_what_the_buyer_paid(payment: str, freight: str, shares: list[str]) -> None:
    orders = [an_order(oid=number, divide_order_fee=share) for number, share in enumerate(shares, 1)]

    got = trade(a_row(*orders, payment=payment, post_fee=freight))

    paid = sum(line.paid_minor for line in got.lines) + sum(charge.amount_minor for charge in got.charges)
    assert paid == got.buyer_paid_minor


def test_gifts_and_services_are_no_goods() -> None:
    free = an_order(oid=2, price="0.00", divide_order_fee="0.00")
    marked = an_order(oid=3, is_free_gift=True, divide_order_fee="0.00")
    installing = an_order(oid=4, is_service_order=True, divide_order_fee="0.00")
    service = {"oid": 5, "service_id": 88, "title": "上门安装", "num": 1, "price": "30.00", "payment": "30.00"}

    got = trade(
        a_row(
            an_order(),
            free,
            marked,
            installing,
            payment="130.00",
            service_orders={"service_order": [service]},
        )
    )

    assert [line.kind for line in got.lines] == [
        LineKind.GOODS,
        LineKind.GIFT,
        LineKind.GIFT,
        LineKind.SERVICE,
        LineKind.SERVICE,
    ]
    assert (got.lines[4].platform_item_id, got.lines[4].paid_minor) == ("88", 3000)
    assert got.charges == ()


def test_an_item_without_skus_has_none() -> None:
    line = trade(recorded(2)).lines[0]

    assert (line.platform_sku_id, line.merchant_sku) == (None, "GB-BX-200")


def test_lines_in_one_parcel_are_read_back_as_one_parcel() -> None:
    sent = {"logistics_company": "顺丰速运", "invoice_no": "SF1400123456789"}

    row = a_row(an_order(**sent, num=2), an_order(oid=2, **sent), an_order(oid=3))

    assert parcels(row) == [Parcel("SF", "SF1400123456789", (ParcelLine("1", 2), ParcelLine("2", 1)))]


def test_a_line_in_two_parcels_is_read_back_where_the_platform_details_it() -> None:
    details = [
        {
            "sub_order_id": "1",
            "logistics_company": "顺丰速运",
            "invoice_no": "SF1400123456789",
            "send_goods_details": {"send_goods_detail": [{"amount": 2}]},
        },
        {
            "sub_order_id": "1",
            "logistics_company": "某同城",
            "invoice_no": "TC1",
            "send_goods_details": {"send_goods_detail": [{"amount": 1}]},
        },
    ]
    row = a_row(
        an_order(num=3, logistics_company="某同城", invoice_no="TC1"),
        combine_logistics_details={"combine_logistics_detail": details},
    )

    assert parcels(row) == [
        Parcel("SF", "SF1400123456789", (ParcelLine("1", 2),)),
        Parcel("某同城", "TC1", (ParcelLine("1", 1),)),
    ]


def test_every_recorded_trade_is_delivered_readable_or_not() -> None:
    got = [read(recorded(index)) for index in range(4)]

    assert [isinstance(each, Trade) for each in got] == [True, False, True, True]
