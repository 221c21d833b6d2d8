"""The platforms behind their plugins: what was pulled is sealed, what is to be told is told."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson

from lemai_chassis.delivery.calls import Answer, Call, Outcome
from lemai_chassis.keyring import Keyring, MasterKey, Seal, SealedValue
from lemai_chassis.reference import Reference, Store
from lemai_chassis.trace import start
from lemai_contracts.order import OrderShippedV1
from lemai_contracts.stock import AvailabilityChangedV1
from lemai_contracts.text import cleaned
from lemai_contracts.values import Consignee
from lemai_marketplace import types as platform
from lemai_marketplace.errors import PlatformError, outcome_of
from lemai_marketplace.protocols import Marketplace, PublishShipment, PublishStock
from lemai_marketplace.types import Malformed, OutcomeState, Parcel, ParcelLine, Shipment, StockLevel, Trade
from marketplace_adapter.domain import MalformedTrade, SeenTrade
from marketplace_adapter.handlers import Pulled, TradesReceived
from marketplace_adapter.mapper import KEY_MAX, NOTE_MAX, fitted, sealed_consignee, trade_changed

UNREADABLE_TRADE = "unknown"
LATER = timedelta(seconds=30)
OUTCOMES = {
    OutcomeState.APPLIED: Outcome.DONE,
    OutcomeState.ACCEPTED: Outcome.DONE,
    OutcomeState.REJECTED: Outcome.REJECTED,
    OutcomeState.CONFLICT: Outcome.REJECTED,
    OutcomeState.RETRY: Outcome.RETRY_LATER,
}


class Sealer:
    """Makes a pulled page fit to be kept and published: consignees and unreadable bodies sealed."""

    def __init__(self, keyring: Keyring, master: MasterKey) -> None:
        self._keyring = keyring
        self._master = master
        self._raw = Seal(master.derive("malformed trades"))

    async def received(
        self, store: Store, page: Sequence[Trade | Malformed], seen: Mapping[str, SeenTrade], now: datetime
    ) -> TradesReceived:
        """A page as a command; what is no news is left out before anything is sealed.

        Raises UnfitText and ValidationError for a trade that cannot be published as it is.
        """
        digests = [(trade, _digest(trade.raw)) for trade in page if isinstance(trade, Trade)]
        news = [
            (fitted(trade), digest) for trade, digest in digests if _is_news(seen.get(trade.trade_no), trade, digest)
        ]
        sealed = await self._keyring.seal([asdict(trade.consignee) for (trade, _), _ in news]) if news else []
        return TradesReceived(
            store.code,
            [
                Pulled(
                    trade_changed(store, trade, self._consignee(trade, value), notes), trade.version, digest, start()
                )
                for ((trade, notes), digest), value in zip(news, sealed, strict=True)
            ],
            [self._malformed(store, trade, now) for trade in page if isinstance(trade, Malformed)],
        )

    def _consignee(self, trade: Trade, sealed: SealedValue) -> Consignee:
        return sealed_consignee(trade.consignee, sealed, self._master.digest)

    def _malformed(self, store: Store, trade: Malformed, now: datetime) -> MalformedTrade:
        """Whatever it holds, it can be kept: under its number, or under what tells it from others that lack one."""
        number = cleaned(trade.trade_no or UNREADABLE_TRADE, KEY_MAX, breaks="")
        unnamed = number.note or not trade.trade_no
        trade_no = f"{number.text}-{_digest(trade.raw)[:12]}" if unnamed else number.text
        sealed = base64.b64encode(self._raw.seal(_bytes(trade.raw))).decode()
        return MalformedTrade(store.code, trade_no, cleaned(trade.reason, NOTE_MAX).text, sealed, now)


@dataclass(frozen=True)
class _StockBatch:
    """Figures that go to a store together, and their outcomes in the same order."""

    levels: list[StockLevel]
    outcomes: asyncio.Task[list[platform.Outcome]]


class Publisher:
    """Makes the calls that tell platforms something. Telling again what a platform knows does no harm."""

    def __init__(self, marketplaces: Mapping[str, Marketplace], known: Reference | None = None) -> None:
        self._marketplaces = marketplaces
        self._known = known
        self._stock_batches: dict[str, _StockBatch] = {}

    async def shipment(self, call: Call) -> Answer:
        """Carrier and waybills of one shipment, by the platform's own method."""
        shipped = OrderShippedV1.model_validate(call.payload)
        marketplace = self._marketplaces.get(shipped.store_code)
        if not isinstance(marketplace, PublishShipment):
            return _unsupported(shipped.store_code)
        try:
            return _answer(await marketplace.publish_shipment(_shipment(shipped, self._company)))
        except PlatformError as error:
            return _failure(error)

    def _company(self, store_code: str, carrier_code: str) -> str:
        if self._known is None:
            return ""
        store, marketplace = self._known.store(store_code), self._marketplaces[store_code]
        unknown = isinstance(marketplace, PublishShipment) and carrier_code not in marketplace.carriers
        passed = carrier_code if store.pass_unknown_carriers and unknown else ""
        return company(self._known, store, carrier_code) or passed

    async def stock(self, call: Call) -> Answer:
        """The absolute figure of one platform SKU, sent with all others of the store that are due at this moment."""
        figure = AvailabilityChangedV1.model_validate(call.payload)
        marketplace = self._marketplaces.get(figure.store_code)
        if not isinstance(marketplace, PublishStock):
            return _unsupported(figure.store_code)
        batch = self._stock_batch(figure.store_code, marketplace)
        batch.levels.append(StockLevel(figure.platform_item_id, figure.platform_sku_id or None, figure.quantity))
        position = len(batch.levels) - 1
        try:
            return _answer((await asyncio.shield(batch.outcomes))[position])
        except PlatformError as error:
            return _failure(error)

    def _stock_batch(self, store_code: str, marketplace: PublishStock) -> _StockBatch:
        """The store's open batch. It closes when its task first runs: after every call that was claimed with it."""
        if store_code not in self._stock_batches:
            levels: list[StockLevel] = []

            async def publish() -> list[platform.Outcome]:
                del self._stock_batches[store_code]
                return await marketplace.publish_stock(levels)

            self._stock_batches[store_code] = _StockBatch(levels, asyncio.create_task(publish()))
        return self._stock_batches[store_code]


def _bytes(raw: object) -> bytes:
    """A body of whatever the platform sent."""
    try:
        return orjson.dumps(raw, option=orjson.OPT_SORT_KEYS, default=repr)
    except orjson.JSONEncodeError:  # It takes neither half surrogates nor integers beyond 64 bits.
        return json.dumps(raw, sort_keys=True, default=repr).encode()


def _digest(raw: object) -> str:
    return hashlib.sha256(_bytes(raw)).hexdigest()


def _is_news(known: SeenTrade | None, trade: Trade, digest: str) -> bool:
    return known is None or known.precedes(trade.version, digest)


def company(known: Reference, store: Store, carrier_code: str) -> str:
    """What the configuration calls a carrier on the store's platform; empty leaves it to the plugin."""
    named = (carrier.platform_codes for carrier in known.carriers if carrier.code == carrier_code)
    return next(named, {}).get(store.platform, "")


def carrier_problems(known: Reference, store: Store, marketplace: Marketplace) -> Iterator[str]:
    """The carriers of the installation that the store could not tell its platform of."""
    if isinstance(marketplace, PublishShipment) and not store.pass_unknown_carriers:
        for carrier in known.carriers:
            if carrier.code not in marketplace.carriers and not company(known, store, carrier.code):
                yield (
                    f"carriers[{carrier.code}].platform_codes: 店铺 {store.code} 的平台 {store.platform} 不认识承运商 "
                    f"{carrier.code}，请添加 platform_codes: {{{store.platform}: 平台代码}}，或为店铺设 "
                    f"pass_unknown_carriers: true / the platform of store {store.code} does not know this carrier: add "
                    f"platform_codes: {{{store.platform}: its code}}, or set pass_unknown_carriers: true for the store"
                )


def _shipment(shipped: OrderShippedV1, company: Callable[[str, str], str]) -> Shipment:
    return Shipment(
        trade_no=shipped.trade_no,
        parcels=tuple(
            Parcel(
                parcel.carrier_code,
                parcel.waybill_no,
                tuple(ParcelLine(line.platform_line_no, line.quantity) for line in parcel.platform_lines),
                company(shipped.store_code, parcel.carrier_code),
            )
            for parcel in shipped.parcels
            if parcel.platform_lines
        ),
        unfinished=frozenset(shipped.unfinished_platform_lines),
    )


def _answer(outcome: platform.Outcome) -> Answer:
    detail = {"code": outcome.code or "", "message": outcome.message or ""}
    pause = timedelta(seconds=outcome.retry_after_s) if outcome.retry_after_s else LATER
    return Answer(OUTCOMES[outcome.state], detail, pause)


def _failure(error: PlatformError) -> Answer:
    """What may have arrived is unknown until it is sent again; what concerns the whole store is tried again later."""
    detail = {"code": error.code or type(error).__name__, "message": str(error)}
    if error.answer:
        detail["answer"] = error.answer
    if error.maybe_applied:
        return Answer(Outcome.UNKNOWN, detail)
    try:
        return _answer(outcome_of("", error))
    except PlatformError:
        return Answer(Outcome.RETRY_LATER, detail, LATER)


def _unsupported(store_code: str) -> Answer:
    message = f"店铺的平台不支持 / not supported by the platform of store {store_code}"
    return Answer(Outcome.REJECTED, {"code": "not_supported", "message": message})
