"""Revealing receivers by oaid."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest

DECRYPT = "taobao.top.oaid.decrypt"


async def reveal(tmall: "Tmall", *queries: dict[str, Any]) -> list[dict[str, Any]]:
    body = await tmall.call(DECRYPT, query_list=json.dumps(queries))
    receivers: list[dict[str, Any]] = body["receiver_list"]["receiver"]
    return receivers


async def test_the_oaid_reveals_the_receiver(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1))
    [shown] = await reveal(tmall, {"oaid": trade["oaid"], "tid": trade["tid"], "scene": "1001"})
    assert shown == {
        "oaid": trade["oaid"],
        "tid": trade["tid"],
        "name": "李四",
        "mobile": "13800138000",
        "address_detail": "文一西路969号",
        "town": "五常街道",
        "district": "余杭区",
        "city": "杭州市",
        "state": "浙江省",
        "country": "中国",
        "matched": True,
        "privacy_protection": False,
    }


async def test_after_a_change_of_address_the_old_oaid_matches_no_more(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1))
    changed = await tmall.post(f"/trades/{trade['tid']}/address", {"name": "王五"})
    old, new = await reveal(
        tmall,
        {"oaid": trade["oaid"], "tid": trade["tid"]},
        {"oaid": changed["oaid"], "tid": trade["tid"]},
    )
    assert old == {"oaid": trade["oaid"], "tid": trade["tid"], "matched": False}
    assert (new["matched"], new["name"]) == (True, "王五")


async def test_a_secret_number_has_an_end(tmall: "Tmall") -> None:
    await tmall.item()
    trade = await tmall.trade((10001, 1))
    [shown] = await reveal(tmall, {"oaid": trade["oaid"], "tid": trade["tid"], "secret_no_days": 15})
    assert shown["privacy_protection"] is True
    assert "-" in shown["mobile"]
    assert shown["mobile"] != "13800138000"
    assert len(shown["secret_no_expire_time"]) == 19


@pytest.mark.parametrize(
    ("queries", "name"),
    [
        ([], "query_list"),
        ([{"oaid": "x", "tid": "1"}] * 21, "query_list"),
        ([{"oaid": "x" * 129, "tid": "1"}], "query_list"),
        ([{"oaid": "x"}], "query_list.tid"),
        ([{"oaid": "x", "tid": "1", "scene": "9"}], "query_list.scene"),
        ([{"oaid": "x", "tid": "1", "purpose": "label"}], "query_list"),
    ],
)
async def test_malformed_queries_are_named(tmall: "Tmall", queries: list[dict[str, str]], name: str) -> None:
    refused = await tmall.refusal(DECRYPT, query_list=json.dumps(queries))
    assert refused == (41, f"isv.invalid-parameter:{name}")
