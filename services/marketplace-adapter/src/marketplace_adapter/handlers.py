"""What is told to the platforms, and what pulled trades make known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lemai_chassis.delivery.calls import Ended, Outcome
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_contracts.marketplace import (
    PublicationState,
    ShipmentPublishedV1,
    StockPublishedV1,
    TradeChangedV1,
    TradesPulledV1,
    TradeStatus,
)
from lemai_contracts.order import OrderShippedV1
from lemai_contracts.stock import AvailabilityChangedV1
from lemai_contracts.topics import ORDER_PARTITIONS
from marketplace_adapter.domain import Cursor, MalformedTrade, SeenTrade

PUBLISH_SHIPMENT = "publish_shipment"
PUBLISH_STOCK = "publish_stock"
CORRECTION = "correction"
"""Beside what a shipment's call carries: which refused one it sends again (`of`), `by` whom and for what `reason`."""


@dataclass(frozen=True)
class Pulled:
    """A trade as pulled: what it would be published as, the digest of what the platform sent, a trace of its own."""

    trade: TradeChangedV1
    platform_version: int
    digest: str
    traceparent: str = ""


@dataclass(frozen=True)
class TradesReceived:
    """One page of trades of a store."""

    store_code: str
    trades: Sequence[Pulled]
    malformed: Sequence[MalformedTrade]


@dataclass(frozen=True)
class WindowPulled:
    """Every trade of the store changed before `until` has been received."""

    store_code: str
    until: datetime


def on_trades_received(command: TradesReceived, uow: UnitOfWork) -> None:
    """Publish what is news; a page read twice publishes nothing the second time."""
    for pulled in command.trades:
        seen = uow.get(SeenTrade, command.store_code, pulled.trade.trade_no)
        if seen is None or seen.precedes(pulled.platform_version, pulled.digest):
            _publish(pulled, seen, uow)
    for malformed in command.malformed:
        _keep(malformed, uow)


def trade_refs(command: TradesReceived) -> Iterable[Ref]:
    for pulled in command.trades:
        yield ref(SeenTrade, command.store_code, pulled.trade.trade_no)
        yield ref(MalformedTrade, command.store_code, pulled.trade.trade_no)
    for malformed in command.malformed:
        yield ref(MalformedTrade, *malformed.key)


def on_window_pulled(command: WindowPulled, uow: UnitOfWork) -> None:
    """Move the cursor and tell every partition how far the store has been pulled."""
    cursor = uow.get(Cursor, command.store_code)
    if cursor and cursor.until >= command.until:
        return
    uow.put(Cursor(command.store_code, command.until))
    for partition in range(ORDER_PARTITIONS):
        uow.emit(TradesPulledV1(store_code=command.store_code, partition=partition, until=command.until))


def on_order_shipped(event: OrderShippedV1, uow: UnitOfWork) -> None:
    """Tell the platform carrier and waybill, unless nothing in the parcels is a line of its trade."""
    if any(parcel.platform_lines for parcel in event.parcels):
        uow.call(PUBLISH_SHIPMENT, f"{event.store_code}/{event.trade_no}", event.model_dump(mode="json"))


@dataclass(frozen=True)
class Correction:
    """A person's word on a refused shipment: its call, and the parcel's carrier and waybill as they should be."""

    call_id: int
    key: str
    shipped: OrderShippedV1
    actor: str
    reason: str
    carrier_code: str | None = None
    waybill_no: str | None = None
    of_waybill: str | None = None


class ParcelUnclear(ValueError):
    """Several parcels, and it is not said which one is meant; or none is."""


def on_shipment_corrected(command: Correction, uow: UnitOfWork) -> None:
    """Tell the platform again, corrected. Only the publication changes: no stock moves. Raises ParcelUnclear."""
    shipped = corrected(command)
    deed = {"of": command.call_id, "by": command.actor, "reason": command.reason}
    uow.call(PUBLISH_SHIPMENT, command.key, shipped.model_dump(mode="json") | {CORRECTION: deed})


def corrected(command: Correction) -> OrderShippedV1:
    """What is to be told. Raises ParcelUnclear."""
    change = {"carrier_code": command.carrier_code, "waybill_no": command.waybill_no}
    given = {name: value for name, value in change.items() if value is not None}
    parcels = list(command.shipped.parcels)
    meant = [
        number
        for number, parcel in enumerate(parcels)
        if parcel.platform_lines and command.of_waybill in (None, parcel.waybill_no)
    ]
    if given and len(meant) != 1:
        waybills = ", ".join(parcel.waybill_no for parcel in parcels if parcel.platform_lines)
        raise ParcelUnclear(f"请用 of_waybill 指明一个包裹 / name one parcel by of_waybill: {waybills}")
    if given:
        parcels[meant[0]] = parcels[meant[0]].model_copy(update=given)
    return command.shipped.model_copy(update={"parcels": tuple(parcels)})


def on_availability_changed(event: AvailabilityChangedV1, uow: UnitOfWork) -> None:
    """Tell the platform the newest figure; older ones that still wait are dropped."""
    uow.call(PUBLISH_STOCK, event.partitionkey, event.model_dump(mode="json"), supersede=True)


def on_shipment_published(ended: Ended, uow: UnitOfWork) -> None:
    shipped = OrderShippedV1.model_validate(ended.call.payload)
    correction = ended.call.payload.get(CORRECTION, {})
    uow.emit(
        ShipmentPublishedV1(
            family=shipped.family,
            owner_code=shipped.owner_code,
            order_no=shipped.order_no,
            store_code=shipped.store_code,
            trade_no=shipped.trade_no,
            actual_no=shipped.actual_no,
            waybills=tuple(parcel.waybill_no for parcel in shipped.parcels if parcel.platform_lines),
            corrected_by=correction.get("by", ""),
            reason=correction.get("reason", ""),
            state=_state(ended),
            code=ended.answer.detail["code"],
            message=ended.answer.detail["message"],
            published_at=uow.now,
        )
    )


def on_stock_published(ended: Ended, uow: UnitOfWork) -> None:
    figure = AvailabilityChangedV1.model_validate(ended.call.payload)
    uow.emit(
        StockPublishedV1(
            store_code=figure.store_code,
            platform_item_id=figure.platform_item_id,
            platform_sku_id=figure.platform_sku_id,
            quantity=figure.quantity,
            availability_version=figure.version,
            state=_state(ended),
            code=ended.answer.detail["code"],
            message=ended.answer.detail["message"],
            published_at=uow.now,
        )
    )


def _publish(pulled: Pulled, seen: SeenTrade | None, uow: UnitOfWork) -> None:
    trade = pulled.trade
    before = seen or SeenTrade(trade.store_code, trade.trade_no, 0, "", 0, pulled.traceparent)
    news = replace(before, platform_version=pulled.platform_version, digest=pulled.digest, changes=before.changes + 1)
    uow.put(news)
    uow.emit(trade.model_copy(update={"version": news.content_version}), news)
    malformed = uow.get(MalformedTrade, *news.key)
    if malformed and not malformed.resolved_at:
        uow.put(replace(malformed, resolved_at=uow.now))
    statuses = [(trade.status, trade.raw_status), *((line.status, line.raw_status) for line in trade.lines)]
    if unknown := sorted({word for status, word in statuses if status is TradeStatus.UNKNOWN}):
        uow.alert("unknown_status", _about(news), f"未知的平台状态 / unknown platform status: {', '.join(unknown)}")


def _keep(trade: MalformedTrade, uow: UnitOfWork) -> None:
    known = uow.get(MalformedTrade, *trade.key)
    if known is None or known.resolved_at or known.reason != trade.reason:
        uow.put(trade)
        uow.alert("malformed_trade", _about(trade), f"平台交易无法读取 / trade cannot be read: {trade.reason}")


def _about(trade: SeenTrade | MalformedTrade) -> str:
    return f"{trade.store_code}/{trade.trade_no}"


def _state(ended: Ended) -> PublicationState:
    return PublicationState.DONE if ended.answer.outcome is Outcome.DONE else PublicationState.REJECTED
