"""Money over HTTP, on a real database."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import pytest

from finance_svc.domain import Entry, Receivable
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def an_order(order_no: str, *, owner_code: str = "JFY", trade_no: str = "30214") -> Receivable:
    return Receivable(owner_code, order_no, f"tmall/{trade_no}", "sales", "TM-JFY-01", "tmall", trade_no, "CNY")


def an_entry(actual_no: str, amount_minor: int, shipped_at: datetime, freight_minor: int, discount_minor: int) -> Entry:
    parts = amount_minor, freight_minor, discount_minor
    return Entry("JFY", "TM1", actual_no, *parts, "CNY", shipped_at, (f"SF-{actual_no}",), NOW)


async def keep(engine: Engine, aggregates: Sequence[Receivable | Entry]) -> None:
    def put(_: None, uow: UnitOfWork) -> None:
        for aggregate in aggregates:
            uow.put(aggregate)

    await engine.execute(put, None, [Ref(type(aggregate), aggregate.key) for aggregate in aggregates])


async def test_the_money_of_an_order_is_its_shipments(engine: Engine, http: httpx.AsyncClient) -> None:
    second = an_entry("S2", 3248, datetime(2026, 11, 25, tzinfo=UTC), 0, 0)
    first = an_entry("S1", 9652, datetime(2026, 11, 22, 7, tzinfo=UTC), 800, 50)
    receivable = an_order("TM1").place(12900, "CNY").book(first).book(second).complete()
    await keep(engine, [receivable, second, first])

    answer = await http.get("/v1/orders/TM1/money")

    assert answer.status_code == 200
    assert answer.json() == {
        "owner_code": "JFY",
        "order_no": "TM1",
        "kind": "sales",
        "store_code": "TM-JFY-01",
        "platform": "tmall",
        "trade_no": "30214",
        "state": "complete",
        "currency": "CNY",
        "ordered": {"amount": "129.00", "currency": "CNY"},
        "receivable": {"amount": "129.00", "currency": "CNY"},
        "entries": [
            {
                "actual_no": "S1",
                "amount": {"amount": "96.52", "currency": "CNY"},
                "goods": {"amount": "89.02", "currency": "CNY"},
                "freight": {"amount": "8.00", "currency": "CNY"},
                "discount": {"amount": "0.50", "currency": "CNY"},
                "shipped_at": "2026-11-22T07:00:00Z",
                "waybill_nos": ["SF-S1"],
                "booked_at": "2026-11-22T08:00:00Z",
            },
            {
                "actual_no": "S2",
                "amount": {"amount": "32.48", "currency": "CNY"},
                "goods": {"amount": "32.48", "currency": "CNY"},
                "freight": {"amount": "0.00", "currency": "CNY"},
                "discount": {"amount": "0.00", "currency": "CNY"},
                "shipped_at": "2026-11-25T00:00:00Z",
                "waybill_nos": ["SF-S2"],
                "booked_at": "2026-11-22T08:00:00Z",
            },
        ],
    }


async def test_an_order_that_nothing_is_known_of_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/orders/TM1/money")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "order_no TM1"


async def test_a_total_that_is_not_known_yet_is_null(engine: Engine, http: httpx.AsyncClient) -> None:
    await keep(engine, [an_order("TM1")])

    money = (await http.get("/v1/orders/TM1/money")).json()

    assert (money["ordered"], money["receivable"]["amount"], money["state"]) == (None, "0.00", "open")


async def test_a_number_of_two_owners_needs_the_owner(engine: Engine, http: httpx.AsyncClient) -> None:
    await keep(engine, [an_order("TM1"), an_order("TM1", owner_code="NB")])

    ambiguous = await http.get("/v1/orders/TM1/money")

    assert ambiguous.status_code == 409
    assert ambiguous.headers["content-type"] == "application/problem+json"
    assert ambiguous.json()["errors"] == [
        {"field": "owner_code", "value": None, "message": "请指定货主 / name one of the owners: JFY, NB"}
    ]
    named = await http.get("/v1/orders/TM1/money", params={"owner_code": "NB"})
    assert named.json()["owner_code"] == "NB"


async def test_receivables_are_found_by_each_criterion(engine: Engine, http: httpx.AsyncClient) -> None:
    cancelled = an_order("TM2", trade_no="777").cancel()
    await keep(engine, [an_order("TM1"), cancelled, an_order("TM3", owner_code="NB")])

    async def found(**criteria: str) -> list[str]:
        return [item["order_no"] for item in (await http.get("/v1/receivables", params=criteria)).json()["items"]]

    assert await found() == ["TM1", "TM2", "TM3"]
    assert await found(owner_code="NB") == ["TM3"]
    assert await found(store_code="TM-OTHER") == []
    assert await found(state="cancelled") == ["TM2"]
    assert await found(number="777") == ["TM2"]
    assert await found(number="TM1") == ["TM1"]
    assert await found(owner_code="JFY", store_code="TM-JFY-01", state="open", number="30214") == ["TM1"]


async def test_receivables_come_page_by_page(engine: Engine, http: httpx.AsyncClient) -> None:
    await keep(engine, [an_order(f"TM{number}") for number in range(3)])

    first = (await http.get("/v1/receivables", params={"limit": 2})).json()
    second = (await http.get("/v1/receivables", params={"limit": 2, "cursor": first["next"]})).json()

    assert [item["order_no"] for item in first["items"] + second["items"]] == ["TM0", "TM1", "TM2"]
    assert second["next"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orders/%00/money",
        "/v1/receivables?number=%00",
        "/v1/receivables?state=lost",
        "/v1/receivables?limit=201",
        "/v1/receivables?cursor=x",
    ],
)
async def test_a_request_that_makes_no_sense(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_forged_cursor_is_refused(engine: Engine, http: httpx.AsyncClient) -> None:
    await keep(engine, [an_order("TM1")])

    answer = await http.get("/v1/receivables", params={"cursor": base64.urlsafe_b64encode(b'[1,"\\u0000"]').decode()})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.cursor"
