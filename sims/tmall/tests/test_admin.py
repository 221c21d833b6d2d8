"""The inspection API: orders in, truth out."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest


async def test_a_trade_tells_its_whole_truth(tmall: "Tmall") -> None:
    await tmall.item()
    created = await tmall.trade((10001, 2), (10003, 1), freight="6.00", buyer_message="请快")
    await tmall.call("taobao.logistics.offline.send", tid=created["tid"], company_code="SF", out_sid="SF1400123456789")
    finished = await tmall.post(f"/trades/{created['tid']}/finish")
    assert finished == await tmall.get(f"/trades/{created['tid']}")
    assert [(event["what"], event["status"]) for event in finished["history"]] == [
        ("create", "WAIT_SELLER_SEND_GOODS"),
        ("consign", "WAIT_BUYER_CONFIRM_GOODS"),
        ("finish", "TRADE_FINISHED"),
    ]
    assert (finished["payment"], finished["post_fee"], finished["buyer_message"]) == ("506.00", "6.00", "请快")
    assert finished["receiver"]["mobile"] == "13800138000"
    assert finished["created"].endswith("+08:00")
    received = await tmall.full(created["tid"], "received_payment,end_time")
    assert received["received_payment"] == "506.00"
    assert await tmall.quantities() == {"10001": 8, "10002": 10, "10003": 9}


async def test_illegal_transitions_are_409(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 1)))["tid"]
    for action in ("pay", "release", "finish"):
        problem = await tmall.post(f"/trades/{tid}/{action}", status=409)
        assert tid in problem["detail"]
    assert (await tmall.post("/trades/1/close", status=404))["status"] == 404


async def test_closing_gives_the_pieces_back(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 3), (10002, 2)))["tid"]
    closed = await tmall.post(f"/trades/{tid}/close")
    assert closed["status"] == "TRADE_CLOSED"
    assert (await tmall.quantities())["10001"] == 10


async def test_a_refund_is_asked_for_per_line(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1), (10002, 1))
    await tmall.post(f"/trades/{trade['tid']}/refund", {"oids": [trade["lines"][1]["oid"]]})
    shown = await tmall.full(trade["tid"], "status,orders.refund_status")
    assert shown == {
        "status": "WAIT_SELLER_SEND_GOODS",
        "orders": {"order": [{"refund_status": "NO_REFUND"}, {"refund_status": "WAIT_SELLER_AGREE"}]},
    }


async def test_a_refund_is_asked_for_what_is_not_closed(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1), (10002, 1))
    await tmall.post(f"/trades/{trade['tid']}/close", {"oids": [trade["lines"][0]["oid"]]})
    asked = await tmall.post(f"/trades/{trade['tid']}/refund")
    assert [line["refund_status"] for line in asked["lines"]] == ["SUCCESS", "WAIT_SELLER_AGREE"]


async def test_bulk_trades_are_paged_in_the_order_of_creation(tmall: "Tmall") -> None:
    await tmall.item(quantities=(500, 500))
    created = await tmall.post("/trades/bulk", {"count": 25, "seed": 9, "lines_max": 2})
    first = await tmall.get("/trades?limit=20&status=WAIT_SELLER_SEND_GOODS")
    second = await tmall.get(f"/trades?limit=20&after={first['next']}")
    assert [trade["tid"] for page in (first, second) for trade in page["trades"]] == created["tids"]
    assert second["next"] is None
    assert await tmall.get("/trades/counts") == {"WAIT_SELLER_SEND_GOODS": 25}
    sold = sum(line["quantity"] for page in (first, second) for row in page["trades"] for line in row["lines"])
    assert sum((await tmall.quantities()).values()) == 1000 - sold


async def test_a_failed_bulk_leaves_nothing_behind(tmall: "Tmall") -> None:
    await tmall.item(quantities=(3,))
    await tmall.post("/trades/bulk", {"count": 25}, status=409)
    assert await tmall.get("/trades/counts") == {}
    assert await tmall.quantities() == {"10001": 3}


async def test_calls_are_audited_without_secrets(tmall: "Tmall") -> None:
    await tmall.call("taobao.user.seller.get", fields="nick")
    await tmall.refusal("taobao.user.seller.get")
    await tmall.refusal("no.such.method")
    audit = await tmall.get("/calls?method=taobao.user.seller.get")
    first, second = audit["calls"]
    assert (first["outcome"], first["nick"], first["params"]["fields"]) == ("ok", "旗舰店", "nick")
    assert second["outcome"] == "isv.missing-parameter:fields"
    text = str(await tmall.get("/calls"))
    assert all(secret not in text for secret in (tmall.seller.session, tmall.seller.app_secret, "'sign'"))
    assert await tmall.get("/calls/counts") == {
        "no.such.method": {"isv.method-not-exist": 1},
        "taobao.user.seller.get": {"isv.missing-parameter:fields": 1, "ok": 1},
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/trades", {"lines": []}, 422, "body.lines"),
        ("/trades", {"lines": [{"sku_id": 10001, "quantity": 1, "discount": 5}]}, 422, "discount"),
        ("/trades", {"lines": [{"sku_id": 10001, "quantity": 1, "discount": "500.00"}]}, 422, "优惠"),
        ("/trades", {"lines": [{"sku_id": 77, "quantity": 1}]}, 404, "77"),
        ("/trades", {"lines": [{"sku_id": 10001, "quantity": 1}], "seller": "无"}, 404, "无"),
        ("/trades", {"lines": [{"sku_id": 10001, "quantity": 1}], "type": "gift"}, 422, "body.type"),
        ("/items", {"num_iid": 9, "title": "无价"}, 422, "skus"),
        ("/items", {"num_iid": 9, "title": "撞号", "skus": [{"sku_id": 10001, "price": "1.00"}]}, 422, "10001"),
        ("/sellers", {"app_key": "12345678", "app_secret": "x", "session": "y", "nick": "z"}, 422, "12345678"),
        ("/faults", {"kind": "explode"}, 422, "body.kind"),
    ],
)
async def test_bad_requests_are_problems_that_name_the_cause(
    tmall: "Tmall", path: str, body: object, status: int, word: str
) -> None:
    await tmall.item()
    reply = await tmall.http.post(f"/sim{path}", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert word in reply.json()["detail"]


async def test_an_item_posted_again_is_replaced(tmall: "Tmall") -> None:
    await tmall.item(quantities=(1, 2, 3))
    await tmall.item(quantities=(9,))
    assert await tmall.quantities() == {"10001": 9}


async def test_health(tmall: "Tmall") -> None:
    assert (await tmall.http.get("/healthz")).json() == {"status": "ok"}
