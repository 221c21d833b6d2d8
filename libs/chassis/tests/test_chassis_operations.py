"""What an operator can ask any service: is it alive, is it ready, what is parked."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from lemai_toy import STORAGE, on_trade_changed, tally_refs
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import count_of, eventually, fetch, is_waiting_for_a_lock, message, notes, parked, trade

from lemai_chassis import operations
from lemai_chassis.database import connect
from lemai_chassis.delivery import parking
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.strict import application
from lemai_chassis.testing import access, token
from lemai_chassis.troubles import Troubles
from lemai_contracts.marketplace import TradeChangedV1


class Process:
    """What the operations of a process look at."""

    def __init__(self, database: AsyncEngine) -> None:
        self.heartbeat = time.monotonic()
        self.trouble = ""
        self.failing = True
        self.engine = Engine(database, "toy", STORAGE, [On(TradeChangedV1, self._on_trade_changed, tally_refs)])

    def _on_trade_changed(self, event: TradeChangedV1, uow: UnitOfWork) -> None:
        if self.failing and event.seller_message:
            raise RuntimeError("bad weather")
        on_trade_changed(event.model_copy(update={"seller_message": ""}), uow)

    def app(self) -> FastAPI:
        async def probe() -> str:
            return self.trouble

        return application("toy", [operations.router(self.engine, lambda: self.heartbeat, [probe])], access())


@pytest.fixture
def process(database: AsyncEngine) -> Process:
    return Process(database)


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(process.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://toy", headers=token()) as client:
        yield client


async def test_a_process_is_alive_while_its_loop_goes_round(client: httpx.AsyncClient, process: Process) -> None:
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True, "reasons": [], "failing": []})

    process.heartbeat -= 61
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()["alive"]) == (503, False)
    assert answer.json()["reasons"][0].startswith("no heartbeat for 6")


async def test_a_process_is_ready_when_database_and_loops_work(client: httpx.AsyncClient, process: Process) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (200, [])

    process.trouble = "consumer: not in its group yet"
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["consumer: not in its group yet"])


async def test_a_ready_process_says_what_keeps_failing_in_it(client: httpx.AsyncClient, process: Process) -> None:
    await Troubles(process.engine).failed("pull_failed", "pull:TM-01", ConnectionError("no network"))

    answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["reasons"]) == (200, [])
    assert answer.json()["failing"] == ["pull_failed pull:TM-01: ConnectionError: no network"]


async def test_a_process_without_its_database_says_so() -> None:
    nowhere = connect("postgresql+asyncpg://nobody:x@127.0.0.1:1/nowhere")
    app = Process(nowhere).app()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy") as client:
        answer = await client.get("/readyz")

    [reason] = answer.json()["reasons"]
    assert answer.status_code == 503
    assert reason.startswith("database 127.0.0.1:1/nowhere: ConnectionRefusedError: ")


async def test_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    for name in ("lemai_consumer_lag", "lemai_parked_keys", "lemai_outbox_age_seconds", "lemai_handler_seconds"):
        assert f"# TYPE {name} " in answer.text


async def test_metrics_tell_what_is_parked_stuck_and_not_yet_told(
    client: httpx.AsyncClient, process: Process, database: AsyncEngine
) -> None:
    await park_three(process)
    async with database.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO outbound_call (kind, key, payload, traceparent, causationid, created_at) "
            "VALUES ('publish', 'K', '{}', '', '', now() - interval '7 minutes')"
        )

    told = (await client.get("/metrics")).text

    assert "lemai_parked_keys 3.0" in told
    assert 'lemai_stuck{kind="parked"} 3.0' in told
    assert 'lemai_outbound_call_age_seconds{kind="publish"} 42' in told


async def park_three(process: Process) -> None:
    for key in ("F1", "F2", "F3"):
        await process.engine.run([message(trade(key, version, "fail")) for version in "12"])


async def test_parked_keys_come_page_by_page_in_key_order(client: httpx.AsyncClient, process: Process) -> None:
    await park_three(process)

    first = (await client.get("/v1/parked", params={"limit": 2})).json()
    rest = (await client.get("/v1/parked", params={"limit": 2, "cursor": first["next"]})).json()

    assert [item["key"] for item in (*first["items"], *rest["items"])] == ["F1", "F2", "F3"]
    assert rest["next"] is None
    found = first["items"][0]
    del found["parked_at"]
    assert found == {
        "key": "F1",
        "reason": "RuntimeError: bad weather",
        "awaits": None,
        "due_at": None,
        "attempts": 1,
        "messages": 2,
    }


@pytest.mark.parametrize("limit", [0, -1, 201, "x"])
async def test_a_page_has_a_size(client: httpx.AsyncClient, limit: object) -> None:
    answer = await client.get("/v1/parked", params={"limit": str(limit)})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.limit"


async def test_the_messages_of_a_key_are_shown_without_their_bodies(
    client: httpx.AsyncClient, process: Process
) -> None:
    came = message(trade("F1", told="fail"))
    await process.engine.run([came, message(trade("F1", "2"), headers=[])])

    first, second = (await client.get("/v1/parked/messages", params={"key": "F1"})).json()["items"]

    assert {name: first[name] for name in ("topic", "partition", "offset", "type", "id")} == {
        "topic": came.topic,
        "partition": 0,
        "offset": came.offset,
        "type": "lemai.marketplace.trade_changed.v1",
        "id": str(came.attributes().id),
    }
    assert set(first) == {"seq", "topic", "partition", "offset", "type", "id", "parked_at"}
    assert (second["type"], second["id"]) == ("", "")


async def test_redriving_by_hand_runs_a_key_as_far_as_it_goes(
    client: httpx.AsyncClient, process: Process, database: AsyncEngine
) -> None:
    await park_three(process)

    answer = await client.post("/v1/parked/redrive", params={"key": "F1"})
    assert [(item["key"], item["messages"], item["attempts"]) for item in answer.json()["items"]] == [("F1", 2, 2)]
    process.failing = False
    answer = await client.post("/v1/parked/redrive", params={"key": "F1"})
    assert answer.json()["items"] == []

    assert await notes(database) == {"F1": ["1", "2"]}
    assert set(await parked(database)) == {"F2", "F3"}


async def test_discarding_drops_the_first_message_for_good_and_keeps_why(
    client: httpx.AsyncClient, process: Process, database: AsyncEngine
) -> None:
    await park_three(process)
    [(first, value)] = await fetch(database, "SELECT seq, value FROM parked_message WHERE key = 'F1' LIMIT 1")

    query = {"key": "F1", "seq": first, "reason": "test order 测试单"}
    answer = await client.post("/v1/parked/discard", params=query)
    assert [item["messages"] for item in answer.json()["items"]] == [1]
    again = await client.post("/v1/parked/discard", params=query)
    assert again.status_code == 404

    assert await parked(database) == {"F1": ["2"], "F2": ["1", "2"], "F3": ["1", "2"]}
    assert await fetch(database, "SELECT seq, reason, value FROM discarded_message") == [
        (first, "tester: test order 测试单", value)
    ]


async def test_a_message_that_a_redrive_just_handled_is_not_discarded_nor_is_the_next(
    client: httpx.AsyncClient, process: Process, database: AsyncEngine
) -> None:
    await process.engine.run([message(trade("F1", version, "fail")) for version in "12"])
    [(first,), _] = await fetch(database, "SELECT seq FROM parked_message ORDER BY seq")

    async with database.begin() as redrive:
        await parking.first(redrive, "F1")
        query = {"key": "F1", "seq": first, "reason": "too late"}
        discarding = asyncio.create_task(client.post("/v1/parked/discard", params=query))
        await eventually(lambda: is_waiting_for_a_lock(database))
        await parking.release_first(redrive, "F1")

    assert (await discarding).status_code == 404
    assert await parked(database) == {"F1": ["2"]}
    assert await count_of(database, "discarded_message") == 0


async def test_discarding_the_last_message_frees_the_key(
    client: httpx.AsyncClient, process: Process, database: AsyncEngine
) -> None:
    await process.engine.run([message(trade("F1", told="fail"))])
    [(first,)] = await fetch(database, "SELECT seq FROM parked_message")

    answer = await client.post("/v1/parked/discard", params={"key": "F1", "seq": first, "reason": "test"})

    assert answer.json() == {"items": [], "next": None}
    assert await count_of(database, "parked_key") == 0


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("GET", "messages", {}), ("POST", "redrive", {}), ("POST", "discard", {"seq": 1, "reason": "x"})],
)
async def test_a_key_that_is_not_parked_is_not_found(
    client: httpx.AsyncClient, method: str, path: str, query: dict[str, str | int]
) -> None:
    answer = await client.request(method, f"/v1/parked/{path}", params=query | {"key": "F9"})

    assert answer.status_code == 404
    assert "F9" in answer.json()["detail"]
