"""The stores' marketplaces behind their plugins: what is pulled from them and what is told to them."""

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import httpx
import orjson

from lemai_chassis.delivery.calls import Answer, Call, Outcome
from lemai_chassis.keyring import Keyring, MasterKey, Seal, SealedValue
from lemai_chassis.reference import Reference, Store
from lemai_contracts.marketplace import TradeChangedV1, TradeLine, TradeStatus
from lemai_contracts.order import OrderShippedV1
from lemai_contracts.stock import AvailabilityChangedV1
from lemai_contracts.values import Consignee, Money, Region
from lemai_marketplace import types as platform
from lemai_marketplace.errors import PlatformError, Throttled
from lemai_marketplace.plugins import Credentials, load
from lemai_marketplace.protocols import Marketplace, PublishShipment, PublishStock, PullTrades
from lemai_marketplace.types import Malformed, OutcomeState, Parcel, ParcelLine, Shipment, StockLevel, Trade, Window
from marketplace_adapter.domain import MalformedTrade, SeenTrade, mask_name, mask_phone
from marketplace_adapter.handlers import Pulled, TradesReceived

UNREADABLE_TRADE = "unknown"
LATER = timedelta(seconds=30)
OUTCOMES = {
    OutcomeState.APPLIED: Outcome.DONE,
    OutcomeState.ACCEPTED: Outcome.DONE,
    OutcomeState.REJECTED: Outcome.REJECTED,
    OutcomeState.CONFLICT: Outcome.REJECTED,
    OutcomeState.RETRY: Outcome.RETRY_LATER,
}


class Stores:
    """The marketplace of each store, by store code."""

    def __init__(self, reference: Reference, credentials: Mapping[str, Credentials], http: httpx.AsyncClient) -> None:
        self._marketplaces = {
            store.code: load(store.platform)(credentials[store.code], http)
            for store in reference.stores
            if store.code in credentials
        }

    @property
    def codes(self) -> Sequence[str]:
        return tuple(self._marketplaces)

    def of(self, store_code: str) -> Marketplace:
        return self._marketplaces[store_code]


class Sealer:
    """Turns what a plugin read into what is published: consignees sealed, amounts with their currency."""

    def __init__(self, keyring: Keyring, master: MasterKey) -> None:
        self._keyring = keyring
        self._master = master
        self._raw = Seal(master.derive("malformed trades"))

    async def received(
        self, store: Store, page: Sequence[Trade | Malformed], seen: Mapping[str, SeenTrade], now: datetime
    ) -> TradesReceived:
        """A page as a command; what is no news is left out before anything is sealed."""
        news = []
        for trade in page:
            if isinstance(trade, Trade):
                known, digest = seen.get(trade.trade_no), _digest(trade)
                if known is None or known.precedes(trade.version, digest):
                    news.append((trade, digest))
        consignees = [asdict(trade.consignee) for trade, _ in news]
        sealed = await self._keyring.seal(consignees) if consignees else []
        return TradesReceived(
            store.code,
            [
                Pulled(self._trade(store, trade, value), trade.version, digest)
                for (trade, digest), value in zip(news, sealed, strict=True)
            ],
            [self._malformed(store, trade, now) for trade in page if isinstance(trade, Malformed)],
        )

    def _trade(self, store: Store, trade: Trade, sealed: SealedValue) -> TradeChangedV1:
        def money(minor: int) -> Money:
            return Money.of(minor, trade.currency)

        freight = sum(c.amount_minor for c in trade.charges if c.kind is platform.ChargeKind.FREIGHT)
        others = sum(c.amount_minor for c in trade.charges if c.kind is not platform.ChargeKind.FREIGHT)
        return TradeChangedV1(
            family=f"{store.platform}/{trade.trade_no}",
            platform=store.platform,
            store_code=store.code,
            trade_no=trade.trade_no,
            version=str(trade.version),
            status=TradeStatus(trade.status),
            raw_status=trade.raw_status,
            holds=tuple(sorted(trade.holds)),
            created_at=trade.created_at,
            paid_at=trade.paid_at,
            modified_at=trade.modified_at,
            ship_by=trade.ship_by,
            lines=tuple(
                TradeLine(
                    platform_line_no=line.line_id,
                    platform_item_id=line.platform_item_id,
                    platform_sku_id=line.platform_sku_id or "",
                    merchant_sku=line.merchant_sku or "",
                    title=line.title,
                    quantity=line.quantity,
                    paid=money(line.paid_minor),
                    gift=line.kind is platform.LineKind.GIFT,
                    status=TradeStatus(line.status),
                    raw_status=line.raw_status,
                )
                for line in trade.lines
                if line.kind is not platform.LineKind.SERVICE
            ),
            freight=money(freight),
            discount=money(-others),
            paid=money(trade.buyer_paid_minor),
            buyer_nick=trade.buyer,
            buyer_message=trade.buyer_note,
            seller_message=trade.seller_note,
            consignee=self._consignee(trade.consignee, sealed),
        )

    def _consignee(self, plain: platform.MaskedConsignee, sealed: SealedValue) -> Consignee:
        place = f"{plain.province}{plain.city}{plain.district}{plain.town}{plain.address}"
        return Consignee(
            key_id=sealed.key_id,
            sealed=sealed.sealed,
            region=Region(province=plain.province, city=plain.city, district=plain.district),
            name_masked=mask_name(plain.name),
            phone_masked=mask_phone(plain.phone),
            phone_digest=self._master.digest(plain.phone),
            address_digest=self._master.digest(place),
        )

    def _malformed(self, store: Store, trade: Malformed, now: datetime) -> MalformedTrade:
        raw = self._raw.seal(orjson.dumps(trade.raw, default=repr))
        return MalformedTrade(
            store.code, trade.trade_no or UNREADABLE_TRADE, trade.reason, base64.b64encode(raw).decode(), now
        )


async def pull(marketplace: Marketplace, window: Window) -> AsyncIterator[list[Trade | Malformed]]:
    """Every trade last changed in a window, page by page. A platform without pulling has none."""
    if isinstance(marketplace, PullTrades):
        async for page in marketplace.pull_trades(window):
            yield page


@dataclass(frozen=True)
class Publisher:
    """Makes the calls that tell platforms something. Telling again what a platform knows does no harm."""

    stores: Stores

    async def shipment(self, call: Call) -> Answer:
        """Carrier and waybills of one shipment, by the platform's own method."""
        shipped = OrderShippedV1.model_validate(call.payload)
        marketplace = self.stores.of(shipped.store_code)
        if not isinstance(marketplace, PublishShipment):
            return _unsupported(shipped.platform)
        shipment = Shipment(
            trade_no=shipped.trade_no,
            parcels=tuple(
                Parcel(
                    parcel.carrier_code,
                    parcel.waybill_no,
                    tuple(ParcelLine(line.platform_line_no, line.quantity) for line in parcel.platform_lines),
                )
                for parcel in shipped.parcels
                if parcel.platform_lines
            ),
            unfinished=frozenset(shipped.unfinished_platform_lines),
        )
        try:
            return _answer(await marketplace.publish_shipment(shipment))
        except PlatformError as error:
            return _failure(error)

    async def stock(self, call: Call) -> Answer:
        """The absolute figure of one platform SKU."""
        figure = AvailabilityChangedV1.model_validate(call.payload)
        marketplace = self.stores.of(figure.store_code)
        if not isinstance(marketplace, PublishStock):
            return _unsupported(figure.store_code)
        level = StockLevel(figure.platform_item_id, figure.platform_sku_id or None, figure.quantity)
        try:
            outcomes = await marketplace.publish_stock([level])
        except PlatformError as error:
            return _failure(error)
        return _answer(outcomes[0])


def _digest(trade: Trade) -> str:
    raw = orjson.dumps(trade.raw, option=orjson.OPT_SORT_KEYS, default=repr)
    return hashlib.sha256(raw).hexdigest()


def _answer(outcome: platform.Outcome) -> Answer:
    detail = {"code": outcome.code or "", "message": outcome.message or ""}
    pause = timedelta(seconds=outcome.retry_after_s) if outcome.retry_after_s else LATER
    return Answer(OUTCOMES[outcome.state], detail, pause)


def _failure(error: PlatformError) -> Answer:
    """What is not about this one command is tried again; what may have arrived is unknown until then."""
    detail = {"code": error.code or type(error).__name__, "message": str(error)}
    if isinstance(error, Throttled):
        return Answer(Outcome.RETRY_LATER, detail, timedelta(seconds=error.retry_after_s))
    return Answer(Outcome.UNKNOWN, detail) if error.maybe_applied else Answer(Outcome.RETRY_LATER, detail, LATER)


def _unsupported(what: str) -> Answer:
    return Answer(Outcome.REJECTED, {"code": "not_supported", "message": f"平台不支持 / not supported: {what}"})
