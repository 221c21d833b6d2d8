"""Each misbehaviour, and the program as a whole."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from k3_client import K3, Clock, order, refusal, refused_rows

DRESS = "GB-TS-001-R-90"
FORM = "SAL_SaleOrder"
SALE = order(FORM, "2611220001", (DRESS, 1))


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[K3]:
    """A client over a real connection, which can be dropped."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        client = K3(http)
        await client.login()
        yield client
    server.should_exit = True
    await serving


async def misbehave(k3: K3, kind: str, **body: object) -> None:
    answer = await k3.http.post("/sim/webapi/misbehave", json={"kind": kind, **body})
    assert answer.json() == {"kind": kind}


async def numbers(k3: K3) -> list[str]:
    return [row[0] for row in await k3.query(FORM, "FBillNo")]


async def test_a_lost_session_must_be_opened_again(k3: K3) -> None:
    await misbehave(k3, "session_lost")

    result = await k3.save(FORM, SALE)

    assert refusal(result) == (1, "")
    assert result["ResponseStatus"]["Errors"][0]["Message"].startswith("会话信息已丢失")
    assert refusal(await k3.save(FORM, SALE)) == (1, "")
    await k3.login()
    assert (await k3.save(FORM, SALE))["ResponseStatus"]["IsSuccess"]


async def test_a_lost_session_looks_like_a_row_to_a_query(k3: K3) -> None:
    await misbehave(k3, "session_lost", operation="ExecuteBillQuery")

    assert refused_rows(await k3.query(FORM, "FBillNo")) == (1, "")


async def test_a_bill_is_locked_for_some_calls(k3: K3) -> None:
    await misbehave(k3, "edit_lock", times=2)
    assert await numbers(k3) == []

    codes = [(await k3.save(FORM, SALE))["ResponseStatus"]["MsgCode"] for _ in range(3)]

    assert codes == [13, 13, 0]


async def test_calls_are_limited(k3: K3) -> None:
    await misbehave(k3, "call_limit")

    assert refused_rows(await k3.query(FORM, "FBillNo")) == (14, "")
    assert await numbers(k3) == []


async def test_an_audit_is_refused_with_the_words_of_the_tester(k3: K3) -> None:
    await misbehave(k3, "audit_refused", message="信用额度不足")
    await k3.save(FORM, SALE)
    await k3.step("Submit", FORM, "2611220001")

    result = await k3.step("Audit", FORM, "2611220001")

    assert refusal(result) == (11, "")
    assert result["ResponseStatus"]["Errors"][0]["Message"] == "信用额度不足"
    assert await k3.query(FORM, "FDocumentStatus") == [["B"]]
    assert (await k3.step("Audit", FORM, "2611220001"))["ResponseStatus"]["IsSuccess"]


async def test_a_server_error_does_nothing(k3: K3) -> None:
    await misbehave(k3, "server_error")

    answer = await k3.post("Save", {"formid": FORM, "data": {"Model": SALE}})

    assert (answer.status_code, answer.text[:15]) == (500, "response_error:")
    assert await numbers(k3) == []


@pytest.mark.parametrize(("operation", "statuses"), [("", (500, 200)), ("Submit", (200, 500))])
async def test_an_error_comes_after_the_call_took_effect(k3: K3, operation: str, statuses: tuple[int, int]) -> None:
    await misbehave(k3, "error_500_after_save", operation=operation)

    saved = await k3.post("Save", {"formid": FORM, "data": {"Model": SALE}})
    submitted = await k3.post("Submit", {"formid": FORM, "data": {"Numbers": ["2611220001"]}})

    assert (saved.status_code, submitted.status_code) == statuses
    assert await k3.query(FORM, "FDocumentStatus") == [["B"]]


async def test_the_connection_ends_after_the_bill_was_saved(served: K3) -> None:
    await misbehave(served, "timeout_after_save")

    with pytest.raises(httpx.RemoteProtocolError):
        await served.save(FORM, SALE)

    assert await numbers(served) == ["2611220001"]
    assert refusal(await served.save(FORM, SALE)) == (11, "FBillNo")


async def test_the_answer_can_stay_away_until_the_caller_gives_up(served: K3) -> None:
    await misbehave(served, "timeout_after_save", seconds=2)
    served.http.timeout = httpx.Timeout(0.2)

    with pytest.raises(httpx.ReadTimeout):
        await served.save(FORM, SALE)

    served.http.timeout = httpx.Timeout(5)
    assert await numbers(served) == ["2611220001"]


async def test_an_answer_can_be_slow(k3: K3) -> None:
    await misbehave(k3, "slow", seconds=0.1, operation="Save")

    started = time.monotonic()
    assert (await k3.save(FORM, SALE))["ResponseStatus"]["IsSuccess"]

    assert time.monotonic() - started >= 0.1


async def test_what_was_told_can_be_forgotten(k3: K3) -> None:
    await misbehave(k3, "edit_lock", times=5)

    await k3.http.delete("/sim/webapi/misbehave")

    assert (await k3.save(FORM, SALE))["ResponseStatus"]["IsSuccess"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "sulk"}, "body.kind"),
        ({"kind": "slow", "times": 0}, "body.times"),
        ({"kind": "slow", "operation": "Sulk"}, "body.operation"),
        ({"kind": "slow", "secs": 1}, "body.secs"),
    ],
)
async def test_a_bad_misbehaviour_is_a_problem(k3: K3, body: dict[str, object], field: str) -> None:
    answer = await k3.http.post("/sim/webapi/misbehave", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == field


async def test_calls_that_went_wrong_are_counted(k3: K3, clock: Clock) -> None:
    await misbehave(k3, "edit_lock")
    await k3.save(FORM, SALE)
    await k3.save(FORM, SALE)

    shown = (await k3.http.get("/sim/webapi/bills")).json()

    assert shown["bills"][0]["calls"] == {"Save": 2}
    assert [(row["operation"], row["refused"], row["calls"]) for row in shown["calls"]] == [
        ("Save", 0, 1),
        ("Save", 13, 1),
    ]
