"""Items as a seller lists them."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

SKU_FIELDS = "sku_id,num_iid,outer_id,properties_name,quantity,price,status"


async def test_items_on_sale_and_in_the_store_room_are_listed_apart(tmall: "Tmall") -> None:
    for num_iid in (1000, 1001):
        await tmall.item(num_iid)
    stored = {"num_iid": 7, "title": "下架", "price": "1.00", "approve_status": "instock"}
    await tmall.post("/items", stored)
    listed = await tmall.call("taobao.items.onsale.get", fields="num_iid,title,price,num", page_size="1")
    assert listed["total_results"] == 2
    assert listed["items"]["item"] == [{"num_iid": 1001, "title": "商品1001", "price": "100.00", "num": 30}]
    room = await tmall.call("taobao.items.inventory.get", fields="num_iid,approve_status")
    assert room["items"]["item"] == [{"num_iid": 7, "approve_status": "instock"}]


async def test_listing_stops_where_paging_would_be_too_deep(tmall: "Tmall") -> None:
    deep = {"fields": "num_iid", "page_size": "200"}
    assert await tmall.call("taobao.items.onsale.get", **deep, page_no="100") == {"total_results": 0}
    refused = await tmall.refusal("taobao.items.onsale.get", **deep, page_no="101")
    assert refused == (41, "isv.invalid-parameter:page_no")


async def test_items_are_sliced_by_modification(tmall: "Tmall") -> None:
    await tmall.item()
    later = tmall.wall(time.time() + 5)
    assert (await tmall.call("taobao.items.onsale.get", fields="num_iid", start_modified=later))["total_results"] == 0


async def test_skus_of_several_items(tmall: "Tmall") -> None:
    await tmall.item(1000, (4,))
    await tmall.item(1001, (5,))
    body = await tmall.call("taobao.item.skus.get", fields=SKU_FIELDS, num_iids="1000,1001,999")
    assert body["skus"]["sku"] == [
        {
            "sku_id": num_iid * 10 + 1,
            "num_iid": num_iid,
            "outer_id": f"SKU-{num_iid}-1",
            "properties_name": "尺码:1",
            "quantity": quantity,
            "price": "100.00",
            "status": "normal",
        }
        for num_iid, quantity in ((1000, 4), (1001, 5))
    ]
    assert await tmall.call("taobao.item.skus.get", fields="sku_id", num_iids="999") == {}
    forty_one = ",".join(str(number) for number in range(1, 42))
    refused = await tmall.refusal("taobao.item.skus.get", fields="sku_id", num_iids=forty_one)
    assert refused == (41, "isv.invalid-parameter:num_iids")


async def test_one_item_with_its_skus(tmall: "Tmall") -> None:
    await tmall.item(1000, (4, 5))
    body = await tmall.call("taobao.item.seller.get", fields="num_iid,nick,num,sku.sku_id,sku.quantity", num_iid="1000")
    assert body["item"] == {
        "num_iid": 1000,
        "nick": "旗舰店",
        "num": 9,
        "skus": {"sku": [{"sku_id": 10001, "quantity": 4}, {"sku_id": 10002, "quantity": 5}]},
    }
    refused = await tmall.refusal("taobao.item.seller.get", fields="num_iid", num_iid="1")
    assert refused == (15, "isv.item-not-exist:invalid-numIid-or-iid")
