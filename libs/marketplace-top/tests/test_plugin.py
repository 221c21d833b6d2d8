"""The plugin against recorded and written replies, for what the simulator does not play."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from lemai_marketplace.errors import ClockSkew, ProtocolDrift, SignatureError, Throttled, Unanswered
from lemai_marketplace.plugins import Credentials, load
from lemai_marketplace.protocols import Check, ListSkus, PublishShipment, PublishStock, PullTrades
from lemai_marketplace.types import (
    Malformed,
    OutcomeState,
    Parcel,
    ParcelLine,
    Shipment,
    StockLevel,
    Trade,
    Window,
)
from lemai_marketplace_top.client import TopClient
from lemai_marketplace_top.plugin import Top, create
from lemai_marketplace_top.signing import sign
from lemai_marketplace_top.wire import wall_clock

PAGE = Path(__file__).parent / "gateways" / "sold_increment_page.json"
CREDENTIALS = Credentials(
    endpoint="http://top/router/rest", app_key="12345678", app_secret="s3cret", session="6100session"
)
Form = dict[str, str]


class Platform:
    """Answers each call with `answer(form)` and keeps the forms it was sent."""

    def __init__(self) -> None:
        self.answer: Callable[[Form], Any] = lambda _: {}
        self.forms: list[Form] = []
        self.headers: dict[str, str] = {}

    def handle(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True))
        self.forms.append(form)
        body = self.answer(form)
        written = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(200, content=written, headers=self.headers)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def http(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform.handle)) as client:
        yield client


@pytest.fixture
def client(http: httpx.AsyncClient) -> TopClient:
    return TopClient(CREDENTIALS, http)


@pytest.fixture
def store(http: httpx.AsyncClient) -> Top:
    return create(CREDENTIALS, http)


def a_window() -> Window:
    end = datetime.now(UTC) - timedelta(minutes=1)
    return Window(end - timedelta(minutes=5), end)


async def pull(store: Top) -> list[Trade | Malformed]:
    return [trade async for page in store.pull_trades(a_window()) for trade in page]


@pytest.mark.parametrize("platform_name", ["tmall", "taobao"])
async def test_the_plugin_is_found_and_has_every_capability(platform_name: str, http: httpx.AsyncClient) -> None:
    store = load(platform_name)(CREDENTIALS, http)

    for capability in (PullTrades, PublishShipment, PublishStock, ListSkus, Check):
        assert isinstance(store, capability)


async def test_a_call_is_signed_and_leaves_empty_values_out(platform: Platform, client: TopClient) -> None:
    platform.answer = lambda _: {"refund_refuse_response": {"ok": True}}

    await client.write("taobao.refund.refuse", refuse_message="商品已发出，请拒收", refuse_proof="")

    [form] = platform.forms
    assert form.pop("sign") == sign(form, "s3cret")
    assert form["refuse_message"] == "商品已发出，请拒收"
    assert "refuse_proof" not in form
    assert (form["app_key"], form["session"], form["v"], form["format"]) == (
        "12345678",
        "6100session",
        "2.0",
        "json",
    )


async def test_methods_of_other_families_keep_their_name_in_the_root(platform: Platform, client: TopClient) -> None:
    platform.answer = lambda _: {"tmall_item_quantity_update_response": {"x": 1}}

    assert await client.write("tmall.item.quantity.update") == {"x": 1}


async def test_the_timestamp_is_beijing_time(platform: Platform, client: TopClient) -> None:
    platform.answer = lambda _: {"time_get_response": {}}

    await client.write("taobao.time.get")

    sent = datetime.fromisoformat(platform.forms[0]["timestamp"] + "+08:00")
    assert abs(datetime.now(UTC) - sent) < timedelta(seconds=5)


async def test_a_refused_clock_is_corrected_once(platform: Platform, client: TopClient) -> None:
    platform.headers = {"Date": "Thu, 15 Jan 2026 01:00:00 GMT"}
    platform.answer = lambda _: {"error_response": {"code": 31, "msg": "Invalid Timestamp"}}

    with pytest.raises(ClockSkew):
        await client.write("taobao.time.get")

    first, second = platform.forms
    assert second["timestamp"] in ("2026-01-15 09:00:00", "2026-01-15 09:00:01")
    assert first["timestamp"] != second["timestamp"]


async def test_a_refusal_shows_no_secret(platform: Platform, client: TopClient) -> None:
    platform.answer = lambda _: {"error_response": {"code": 25, "msg": "Invalid Signature"}}

    with pytest.raises(SignatureError) as caught:
        await client.write("taobao.time.get")

    assert "s3cret" not in repr(caught.value)
    assert "6100session" not in repr(caught.value)


async def test_a_banned_method_is_not_called_again(platform: Platform, client: TopClient) -> None:
    ban = {"code": 7, "sub_msg": "This ban will last for 90 more seconds"}
    platform.answer = lambda _: {"error_response": ban}

    for _ in range(2):
        with pytest.raises(Throttled):
            await client.write("taobao.time.get")

    assert len(platform.forms) == 1


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"time_get_resp', b""])
async def test_a_broken_body_leaves_a_write_unknown(platform: Platform, client: TopClient, body: bytes) -> None:
    platform.answer = lambda _: body

    with pytest.raises(Unanswered, match="no JSON"):
        await client.write("taobao.time.get")


@pytest.mark.parametrize("body", [{"other_response": {}}, {"time_get_response": []}, [], "x"])
async def test_an_unknown_form_is_drift(platform: Platform, client: TopClient, body: Any) -> None:
    platform.answer = lambda _: body

    with pytest.raises(ProtocolDrift):
        await client.write("taobao.time.get")


async def test_a_malformed_trade_does_not_hold_up_its_page(platform: Platform, store: Top) -> None:
    platform.answer = lambda _: PAGE.read_bytes()

    got = await pull(store)

    assert [isinstance(trade, Trade) for trade in got] == [True, False, True, True]
    assert isinstance(got[1], Malformed)
    assert (got[1].trade_no, got[1].reason) == ("2871001234567890200", "payment = 'twelve'")


async def test_a_pull_asks_for_all_types_and_all_fields(platform: Platform, store: Top) -> None:
    platform.answer = lambda _: {"trades_sold_increment_get_response": {"total_results": 0}}

    assert await pull(store) == []

    [form] = platform.forms
    assert {"fixed", "step", "cod", "guarantee_trade"} <= set(form["type"].split(","))
    assert {"receiver_name", "receiver_address", "receiver_mobile", "receiver_phone", "created", "oaid"} <= set(
        form["fields"].split(",")
    )
    assert form["use_has_next"] == "false"


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (3.0, 9.3, (3, 9)),
        (3.9, 9.0, (3, 8)),
        (9.0, 9.3, (8, 9)),
        (8.9, 9.0, (7, 8)),
    ],
)
async def test_a_window_asks_for_whole_seconds_up_to_the_last_one_that_is_over(
    platform: Platform, store: Top, start_s: float, end_s: float, expected: tuple[int, int]
) -> None:
    platform.answer = lambda _: {"trades_sold_increment_get_response": {"total_results": 0}}
    minute = (datetime.now(UTC) - timedelta(minutes=2)).replace(second=0, microsecond=0)
    window = Window(minute + timedelta(seconds=start_s), minute + timedelta(seconds=end_s))

    assert [page async for page in store.pull_trades(window)] == []

    [form] = platform.forms
    assert (form["start_modified"], form["end_modified"]) == tuple(
        wall_clock(minute + timedelta(seconds=second)) for second in expected
    )


async def test_a_window_ends_before_the_running_second(platform: Platform, store: Top) -> None:
    platform.answer = lambda _: {"trades_sold_increment_get_response": {"total_results": 0}}
    end = datetime.now(UTC) - store.limits.lag

    assert [page async for page in store.pull_trades(Window(end - timedelta(minutes=1), end))] == []

    [form] = platform.forms
    assert form["end_modified"] < wall_clock(end + store.limits.lag)


@pytest.mark.parametrize(
    ("fields", "fetched"),
    [
        ({"has_buyer_message": True}, True),
        ({"has_buyer_message": True, "buyer_message": "快"}, False),
        ({"seller_flag": 3}, True),
        ({"seller_flag": 3, "seller_memo": "送礼盒"}, False),
        ({"discount_fee": "10.00"}, True),
        ({"discount_fee": "10.00", "promotion_details": {"promotion_detail": []}}, False),
        ({"discount_fee": "10.00", "status": "TRADE_FINISHED"}, False),
        ({"discount_fee": "0.00", "seller_flag": 0, "has_buyer_message": False}, False),
    ],
)
async def test_a_trade_is_read_alone_only_where_the_list_leaves_something_out(
    platform: Platform, store: Top, fields: dict[str, Any], fetched: bool
) -> None:
    full = json.loads(PAGE.read_bytes())["trades_sold_increment_get_response"]["trades"]["trade"][2]
    row = {"tid": 7, "status": "WAIT_SELLER_SEND_GOODS", **fields}

    def answer(form: Form) -> Any:
        if form["method"] == "taobao.trade.fullinfo.get":
            return {"trade_fullinfo_get_response": {"trade": full}}
        return {"trades_sold_increment_get_response": {"total_results": 1, "trades": {"trade": [row]}}}

    platform.answer = answer

    [got] = await pull(store)

    assert [form.get("tid") for form in platform.forms] == [None, "7"] if fetched else [None]
    assert isinstance(got, Trade if fetched else Malformed)


async def test_a_trade_that_only_the_list_knows_holds_up_no_other(platform: Platform, store: Top) -> None:
    page = json.loads(PAGE.read_bytes())["trades_sold_increment_get_response"]["trades"]["trade"]
    rows = [page[0] | {"seller_flag": 3}, page[2]]

    def answer(form: Form) -> Any:
        if form["method"] == "taobao.trade.fullinfo.get":
            return {"error_response": {"code": 15, "sub_code": "isv.trade-not-exist"}}
        return {"trades_sold_increment_get_response": {"total_results": 2, "trades": {"trade": rows}}}

    platform.answer = answer

    assert [trade.trade_no for trade in await pull(store)] == ["2871001234567890123", "2871001234567890300"]


async def test_a_shipment_that_is_not_taken_is_rejected(platform: Platform, store: Top) -> None:
    page = json.loads(PAGE.read_bytes())["trades_sold_increment_get_response"]["trades"]["trade"]
    replies: list[Any] = [
        {"trade_fullinfo_get_response": {"trade": page[0]}},
        {"logistics_offline_send_response": {"shipping": {"is_success": False}}},
    ]
    platform.answer = lambda _: replies.pop(0)
    parcel = Parcel("SF", "SF1400123456789", (ParcelLine("2871001234567890124", 2),))

    outcome = await store.publish_shipment(Shipment("2871001234567890123", (parcel,)))

    assert (outcome.state, outcome.code) == (OutcomeState.REJECTED, "is_success")


async def test_many_skus_go_in_batches_of_twenty_per_item(platform: Platform, store: Top) -> None:
    def answer(form: Form) -> Any:
        pairs = [pair.split(":") for pair in form["skuid_quantities"].split(";")]
        skus = [{"sku_id": int(sku), "quantity": int(quantity)} for sku, quantity in pairs]
        return {"skus_quantity_update_response": {"item": {"skus": {"sku": skus}}}}

    platform.answer = answer
    levels = [StockLevel("1", str(100 + number), number) for number in range(45)] + [StockLevel("2", "900", 1)]

    outcomes = await store.publish_stock(levels)

    assert [outcome.state for outcome in outcomes] == [OutcomeState.APPLIED] * 46
    assert [outcome.key for outcome in outcomes] == [level.platform_sku_id for level in levels]
    assert sorted((form["num_iid"], form["skuid_quantities"].count(":")) for form in platform.forms) == [
        ("1", 5),
        ("1", 20),
        ("1", 20),
        ("2", 1),
    ]


async def test_a_refused_batch_is_sent_sku_by_sku(platform: Platform, store: Top) -> None:
    def answer(form: Form) -> Any:
        if "13:" in form["skuid_quantities"]:
            return {"error_response": {"code": 15, "sub_code": "isv.invalid-parameter:sku", "sub_msg": "没有此SKU"}}
        sku, quantity = form["skuid_quantities"].split(":")
        return {"skus_quantity_update_response": {"item": {"skus": {"sku": [{"sku_id": sku, "quantity": quantity}]}}}}

    platform.answer = answer

    good, bad = await store.publish_stock([StockLevel("1", "12", 4), StockLevel("1", "13", 4)])

    assert (good.state, bad.state) == (OutcomeState.APPLIED, OutcomeState.REJECTED)
    assert bad.code == "isv.invalid-parameter:sku"


async def test_another_figure_than_asked_for_is_not_applied(platform: Platform, store: Top) -> None:
    skus = {"sku": [{"sku_id": 12, "quantity": 3}]}
    platform.answer = lambda _: {"skus_quantity_update_response": {"item": {"skus": skus}}}

    [outcome] = await store.publish_stock([StockLevel("1", "12", 4)])

    assert (outcome.state, outcome.code) == (OutcomeState.REJECTED, "unconfirmed")


async def test_of_two_figures_for_a_sku_the_later_counts(platform: Platform, store: Top) -> None:
    skus = {"sku": [{"sku_id": 12, "quantity": 9}]}
    platform.answer = lambda _: {"skus_quantity_update_response": {"item": {"skus": skus}}}

    outcomes = await store.publish_stock([StockLevel("1", "12", 4), StockLevel("1", "12", 9)])

    assert [outcome.state for outcome in outcomes] == [OutcomeState.APPLIED] * 2
    assert [form["skuid_quantities"] for form in platform.forms] == ["12:9"]


@pytest.mark.parametrize(
    ("waybill_found", "state"),
    [("SF1400123456789", OutcomeState.APPLIED), ("SF1400000000000", OutcomeState.CONFLICT)],
)
async def test_a_trade_shipped_in_between_is_read_back(
    platform: Platform, store: Top, waybill_found: str, state: OutcomeState
) -> None:
    page = json.loads(PAGE.read_bytes())["trades_sold_increment_get_response"]["trades"]["trade"]
    before = page[0]
    sent = {
        "status": "WAIT_BUYER_CONFIRM_GOODS",
        "invoice_no": waybill_found,
        "logistics_company": "顺丰速运",
    }
    after = {
        **before,
        "status": "WAIT_BUYER_CONFIRM_GOODS",
        "orders": {"order": [order | sent for order in before["orders"]["order"]]},
    }
    replies: list[Any] = [
        {"trade_fullinfo_get_response": {"trade": before}},
        {"error_response": {"code": 15, "sub_code": "isv.logistics-offline-service-error:B04"}},
        {"trade_fullinfo_get_response": {"trade": after}},
    ]
    platform.answer = lambda _: replies.pop(0)
    contents = (ParcelLine("2871001234567890124", 2), ParcelLine("2871001234567890125", 1))

    outcome = await store.publish_shipment(
        Shipment("2871001234567890123", (Parcel("SF", "SF1400123456789", contents),))
    )

    assert outcome.state is state
    assert replies == []


async def test_deleted_skus_and_items_without_skus_are_told_apart(platform: Platform, store: Top) -> None:
    items = [{"num_iid": 1, "title": "连体衣"}, {"num_iid": 2, "title": "礼盒", "outer_id": "BOX"}]
    skus = [
        {"num_iid": 1, "sku_id": 11, "outer_id": "A", "properties_name": "1:2:尺码:90"},
        {"num_iid": 1, "sku_id": 12, "outer_id": "B", "status": "delete"},
    ]

    def answer(form: Form) -> Any:
        if form["method"] == "taobao.item.skus.get":
            return {"item_skus_get_response": {"skus": {"sku": skus}}}
        return {"items_onsale_get_response": {"total_results": 2, "items": {"item": items}}}

    platform.answer = answer

    [listed] = [page async for page in store.list_skus()]

    assert [(sku.platform_item_id, sku.platform_sku_id, sku.merchant_sku) for sku in listed] == [
        ("1", "11", "A"),
        ("2", None, "BOX"),
    ]


async def test_the_check_names_the_seller_of_the_latest_trade(platform: Platform, store: Top) -> None:
    platform.answer = lambda _: {"trades_sold_get_response": {"trades": {"trade": [{"seller_nick": "旗舰店"}]}}}

    assert (await store.check()).seller == "旗舰店"
