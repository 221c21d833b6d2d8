"""A Taobao or Tmall store as the kit sees it (marketplace reference §1)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from functools import partial

import httpx

from lemai_marketplace.errors import (
    InvalidRequest,
    NotFound,
    StateConflict,
    Throttled,
    Transient,
    outcome_of,
)
from lemai_marketplace.plugins import Credentials
from lemai_marketplace.pull import Page, admit, backwards
from lemai_marketplace.types import (
    Limits,
    Malformed,
    Outcome,
    OutcomeState,
    Parcel,
    PlatformSku,
    Shipment,
    StockLevel,
    StoreCheck,
    Trade,
    Window,
)
from lemai_marketplace_top import mapper
from lemai_marketplace_top.carriers import CARRIERS
from lemai_marketplace_top.client import TopClient
from lemai_marketplace_top.consigning import Call, call_for
from lemai_marketplace_top.wire import Row, flag, pieces, required, rows, text, wall_clock

# A list call returns a few default types only, silently: name every type that can hold goods.
TYPES = "fixed,auction,guarantee_trade,auto_delivery,ec,cod,step,nopaid,instant_trade,eticket,tmall_i18n"
TRADES_PER_PAGE = 50  # TOP advises 40 to 50
ITEMS_PER_PAGE = 200
ITEMS_PER_SKU_CALL = 40
SKUS_PER_STOCK_CALL = 20
AT_ONCE = 8


def create(credentials: Credentials, http: httpx.AsyncClient) -> "Top":
    """The store that `credentials` open."""
    return Top(TopClient(credentials, http))


class Top:
    """Implements PullTrades, PublishShipment, PublishStock, ListSkus and Check."""

    limits = Limits(
        window_max=timedelta(minutes=30),  # TOP refuses more than a day and advises this
        lookback_max=timedelta(days=90),
        lag=timedelta(seconds=1),  # the grain of `modified`
        overlap=timedelta(minutes=10),
        stock_quantity_max=99_999_999,
    )

    carriers: Mapping[str, str] = {carrier.code: carrier.company_code for carrier in CARRIERS.values()}

    def __init__(self, client: TopClient) -> None:
        self._client = client
        self._places = asyncio.Semaphore(AT_ONCE)

    async def check(self) -> StoreCheck:
        """Reads the latest trade (taobao.trades.sold.get), which names the seller if there is one."""
        reply = await self._client.read(
            "taobao.trades.sold.get", fields="seller_nick", page_size="1", use_has_next="true"
        )
        sellers = [text(trade, "seller_nick") for trade in rows(reply, "trades", "trade")]
        return StoreCheck(sellers[0] if sellers else None, self._client.server_ahead)

    async def pull_trades(self, window: Window) -> AsyncIterator[list[Trade | Malformed]]:
        """Trades by time of change (taobao.trades.sold.increment.get)."""
        admit(window, self._client.now(), self.limits)
        if window.start == window.end:
            return
        async for page in backwards(partial(self._page, window), TRADES_PER_PAGE):
            yield await asyncio.gather(*(self._read(row) for row in page))

    async def trade(self, trade_no: str) -> Trade | Malformed:
        """One trade (taobao.trade.fullinfo.get)."""
        return mapper.read(await self._full(trade_no))

    async def shipped(self, trade_no: str) -> list[Parcel]:
        """Its parcels; a line sent in several parcels may show the last one only."""
        return mapper.parcels(await self._full(trade_no))

    async def publish_shipment(self, shipment: Shipment) -> Outcome:
        """taobao.logistics.offline.send, or alibaba.ascp.logistics.offline.send where pieces or parcels are split."""
        try:
            if call := await self._missing(shipment):
                await self._send(shipment, call)
        except (InvalidRequest, NotFound, StateConflict) as error:
            return outcome_of(shipment.trade_no, error)
        return Outcome(key=shipment.trade_no, state=OutcomeState.APPLIED)

    async def _page(self, window: Window, number: int, counted: bool) -> Page[Row]:
        # TOP takes two different whole seconds, both inclusive. The last one is over: no row can move into it.
        last = window.end - timedelta(microseconds=1)
        first = min(window.start, last - timedelta(seconds=1))
        reply = await self._client.read(
            "taobao.trades.sold.increment.get",
            fields=mapper.FIELDS,
            type=TYPES,
            start_modified=wall_clock(first),
            end_modified=wall_clock(last),
            page_no=str(number),
            page_size=str(TRADES_PER_PAGE),
            use_has_next="false" if counted else "true",
        )
        return Page(rows(reply, "trades", "trade"), pieces(reply, "total_results") if counted else None)

    async def _read(self, row: Row) -> Trade | Malformed:
        """The row's trade where the list tells all that matters, else the trade read alone."""
        try:
            return mapper.read(await self._full(text(row, "tid")) if _lacks(row) else row)
        except NotFound:
            return mapper.read(row)
        except InvalidRequest as error:
            return mapper.malformed(row, str(error))

    async def _full(self, trade_no: str) -> Row:
        async with self._places:
            reply = await self._client.read("taobao.trade.fullinfo.get", fields=mapper.FIELDS, tid=trade_no)
        trade: Row = reply.get("trade", {})
        return trade

    async def _missing(self, shipment: Shipment) -> Call | None:
        row = await self._full(shipment.trade_no)
        return call_for(mapper.trade(row), mapper.parcels(row), shipment)

    async def _send(self, shipment: Shipment, call: Call) -> None:
        try:
            reply = await self._client.write(call.method, **call.params)
        except StateConflict:
            # B04, shipped or closed already: perhaps by our own call whose answer was lost.
            if await self._missing(shipment):
                raise
            return
        done: Row = reply.get("shipping") or reply.get("result") or {}
        if not (flag(done, "is_success") or flag(done, "success")):
            raise InvalidRequest(f"{call.method}: 平台未接受 / the platform did not accept it", code="is_success")

    async def publish_stock(self, levels: Sequence[StockLevel]) -> list[Outcome]:
        """taobao.skus.quantity.update, or taobao.item.quantity.update for an item without SKUs."""
        latest = {(level.platform_item_id, level.platform_sku_id): level for level in levels}
        outcomes: dict[StockLevel, Outcome] = {}
        items: dict[tuple[str, bool], list[StockLevel]] = defaultdict(list)
        for level in latest.values():
            if 0 <= level.quantity <= self.limits.stock_quantity_max:
                items[level.platform_item_id, level.platform_sku_id is None].append(level)
            else:
                outcomes[level] = _rejected(level, "quantity", "数量超出平台范围 / the quantity is out of range")
        batches = [
            batch[start : start + SKUS_PER_STOCK_CALL]
            for batch in items.values()
            for start in range(0, len(batch), SKUS_PER_STOCK_CALL)
        ]
        for answered in await asyncio.gather(*(self._set_stock(batch) for batch in batches)):
            outcomes |= answered
        return [outcomes[latest[level.platform_item_id, level.platform_sku_id]] for level in levels]

    async def _set_stock(self, batch: list[StockLevel]) -> dict[StockLevel, Outcome]:
        """Outcomes of up to 20 SKUs of one item; what TOP did not confirm is sent once more, alone."""
        try:
            async with self._places:
                confirmed = await self._set_quantities(batch)
        except (InvalidRequest, NotFound, Throttled, Transient) as error:
            if len(batch) == 1 or error.retryable:
                return {level: outcome_of(_key(level), error) for level in batch}
            confirmed = {}
        outcomes = {
            level: Outcome(key=_key(level), state=OutcomeState.APPLIED)
            for level in batch
            if confirmed.get(level.platform_sku_id) == level.quantity
        }
        if not outcomes and len(batch) == 1:
            why = "平台未确认该数量 / the platform did not confirm the quantity"
            return {batch[0]: _rejected(batch[0], "unconfirmed", why)}
        for level in [level for level in batch if level not in outcomes]:
            outcomes |= await self._set_stock([level])
        return outcomes

    async def _set_quantities(self, batch: list[StockLevel]) -> dict[str | None, int]:
        """The quantities that TOP says it has now, by SKU."""
        item_id = batch[0].platform_item_id
        if batch[0].platform_sku_id is None:
            params = {"num_iid": item_id, "quantity": str(batch[0].quantity), "type": "1"}
            item = (await self._client.write("taobao.item.quantity.update", **params)).get("item", {})
            return {None: pieces(item, "num")}
        quantities = ";".join(f"{level.platform_sku_id}:{level.quantity}" for level in batch)
        params = {"num_iid": item_id, "skuid_quantities": quantities, "type": "1"}
        item = (await self._client.write("taobao.skus.quantity.update", **params)).get("item", {})
        return {required(sku, "sku_id"): pieces(sku, "quantity") for sku in rows(item, "skus", "sku")}

    async def list_skus(self) -> AsyncIterator[list[PlatformSku]]:
        """Items on sale (taobao.items.onsale.get, which shows 20,000 at most) with their SKUs."""
        number, more = 1, True
        while more:
            reply = await self._client.read(
                "taobao.items.onsale.get",
                fields="num_iid,title,outer_id",
                page_no=str(number),
                page_size=str(ITEMS_PER_PAGE),
            )
            items = rows(reply, "items", "item")
            for start in range(0, len(items), ITEMS_PER_SKU_CALL):
                yield await self._skus(items[start : start + ITEMS_PER_SKU_CALL])
            more = number * ITEMS_PER_PAGE < pieces(reply, "total_results")
            number += 1

    async def _skus(self, items: list[Row]) -> list[PlatformSku]:
        reply = await self._client.read(
            "taobao.item.skus.get",
            fields="sku_id,num_iid,outer_id,properties_name,status",
            num_iids=",".join(required(item, "num_iid") for item in items),
        )
        by_item: dict[str, list[Row]] = defaultdict(list)
        for sku in rows(reply, "skus", "sku"):
            if text(sku, "status") != "delete":
                by_item[required(sku, "num_iid")].append(sku)
        return [_sku(item, sku) for item in items for sku in by_item.get(required(item, "num_iid"), [{}])]


def _lacks(row: Row) -> bool:
    """True if a list row hints at what only fullinfo tells: notes, and gifts among the promotions.

    TOP's field lists name these for fullinfo only; where the list gives them after all, no second call is made.
    """
    return bool(text(row, "tid")) and (
        (flag(row, "has_buyer_message") and "buyer_message" not in row)
        or (text(row, "seller_flag").strip("0") != "" and "seller_memo" not in row)
        or (
            text(row, "status") == "WAIT_SELLER_SEND_GOODS"
            and text(row, "discount_fee").strip("0.") != ""
            and "promotion_details" not in row
        )
    )


def _sku(item: Row, sku: Row) -> PlatformSku:
    return PlatformSku(
        platform_item_id=required(item, "num_iid"),
        platform_sku_id=text(sku, "sku_id") or None,
        merchant_sku=text(sku, "outer_id") or text(item, "outer_id") or None,
        title=text(item, "title"),
        properties=text(sku, "properties_name"),
    )


def _key(level: StockLevel) -> str:
    return level.platform_sku_id or level.platform_item_id


def _rejected(level: StockLevel, code: str, why: str) -> Outcome:
    return Outcome(key=_key(level), state=OutcomeState.REJECTED, code=code, message=why)
