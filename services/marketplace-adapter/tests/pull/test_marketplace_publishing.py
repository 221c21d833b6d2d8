"""Waybills and figures into a real simulator, whose own record is what counts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lemai_contracts.marketplace import PublicationState, ShipmentPublishedV1, StockPublishedV1
from lemai_contracts.order import OrderShippedV1, ParcelContent, PlatformPieces, ShippedParcel
from lemai_contracts.stock import AvailabilityChangedV1
from lemai_contracts.values import Money, OrderKind
from marketplace_adapter.handlers import on_availability_changed, on_order_shipped

if TYPE_CHECKING:
    from conftest import Adapter, Tmall

OFFLINE = "taobao.logistics.offline.send"
ASCP = "alibaba.ascp.logistics.offline.send"
SKUS = "taobao.skus.quantity.update"
WAYBILL, OTHER_WAYBILL = "SF1400123456789", "SF1400123456790"


async def shipped(
    tmall: "Tmall", trade_no: str, parcels: Mapping[str, Mapping[str, int]], unfinished: str = "", actual_no: str = "A1"
) -> OrderShippedV1:
    """What left, by waybill and by the position of the trade's line."""
    oids = {str(number): line["oid"] for number, line in enumerate((await tmall.trade(trade_no))["lines"], 1)}
    return OrderShippedV1(
        family=f"tmall/{trade_no}",
        owner_code="JFY",
        order_no=f"TM{trade_no}",
        kind=OrderKind.SALES,
        store_code="TM-01",
        platform="tmall",
        trade_no=trade_no,
        actual_no=actual_no,
        shipped_at=datetime(2026, 1, 15, tzinfo=UTC),
        parcels=tuple(
            ShippedParcel(
                carrier_code="SF",
                waybill_no=waybill,
                contents=(ParcelContent(line_no=1, item_code="JFY-0101", quantity=1),),
                platform_lines=tuple(
                    PlatformPieces(platform_line_no=oids[line], quantity=pieces) for line, pieces in contents.items()
                ),
            )
            for waybill, contents in parcels.items()
        ),
        unfinished_platform_lines=tuple(oids[line] for line in unfinished),
        lines=(),
        freight=Money.of(100, "CNY"),
        discount=Money.of(0, "CNY"),
        amount=Money.of(100, "CNY"),
        complete=not unfinished,
    )


def figure(
    item: int, sku: int | None, quantity: int, version: int = 1, store_code: str = "TM-01"
) -> AvailabilityChangedV1:
    return AvailabilityChangedV1(
        store_code=store_code,
        platform_item_id=str(item),
        platform_sku_id=str(sku or ""),
        owner_code="JFY",
        item_code="JFY-0101",
        quantity=quantity,
        version=version,
        watermark=datetime(2026, 1, 15, tzinfo=UTC),
    )


async def ends(adapter: "Adapter") -> list[tuple[PublicationState, str]]:
    return [(event.state, event.code) for event in await adapter.events(ShipmentPublishedV1)]


@pytest.mark.parametrize(
    ("quantities", "parcels", "unfinished", "status", "method"),
    [
        ((2, 1), {WAYBILL: {"1": 2, "2": 1}}, "", "WAIT_BUYER_CONFIRM_GOODS", OFFLINE),
        ((2, 1), {WAYBILL: {"1": 2}}, "", "SELLER_CONSIGNED_PART", OFFLINE),
        ((3, 1), {WAYBILL: {"1": 2}, OTHER_WAYBILL: {"1": 1, "2": 1}}, "", "WAIT_BUYER_CONFIRM_GOODS", ASCP),
        ((3,), {WAYBILL: {"1": 2}}, "1", "SELLER_CONSIGNED_PART", ASCP),
    ],
    ids=["whole", "one line of two", "two parcels", "part of a line"],
)
async def test_a_shipment_stands_in_the_platforms_record(
    adapter: "Adapter",
    tmall: "Tmall",
    quantities: tuple[int, ...],
    parcels: Mapping[str, Mapping[str, int]],
    unfinished: str,
    status: str,
    method: str,
) -> None:
    trade_no = await tmall.order(*quantities)

    await adapter.engine.execute(on_order_shipped, await shipped(tmall, trade_no, parcels, unfinished))
    async with adapter.publishing():
        await adapter.until_publications("done")

    assert await tmall.parcels(trade_no) == [(waybill, dict(contents)) for waybill, contents in parcels.items()]
    assert (await tmall.trade(trade_no))["status"] == status
    assert await tmall.calls(method) == ["ok"]
    [event] = await adapter.events(ShipmentPublishedV1)
    assert (event.state, event.order_no, event.actual_no) == (PublicationState.DONE, f"TM{trade_no}", "A1")
    assert event.waybills == tuple(parcels)


async def test_two_shipments_of_a_trade_go_out_one_after_the_other(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_no = await tmall.order(3)
    for number, (waybill, pieces, unfinished) in enumerate(((WAYBILL, 2, "1"), (OTHER_WAYBILL, 1, ""))):
        event = await shipped(tmall, trade_no, {waybill: {"1": pieces}}, unfinished, actual_no=f"A{number}")
        await adapter.engine.execute(on_order_shipped, event)

    async with adapter.publishing():
        await adapter.until_publications("done", "done")

    assert await tmall.parcels(trade_no) == [(WAYBILL, {"1": 2}), (OTHER_WAYBILL, {"1": 1})]
    assert (await tmall.trade(trade_no))["status"] == "WAIT_BUYER_CONFIRM_GOODS"


async def test_a_shipment_whose_answer_is_lost_is_resolved_without_a_second_one(
    adapter: "Adapter", tmall: "Tmall"
) -> None:
    trade_no = await tmall.order(1)
    await tmall.fault("drop_reply", OFFLINE)
    await adapter.engine.execute(on_order_shipped, await shipped(tmall, trade_no, {WAYBILL: {"1": 1}}))

    async with adapter.publishing():
        await adapter.until_publications("unknown")
        assert await ends(adapter) == []
        await adapter.try_again_now()
        await adapter.until_publications("done")

    assert await tmall.parcels(trade_no) == [(WAYBILL, {"1": 1})]
    assert await tmall.calls(OFFLINE) == ["ok"]
    assert await ends(adapter) == [(PublicationState.DONE, "")]


async def test_a_throttled_shipment_goes_out_when_the_ban_is_over(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_no = await tmall.order(1)
    await tmall.fault("throttle", OFFLINE, seconds=1)
    await adapter.engine.execute(on_order_shipped, await shipped(tmall, trade_no, {WAYBILL: {"1": 1}}))

    async with adapter.publishing():
        await adapter.until_publications("done")

    assert await tmall.calls(OFFLINE) == ["accesscontrol.limited-by-app-api-access-count", "ok"]
    assert await adapter.column("SELECT attempts FROM outbound_call") == [2]


async def test_a_shipment_waits_while_the_session_is_over(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_no = await tmall.order(1)
    await tmall.end_session()
    await adapter.engine.execute(on_order_shipped, await shipped(tmall, trade_no, {WAYBILL: {"1": 1}}))

    async with adapter.publishing():
        await adapter.until_answers("invalid-sessionkey")
        [pause_s] = await adapter.column("SELECT extract(epoch FROM due_at - now())::int FROM outbound_call")
        assert 20 <= pause_s <= 30
        assert await adapter.column("SELECT state FROM outbound_call") == ["pending"]
        await tmall.renew_session()
        await adapter.try_again_now()
        await adapter.until_publications("done")

    assert await tmall.parcels(trade_no) == [(WAYBILL, {"1": 1})]


async def test_what_the_platform_refuses_ends_and_says_why(adapter: "Adapter", tmall: "Tmall") -> None:
    trade_no = await tmall.order(1)
    event = await shipped(tmall, trade_no, {WAYBILL: {"1": 1}})
    await tmall.post(f"/trades/{trade_no}/refund")
    await adapter.engine.execute(on_order_shipped, event)
    await adapter.engine.execute(on_order_shipped, event.model_copy(update={"store_code": "TM-99"}))

    async with adapter.publishing():
        await adapter.until_publications("rejected", "rejected")

    assert sorted(await ends(adapter)) == [
        (PublicationState.REJECTED, "not_supported"),
        (PublicationState.REJECTED, "refund"),
    ]
    assert await tmall.parcels(trade_no) == []


async def test_a_figure_stands_on_the_platforms_shelf(adapter: "Adapter", tmall: "Tmall") -> None:
    sku = tmall.skus(tmall.item)[0]
    await adapter.engine.execute(on_availability_changed, figure(tmall.item, sku, 7, version=5))

    async with adapter.publishing():
        await adapter.until_publications("done")

    assert (await tmall.quantities())[str(sku)] == 7
    [event] = await adapter.events(StockPublishedV1)
    assert (event.state, event.quantity, event.availability_version) == (PublicationState.DONE, 7, 5)


async def test_the_newest_figure_wins_and_those_before_it_are_not_sent(adapter: "Adapter", tmall: "Tmall") -> None:
    sku = tmall.skus(tmall.item)[0]
    for version in range(1, 101):
        await adapter.engine.execute(on_availability_changed, figure(tmall.item, sku, version, version))

    async with adapter.publishing():
        await adapter.until_publications(*["superseded"] * 99, "done")

    assert (await tmall.quantities())[str(sku)] == 100
    assert await tmall.calls(SKUS) == ["ok"]


async def test_figures_that_wait_together_go_out_together(adapter: "Adapter", tmall: "Tmall") -> None:
    """Two items of 25 SKUs are four calls: the platform takes twenty SKUs of one item at once."""
    figures = [
        figure(item, sku, number)
        for item in (tmall.item, tmall.item + 1)
        for number, sku in enumerate(tmall.skus(item), 10)
    ]
    for each in figures:
        await adapter.engine.execute(on_availability_changed, each)

    async with adapter.publishing():
        await adapter.until_publications(*["done"] * 50)

    assert await tmall.calls(SKUS) == ["ok"] * 4
    assert await tmall.quantities() == {each.platform_sku_id: each.quantity for each in figures}
    assert {event.platform_sku_id: event.quantity for event in await adapter.events(StockPublishedV1)} == {
        each.platform_sku_id: each.quantity for each in figures
    }


async def test_a_sku_the_platform_does_not_have_holds_up_no_other(adapter: "Adapter", tmall: "Tmall") -> None:
    good, other = tmall.skus(tmall.item)[:2]
    for sku in (good, 12345, other):
        await adapter.engine.execute(on_availability_changed, figure(tmall.item, sku, 3))

    async with adapter.publishing():
        await adapter.until_publications("done", "rejected", "done")

    quantities = await tmall.quantities()
    assert (quantities[str(good)], quantities[str(other)]) == (3, 3)
    states = {event.platform_sku_id: (event.state, event.code) for event in await adapter.events(StockPublishedV1)}
    assert states["12345"][0] is PublicationState.REJECTED
    assert states[str(good)] == (PublicationState.DONE, "")


async def test_figures_whose_answer_is_lost_are_sent_again(adapter: "Adapter", tmall: "Tmall") -> None:
    skus = tmall.skus(tmall.item)[:2]
    await tmall.fault("drop_reply", SKUS)
    for sku in skus:
        await adapter.engine.execute(on_availability_changed, figure(tmall.item, sku, 4))

    async with adapter.publishing():
        await adapter.until_answers("", "")
        await adapter.try_again_now()
        await adapter.until_publications("done", "done")

    assert await tmall.calls(SKUS) == ["ok", "ok"]
    assert [(await tmall.quantities())[str(sku)] for sku in skus] == [4, 4]
