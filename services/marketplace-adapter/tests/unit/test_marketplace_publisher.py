"""How what a platform says becomes the end, or the next try, of a call."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from lemai_chassis.delivery.calls import Answer, Call, Outcome
from lemai_chassis.reference import Carrier, Reference, Store
from lemai_chassis.trace import Cause
from lemai_contracts.order import OrderShippedV1, ParcelContent, PlatformPieces, ShippedParcel
from lemai_contracts.stock import AvailabilityChangedV1
from lemai_contracts.values import Money, OrderKind
from lemai_marketplace import types as platform
from lemai_marketplace.errors import (
    AuthExpired,
    NeedsHuman,
    NotSupported,
    PermissionDenied,
    PlatformError,
    ProtocolDrift,
    StateConflict,
    Throttled,
    Transient,
    Unanswered,
)
from lemai_marketplace.types import Limits, OutcomeState, Parcel, ParcelLine, Shipment, StockLevel
from marketplace_adapter.gateways import Publisher, carrier_problems

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)


class Platform:
    """A platform that answers every command with `says` and remembers what it was told."""

    limits = Limits(
        window_max=timedelta(days=1),
        lookback_max=timedelta(days=30),
        lag=timedelta(0),
        overlap=timedelta(0),
        stock_quantity_max=1000,
    )

    carriers: ClassVar = {"SF": "SF"}

    def __init__(self, says: PlatformError | OutcomeState = OutcomeState.APPLIED) -> None:
        self._says = says
        self.shipments: list[Shipment] = []
        self.levels: list[list[StockLevel]] = []

    async def publish_shipment(self, shipment: Shipment) -> platform.Outcome:
        self.shipments.append(shipment)
        return self._outcome()

    async def shipped(self, trade_no: str) -> list[Parcel]:
        return []

    async def publish_stock(self, levels: Sequence[StockLevel]) -> list[platform.Outcome]:
        self.levels.append(list(levels))
        return [self._outcome(str(level.quantity)) for level in levels]

    def _outcome(self, code: str = "c") -> platform.Outcome:
        if isinstance(self._says, PlatformError):
            raise self._says
        return platform.Outcome(key="", state=self._says, code=code, message="m", retry_after_s=7)


class Bare:
    """A platform that can nothing."""

    limits = Platform.limits


def a_call(event: OrderShippedV1 | AvailabilityChangedV1) -> Call:
    return Call(
        id=1,
        kind="",
        key="",
        payload=event.model_dump(mode="json"),
        attempts=1,
        was_unknown=False,
        lease=uuid4(),
        cause=Cause("", ""),
    )


def shipped(*parcels: tuple[str, dict[str, int]], unfinished: tuple[str, ...] = ()) -> Call:
    return a_call(
        OrderShippedV1(
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
                    carrier_code="SF",
                    waybill_no=waybill,
                    contents=(ParcelContent(line_no=1, item_code="X", quantity=1),),
                    platform_lines=tuple(
                        PlatformPieces(platform_line_no=line, quantity=pieces) for line, pieces in contents.items()
                    ),
                )
                for waybill, contents in parcels
            ),
            unfinished_platform_lines=unfinished,
            lines=(),
            freight=Money.of(0, "CNY"),
            discount=Money.of(0, "CNY"),
            amount=Money.of(0, "CNY"),
            complete=True,
        )
    )


def figure(quantity: int, store_code: str = "TM-01", sku: str = "70") -> Call:
    return a_call(
        AvailabilityChangedV1(
            store_code=store_code,
            platform_item_id="7",
            platform_sku_id=sku,
            owner_code="JFY",
            item_code="X",
            quantity=quantity,
            version=1,
            watermark=NOW,
        )
    )


async def test_a_shipment_is_told_in_the_platforms_lines() -> None:
    store = Platform()

    await Publisher({"TM-01": store}).shipment(shipped(("SF1", {"11": 2, "12": 1}), ("SF2", {}), unfinished=("11",)))

    contents = (ParcelLine("11", 2), ParcelLine("12", 1))
    assert store.shipments == [Shipment("900", (Parcel("SF", "SF1", contents),), frozenset({"11"}))]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (OutcomeState.APPLIED, Outcome.DONE),
        (OutcomeState.ACCEPTED, Outcome.DONE),
        (OutcomeState.REJECTED, Outcome.REJECTED),
        (OutcomeState.CONFLICT, Outcome.REJECTED),
        (OutcomeState.RETRY, Outcome.RETRY_LATER),
    ],
)
async def test_the_platforms_outcome_decides(state: OutcomeState, outcome: Outcome) -> None:
    answer = await Publisher({"TM-01": Platform(state)}).shipment(shipped(("SF1", {"11": 1})))

    assert answer == Answer(outcome, {"code": "c", "message": "m"}, timedelta(seconds=7))


@pytest.mark.parametrize(
    ("error", "outcome", "pause_s"),
    [
        (Unanswered("x", code="c"), Outcome.UNKNOWN, 5),
        (ProtocolDrift("x", code="c"), Outcome.UNKNOWN, 5),
        (Throttled("x", code="c", retry_after_s=90), Outcome.RETRY_LATER, 90),
        (Transient("x", code="c"), Outcome.RETRY_LATER, 30),
        (AuthExpired("x", code="c"), Outcome.RETRY_LATER, 30),
        (PermissionDenied("x", code="c"), Outcome.RETRY_LATER, 30),
        (NotSupported("x", code="c"), Outcome.REJECTED, 30),
        (StateConflict("x", code="c"), Outcome.REJECTED, 30),
        (NeedsHuman("x", code="c"), Outcome.REJECTED, 30),
    ],
)
async def test_an_error_ends_what_it_is_about_and_nothing_else(
    error: PlatformError, outcome: Outcome, pause_s: int
) -> None:
    expected = Answer(outcome, {"code": "c", "message": "x"}, timedelta(seconds=pause_s))

    assert await Publisher({"TM-01": Platform(error)}).shipment(shipped(("SF1", {"11": 1}))) == expected
    assert await Publisher({"TM-01": Platform(error)}).stock(figure(1)) == expected


async def test_what_a_platform_cannot_do_and_an_unknown_store_are_rejected() -> None:
    publisher = Publisher({"TM-01": Bare()})

    answers = [
        await publisher.shipment(shipped(("SF1", {"11": 1}))),
        await publisher.stock(figure(1)),
        await publisher.stock(figure(1, "TM-99")),
    ]

    assert [(answer.outcome, answer.detail["code"]) for answer in answers] == [(Outcome.REJECTED, "not_supported")] * 3


async def test_figures_made_at_once_go_to_their_store_together_and_each_gets_its_own_answer() -> None:
    first, second = Platform(OutcomeState.REJECTED), Platform()
    publisher = Publisher({"TM-01": first, "TM-02": second})

    answers = await asyncio.gather(
        publisher.stock(figure(1, sku="70")),
        publisher.stock(figure(2, "TM-02")),
        publisher.stock(figure(3, sku="")),
    )
    later = await publisher.stock(figure(4))

    assert first.levels == [[StockLevel("7", "70", 1), StockLevel("7", None, 3)], [StockLevel("7", "70", 4)]]
    assert second.levels == [[StockLevel("7", "70", 2)]]
    assert [(answer.outcome, answer.detail["code"]) for answer in (*answers, later)] == [
        (Outcome.REJECTED, "1"),
        (Outcome.DONE, "2"),
        (Outcome.REJECTED, "3"),
        (Outcome.REJECTED, "4"),
    ]


async def test_an_error_of_a_store_meets_all_its_figures_and_no_others() -> None:
    publisher = Publisher({"TM-01": Platform(AuthExpired("over")), "TM-02": Platform()})

    answers = await asyncio.gather(*(publisher.stock(figure(1, store)) for store in ("TM-01", "TM-02", "TM-01")))

    assert [answer.outcome for answer in answers] == [Outcome.RETRY_LATER, Outcome.DONE, Outcome.RETRY_LATER]
    assert answers[0].detail == {"code": "AuthExpired", "message": "over"}


async def test_an_answer_that_cannot_be_read_is_kept_beside_the_error() -> None:
    error = Unanswered("HTTP 403, the reply is no JSON", answer=b"<html>\xff filter page" + b"x" * 5000)

    answer = await Publisher({"TM-01": Platform(error)}).shipment(shipped(("SF1", {"11": 1})))

    assert answer.outcome is Outcome.UNKNOWN
    assert answer.detail["answer"].startswith("<html>\ufffd filter page")
    assert len(answer.detail["answer"]) == 1000


def a_reference(*carriers: Carrier, pass_unknown_carriers: bool = False) -> Reference:
    store = Store(
        code="TM-01",
        platform="tmall",
        owners=("JFY",),
        warehouse="W",
        carrier="SF",
        pass_unknown_carriers=pass_unknown_carriers,
    )
    empty: dict[str, Any] = {"owners": (), "counterparts": (), "warehouses": (), "order_no_prefixes": {}}
    return Reference(version="1", stores=(store,), carriers=carriers, **empty)


SF = Carrier(code="SF")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (a_reference(SF), ""),
        (a_reference(SF, Carrier(code="JT", platform_codes={"tmall": "JTSD", "jd": "X"})), "JTSD"),
        (a_reference(SF, Carrier(code="JT"), pass_unknown_carriers=True), "JT"),
        (a_reference(SF, pass_unknown_carriers=True), "JT"),
    ],
    ids=["left to the plugin", "configured", "passed on", "nobody's, passed on"],
)
async def test_the_configuration_says_what_a_carrier_is_called(known: Reference, told: str) -> None:
    store = Platform()
    call = shipped(("JT0001112223334", {"11": 1}))
    [parcel] = call.payload["parcels"]

    await Publisher({"TM-01": store}, known).shipment(
        replace(call, payload={**call.payload, "parcels": [{**parcel, "carrier_code": "JT"}]})
    )

    [shipment] = store.shipments
    assert [(parcel.carrier, parcel.company) for parcel in shipment.parcels] == [("JT", told)]


def test_a_carrier_that_a_store_could_not_tell_of_is_a_problem_that_names_store_carrier_and_fix() -> None:
    store, jt = Platform(), Carrier(code="JT")
    known, passing = a_reference(SF, jt), a_reference(SF, jt, pass_unknown_carriers=True)
    named = a_reference(SF, Carrier(code="JT", platform_codes={"tmall": "JTSD"}))

    [problem] = carrier_problems(known, known.stores[0], store)

    assert problem.startswith("carriers[JT].platform_codes: 店铺 TM-01 的平台 tmall 不认识承运商 JT")
    assert "pass_unknown_carriers: true" in problem
    assert [*carrier_problems(passing, passing.stores[0], store)] == []
    assert [*carrier_problems(named, named.stores[0], store)] == []
    assert [*carrier_problems(known, known.stores[0], Bare())] == []
