"""What is asked to be told to the platforms, and what is known of it afterwards."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from lemai_chassis.delivery.calls import Answer, Call, Ended, Outcome
from lemai_chassis.testing import handle
from lemai_chassis.trace import Cause
from lemai_contracts import Event
from lemai_contracts.marketplace import PublicationState, ShipmentPublishedV1, StockPublishedV1
from lemai_contracts.order import OrderShippedV1, ParcelContent, PlatformPieces, ShippedParcel
from lemai_contracts.stock import AvailabilityChangedV1
from lemai_contracts.values import Money, OrderKind
from marketplace_adapter.handlers import (
    on_availability_changed,
    on_order_shipped,
    on_shipment_published,
    on_stock_published,
)

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
OUR_LINE = (ParcelContent(line_no=1, item_code="JFY-0101", quantity=2),)
PLATFORM_LINE = (PlatformPieces(platform_line_no="11", quantity=2),)
FIGURE = AvailabilityChangedV1(
    store_code="TM-01",
    platform_item_id="7",
    platform_sku_id="70",
    owner_code="JFY",
    item_code="JFY-0101",
    quantity=12,
    version=5,
    watermark=NOW,
)


def shipped(*platform_lines: Sequence[PlatformPieces]) -> OrderShippedV1:
    return OrderShippedV1(
        family="tmall/900",
        owner_code="JFY",
        order_no="TM900",
        kind=OrderKind.SALES,
        store_code="TM-01",
        platform="tmall",
        trade_no="900",
        actual_no="A1",
        shipped_at=NOW,
        parcels=tuple(
            ShippedParcel(
                carrier_code="SF", waybill_no=f"SF140000000000{number}", contents=OUR_LINE, platform_lines=tuple(lines)
            )
            for number, lines in enumerate(platform_lines)
        ),
        lines=(),
        freight=Money.of(200, "CNY"),
        discount=Money.of(0, "CNY"),
        amount=Money.of(200, "CNY"),
        complete=True,
    )


def ended(event: Event, outcome: Outcome, code: str = "", message: str = "") -> Ended:
    call = Call(
        id=1,
        kind="",
        key="",
        payload=event.model_dump(mode="json"),
        attempts=1,
        was_unknown=False,
        lease=uuid4(),
        cause=Cause("", ""),
    )
    return Ended(call, Answer(outcome, {"code": code, "message": message}))


def test_a_shipped_order_asks_for_one_call_with_all_its_parcels() -> None:
    event = shipped(PLATFORM_LINE, ())

    [call] = handle(on_order_shipped, event, now=NOW).calls

    assert (call.kind, call.key, call.supersede) == ("publish_shipment", "TM-01/900", False)
    assert OrderShippedV1.model_validate(call.payload) == event


@pytest.mark.parametrize("parcels", [[], [()], [(), ()]])
def test_parcels_without_a_platform_line_are_told_to_nobody(parcels: list[Sequence[PlatformPieces]]) -> None:
    assert handle(on_order_shipped, shipped(*parcels), now=NOW).calls == []


def test_a_figure_asks_for_a_call_in_place_of_those_that_wait() -> None:
    [call] = handle(on_availability_changed, FIGURE, now=NOW).calls

    assert (call.kind, call.key, call.supersede) == ("publish_stock", "TM-01/7/70", True)
    assert AvailabilityChangedV1.model_validate(call.payload) == FIGURE


@pytest.mark.parametrize(
    ("outcome", "state"), [(Outcome.DONE, PublicationState.DONE), (Outcome.REJECTED, PublicationState.REJECTED)]
)
def test_the_end_of_a_shipment_names_the_waybills_that_were_told(outcome: Outcome, state: PublicationState) -> None:
    end = ended(shipped(PLATFORM_LINE, (), PLATFORM_LINE), outcome, "status", "已关闭")

    assert handle(on_shipment_published, end, now=NOW).events == [
        ShipmentPublishedV1(
            family="tmall/900",
            owner_code="JFY",
            order_no="TM900",
            store_code="TM-01",
            trade_no="900",
            actual_no="A1",
            waybills=("SF1400000000000", "SF1400000000002"),
            state=state,
            code="status",
            message="已关闭",
            published_at=NOW,
        )
    ]


@pytest.mark.parametrize(
    ("outcome", "state"), [(Outcome.DONE, PublicationState.DONE), (Outcome.REJECTED, PublicationState.REJECTED)]
)
def test_the_end_of_a_figure_is_told_with_its_version(outcome: Outcome, state: PublicationState) -> None:
    assert handle(on_stock_published, ended(FIGURE, outcome, "sku", "没有此SKU"), now=NOW).events == [
        StockPublishedV1(
            store_code="TM-01",
            platform_item_id="7",
            platform_sku_id="70",
            quantity=12,
            availability_version=5,
            state=state,
            code="sku",
            message="没有此SKU",
            published_at=NOW,
        )
    ]
