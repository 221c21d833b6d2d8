"""What a trade of the plugin kit becomes on the wire."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lemai_chassis.keyring import SealedValue
from lemai_chassis.reference import Store
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.text import UnfitText
from lemai_marketplace.types import (
    Charge,
    ChargeKind,
    Hold,
    LineKind,
    MaskedConsignee,
    RefundStatus,
    Trade,
    TradeLine,
    TradeStatus,
)
from marketplace_adapter.mapper import fitted, sealed_consignee, trade_changed

STORE = Store(code="TM-01", platform="tmall", owners=("JFY",), warehouse="WH01", carrier="SF")
SHOWN = MaskedConsignee(
    name="张**",
    phone="*******8000",
    province="浙江省",
    city="杭州市",
    district="余杭区",
    town="五常街道",
    address="文***",
    postcode="311121",
    token="1a2b3c",
)
SEALED = SealedValue("key 1", "c2VhbGVk")


def a_line(line_id: str, kind: LineKind = LineKind.GOODS, paid_minor: int = 0, quantity: int = 1) -> TradeLine:
    return TradeLine(
        line_id=line_id,
        kind=kind,
        platform_item_id="620000000001",
        platform_sku_id=None if kind is not LineKind.GOODS else "62000000000101",
        merchant_sku="JFY-0101" if kind is LineKind.GOODS else None,
        title=f"商品{line_id}",
        quantity=quantity,
        unit_price_minor=paid_minor // quantity,
        paid_minor=paid_minor,
        status=TradeStatus.TO_SHIP,
        raw_status="WAIT_SELLER_SEND_GOODS",
        refund_status=RefundStatus.REQUESTED if line_id == "2" else None,
        ship_with=(),
    )


TRADE = Trade(
    trade_no="3021456789012345678",
    version=1_768_440_665_000,
    status=TradeStatus.TO_SHIP,
    raw_status="WAIT_SELLER_SEND_GOODS",
    holds=frozenset({Hold.REFUND, Hold.PLATFORM}),
    created_at=datetime(2026, 1, 15, 1, 30, 5, tzinfo=UTC),
    paid_at=datetime(2026, 1, 15, 1, 31, 5, tzinfo=UTC),
    modified_at=datetime(2026, 1, 15, 1, 31, 5, tzinfo=UTC),
    ship_by=datetime(2026, 1, 17, 1, 31, 5, tzinfo=UTC),
    currency="CNY",
    buyer_paid_minor=25_897,
    charges=(Charge(ChargeKind.FREIGHT, 1_200), Charge(ChargeKind.ROUNDING, -1)),
    lines=(
        a_line("1", paid_minor=6_666, quantity=2),
        a_line("2", paid_minor=13_032),
        a_line("gift:p:77", LineKind.GIFT),
        a_line("3", LineKind.SERVICE, paid_minor=5_000),
    ),
    consignee=SHOWN,
    buyer="AAHbuyer",
    buyer_note="请尽快发货",
    seller_note="送礼盒",
    raw={"tid": 3021456789012345678},
)


def published(trade: Trade) -> TradeChangedV1:
    return trade_changed(STORE, trade, sealed_consignee(trade.consignee, SEALED, "digest of {}".format))


def test_a_trade_becomes_the_published_snapshot() -> None:
    snapshot = json.loads((Path(__file__).parent / "trade_changed.json").read_text(encoding="utf-8"))

    assert published(TRADE).model_dump(mode="json") == snapshot


def test_services_are_left_out_and_their_price_is_a_negative_discount() -> None:
    event = published(TRADE)

    assert [line.platform_line_no for line in event.lines] == ["1", "2", "gift:p:77"]
    assert event.discount.minor == 1 - 5_000


@pytest.mark.parametrize(
    ("charges", "freight", "discount"),
    [
        ((), 0, -1),
        ((Charge(ChargeKind.FREIGHT, 1_200),), 1_200, 1_199),
        ((Charge(ChargeKind.ROUNDING, 1), Charge(ChargeKind.FREIGHT, 1_200)), 1_200, 1_199),
        ((Charge(ChargeKind.UNEXPLAINED, -50),), 0, -1),
    ],
)
def test_lines_and_freight_less_discount_are_what_was_paid(
    charges: tuple[Charge, ...], freight: int, discount: int
) -> None:
    lines = (a_line("1", paid_minor=6_666), a_line("2", paid_minor=13_034))

    event = published(replace(TRADE, lines=lines, charges=charges, buyer_paid_minor=19_701))

    assert (event.freight.minor, event.discount.minor) == (freight, discount)
    assert sum(line.paid.minor for line in event.lines) + freight - discount == event.paid.minor


def test_amounts_have_the_places_of_their_currency() -> None:
    event = published(replace(TRADE, currency="JPY"))

    assert event.model_dump(mode="json")["paid"] == {"amount": "25897", "currency": "JPY"}


def test_a_consignee_in_plain_is_masked_and_has_digests() -> None:
    plain = replace(SHOWN, name="张三丰", phone="13800138000", address="文一西路969号")

    consignee = sealed_consignee(plain, SEALED, "digest of {}".format)

    assert (consignee.name_masked, consignee.phone_masked) == ("张**", "138****8000")
    assert consignee.phone_digest == "digest of 13800138000"
    assert consignee.address_digest == "digest of 浙江省杭州市余杭区五常街道文一西路969号"


def test_what_the_platform_masked_has_no_digest() -> None:
    consignee = sealed_consignee(SHOWN, SEALED, "digest of {}".format)

    assert (consignee.phone_digest, consignee.address_digest) == ("", "")


@pytest.mark.parametrize(
    "field", ["name", "phone", "province", "city", "district", "town", "address", "postcode", "token"]
)
def test_any_change_of_what_the_platform_shows_is_seen_masked_or_not(field: str) -> None:
    before, same = (sealed_consignee(SHOWN, SEALED, "digest of {}".format).shown_digest for _ in range(2))
    changed = replace(SHOWN, **{field: "another"})

    assert before == same
    assert sealed_consignee(changed, SEALED, "digest of {}".format).shown_digest != before


def test_texts_for_people_are_cleaned_and_cut_and_named() -> None:
    shown = replace(SHOWN, address="文三路\0\ud83d18号")
    trade = replace(TRADE, buyer="买\ufeff家", buyer_note=f"{'长' * 2001}", consignee=shown)

    fit, notes = fitted(trade)

    assert (fit.buyer, len(fit.buyer_note), fit.consignee.address) == ("买家", 2000, "文三路18号")
    assert notes == (
        "consignee.address: 去除 removed U+0000 U+D83D",
        "buyer_nick: 去除 removed U+FEFF",
        "buyer_message: 截短 cut 2001 → 2000",
    )


def test_a_trade_that_is_fit_stays_as_it_is() -> None:
    assert fitted(TRADE) == (TRADE, ())


@pytest.mark.parametrize("field", ["line_id", "platform_item_id", "platform_sku_id", "merchant_sku", "raw_status"])
def test_a_code_of_a_line_is_refused_with_field_and_code_point(field: str) -> None:
    code: dict[str, Any] = {field: "12\0"}
    bad = replace(TRADE.lines[0], **code)

    with pytest.raises(UnfitText, match=rf"lines\.{field}: .*U\+0000"):
        fitted(replace(TRADE, lines=(bad,)))
