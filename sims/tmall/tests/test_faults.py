"""Injected faults: each fires as often as planned, on its method only."""

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest

INCREMENT = "taobao.trades.sold.increment.get"
OFFLINE = "taobao.logistics.offline.send"
USER = {"method": "taobao.user.seller.get", "fields": "nick"}


async def plan(tmall: "Tmall", kind: str, **more: object) -> None:
    await tmall.post("/faults", {"kind": kind, **more})


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("session_expired", {}, (27, "session-expired")),
        ("isp_error", {}, (15, "isp.top-remote-connection-timeout")),
        (
            "isp_error",
            {"sub_code": "isv.logistics-offline-service-error:B150"},
            (15, "isv.logistics-offline-service-error:B150"),
        ),
    ],
)
async def test_refusals_fire_as_often_as_planned(
    tmall: "Tmall", kind: str, more: dict[str, str], expected: tuple[int, str]
) -> None:
    await plan(tmall, kind, method="taobao.user.seller.get", count=2, **more)
    await tmall.pull()
    assert [await tmall.refusal(**USER) for _ in range(2)] == [expected] * 2
    assert await tmall.call(**USER) == {"user": {"nick": "旗舰店"}}


async def test_a_refused_call_is_not_applied(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 1)))["tid"]
    await plan(tmall, "isp_error")
    await tmall.refusal(OFFLINE, tid=tid, company_code="SF", out_sid="SF1400123456789")
    assert (await tmall.get(f"/trades/{tid}"))["status"] == "WAIT_SELLER_SEND_GOODS"


async def test_a_ban_lasts_as_long_as_it_says(tmall: "Tmall") -> None:
    await plan(tmall, "throttle", method="taobao.user.seller.get", seconds=1)
    first = (await tmall.send(tmall.system(**USER))).json()["error_response"]
    banned_at = time.monotonic()
    assert (first["code"], first["msg"], first["sub_msg"]) == (
        7,
        "App Call Limited",
        "This ban will last for 1 more seconds",
    )
    assert await tmall.refusal(**USER) == (7, "accesscontrol.limited-by-app-api-access-count")
    await tmall.pull()
    deadline = banned_at + 10
    while "error_response" in (await tmall.send(tmall.system(**USER))).json():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert time.monotonic() - banned_at > 0.9


async def test_a_malformed_reply_was_applied(tmall: "Tmall") -> None:
    await tmall.item()
    tid = (await tmall.trade((10001, 1)))["tid"]
    await plan(tmall, "malformed", method=OFFLINE)
    call = tmall.system(OFFLINE, tid=tid, company_code="SF", out_sid="SF1400123456789")
    assert (await tmall.send(call)).text == '{"logistics_offline_send_response":{"shipping":{'
    assert (await tmall.get(f"/trades/{tid}"))["status"] == "WAIT_BUYER_CONFIRM_GOODS"


async def test_a_row_moves_while_paging(tmall: "Tmall") -> None:
    await tmall.item()
    tids = [(await tmall.trade((10001, 1)))["tid"] for _ in range(3)]
    await tmall.post("/clock", {"skew_seconds": 5})
    await plan(tmall, "row_moves", method=INCREMENT)
    first = await tmall.pull("tid_str", page_size="2")
    second = await tmall.pull("tid_str", page_size="2", page_no="2")
    assert [row["tid_str"] for row in first["trades"]["trade"]] == [tids[2], tids[1]]
    assert [row["tid_str"] for row in second["trades"]["trade"]] == [tids[1]]


async def test_the_plan_can_be_read_and_forgotten(tmall: "Tmall") -> None:
    await plan(tmall, "throttle", seconds=3, count=2)
    assert await tmall.get("/faults") == {
        "planned": [
            {
                "method": "*",
                "kind": "throttle",
                "count": 2,
                "seconds": 3,
                "sub_code": "isp.top-remote-connection-timeout",
                "rows": 1,
            }
        ]
    }
    await tmall.http.delete("/sim/faults")
    assert await tmall.call(**USER) == {"user": {"nick": "旗舰店"}}


async def test_unknown_methods_cannot_be_planned(tmall: "Tmall") -> None:
    await tmall.post("/faults", {"kind": "throttle", "method": "taobao.trade.get"}, status=422)
