"""The flows of design.md §4 that run, each through every service on real servers, judged by both ends' records."""

import json
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from typer.testing import CliRunner, Result

from lemai_contracts import from_headers
from lemai_contracts.fulfilment import ActualReportedV1, DocumentSentV1, OutboundInstructedV1
from lemai_contracts.marketplace import ShipmentPublishedV1, TradeChangedV1
from lemai_contracts.order import OrderPlacedV1, OrderShippedV1
from lemai_contracts.stock import CommitmentAnsweredV1
from lemai_contracts.topics import TOPICS
from lemai_tools.cli import app
from lemai_tools.demo import scenario, verdict
from lemai_tools.demo.scenario import OWNER, RECEIVED, SHELF, Shop
from lemai_tools.demo.verdict import Step, Told
from lemai_tools.demo.world import World, until
from lemai_tools.platform.local import Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _sold(world: World, shop: Shop, special: str) -> Told:
    tid = next(tid for tid, name in shop.trades.items() if name == special)
    return await scenario.told(world, tid)


async def test_a_product_sheet_reaches_the_erp_as_item_master(synced: tuple[Shop, Step]) -> None:
    shop, step = synced

    assert step.problems == ()
    assert len(shop.plain) + len(shop.combos) == 200
    assert step.rows[0][3].startswith("Item_")


async def test_a_snapshot_corrects_the_shelf_and_reaches_the_store(stocked: tuple[Shop, Step]) -> None:
    shop, step = stocked

    assert step.problems == ()
    assert set(shop.stock_before.values()) == {SHELF}


async def test_a_trade_is_instructed_shipped_and_told_to_the_platform(world: World, stocked: tuple[Shop, Step]) -> None:
    shop, _ = stocked
    await scenario.order(world, shop, "整单 full", [(shop.plain[1], 1), (shop.plain[2], 2)])

    told = await _sold(world, shop, "整单 full")

    assert list(verdict.trade_problems(told)) == []
    assert list(verdict.money_problems(told)) == []
    assert told.trade["status"] == "WAIT_BUYER_CONFIRM_GOODS"
    assert [step["kind"] for step in told.steps].count("instructed") == 1


async def test_a_trade_is_one_trace_of_its_own_from_the_pull_to_the_waybill(
    world: World, platform: Platform, stocked: tuple[Shop, Step]
) -> None:
    shop, _ = stocked
    for name in ("踪迹一", "踪迹二"):
        await scenario.order(world, shop, name, [(shop.plain[7], 1)])
    for name in ("踪迹一", "踪迹二"):
        assert list(verdict.trade_problems(await _sold(world, shop, name))) == []

    events = [from_headers(record.headers) for record in await _records(platform.bootstrap_servers)]
    told = {
        name: [event for event in events if event.partitionkey == f"tmall/{tid}"]
        for tid, name in shop.trades.items()
        if name.startswith("踪迹")
    }
    traces = [{event.traceparent[3:35] for event in of_trade} for of_trade in told.values()]
    assert [len(trace_ids) for trace_ids in traces] == [1, 1]
    assert traces[0] != traces[1]
    for of_trade in told.values():
        assert {event.type for event in of_trade} >= WAY
    assert {event.type for event in events if not event.causationid} == set()


WAY = {
    TradeChangedV1.type,
    OrderPlacedV1.type,
    CommitmentAnsweredV1.type,
    OutboundInstructedV1.type,
    DocumentSentV1.type,
    ActualReportedV1.type,
    OrderShippedV1.type,
    ShipmentPublishedV1.type,
}


async def _records(bootstrap_servers: str) -> list[ConsumerRecord]:
    """Everything on every topic until now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning()
        records: list[ConsumerRecord] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records += batch
        return records
    finally:
        await consumer.stop()


async def test_two_parcels_reach_the_platform_as_two_waybills(world: World, stocked: tuple[Shop, Step]) -> None:
    shop, _ = stocked
    await scenario.order(world, shop, "两包裹", [(shop.plain[3], 2), (shop.plain[4], 1)], script="two_parcels")

    told = await _sold(world, shop, "两包裹")

    assert list(verdict.trade_problems(told)) == []
    assert list(verdict.money_problems(told)) == []
    assert len(told.trade["parcels"]) == 2
    assert told.trade["status"] == "WAIT_BUYER_CONFIRM_GOODS"


async def test_a_short_shipment_closes_the_order_and_bills_what_left(world: World, stocked: tuple[Shop, Step]) -> None:
    shop, _ = stocked
    await scenario.order(world, shop, "短发", [(shop.plain[5], 1), (shop.plain[6], 2)], script="short")

    told = await _sold(world, shop, "短发")

    assert told.order["state"] == "short_shipped"
    assert list(verdict.trade_problems(told)) == []
    assert list(verdict.money_problems(told)) == []


async def test_a_combo_ships_as_its_parts_and_counts_as_one_on_the_platform(
    world: World, stocked: tuple[Shop, Step]
) -> None:
    shop, _ = stocked
    await scenario.order(world, shop, "组合", [(shop.combos[0], 2)])

    told = await _sold(world, shop, "组合")

    assert list(verdict.trade_problems(told)) == []
    assert len(told.erp["instructions"][0]["lines"]) > 1
    assert [line["shipped"] for line in told.trade["lines"]] == [2]


async def test_an_operator_sees_tries_and_gives_up_a_parked_trade_by_command(
    platform: Platform, world: World, stocked: tuple[Shop, Step]
) -> None:
    shop, _ = stocked
    await scenario.order(world, shop, "放弃", [(shop.unmapped, 1)], oversell=True)
    key = f"tmall/{next(tid for tid, name in shop.trades.items() if name == '放弃')}"

    async def messages() -> list[dict[str, int]]:
        page = await world.orders.find(f"/v1/parked/messages?key={key}")
        return page["items"] if page else []

    [message] = await until("the trade is parked", messages, bool)
    listed = _parked("list", world)
    stuck = CliRunner().invoke(app, ["stuck", "--json"], env={"LEMAI_HOME": str(platform.home.root)})
    shown = _parked("show", world, key)
    tried = _parked("redrive", world, key)
    given_up = _parked("discard", world, key, str(message["seq"]), "--reason", "顾客已取消")

    assert key in listed.output
    [waits] = [each for each in json.loads(stuck.output) if each["about"] == key]
    assert (waits["service"], waits["settle"]) == ("order-svc", f"lemai parked redrive order-svc {key}")
    assert "尚未映射" in waits["reason"]
    assert "lemai.marketplace.trade_changed.v1" in shown.output
    assert (tried.exit_code, "尚未映射" in tried.output) == (1, True)
    assert given_up.exit_code == 0
    assert await messages() == []


async def test_a_refused_instruction_goes_out_corrected_or_gives_its_stock_back(
    world: World, stocked: tuple[Shop, Step]
) -> None:
    shop, _ = stocked
    item = shop.plain[9]
    nowhere = {"receiver": {"state": "浙江省" * 40}}
    corrected, given_up = [await _refused(world, shop, special, item, **nowhere) for special in ("更正", "放弃被拒")]
    stuck = (await world.orders.get("/v1/stuck"))["items"]
    assert {corrected, given_up} <= {item["about"] for item in stuck if item["kind"] == "order_refused"}

    await world.orders.post(f"/v1/orders/{given_up}/cancel", {"reason": "地址无效"})
    await world.tmall.post(f"/sim/trades/{corrected.removeprefix('TM')}/address", {"address": "文三路1号"})

    async def region() -> str:
        return str((await world.orders.get(f"/v1/orders/{corrected}"))["region"])

    await until("the order follows its trade", region, lambda seen: seen == "浙江省杭州市余杭区")
    await world.orders.post(f"/v1/orders/{corrected}/correct", {"buyer_message": "放门口"})
    await world.orders.post(f"/v1/orders/{corrected}/resend", {})
    told = await _sold(world, shop, "更正")

    assert told.order["state"] == "shipped"
    assert [step["reference"] for step in told.step("instructed")] == ["1", "2"]
    assert len(told.erp["instructions"]) == 1

    async def promised() -> list[str]:
        released = await world.stock.pages("/v1/commitments", state="released")
        return [commitment["order_no"] for commitment in released]

    await until("the stock of the cancelled order is free", promised, lambda numbers: given_up in numbers)


async def test_a_line_refunded_before_the_order_goes_out_leaves_it_and_the_rest_ships(
    world: World, stocked: tuple[Shop, Step]
) -> None:
    shop, _ = stocked
    lines = [(shop.plain[10], 1), (shop.plain[11], 2)]
    await scenario.order(world, shop, "退一行", lines, seller_memo="待客服", freight="5.00")
    tid = next(tid for tid, name in shop.trades.items() if name == "退一行")
    oid = (await world.tmall.get(f"/sim/trades/{tid}"))["lines"][0]["oid"]

    async def waits() -> list[str]:
        found = await world.orders.find(f"/v1/orders/TM{tid}")
        return found["waiting_for"] if found else []

    await until("the order waits for its approval", waits, lambda seen: seen == ["approval"])
    await world.tmall.post(f"/sim/trades/{tid}/refund", {"oids": [oid]})
    await until("a refund that is asked for holds it", waits, lambda seen: seen == ["hold:refund", "approval"])
    await world.tmall.post(f"/sim/trades/{tid}/close", {"oids": [oid]})
    await until("a refund that is made lets the rest go", waits, lambda seen: seen == ["approval"])
    await world.orders.post(f"/v1/orders/TM{tid}/approve", {})
    told = await _sold(world, shop, "退一行")

    assert list(verdict.trade_problems(told)) == []
    assert list(verdict.money_problems(told)) == []
    order = await world.orders.get(f"/v1/orders/TM{tid}")
    assert [(line["line_no"], line["item_code"]) for line in order["lines"]] == [(2, shop.plain[11])]
    assert [step["detail"]["line_nos"] for step in told.step("reduced")] == [[1]]
    assert told.money["ordered"] == told.money["receivable"] == told.order["total"]
    returned = await world.stock.get(f"/v1/stock/{OWNER}/{shop.plain[10]}")
    assert [balance["committed"] for balance in returned["balances"]] == [0]


async def _refused(world: World, shop: Shop, special: str, item: str, **more: Any) -> str:
    """An order whose instruction was refused; its number."""
    await scenario.order(world, shop, special, [(item, 1)], **more)
    number = next(f"TM{tid}" for tid, name in shop.trades.items() if name == special)

    async def waits() -> list[str]:
        found = await world.orders.find(f"/v1/orders/{number}")
        return found["waiting_for"] if found else []

    await until("the instruction is refused", waits, lambda seen: any(wait.startswith("refused:") for wait in seen))
    return number


def _parked(verb: str, world: World, *arguments: str) -> Result:
    command = ["parked", verb, "order-svc", *arguments, "--url", world.orders.url]
    token = world.orders.http.headers["Authorization"].removeprefix("Bearer ")
    return CliRunner().invoke(app, command, env={"COLUMNS": "300", "LEMAI_TOKEN": token})


async def test_a_trade_of_an_unmapped_sku_waits_for_the_mapping_and_an_unfilled_one_for_goods(
    world: World, stocked: tuple[Shop, Step]
) -> None:
    shop, _ = stocked
    await scenario.order(world, shop, scenario.UNMAPPED, [(shop.unmapped, 1)], oversell=True)
    await scenario.order(world, shop, scenario.SCARCE, [(shop.scarce, SHELF + 10)], oversell=True)

    step = await scenario.resolve_waiting(world, shop)

    assert [row[-1] for row in step.rows] == ["shipped", "shipped"]
    balance = await world.stock.get(f"/v1/stock/{OWNER}/{shop.scarce}")
    assert [row["on_hand"] for row in balance["balances"]] == [SHELF + RECEIVED - (SHELF + 10)]


async def test_at_rest_shelf_orders_and_store_agree(world: World, stocked: tuple[Shop, Step]) -> None:
    shop, _ = stocked

    async def waiting() -> int:
        return len((await world.orders.get("/v1/orders", state="instructed"))["items"])

    await until("no order under way", waiting, lambda count: count == 0)
    assert (await scenario.compare_stock(world, shop, "")).problems == ()
    duplicates = await world.kingdee.get("/sim/duplicates")
    assert not any(duplicates.values())
