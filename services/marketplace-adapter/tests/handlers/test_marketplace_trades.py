"""Pulled trades: each content is published once; what cannot be read calls somebody once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lemai_chassis.testing import Handled, handle
from lemai_contracts import Event
from lemai_contracts.marketplace import TradeChangedV1, TradeLine, TradesPulledV1, TradeStatus
from lemai_contracts.ops import AlertRaisedV1, Severity
from lemai_contracts.values import Consignee, Money, Region
from marketplace_adapter.domain import Cursor, MalformedTrade, SeenTrade
from marketplace_adapter.handlers import (
    Pulled,
    TradesReceived,
    WindowPulled,
    on_trades_received,
    on_window_pulled,
    trade_refs,
)

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
STORE = "TM-01"
UNREADABLE = MalformedTrade(STORE, "900", "payment = 'twelve'", "c2VhbGVk", NOW - timedelta(hours=1))


def a_trade(trade_no: str = "900", status: TradeStatus = TradeStatus.TO_SHIP, raw_status: str = "X") -> TradeChangedV1:
    line = TradeLine(
        platform_line_no="1",
        platform_item_id="7",
        platform_sku_id="70",
        title="连体衣",
        quantity=1,
        paid=Money.of(100, "CNY"),
        status=status,
        raw_status=raw_status,
    )
    return TradeChangedV1(
        family=f"tmall/{trade_no}",
        platform="tmall",
        store_code=STORE,
        trade_no=trade_no,
        version="0",
        status=TradeStatus.TO_SHIP,
        raw_status="WAIT_SELLER_SEND_GOODS",
        created_at=NOW,
        modified_at=NOW,
        lines=(line,),
        freight=Money.of(0, "CNY"),
        discount=Money.of(0, "CNY"),
        paid=Money.of(100, "CNY"),
        consignee=Consignee(
            key_id="k",
            sealed="s",
            region=Region(province="浙江省", city="杭州市"),
            name_masked="张**",
            phone_masked="",
            phone_digest="",
            address_digest="",
        ),
    )


def receive(
    *pulled: Pulled, malformed: Sequence[MalformedTrade] = (), state: Sequence[SeenTrade | MalformedTrade] = ()
) -> Handled:
    return handle(on_trades_received, TradesReceived(STORE, pulled, malformed), state, now=NOW)


def versions(handled: Handled) -> list[tuple[str, str]]:
    return [(event.trade_no, event.version) for event in handled.events if isinstance(event, TradeChangedV1)]


def alerts(handled: Handled) -> list[tuple[str, str]]:
    return [(event.code, event.about) for event in handled.events if isinstance(event, AlertRaisedV1)]


def test_each_content_of_a_trade_is_published_once() -> None:
    first = Pulled(a_trade(), 1_000, "a")
    handled = receive(first, first, Pulled(a_trade("901"), 1_000, "a"))

    assert versions(handled) == [
        ("900", "00000000000000001000-000001"),
        ("901", "00000000000000001000-000001"),
    ]
    assert handled.aggregate(SeenTrade, STORE, "900") == SeenTrade(STORE, "900", 1_000, "a", 1)


def test_a_page_read_again_publishes_nothing() -> None:
    seen = SeenTrade(STORE, "900", 1_000, "a", 1)

    assert receive(Pulled(a_trade(), 1_000, "a"), state=[seen]).events == []
    assert receive(Pulled(a_trade(), 1_001, "a"), state=[seen]).events == []


def test_an_older_version_is_ignored() -> None:
    seen = SeenTrade(STORE, "900", 1_000, "b", 2)

    handled = receive(Pulled(a_trade(), 999, "a"), state=[seen])

    assert handled.events == []
    assert handled.aggregate(SeenTrade, STORE, "900") == seen


def test_another_content_of_the_same_second_is_published_with_a_greater_version() -> None:
    handled = receive(Pulled(a_trade(), 1_000, "b"), state=[SeenTrade(STORE, "900", 1_000, "a", 1)])

    assert versions(handled) == [("900", "00000000000000001000-000002")]
    assert handled.aggregate(SeenTrade, STORE, "900") == SeenTrade(STORE, "900", 1_000, "b", 2)


def test_both_contents_of_one_page_are_published_in_its_order() -> None:
    handled = receive(Pulled(a_trade(), 1_000, "a"), Pulled(a_trade(), 2_000, "b"), Pulled(a_trade(), 1_000, "a"))

    assert versions(handled) == [
        ("900", "00000000000000001000-000001"),
        ("900", "00000000000000002000-000002"),
    ]


def test_a_malformed_trade_is_kept_and_calls_somebody_while_the_others_flow() -> None:
    handled = receive(Pulled(a_trade("901"), 1_000, "a"), malformed=[UNREADABLE])

    assert versions(handled) == [("901", "00000000000000001000-000001")]
    assert handled.aggregate(MalformedTrade, STORE, "900") == UNREADABLE
    assert handled.events[-1] == AlertRaisedV1(
        code="malformed_trade",
        about="TM-01/900",
        severity=Severity.CRITICAL,
        message="平台交易无法读取 / trade cannot be read: payment = 'twelve'",
        raised_at=NOW,
    )


def test_the_same_fault_of_a_trade_calls_nobody_twice_and_another_one_does() -> None:
    other = replace(UNREADABLE, reason="status = None")

    assert receive(malformed=[UNREADABLE], state=[UNREADABLE]).events == []
    assert alerts(receive(malformed=[other], state=[UNREADABLE])) == [("malformed_trade", "TM-01/900")]


def test_a_trade_that_can_be_read_after_all_is_resolved_and_may_break_again() -> None:
    handled = receive(Pulled(a_trade(), 1_000, "a"), state=[UNREADABLE])
    resolved = handled.aggregate(MalformedTrade, STORE, "900")

    assert resolved == replace(UNREADABLE, resolved_at=NOW)
    assert versions(handled) == [("900", "00000000000000001000-000001")]
    assert alerts(receive(malformed=[UNREADABLE], state=[resolved])) == [("malformed_trade", "TM-01/900")]


def test_an_unknown_word_for_a_status_is_published_and_calls_somebody() -> None:
    handled = receive(Pulled(a_trade(status=TradeStatus.UNKNOWN, raw_status="TRADE_DREAMT"), 1_000, "a"))

    trade, alert = handled.events
    assert isinstance(trade, TradeChangedV1)
    assert isinstance(alert, AlertRaisedV1)
    assert (alert.code, alert.about) == ("unknown_status", "TM-01/900")
    assert alert.message == "未知的平台状态 / unknown platform status: TRADE_DREAMT"


def test_what_a_page_touches_is_named_before() -> None:
    command = TradesReceived(STORE, [Pulled(a_trade("901"), 1, "a")], [UNREADABLE])

    assert {(its.kind, its.key) for its in trade_refs(command)} == {
        (SeenTrade, (STORE, "901")),
        (MalformedTrade, (STORE, "901")),
        (MalformedTrade, (STORE, "900")),
    }


def test_a_pulled_window_moves_the_cursor_and_tells_every_partition() -> None:
    handled = handle(on_window_pulled, WindowPulled(STORE, NOW), [Cursor(STORE, NOW - timedelta(seconds=1))], now=NOW)

    expected: list[Event] = [
        TradesPulledV1(store_code=STORE, partition=partition, until=NOW) for partition in range(12)
    ]
    assert handled.events == expected
    assert [event.explicit_partition for event in handled.events] == list(range(12))
    assert handled.aggregate(Cursor, STORE) == Cursor(STORE, NOW)


@pytest.mark.parametrize("behind_s", [0, 1])
def test_the_cursor_never_goes_back_and_tells_nothing_twice(behind_s: int) -> None:
    cursor = Cursor(STORE, NOW)

    handled = handle(on_window_pulled, WindowPulled(STORE, NOW - timedelta(seconds=behind_s)), [cursor], now=NOW)

    assert handled.events == []
    assert handled.aggregate(Cursor, STORE) == cursor
