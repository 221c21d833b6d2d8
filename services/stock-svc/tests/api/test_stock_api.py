"""Stock over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from stock_world import (
    FLAGSHIP,
    NOW,
    OUTLET,
    OWNER,
    SHOES,
    TSHIRT,
    WAREHOUSE,
    World,
    counted,
    listed,
    pulled_until,
    requested,
    shipped,
    snapshot,
)

from lemai_chassis.listing import encode_cursor
from lemai_chassis.strict import application
from lemai_chassis.testing import access, token
from lemai_contracts.marketplace import PublicationState, StockPublishedV1
from lemai_contracts.values import Grade
from stock_svc import api

SECOND = timedelta(seconds=1)


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = application("stock-svc", [api.router(world.engine, world.reference)], access())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://stock-svc", headers=token()) as client:
        yield client


async def get(http: httpx.AsyncClient, path: str, **parameters: str | int) -> Any:
    answer = await http.get(f"/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pages(http: httpx.AsyncClient, path: str, **parameters: str | int) -> list[list[Any]]:
    """The items of each page until the last."""
    found: list[list[Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(http, path, **parameters, **cursor)
        found.append(page["items"])
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


@pytest.fixture
async def sold(world: World) -> None:
    """Ten T-shirts and four shoes were counted; two T-shirts are promised, three of five wanted shoes are missing."""
    await world.hold(tshirt=10, shoes=4)
    await world.take(requested("TM1", tshirt=2), requested("TM2", shoes=7))


@pytest.mark.usefixtures("sold")
async def test_a_balance_says_what_is_on_the_shelf_and_what_is_available(http: httpx.AsyncClient) -> None:
    page = await get(http, "/stock", item_code=TSHIRT)

    assert page == {
        "items": [
            {
                "owner_code": OWNER,
                "warehouse_code": WAREHOUSE,
                "item_code": TSHIRT,
                "grade": "good",
                "on_hand": 10,
                "committed": 2,
                "frozen": 0,
                "available": 8,
            }
        ],
        "next": None,
    }


async def test_defective_and_missing_pieces_are_not_available(world: World, http: httpx.AsyncClient) -> None:
    await world.take(snapshot("IB1", counted(TSHIRT, 3, grade=Grade.DEFECTIVE), at=NOW - SECOND))
    await world.count()
    await world.take(shipped("TM1", "A1", tshirt=2))

    items = (await get(http, "/stock"))["items"]

    assert [(item["grade"], item["on_hand"], item["available"]) for item in items] == [
        ("defective", 3, 0),
        ("good", -2, 0),
    ]


@pytest.mark.usefixtures("sold")
@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, [SHOES, TSHIRT]),
        ({"item_code": "GB-SH"}, [SHOES]),
        ({"item_code": "%"}, []),
        ({"owner_code": OWNER, "warehouse_code": WAREHOUSE}, [SHOES, TSHIRT]),
        ({"owner_code": "OTHER"}, []),
        ({"warehouse_code": "WH02"}, []),
        ({"store_code": FLAGSHIP}, [SHOES]),
        ({"store_code": OUTLET}, []),
    ],
)
async def test_stock_is_searched(
    world: World, http: httpx.AsyncClient, parameters: dict[str, str], found: list[str]
) -> None:
    await world.take(listed(SHOES, "1001"), listed(TSHIRT, "1002", active=False))

    items = (await get(http, "/stock", **parameters))["items"]

    assert [item["item_code"] for item in items] == found


@pytest.mark.usefixtures("sold")
async def test_stock_comes_in_pages(http: httpx.AsyncClient) -> None:
    found = await pages(http, "/stock", limit=1)

    assert [[item["item_code"] for item in page] for page in found] == [[SHOES], [TSHIRT]]


@pytest.mark.usefixtures("sold")
async def test_one_item_shows_where_it_lies_and_where_it_is_sold(world: World, http: httpx.AsyncClient) -> None:
    await world.take(listed(TSHIRT, "1001"), *pulled_until(world.now + SECOND))
    await world.follow_up()

    stock = await get(http, f"/stock/{OWNER}/{TSHIRT}")

    assert [(balance["warehouse_code"], balance["available"]) for balance in stock["balances"]] == [(WAREHOUSE, 8)]
    assert [(figure["store_code"], figure["quantity"]) for figure in stock["figures"]] == [(FLAGSHIP, 8)]


async def test_the_ledger_of_an_item_comes_newest_first(world: World, http: httpx.AsyncClient) -> None:
    await world.hold(tshirt=10)
    for number in range(3):
        world.later(seconds=1)
        await world.take(shipped(f"TM{number}", "A1", tshirt=1, occurred_at=world.now))

    found = await pages(http, f"/stock/{OWNER}/{TSHIRT}/movements", limit=2)

    lines = [line for page in found for line in page]
    assert [(line["entry_no"], line["change"], line["on_hand"]) for line in lines] == [
        (4, -1, 7),
        (3, -1, 8),
        (2, -1, 9),
        (1, 10, 10),
    ]
    assert [(line["cause"], line["reference"], line["order_no"]) for line in lines[2:]] == [
        ("actual", "A1", "TM0"),
        ("snapshot", "first", ""),
    ]


@pytest.mark.usefixtures("sold")
async def test_waiting_orders_come_in_order_of_asking(world: World, http: httpx.AsyncClient) -> None:
    world.later(seconds=1)
    await world.take(requested("TM0", shoes=9))

    found = await pages(http, "/commitments", state="short", limit=1)

    assert [[waiting["order_no"] for waiting in page] for page in found] == [["TM2"], ["TM0"]]
    assert found[0][0]["missing"] == {SHOES: 3}


@pytest.mark.usefixtures("sold")
async def test_one_commitment(http: httpx.AsyncClient) -> None:
    assert await get(http, f"/commitments/{OWNER}/TM1") == {
        "owner_code": OWNER,
        "order_no": "TM1",
        "store_code": FLAGSHIP,
        "warehouse_code": WAREHOUSE,
        "state": "committed",
        "lines": [{"item_code": TSHIRT, "quantity": 2, "open": 2}],
        "missing": {},
        "asked_at": "2026-11-22T02:00:00Z",
    }


async def test_a_figure_shows_what_was_told_and_what_the_platform_took(world: World, http: httpx.AsyncClient) -> None:
    await world.hold(tshirt=10)
    await world.take(listed(TSHIRT, "1001"), listed(SHOES, "1002"), *pulled_until(world.now))
    await world.follow_up()
    taken = StockPublishedV1(
        store_code=FLAGSHIP,
        platform_item_id="100",
        platform_sku_id="1001",
        quantity=10,
        availability_version=1,
        state=PublicationState.DONE,
        published_at=NOW + SECOND,
    )
    await world.take(taken)

    items = (await get(http, "/availability", store_code=FLAGSHIP, item_code=TSHIRT))["items"]

    assert items == [
        {
            "store_code": FLAGSHIP,
            "platform_item_id": "100",
            "platform_sku_id": "1001",
            "owner_code": OWNER,
            "item_code": TSHIRT,
            "active": True,
            "quantity": 10,
            "version": 1,
            "watermark": "2026-11-22T02:00:00Z",
            "due_since": None,
            "published_quantity": 10,
            "published_version": 1,
            "published_at": "2026-11-22T02:00:01Z",
        }
    ]
    assert await pages(http, "/availability", store_code=OUTLET) == [[]]


async def test_snapshots_and_what_they_differed_in(world: World, http: httpx.AsyncClient) -> None:
    await world.hold(tshirt=10, shoes=4)
    await world.take(snapshot("IB1", counted(TSHIRT, 12), at=NOW))
    await world.count()

    snapshots = (await get(http, "/snapshots", warehouse_code=WAREHOUSE))["items"]
    differences = await pages(http, "/snapshots/IB1/differences", limit=1)

    assert [(one["snapshot_id"], one["state"], one["differences"]) for one in snapshots] == [
        ("IB1", "applied", 2),
        ("first", "applied", 2),
    ]
    assert (snapshots[0]["chunks_received"], snapshots[0]["corrected"], snapshots[0]["full"]) == (1, 2, True)
    assert [
        (line["item_code"], line["expected"], line["counted"], line["difference"])
        for page in differences
        for line in page
    ] == [(SHOES, 4, 0, -4), (TSHIRT, 10, 12, 2)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"/stock/{OWNER}/NOTHING", f"{OWNER}/NOTHING"),
        (f"/commitments/{OWNER}/TM9", f"{OWNER}/TM9"),
        ("/snapshots/IB9/differences", "IB9"),
        ("/stock?store_code=NOWHERE", "NOWHERE"),
    ],
)
async def test_what_is_not_there_is_a_problem_that_names_it(http: httpx.AsyncClient, path: str, value: str) -> None:
    answer = await http.get(f"/v1{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert value in answer.json()["detail"]


@pytest.mark.parametrize(
    "cursor", ["x", encode_cursor("only one"), encode_cursor("no time", "TM1", OWNER), encode_cursor(1, "TM1", OWNER)]
)
async def test_a_cursor_that_is_none_of_ours_is_a_problem_that_names_it(http: httpx.AsyncClient, cursor: str) -> None:
    answer = await http.get("/v1/commitments", params={"cursor": cursor})

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["value"]) == ("query.cursor", cursor)


@pytest.mark.parametrize("parameter", ["limit=0", "limit=201", "state=lost"])
async def test_a_wrong_parameter_is_a_problem_that_names_it(http: httpx.AsyncClient, parameter: str) -> None:
    answer = await http.get(f"/v1/commitments?{parameter}")

    name, value = parameter.split("=")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["value"]) == (f"query.{name}", value)


async def test_a_snapshot_that_waits_is_decided_by_whoever_may(http: httpx.AsyncClient, world: World) -> None:
    await world.hold(tshirt=5)
    await world.take(snapshot("IB1", at=world.later(seconds=1)))
    await world.count()
    its = {"owner_code": OWNER, "warehouse_code": WAREHOUSE, "snapshot_id": "IB1"}
    [[waiting]] = await pages(http, "/snapshots", state="waiting")
    assert (waiting["snapshot_id"], waiting["sellable"], waiting["lost"]) == ("IB1", 5, 5)

    decided = await http.post("/v1/snapshots/decide", json={**its, "decision": "apply", "reason": "盘点属实 / true"})
    await world.count()

    assert decided.status_code == 200, decided.text
    assert (decided.json()["decided_by"], decided.json()["decided_why"]) == ("tester", "盘点属实 / true")
    assert await world.on_hand(TSHIRT) == (0, 0, 0)
    again = await http.post("/v1/snapshots/decide", json={**its, "decision": "refuse", "reason": "不对 / wrong"})
    assert (again.status_code, again.json()["detail"]) == (409, "IB1: applied")
    unknown = {**its, "snapshot_id": "IB9", "decision": "apply", "reason": "盘点属实 / true"}
    none = await http.post("/v1/snapshots/decide", json=unknown)
    assert none.status_code == 404
