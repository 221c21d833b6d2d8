"""What happens in the demo, step by step, on the outside systems' own interfaces."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any
from uuid import uuid4

from lemai_tools.demo import verdict
from lemai_tools.demo.verdict import Record, Step, Told
from lemai_tools.demo.world import NotInTimeError, World, until
from lemai_tools.platform.home import REPOSITORY

SHEET = REPOSITORY / "services" / "catalog-svc" / "samples" / "items.xlsx"
OWNER, WAREHOUSE, STORE = "JFY", "WH01", "TM-JFY-01"
SHELF = 50
SCARCE_WANTED = SHELF + 10
RECEIVED = 30
FIRST_ITEM, FIRST_SKU = 610_000_000_001, 5_200_000_000_001
SHOWN = 5
ENDED = {"shipped", "short_shipped"}
SHIPPED = ("SELLER_CONSIGNED_PART", "WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED")
UNMAPPED, SCARCE = "未映射 unmapped", "缺货 waits for stock"
EXPECTED_ALERTS = {
    "parked": f"情形 {UNMAPPED}: 商品未映射，交易停靠等人 / its trade is parked until somebody maps the item",
    "short_shipped": "情形 短发 short: 仓库少发且不再发 / the warehouse sends less, and no more",
    "actual_held": f"情形 {SCARCE}: 到货没有采购单，已入账，等人核对 / goods came unordered: they count",
}
"""Why the demo raises each alert it does, once, by code."""


@dataclass
class Shop:
    """What the store sells: its SKUs by item code, and the trades placed so far with what is special about each."""

    shelf: int = SHELF
    skus: dict[str, Record] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)
    combos: list[str] = field(default_factory=list)
    trades: dict[str, str] = field(default_factory=dict)
    unmapped: str = ""
    mapped: set[str] = field(default_factory=set)
    stock_before: dict[str, int] = field(default_factory=dict)

    @property
    def scarce(self) -> str:
        return self.plain[-1]


async def sync_items(world: World, shop: Shop) -> Step:
    """A product sheet goes to the ERP as item master."""
    sheet = await world.catalog.upload("/v1/item-sheets", SHEET.name, SHEET.read_bytes(), owner_code=OWNER)
    refused = tuple(f"row {refusal['row']}: {refusal['reason']}" for refusal in sheet["refused"])
    await world.catalog.post(
        f"/v1/item-sheets/{sheet['sheet_id']}/confirm", {}, headers={"Idempotency-Key": str(uuid4())}
    )
    items = await world.catalog.pages("/v1/items", owner_code=OWNER)
    shop.plain = [item["item_code"] for item in items if not item["components"]]
    shop.combos = [item["item_code"] for item in items if item["components"]]

    async def in_erp() -> Mapping[str, Record]:
        found = (await world.kingdee.get("/sim/items", owner_code=OWNER))["items"]
        return {item["item_code"]: item["record"] for item in found}

    erp = await until("商品主档 items in the ERP", in_erp, lambda found: len(found) >= len(items))
    problems = [problem for item in items for problem in verdict.item_problems(item, erp.get(item["item_code"]))]
    sent = await world.documents.pages("/v1/documents/outgoing")
    places = {document["order_no"]: f"{document['file_name']}:{document['line']}" for document in sent}
    rows = [
        (item["item_code"], item["item_name"], ";".join(item["barcodes"]), places.get(item["item_code"], ""))
        for item in items[:SHOWN]
    ]
    note = f"{SHEET.name}: 新增 added {len(sheet['added'])}, 拒绝 refused {len(refused)}, ERP {len(erp)}"
    heads = ("商品编码 item", "名称 name", "条码 barcodes", "文件:行 file:line")
    compared = {"商品 items": len(items)}
    return Step("1 商品同步 item sync", heads, tuple(rows), (*problems, *refused), note, compared)


async def list_items(world: World, shop: Shop) -> None:
    """The store lists every item; all but one are mapped."""
    items = await world.catalog.pages("/v1/items", owner_code=OWNER)
    by_goods = groupby(
        sorted(items, key=lambda item: (item["goods_code"], item["item_code"])), lambda i: i["goods_code"]
    )
    sku_id = FIRST_SKU
    for num_iid, (_, group) in enumerate(by_goods, FIRST_ITEM):
        skus = []
        for item in group:
            price = (item["retail_price"] or {"amount": "99.00"})["amount"]
            skus.append({"sku_id": sku_id, "outer_id": item["item_code"], "price": price, "quantity": 0})
            shop.skus[item["item_code"]] = {"platform_item_id": str(num_iid), "platform_sku_id": str(sku_id)}
            sku_id += 1
        await world.tmall.post("/sim/items", {"num_iid": num_iid, "title": skus[0]["outer_id"], "skus": skus})
    shop.unmapped = shop.plain[0]
    await _map(world, [code for code in shop.skus if code != shop.unmapped], shop)


async def _map(world: World, codes: Sequence[str], shop: Shop) -> None:
    listings = [{"store_code": STORE, "item_code": code, **shop.skus[code]} for code in codes]
    await world.catalog.put("/v1/listings", {"listings": listings})
    shop.mapped |= set(codes)


async def take_snapshot(world: World, shop: Shop) -> Step:
    """The ERP counts its shelf; the store gets a figure for every SKU."""
    stock = [
        {
            "warehouse_code": WAREHOUSE,
            "owner_code": OWNER,
            "item_code": code,
            "inventory_type": "ZP",
            "on_hand": shop.shelf,
        }
        for code in shop.plain
    ]
    await world.kingdee.post("/sim/stock", {"stock": stock})
    snapshot = await world.kingdee.post("/sim/snapshot", {"warehouse_code": WAREHOUSE, "owner_code": OWNER})
    step = await compare_stock(world, shop, "2 库存快照 stock snapshot")
    shop.stock_before = {row[0]: int(row[2]) for row in step.rows}
    note = (
        f"{', '.join(snapshot['files'])}; {step.note}\n占用 0：还没有订单 / committed 0: there are no orders yet；"
        f"未映射：后面的一单要用 / not mapped: a later order needs it so"
    )
    return replace(step, rows=step.rows[:SHOWN], note=note)


async def place_trades(world: World, shop: Shop) -> None:
    """Buyers order: plain ones, a combo, two parcels, a short one, one of an unmapped SKU, one of too many pieces."""
    plain = shop.plain
    await order(world, shop, "整单 full", [(plain[1], 1)])
    await order(world, shop, "多行 lines", [(plain[2], 1), (plain[3], 2)], freight="8.00", discount="3.30")
    await order(
        world, shop, "组合 combo", [(shop.combos[0], 1), (plain[4], 1)], buyer_message="送货前请电联\n100%纯棉对吗？"
    )
    await order(world, shop, "两包裹 two parcels", [(plain[5], 2), (plain[6], 1)], script="two_parcels")
    await order(world, shop, "短发 short", [(plain[7], 1), (plain[8], 2)], script="short")
    await order(world, shop, UNMAPPED, [(shop.unmapped, 1)], oversell=True)
    await order(world, shop, SCARCE, [(shop.scarce, SCARCE_WANTED)], oversell=True)


async def order(
    world: World, shop: Shop, special: str, lines: Sequence[tuple[str, int]], script: str = "", **more: Any
) -> None:
    body = {"lines": [{"sku_id": shop.skus[code]["platform_sku_id"], "quantity": pieces} for code, pieces in lines]}
    trade = await world.tmall.post("/sim/trades", {**body, **more})
    shop.trades[trade["tid"]] = special
    if script:
        await world.kingdee.post("/sim/scripts", {"platform_order_no": {trade["tid"]: script}})


async def resolve_waiting(world: World, shop: Shop) -> Step:
    """What waits goes on by itself: the mapping is made, the goods arrive."""
    by_special = {special: tid for tid, special in shop.trades.items()}
    unmapped, scarce = by_special[UNMAPPED], by_special[SCARCE]

    async def parked() -> list[Record]:
        page: list[Record] = (await world.orders.get("/v1/parked"))["items"]
        return [key for key in page if key["key"].endswith(unmapped)]

    async def short() -> list[Record]:
        page: list[Record] = (await world.orders.get("/v1/orders", number=scarce))["items"]
        return [order for order in page if "stock" in order["waiting_for"]]

    waiting = await until("未映射订单 a trade parked on its mapping", parked, bool)
    short_of = await until("缺货订单 an order short of stock", short, bool)
    await _map(world, [shop.unmapped], shop)
    by_hand = {"reason": "大单，已电话确认 / a big one, confirmed by phone"}
    await world.orders.post(f"/v1/orders/{short_of[0]['order_no']}/approve", by_hand)
    line = {"item_code": shop.scarce, "qty": RECEIVED, "inventory_type": "ZP"}
    receipt = {"order_no": "DEMO0001-c", "warehouse_code": WAREHOUSE, "owner_code": OWNER, "lines": [line]}
    await world.kingdee.post("/sim/receipts", receipt)
    shop.stock_before[shop.scarce] = shop.stock_before.get(shop.scarce, SHELF)
    gone = [await _ended(world, tid) for tid in (unmapped, scarce)]
    rows = (
        (unmapped, waiting[0]["reason"].split(" / ")[0], "映射商品 mapped", gone[0]["state"]),
        (
            scarce,
            f"{short_of[0]['state']}: {', '.join(short_of[0]['waiting_for'])}",
            f"审核 approved, 入库 received {RECEIVED}",
            gone[1]["state"],
        ),
    )
    return Step(
        "3 等待与放行 waiting and going on", ("交易号 trade", "等待 waited for", "处理 what came", "之后 then"), rows
    )


async def _ended(world: World, tid: str) -> Record:
    async def orders() -> list[Record]:
        page: list[Record] = (await world.orders.get("/v1/orders", number=tid))["items"]
        return page

    found = await until(
        f"交易 trade {tid} shipped",
        orders,
        lambda seen: bool(seen) and all(order["state"] in ENDED for order in seen),
        90,
    )
    return found[0]


async def compare_trades(world: World, shop: Shop) -> tuple[Step, Step]:
    """Every trade on its way: platform → order → file and line → actual → waybill → platform; and its money."""
    every = [await told(world, tid) for tid in shop.trades]
    rows = tuple(_trade_row(each, shop.trades[each.trade["tid"]]) for each in every)
    problems = [problem for each in every for problem in verdict.trade_problems(each)]
    duplicates = await world.kingdee.get("/sim/duplicates")
    problems += [f"ERP {name}: {found}" for name, found in duplicates.items() if found]
    heads = (
        "交易 trade",
        "情形 case",
        "订单 order",
        "指示 instruction",
        "实绩 actual",
        "运单 waybill",
        "平台 platform",
    )
    compared = {
        "交易 trades": len(every),
        "指示 instructions": sum(len(each.erp["instructions"]) for each in every),
        "实绩 actuals": sum(len(each.erp["actuals"]) for each in every),
        "运单 waybills": sum(len(each.trade["parcels"]) for each in every),
    }
    trades = Step("4 销售 sales", heads, rows, tuple(problems), compared=compared)
    money_rows = tuple(
        (each.order["order_no"], each.trade["payment"], each.money["receivable"]["amount"], each.money["state"])
        for each in every
    )
    money_problems = tuple(problem for each in every for problem in verdict.money_problems(each))
    money_heads = ("订单 order", "买家实付 paid", "应收 receivable", "状态 state")
    money = Step(
        "6 应收 receivables", money_heads, money_rows, money_problems, compared={"应收 receivables": len(every)}
    )
    return trades, money


async def told(world: World, tid: str) -> Told:
    """Wait until a trade has come to its end on every side, then ask each of them."""
    order = await _ended(world, tid)
    path = f"/v1/orders/{order['order_no']}"

    async def steps() -> list[Record]:
        journey: list[Record] = (await world.orders.get(f"{path}/journey"))["steps"]
        return journey

    def all_published(seen: list[Record]) -> bool:
        actuals = [step for step in seen if step["kind"] == "actual" and step["detail"]["waybills"]]
        return len([step for step in seen if step["kind"] == "published"]) == len(actuals)

    journey = await until(f"订单 order {order['order_no']} published", steps, all_published)

    async def receivable() -> Record:
        return await world.finance.find(f"{path}/money") or {"state": "unknown"}

    return Told(
        trade=await world.tmall.get(f"/sim/trades/{tid}"),
        order=order,
        steps=journey,
        erp=await world.kingdee.get(f"/sim/orders/{OWNER}/{order['order_no']}"),
        money=await until("应收 receivable", receivable, lambda money: money["state"] == "complete"),
    )


def _trade_row(told: Told, special: str) -> tuple[str, ...]:
    def places(kind: str) -> str:
        return "\n".join(f"{step['detail']['file']}:{step['detail']['line']}" for step in told.step(kind))

    waybills = "\n".join(waybill for step in told.step("actual") for waybill in step["detail"]["waybills"])
    published = ", ".join(step["detail"]["state"] for step in told.step("published"))
    platform = f"{told.trade['status']}\n{published}"
    return (
        told.trade["tid"],
        special,
        f"{told.order['order_no']}\n{told.order['state']}",
        places("document_sent"),
        places("actual"),
        waybills,
        platform,
    )


async def compare_stock(world: World, shop: Shop, title: str) -> Step:
    """Wait until shelf and platform agree with us, then show where they stand; what still differs is a problem."""

    async def look() -> tuple[list[tuple[str, ...]], list[str]]:
        return await _stock_now(world, shop)

    try:
        rows, problems = await until("库存一致 stock agrees", look, lambda seen: not seen[1])
    except NotInTimeError:
        rows, problems = await look()
    heads = ("商品 item", "ERP", "我方 ours", "占用 committed", "可售 available", "平台 platform", "之前 before")
    moved = [row for row in rows if row[1] != row[-1]]
    note = f"{len(rows)} SKU, 有变动 moved {len(moved)}; {len(shop.combos)} 个组合无自己的库存 combos have no shelf"
    return Step(title, heads, tuple(moved), tuple(problems), note, {"库存 stock figures": len(rows)})


async def compare_sold_stock(world: World, shop: Shop) -> Step:
    """Where shelf and platform stand after the sales."""
    step = await compare_stock(world, shop, "5 库存一致 stock agrees")
    return replace(step, note=f"{step.note}\n占用 0：占用的都已发出 / committed 0: all that was promised has left")


async def _stock_now(world: World, shop: Shop) -> tuple[list[tuple[str, ...]], list[str]]:
    erp, ours, platform = await asyncio.gather(
        world.kingdee.get("/sim/stock", warehouse_code=WAREHOUSE, owner_code=OWNER),
        world.stock.pages("/v1/stock", owner_code=OWNER),
        world.tmall.get("/sim/stock"),
    )
    on_hand = {row["item_code"]: row["on_hand"] for row in erp["stock"] if row["inventory_type"] == "ZP"}
    figures = {row["outer_id"]: row["quantity"] for row in platform["stock"]}
    rows, problems = [], []
    known = {row["item_code"]: row for row in ours if row["grade"] == "good"}
    for code in sorted(on_hand):
        if code not in known:
            problems.append(f"{code}: 我方没有 / we have no balance")
            continue
        row = known[code]
        told = {code: figures[code]} if code in shop.mapped else {}
        problems += verdict.stock_problems(row, on_hand[code], told)
        before = str(shop.stock_before.get(code, ""))
        figure = figures.get(code, "") if code in shop.mapped else "未映射 not mapped"
        cells = (on_hand[code], row["on_hand"], row["committed"], row["available"], figure)
        rows.append((code, *map(str, cells), before))
    return rows, problems
