"""Stores, publications and unreadable trades over HTTP."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lemai_chassis.strict import application
from lemai_chassis.testing import access, token
from lemai_contracts.examples import example
from lemai_contracts.marketplace import ShipmentPublishedV1, TradeChangedV1
from lemai_contracts.order import OrderShippedV1
from marketplace_adapter.handlers import on_order_shipped

if TYPE_CHECKING:
    from conftest import Adapter, Tmall


@pytest.fixture
async def http(adapter: "Adapter") -> AsyncIterator[httpx.AsyncClient]:
    app = application("marketplace-adapter", adapter.service.routers, access())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://adapter/v1", headers=token()) as http:
        yield http


async def request(adapter: "Adapter", number: int) -> None:
    await adapter.run(
        "INSERT INTO outbound_call (kind, key, payload, answer, traceparent, causationid) "
        f"SELECT 'publish_shipment', 'TM-01/' || n, '{{\"n\": 1}}', '{{\"code\": \"B04\"}}', '', '' "
        f"FROM generate_series(1, {number}) n"
    )


def problem(reply: httpx.Response) -> Any:
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.json()


async def test_a_store_is_pulled_now(adapter: "Adapter", tmall: "Tmall", http: httpx.AsyncClient) -> None:
    trade_no = await tmall.order(1)
    await tmall.forward(2)

    reply = await http.post("/stores/TM-01/pull")

    assert (reply.status_code, reply.json()) == (200, {"store_code": "TM-01", "trades": 1})
    assert [event.trade_no for event in await adapter.events(TradeChangedV1)] == [trade_no]
    [store] = (await http.get("/stores")).json()["items"]
    assert (store["store_code"], store["failing_since"], store["last_error"]) == ("TM-01", None, None)
    [until] = await adapter.column("SELECT until FROM cursor")
    assert store["until"] == until.isoformat().replace("+00:00", "Z")


async def test_a_platform_that_refuses_is_a_problem(tmall: "Tmall", http: httpx.AsyncClient) -> None:
    await tmall.forward(2)
    await tmall.end_session()

    reply = await http.post("/stores/TM-01/pull")

    assert reply.status_code == 502
    assert problem(reply)["title"] == "平台调用失败 / the platform call failed"
    assert problem(reply)["detail"].startswith("AuthExpired: taobao.trades.sold.increment.get")


async def test_a_store_whose_scheduled_pull_fails_says_since_when_and_why(
    adapter: "Adapter", tmall: "Tmall", http: httpx.AsyncClient
) -> None:
    await tmall.forward(2)
    await tmall.end_session()
    since = tmall.now()

    await adapter.scheduled_pull()

    [store] = (await http.get("/stores")).json()["items"]
    assert datetime.fromisoformat(store["failing_since"]) >= since
    assert store["last_error"].startswith("AuthExpired: taobao.trades.sold.increment.get")


async def test_an_unknown_store_is_a_problem(http: httpx.AsyncClient) -> None:
    reply = await http.post("/stores/TM-99/pull")

    assert reply.status_code == 404
    assert problem(reply)["detail"] == "store_code TM-99"


async def test_publications_come_in_pages(adapter: "Adapter", http: httpx.AsyncClient) -> None:
    await request(adapter, 5)

    first = (await http.get("/publications", params={"limit": 3})).json()
    second = (await http.get("/publications", params={"limit": 3, "cursor": first["next"]})).json()

    keys = [item["key"] for page in (first, second) for item in page["items"]]
    assert keys == ["TM-01/5", "TM-01/4", "TM-01/3", "TM-01/2", "TM-01/1"]
    assert second["next"] is None
    assert first["items"][0] | {"id": 0, "created_at": "", "due_at": ""} == {
        "id": 0,
        "kind": "publish_shipment",
        "key": "TM-01/5",
        "state": "pending",
        "attempts": 0,
        "payload": {"n": 1},
        "answer": {"code": "B04"},
        "created_at": "",
        "due_at": "",
        "ended_at": None,
    }


async def test_publications_are_found_by_key_and_state(adapter: "Adapter", http: httpx.AsyncClient) -> None:
    await request(adapter, 3)
    await adapter.run("UPDATE outbound_call SET state = 'done' WHERE key = 'TM-01/2'")

    async def found(**query: str) -> list[str]:
        return [item["key"] for item in (await http.get("/publications", params=query)).json()["items"]]

    assert await found(key="TM-01/3") == ["TM-01/3"]
    assert await found(state="done") == ["TM-01/2"]
    assert await found(kind="publish_stock") == []


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ({"state": "lost"}, "query.state", "lost"),
        ({"kind": "publish_refund"}, "query.kind", "publish_refund"),
        ({"limit": "0"}, "query.limit", "0"),
        ({"cursor": "x"}, "query.cursor", "x"),
    ],
)
async def test_a_bad_query_names_field_and_value(
    http: httpx.AsyncClient, query: dict[str, str], field: str, value: str
) -> None:
    reply = await http.get("/publications", params=query)

    assert reply.status_code == 422
    [error] = problem(reply)["errors"]
    assert (error["field"], error["value"]) == (field, value)


async def test_malformed_trades_are_listed(adapter: "Adapter", tmall: "Tmall", http: httpx.AsyncClient) -> None:
    trade_no = await tmall.order(1)
    tmall.replace_lines(trade_no, [])
    await tmall.forward(2)
    await adapter.pull()

    [trade] = (await http.get("/malformed-trades")).json()["items"]

    assert (trade["store_code"], trade["trade_no"], trade["reason"]) == ("TM-01", trade_no, "orders = None")


async def refused(adapter: "Adapter", tmall: "Tmall", *waybills: str) -> tuple[str, int]:
    """A trade whose shipment the plugin or the platform refused, and the publication."""
    trade_no = await tmall.order(*[1] * len(waybills))
    oids = [line["oid"] for line in (await tmall.trade(trade_no))["lines"]]
    parcels = [
        {
            "carrier_code": "SF",
            "waybill_no": waybill,
            "contents": [{"line_no": 1, "item_code": "JFY-0101", "quantity": 1}],
            "platform_lines": [{"platform_line_no": oid, "quantity": 1}],
        }
        for waybill, oid in zip(waybills, oids, strict=True)
    ]
    event = example(OrderShippedV1).model_dump(mode="json") | {
        "store_code": "TM-01",
        "trade_no": trade_no,
        "parcels": parcels,
        "unfinished_platform_lines": [],
    }
    await adapter.engine.execute(on_order_shipped, OrderShippedV1.model_validate(event))
    async with adapter.publishing():
        await adapter.until_publications("rejected")
    [number] = await adapter.column("SELECT id FROM outbound_call")
    return trade_no, number


async def test_a_refused_shipment_is_corrected_and_told_once(
    adapter: "Adapter", tmall: "Tmall", http: httpx.AsyncClient
) -> None:
    trade_no, number = await refused(adapter, tmall, "SF1400123456789 SF1400123456790")
    fix = {"waybill_no": "sf1400123456790", "reason": "仓库录了两个 two in one field"}

    async with adapter.publishing():
        first, again = [await http.post(f"/publications/{number}/correct", json=fix) for _ in range(2)]
        await adapter.until_publications("rejected", "done")

    assert (first.status_code, again.status_code, first.json()["id"]) == (200, 200, again.json()["id"])
    assert await tmall.parcels(trade_no) == [("SF1400123456790", {"1": 1})]
    before, after = await adapter.events(ShipmentPublishedV1)
    assert (before.state, before.corrected_by) == ("rejected", "")
    assert (after.state, after.waybills) == ("done", ("sf1400123456790",))
    assert (after.corrected_by, after.reason) == ("tester", fix["reason"])
    other = await http.post(f"/publications/{number}/correct", json=fix | {"waybill_no": "SF1400123456799"})
    assert (other.status_code, problem(other)["title"]) == (409, "已经更正过 / corrected already")


async def test_of_several_parcels_the_one_meant_is_named(
    adapter: "Adapter", tmall: "Tmall", http: httpx.AsyncClient
) -> None:
    trade_no, number = await refused(adapter, tmall, "SF1400123456789", "nonsense")
    fix = {"carrier_code": "YTO", "waybill_no": "YT8812345678901", "reason": "x"}

    unclear = await http.post(f"/publications/{number}/correct", json=fix)
    async with adapter.publishing():
        await http.post(f"/publications/{number}/correct", json=fix | {"of_waybill": "nonsense"})
        await adapter.until_publications("rejected", "done")

    assert (unclear.status_code, problem(unclear)["title"]) == (422, "不知更正哪个包裹 / unclear which parcel")
    assert sorted(waybill for waybill, _ in await tmall.parcels(trade_no)) == ["SF1400123456789", "YT8812345678901"]


async def test_a_refused_shipment_is_sent_again_as_it_was(
    adapter: "Adapter", tmall: "Tmall", http: httpx.AsyncClient
) -> None:
    _, number = await refused(adapter, tmall, "nonsense")

    async with adapter.publishing():
        for _ in range(2):
            assert (await http.post(f"/publications/{number}/resend", json={"reason": "再试"})).status_code == 200
        await adapter.until_publications("rejected", "rejected")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reason": "x"}, 422),
        ({"waybill_no": "SF1400123456789"}, 422),
        ({"waybill_no": "SF1 SF2", "reason": "x"}, 422),
        ({"carrier_code": "SF\0", "reason": "x"}, 422),
        ({"waybill_no": "SF1400123456789", "reason": "x"}, 409),
    ],
    ids=["nothing to correct", "no reason", "two waybills", "no code", "not refused"],
)
async def test_what_cannot_be_corrected_is_a_problem(
    adapter: "Adapter", http: httpx.AsyncClient, body: dict[str, str], status: int
) -> None:
    await request(adapter, 1)
    [number] = await adapter.column("SELECT id FROM outbound_call")

    assert (await http.post(f"/publications/{number}/correct", json=body)).status_code == status
    assert (await http.post("/publications/999/resend", json={"reason": "x"})).status_code == 404
