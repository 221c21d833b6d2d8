"""Stores, publications and unreadable trades over HTTP."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lemai_chassis.service import application
from lemai_chassis.testing import access, token
from lemai_contracts.marketplace import TradeChangedV1

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
