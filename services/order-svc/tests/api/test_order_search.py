"""Orders over HTTP: found, shown, and their way told."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lemai_chassis.delivery.engine import Engine
from lemai_chassis.state.unit_of_work import Aggregate, UnitOfWork, ref
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import ReportedLine
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.stock import CommitmentState
from order_svc.domain.orders import Commitment, Line, Order, Refusal, State

if TYPE_CHECKING:
    from conftest import Desk

LINE = Line(1, "GB-TS-001-R-90", "婴儿连体衣", 2, 12808, platform_line_no="11", platform_quantity=2)


async def keep(engine: Engine, *aggregates: Aggregate) -> None:
    def put(aggregates: tuple[Aggregate, ...], uow: UnitOfWork) -> None:
        for aggregate in aggregates:
            uow.put(aggregate)

    await engine.execute(put, aggregates, [ref(type(aggregate), *aggregate.key) for aggregate in aggregates])


@pytest.fixture
async def orders(engine: Engine, order: Callable[..., Order]) -> list[Order]:
    """Six orders, newest first; the third and fourth were placed at once, as the two owners' parts of one trade."""
    first = order([LINE])
    changes: list[dict[str, Any]] = [
        {"order_no": "TM6", "trade_no": "6", "state": State.SHIPPED},
        {"order_no": "TM5", "trade_no": "5", "store_code": "TM-MIX-01"},
        {"order_no": "TM4", "trade_no": "4", "owner_code": "NB", "store_code": "TM-MIX-01"},
        {"order_no": "TM4", "trade_no": "4", "owner_code": "JFY", "store_code": "TM-MIX-01"},
        {"order_no": "TM2", "trade_no": "2", "state": State.CANCELLED},
        {"order_no": "TM1", "trade_no": "1", "commitment": Commitment.SHORT},
    ]
    hours = (5, 4, 3, 3, 1, 0)
    kept = [
        replace(first, placed_at=first.placed_at + timedelta(hours=hour), **change)
        for hour, change in zip(hours, changes, strict=True)
    ]
    await keep(engine, *kept)
    return kept


async def found(http: httpx.AsyncClient, **query: str | int) -> list[tuple[str, str]]:
    answer = await http.get("/v1/orders", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return [(order["owner_code"], order["order_no"]) for order in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"owner_code": "NB"}, [2]),
        ({"store_code": "TM-MIX-01"}, [1, 2, 3]),
        ({"state": "cancelled"}, [4]),
        ({"state": "open", "owner_code": "JFY"}, [1, 3, 5]),
        ({"number": "TM4"}, [2, 3]),
        ({"number": "4"}, [2, 3]),
        ({"number": "44"}, []),
        ({"placed_from": "2026-11-22T05:00:00Z"}, [0, 1, 2, 3]),
        ({"placed_until": "2026-11-22T05:00:00Z"}, [4, 5]),
        ({"placed_from": "2026-11-22T11:00:00+08:00", "placed_until": "2026-11-22T13:00:01+08:00"}, [2, 3, 4]),
    ],
)
async def test_each_filter_finds_its_orders_newest_first(
    http: httpx.AsyncClient, orders: list[Order], query: dict[str, str], places: list[int]
) -> None:
    assert await found(http, **query) == [orders[place].key for place in places]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_pages_show_every_order_once_and_end(http: httpx.AsyncClient, orders: list[Order], limit: int) -> None:
    shown: list[tuple[str, str]] = []
    query: dict[str, str | int] = {"limit": limit}
    while True:
        page = (await http.get("/v1/orders", params=query)).json()
        assert 0 < len(page["items"]) <= limit
        shown += [(order["owner_code"], order["order_no"]) for order in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]

    assert shown == [order.key for order in orders]


async def test_a_full_last_page_is_the_last(http: httpx.AsyncClient, orders: list[Order]) -> None:
    assert len(await found(http, limit=len(orders))) == len(orders)


async def test_a_summary_says_what_an_order_waits_for(http: httpx.AsyncClient, orders: list[Order]) -> None:
    [shown] = (await http.get("/v1/orders", params={"number": "TM1"})).json()["items"]
    assert shown == {
        "owner_code": "JFY",
        "order_no": "TM1",
        "kind": "sales",
        "store_code": "TM-JFY-01",
        "trade_no": "1",
        "state": "open",
        "waiting_for": ["approval", "stock"],
        "placed_at": "2026-11-22T02:00:00Z",
        "total": {"amount": "128.08", "currency": "CNY"},
    }


async def test_one_order_is_shown_with_its_lines_and_a_masked_consignee(
    http: httpx.AsyncClient, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    trade = desk.trade()
    await deliver(*desk.masters(), trade)
    answer = await http.get(f"/v1/orders/{desk.order_no}")

    shown = answer.json()
    assert shown["lines"][1] == {
        "line_no": 2,
        "item_code": "GB-SH-014-B-22",
        "item_name": "gb-sh-014-b-22",
        "quantity": 2,
        "shipped": 0,
        "amount": {"amount": "64.96", "currency": "CNY"},
        "platform_line_no": "3021456789012345680",
        "gift": False,
    }
    assert (shown["approved_by"], shown["commitment"], shown["revision"]) == ("rule", "requested", 0)
    assert (shown["goods"]["amount"], shown["total"]["amount"]) == ("129.00", "129.00")
    assert (shown["consignee_name"], shown["consignee_phone"]) == ("张*", "138****0000")
    assert shown["region"] == "浙江省杭州市余杭区"


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/orders/TM3021456789012345678", "/v1/held-actuals"])
async def test_the_consignee_is_never_shown(
    http: httpx.AsyncClient, deliver: Callable[..., Awaitable[None]], desk: "Desk", path: str
) -> None:
    desk.placed()
    await deliver(*desk.masters(), desk.trade(), desk.actual(1, 2))
    text = (await http.get(path)).text
    consignee = example(TradeChangedV1).consignee
    assert "JFY" in text
    for secret in (consignee.sealed, consignee.key_id, consignee.phone_digest, consignee.address_digest):
        assert secret not in text


async def test_a_journey_tells_the_way_of_an_order(
    http: httpx.AsyncClient, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    desk.instructed()
    await deliver(*desk.masters(), desk.trade(), desk.answer(CommitmentState.COMMITTED), desk.actual(1, 2))
    journey = (await http.get(f"/v1/orders/{desk.order_no}/journey")).json()

    assert journey["order"]["state"] == "shipped"
    assert [(step["kind"], step["reference"], step["at"]) for step in journey["steps"]] == [
        ("placed", "3021456789012345678", "2026-11-22T01:30:00Z"),
        ("paid", desk.trade().pay_no, "2026-11-22T01:31:02Z"),
        ("approved", "rule", "2026-11-22T02:00:00Z"),
        ("commitment", "committed/1", "2026-11-22T02:00:00Z"),
        ("instructed", "1", "2026-11-22T02:00:00Z"),
        ("actual", "SHP-1", "2026-11-22T07:20:31Z"),
        ("receivable", "SHP-1", "2026-11-22T07:20:31Z"),
    ]
    seen = {"platform": "tmall", "store_code": "TM-JFY-01", "cleaned": list(desk.trade().cleaned)}
    assert journey["steps"][0]["detail"] == seen


async def test_a_parked_trade_is_found_by_its_number_and_stands_in_the_journey(
    http: httpx.AsyncClient, engine: Engine, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    trade, [listing, *masters] = desk.trade(), desk.masters()
    await deliver(trade)

    for number in (trade.trade_no, desk.order_no):
        [waiting] = (await http.get("/v1/orders", params={"number": number})).json()["items"]
        assert {name: waiting[name] for name in ("owner_code", "order_no", "trade_no", "store_code", "state")} == {
            "owner_code": "JFY",
            "order_no": "",
            "trade_no": trade.trade_no,
            "store_code": "TM-JFY-01",
            "state": "parked",
        }
        assert waiting["total"] == {"amount": "129.00", "currency": "CNY"}
        assert "platform SKU not mapped to an item" in waiting["waiting_for"][0]
    assert await found(http, number=trade.trade_no, owner_code="NB") == []
    assert await found(http, number=trade.trade_no, state="open") == []

    await deliver(listing, *masters)
    assert await engine.redrive(trade.family)
    assert await found(http, number=trade.trade_no) == [("JFY", desk.order_no)]
    steps = (await http.get(f"/v1/orders/{desk.order_no}/journey")).json()["steps"]
    assert [step["kind"] for step in steps] == ["parked", "placed", "paid", "approved"]
    assert "lemai parked redrive order-svc tmall/3021456789012345678" in steps[0]["detail"]["message"]


async def test_held_actuals_wait_longest_first_page_by_page(
    http: httpx.AsyncClient, deliver: Callable[..., Awaitable[None]], desk: "Desk"
) -> None:
    lines = (ReportedLine(line_no=1, item_code="GB-TS-001-R-90", quantity=1),)
    desk.placed()
    actuals = [desk.actual(order_no=f"TM40{n}", actual_no=f"SHP-{n}", lines=lines) for n in (2, 0, 1)]
    await deliver(*actuals)

    first = (await http.get("/v1/held-actuals", params={"limit": 2})).json()
    second = (await http.get("/v1/held-actuals", params={"limit": 2, "cursor": first["next"]})).json()

    assert second["next"] is None
    shown = first["items"] + second["items"]
    assert [(held["order_no"], held["leg"], held["actual_no"], held["code"]) for held in shown] == [
        (f"TM40{n}", "OUT", f"SHP-{n}", "E_UNKNOWN_ORDER") for n in (0, 1, 2)
    ]
    assert type(actuals[0]).model_validate(shown[2]["actual"]) == actuals[0]


async def test_what_waits_for_a_person_is_listed_with_why_and_how(
    http: httpx.AsyncClient,
    engine: Engine,
    deliver: Callable[..., Awaitable[None]],
    desk: "Desk",
    order: Callable[..., Order],
) -> None:
    old = desk.now.replace(year=2020)
    refusal = Refusal("E_CHAR", "buyer_message", "BOM", desk.now)
    orders = [
        order([LINE], order_no="FRESH", created_at=datetime.now(UTC)),
        order([LINE], order_no="LATE", created_at=old, holds=("risk",), commitment=Commitment.SHORT),
        order([LINE], order_no="COMMITTING", created_at=old, approved_at=old),
        order([LINE], order_no="REFUSED", refusal=refusal),
        order([LINE], order_no="GONE", created_at=old, state=State.CANCELLED, refusal=refusal),
    ]
    await keep(engine, *orders)
    desk.placed()
    await deliver(desk.actual(1, order_no="TM404"))

    stuck = (await http.get("/v1/stuck")).json()["items"]

    assert {(item["kind"], item["about"], item["reason"]) for item in stuck} == {
        ("order_refused", "REFUSED", "E_CHAR buyer_message BOM"),
        ("order_waits", "LATE", "hold:risk, approval, stock"),
        ("actual_held", "TM404/OUT/SHP-1", "E_UNKNOWN_ORDER 没有此订单 / no such order"),
    }
    assert {item["owner_code"] for item in stuck} == {"JFY"}
    assert all(item["settle"].startswith("POST order-svc/v1/") for item in stuck)
