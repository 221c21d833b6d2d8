"""Pulling trades: windows, paging, filters, fields, masks."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest

INCREMENT = "taobao.trades.sold.increment.get"
HOUR_S, DAY_S = 3600, 24 * 3600
OAID_FIELDS = "receiver_name,receiver_address,receiver_mobile,receiver_phone,created,oaid"


async def seeded(tmall: "Tmall", count: int) -> list[str]:
    await tmall.item(quantities=(1000, 1000))
    created = await tmall.post("/trades/bulk", {"count": count, "seed": 3})
    assert created["count"] == count
    tids: list[str] = created["tids"]
    return tids


def window(tmall: "Tmall", start: float, end: float) -> dict[str, str]:
    now = time.time()
    return {"fields": "tid", "start_modified": tmall.wall(now + start), "end_modified": tmall.wall(now + end)}


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (-DAY_S - 1, 0, "end_modified"),
        (0, 0, "end_modified"),
        (10, 0, "end_modified"),
        (-93 * DAY_S, -93 * DAY_S + 60, "start_modified"),
    ],
)
async def test_windows_beyond_the_limits_are_refused(tmall: "Tmall", start: float, end: float, name: str) -> None:
    assert await tmall.refusal(INCREMENT, **window(tmall, start, end)) == (41, f"isv.invalid-parameter:{name}")


async def test_an_empty_window_has_no_list_at_all(tmall: "Tmall") -> None:
    assert await tmall.call(INCREMENT, **window(tmall, -DAY_S, 0)) == {"total_results": 0}
    assert await tmall.call(INCREMENT, **window(tmall, -DAY_S, 0), use_has_next="true") == {"has_next": False}


async def test_pages_are_newest_first_and_complete(tmall: "Tmall") -> None:
    tids = await seeded(tmall, 101)
    moved = tids[50]
    await tmall.post("/clock", {"skew_seconds": 5})
    await tmall.post(f"/trades/{moved}/memo", {"seller_memo": "加急", "seller_flag": 1})
    first = await tmall.pull("tid_str", page_size="100", page_no="1")
    second = await tmall.pull("tid_str", page_size="100", page_no="2")
    shown = [row["tid_str"] for page in (first, second) for row in page["trades"]["trade"]]
    assert (first["total_results"], len(second["trades"]["trade"])) == (101, 1)
    assert shown == [moved, *(tid for tid in reversed(tids) if tid != moved)]
    beyond = await tmall.pull("tid_str", page_size="100", page_no="3")
    assert beyond == {"total_results": 101}


async def test_has_next_replaces_the_total(tmall: "Tmall") -> None:
    await seeded(tmall, 5)
    page = await tmall.pull(page_size="3", use_has_next="true")
    assert (page["has_next"], "total_results" in page, len(page["trades"]["trade"])) == (True, False, 3)
    assert (await tmall.pull(page_size="3", page_no="2", use_has_next="true"))["has_next"] is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_size", "101"),
        ("page_size", "0"),
        ("page_no", "0"),
        ("page_no", "one"),
        ("use_has_next", "1"),
        ("status", "WAIT_SELLER_SEND_GOODS,TRADE_FINISHED"),
        ("type", "fixed,unheard_of"),
        ("fields", "tid,tid_string"),
        ("fields", "orders.oidd"),
    ],
)
async def test_wrong_values_are_named(tmall: "Tmall", name: str, value: str) -> None:
    parameters = {**window(tmall, -60, 0), name: value}
    assert await tmall.refusal(INCREMENT, **parameters) == (41, f"isv.invalid-parameter:{name}")


async def test_types_outside_the_default_are_not_shown_unless_listed(tmall: "Tmall") -> None:
    await tmall.item()
    usual = await tmall.trade((10001, 1))
    voucher = await tmall.trade((10001, 1), type="eticket")
    assert [row["tid"] for row in (await tmall.pull())["trades"]["trade"]] == [int(usual["tid"])]
    both = await tmall.pull("tid,type", type="guarantee_trade,eticket")
    assert {(row["tid"], row["type"]) for row in both["trades"]["trade"]} == {
        (int(usual["tid"]), "fixed"),
        (int(voucher["tid"]), "eticket"),
    }


async def test_one_status_may_be_asked_for(tmall: "Tmall") -> None:
    await tmall.item()
    await tmall.trade((10001, 1))
    unpaid = await tmall.trade((10001, 1), pay="none")
    page = await tmall.pull("tid_str,status", status="WAIT_BUYER_PAY")
    assert page["trades"]["trade"] == [{"tid_str": unpaid["tid"], "status": "WAIT_BUYER_PAY"}]


async def test_a_change_appears_when_the_lag_is_over(tmall: "Tmall") -> None:
    await tmall.item()
    await tmall.post("/clock", {"visibility_lag": 90})
    await tmall.trade((10001, 1))
    assert (await tmall.pull())["total_results"] == 0
    await tmall.post("/clock", {"skew_seconds": 91})
    assert (await tmall.pull(end_modified=tmall.wall(time.time() + 120)))["total_results"] == 1


async def test_by_creation_a_change_moves_nothing(tmall: "Tmall") -> None:
    await tmall.item()
    old, young = await tmall.trade((10001, 1)), await tmall.trade((10002, 1))
    await tmall.post("/clock", {"skew_seconds": 5})
    await tmall.post(f"/trades/{old['tid']}/memo", {"seller_memo": "改"})
    by_creation = await tmall.call("taobao.trades.sold.get", fields="tid_str")
    assert [row["tid_str"] for row in by_creation["trades"]["trade"]] == [young["tid"], old["tid"]]
    assert [row["tid_str"] for row in (await tmall.pull("tid_str"))["trades"]["trade"]] == [old["tid"], young["tid"]]


async def test_only_the_requested_fields_are_shown(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 2), (10002, 1))
    shown = await tmall.full(trade["tid"], "tid,payment,orders.num,orders.sku_id")
    assert shown == {
        "tid": int(trade["tid"]),
        "payment": "400.00",
        "orders": {"order": [{"num": 2, "sku_id": "10001"}, {"num": 1, "sku_id": "10002"}]},
    }


async def test_ids_are_beyond_what_a_float_holds(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1), (10002, 1))
    shown = await tmall.full(trade["tid"], "tid,tid_str,orders")
    numbers = [shown["tid"], *(order["oid"] for order in shown["orders"]["order"])]
    assert all(len(str(number)) == 19 and int(float(number)) != number for number in numbers)
    assert shown["tid_str"] == str(shown["tid"])


async def test_money_of_several_lines(tmall: "Tmall") -> None:
    await tmall.item()
    lines = [{"sku_id": 10001, "quantity": 2, "discount": "20.00"}, {"sku_id": 10002, "quantity": 1}]
    trade = await tmall.post("/trades", {"lines": lines, "discount": "10.01", "freight": "8.00"})
    money = "payment,post_fee,discount_fee,total_fee,adjust_fee,received_payment,num_iid,orders,promotion_details"
    shown = await tmall.full(trade["tid"], money)
    orders = shown.pop("orders")["order"]
    [promotion] = shown.pop("promotion_details")["promotion_detail"]
    assert shown == {
        "payment": "377.99",
        "post_fee": "8.00",
        "discount_fee": "10.01",
        "total_fee": "400.00",
        "adjust_fee": "0.00",
        "received_payment": "0.00",
    }
    assert promotion["discount_fee"] == "10.01"
    assert [
        (order["discount_fee"], order["payment"], order["part_mjz_discount"], order["divide_order_fee"])
        for order in orders
    ] == [("20.00", "180.00", "4.74", "175.26"), ("0.00", "200.00", "5.27", "194.73")]


async def test_money_and_goods_of_one_line(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 2), freight="8.00")
    shown = await tmall.full(trade["tid"], "num_iid,num,price,orders")
    [order] = shown["orders"]["order"]
    assert (shown["num_iid"], shown["num"], shown["price"]) == (1000, 2, "100.00")
    assert (order["payment"], order["divide_order_fee"]) == ("208.00", "200.00")
    assert order["oid_str"] == trade["tid"]


async def test_receivers_are_masked_and_the_oaid_needs_five_fields(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1))
    shown = await tmall.full(trade["tid"], OAID_FIELDS + ",receiver_city")
    assert (shown["receiver_name"], shown["receiver_mobile"]) == ("李**", "*******8000")
    assert (shown["receiver_address"], shown["receiver_city"]) == ("文***", "杭州市")
    assert shown["oaid"] == trade["oaid"]
    for needed in ("receiver_name", "receiver_address", "receiver_mobile", "receiver_phone", "created"):
        rest = ",".join(name for name in OAID_FIELDS.split(",") if name != needed)
        assert "oaid" not in await tmall.full(trade["tid"], rest)
        assert "oaid" not in (await tmall.pull(rest))["trades"]["trade"][0]
    assert (
        "13800138000"
        not in (
            await tmall.send(
                tmall.system("taobao.trade.fullinfo.get", tid=trade["tid"], fields=OAID_FIELDS + ",orders,buyer_nick")
            )
        ).text
    )


async def test_a_county_level_city_leaves_the_city_out(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1), receiver={"state": "江苏省", "city": "", "district": "昆山市"})
    shown = await tmall.full(trade["tid"], "receiver_city,receiver_district")
    assert shown == {"receiver_district": "昆山市"}


async def test_presale_steps_and_gifts_are_told(tmall: "Tmall") -> None:
    await tmall.item()
    gifts = [{"item_id": "77", "name": "赠品袜", "num": 2}]
    trade = await tmall.trade((10001, 1), pay="deposit", deposit="30.00", gifts=gifts)
    fields = "type,status,step_trade_status,step_paid_fee,promotion_details"
    shown = await tmall.full(trade["tid"], fields)
    [gift] = shown["promotion_details"]["promotion_detail"]
    assert (gift["gift_item_id"], gift["gift_item_num"]) == ("77", "2")
    assert (shown["type"], shown["status"]) == ("step", "WAIT_BUYER_PAY")
    assert (shown["step_trade_status"], shown["step_paid_fee"]) == ("FRONT_PAID_FINAL_NOPAID", "30.00")
    await tmall.post(f"/trades/{trade['tid']}/pay")
    assert (await tmall.full(trade["tid"], fields))["step_trade_status"] == "FRONT_PAID_FINAL_PAID"


async def test_another_sellers_trade_does_not_exist(tmall: "Tmall") -> None:
    other = {"app_key": "2", "app_secret": "x", "session": "s2", "nick": "另一店"}
    await tmall.post("/sellers", other)
    item = {"num_iid": 5, "title": "别家", "price": "1.00", "quantity": 5, "seller": "另一店"}
    await tmall.post("/items", item)
    trade = await tmall.post("/trades", {"lines": [{"num_iid": 5, "quantity": 1}], "seller": "另一店"})
    assert await tmall.refusal("taobao.trade.fullinfo.get", tid=trade["tid"], fields="tid") == (
        15,
        "isv.trade-not-exist",
    )
    assert (await tmall.pull())["total_results"] == 0
