"""Setting quantities, and what the platform does with them."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import pytest

ONE, MANY, TMALL = "taobao.item.quantity.update", "taobao.skus.quantity.update", "tmall.item.quantity.update"
BELOW_ZERO = (15, "isv.invalid-parameter:quantity")
NO_ITEM = (15, "isv.item-not-exist:invalid-numIid-or-iid")


def skus(body: dict[str, Any]) -> list[tuple[int, int]]:
    return [(sku["sku_id"], sku["quantity"]) for sku in body["item"]["skus"]["sku"]]


async def test_one_sku_is_set(tmall: "Tmall") -> None:
    await tmall.item()
    body = await tmall.call(ONE, num_iid="1000", sku_id="10002", quantity="7")
    assert (skus(body), body["item"]["num"]) == ([(10002, 7)], 27)
    body = await tmall.call(ONE, num_iid="1000", outer_id="SKU-1000-3", quantity="0", type="1")
    assert skus(body) == [(10003, 0)]
    assert await tmall.quantities() == {"10001": 10, "10002": 7, "10003": 0}


async def test_a_delta_below_zero_is_an_error_for_one_and_zero_for_many(tmall: "Tmall") -> None:
    await tmall.item()
    assert await tmall.refusal(ONE, num_iid="1000", sku_id="10001", quantity="-11", type="2") == BELOW_ZERO
    body = await tmall.call(MANY, num_iid="1000", skuid_quantities="10001:-11;10002:5", type="2")
    assert skus(body) == [(10001, 0), (10002, 15)]


async def test_an_item_without_skus_is_set_as_a_whole(tmall: "Tmall") -> None:
    await tmall.post("/items", {"num_iid": 5, "title": "单品", "outer_id": "X", "price": "9.90", "quantity": 3})
    body = await tmall.call(ONE, num_iid="5", quantity="8")
    assert (body["item"]["num"], "skus" in body["item"]) == (8, False)
    await tmall.item()
    assert (await tmall.refusal(ONE, num_iid="1000", quantity="8"))[0] == 15


async def test_unknown_skus_are_missing_from_the_reply(tmall: "Tmall") -> None:
    await tmall.item()
    body = await tmall.call(MANY, num_iid="1000", skuid_quantities="10001:4;99999:4")
    assert skus(body) == [(10001, 4)]
    nothing = await tmall.call(MANY, num_iid="1000", skuid_quantities="99999:4")
    assert "skus" not in nothing["item"]


async def test_one_outer_id_may_hit_several_skus(tmall: "Tmall") -> None:
    rows = [{"sku_id": number, "outer_id": "SAME", "price": "1.00", "quantity": 1} for number in (51, 52)]
    await tmall.post("/items", {"num_iid": 5, "title": "双码", "skus": rows})
    body = await tmall.call(MANY, num_iid="5", outerid_quantities="SAME:6")
    assert skus(body) == [(51, 6), (52, 6)]


@pytest.mark.parametrize(
    ("method", "parameters", "expected"),
    [
        (MANY, {"num_iid": "1"}, (40, "isv.missing-parameter:skuid_quantities")),
        (MANY, {"num_iid": "1", "skuid_quantities": "10001:1"}, NO_ITEM),
        (MANY, {"num_iid": "1000", "skuid_quantities": "10001"}, (41, "isv.invalid-parameter:skuid_quantities")),
        (MANY, {"num_iid": "1000", "skuid_quantities": "10001:1;"}, (41, "isv.invalid-parameter:skuid_quantities")),
        (MANY, {"num_iid": "1000", "skuid_quantities": "10001:-1"}, (41, "isv.invalid-parameter:skuid_quantities")),
        (MANY, {"num_iid": "1000", "skuid_quantities": "10001:1.0"}, (41, "isv.invalid-parameter:skuid_quantities")),
        (
            MANY,
            {"num_iid": "1000", "skuid_quantities": ";".join(f"{n}:1" for n in range(1, 22))},
            (41, "isv.invalid-parameter:skuid_quantities"),
        ),
        (ONE, {"num_iid": "1000", "sku_id": "10001", "quantity": "-1"}, (41, "isv.invalid-parameter:quantity")),
        (ONE, {"num_iid": "1000", "sku_id": "10001", "quantity": "1", "type": "3"}, (41, "isv.invalid-parameter:type")),
        (ONE, {"num_iid": "1000", "sku_id": "77", "quantity": "1"}, (15, "isv.invalid-parameter:sku-properties")),
        (TMALL, {"item_id": "1000"}, (40, "isv.missing-parameter:sku_quantities")),
        (
            TMALL,
            {
                "item_id": "1000",
                "sku_quantities": '[{"sku_id":10001,"quantity":1},{"outer_id":"SKU-1000-2","quantity":1}]',
            },
            (41, "isv.invalid-parameter:sku_quantities"),
        ),
        (
            TMALL,
            {"item_id": "1000", "sku_quantities": '[{"sku_id":77,"quantity":1}]'},
            (15, "isv.invalid-parameter:sku-properties-tmall"),
        ),
    ],
)
async def test_wrong_updates_are_refused_and_change_nothing(
    tmall: "Tmall", method: str, parameters: dict[str, str], expected: tuple[int, str]
) -> None:
    await tmall.item()
    assert await tmall.refusal(method, **parameters) == expected
    assert await tmall.quantities() == {"10001": 10, "10002": 10, "10003": 10}


async def test_tmall_sets_all_skus_and_answers_the_item_id_only(tmall: "Tmall") -> None:
    await tmall.item()
    rows = [{"outer_id": f"SKU-1000-{number}", "quantity": number} for number in (1, 2, 3)]
    body = await tmall.call(TMALL, item_id="1000", sku_quantities=json.dumps(rows))
    assert body == {"quantity_update_result": "1000"}
    assert await tmall.quantities() == {"10001": 1, "10002": 2, "10003": 3}


async def test_a_tmall_delta_with_the_same_key_is_applied_once(tmall: "Tmall") -> None:
    await tmall.item()

    async def add(key: str) -> None:
        options = json.dumps({"type": 2, "outer_biz_key": key})
        rows = json.dumps([{"sku_id": "10001", "quantity": "-4"}])
        await tmall.call(TMALL, item_id="1000", sku_quantities=rows, options=options)

    await add("2df528b43c")
    await add("2DF528B43C")
    assert (await tmall.quantities())["10001"] == 6
    await add("ff")
    assert (await tmall.quantities())["10001"] == 2
    options = json.dumps({"type": 2, "outer_biz_key": "xyz"})
    call = {"item_id": "1000", "sku_quantities": '[{"sku_id":10001,"quantity":1}]', "options": options}
    assert await tmall.refusal(TMALL, **call) == (41, "isv.invalid-parameter:options.outer_biz_key")


async def test_a_sale_takes_from_what_the_seller_set(tmall: "Tmall") -> None:
    await tmall.item()
    await tmall.call(MANY, num_iid="1000", skuid_quantities="10001:2")
    await tmall.trade((10001, 2))
    refused = await tmall.post("/trades", {"lines": [{"sku_id": 10001, "quantity": 1}]}, status=409)
    assert refused["title"].startswith("库存不足")
    oversold = await tmall.trade((10001, 1), oversell=True)
    assert oversold["lines"][0]["oversold"] == 1
    assert (await tmall.full(oversold["tid"], "orders.is_oversold"))["orders"]["order"] == [{"is_oversold": True}]
    assert (await tmall.quantities())["10001"] == 0
