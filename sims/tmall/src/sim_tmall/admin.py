"""`/sim`: the simulator's own truth and the levers of buyers and platform. No signature, loopback only."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from sim_tmall import admin_models as body
from sim_tmall import seeded, trade
from sim_tmall.faults import Fault
from sim_tmall.items import Item
from sim_tmall.market import Market
from sim_tmall.placing import NewOrder, OrderedLine, Sku
from sim_tmall.refusals import Unknown
from sim_tmall.settings import Seller
from sim_tmall.trade import Trade

router = APIRouter(prefix="/sim", tags=["sim"])
Limit = Annotated[int, Query(gt=0, le=10_000)]
_ACTIONS: dict[str, Callable[[Trade, int], None]] = {
    "pay": trade.pay,
    "hold": trade.hold,
    "release": trade.release,
    "finish": trade.finish,
}


def market_of(request: Request) -> Market:
    """The application's market."""
    market: Market = request.app.state.market
    return market


Here = Annotated[Market, Depends(market_of)]


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _seller(market: Market, nick: str | None) -> str:
    nicks = [known for known, _ in market.sellers.all()]
    if nick is None and len(nicks) == 1:
        return nicks[0]
    if nick not in nicks:
        raise Unknown(f"没有卖家 {nick}，已有 {nicks} / unknown seller, known are {nicks}")
    return nick


@router.post("/sellers", status_code=201)
async def put_seller(market: Here, seller: body.SellerBody) -> Response:
    """Create a seller or replace its session."""
    market.sellers.put(Seller(**seller.model_dump()))
    return _json({"nick": seller.nick, "app_key": seller.app_key}, 201)


@router.get("/sellers")
async def sellers(market: Here) -> Response:
    """All sellers, without secrets."""
    return _json({"sellers": [{"nick": nick, "app_key": app_key} for nick, app_key in market.sellers.all()]})


@router.post("/items", status_code=201)
async def put_item(market: Here, item: body.ItemBody) -> Response:
    """Create an item or replace it with all its SKUs and quantities."""
    nick, now = _seller(market, item.seller), market.now()
    rows = [(sku.sku_id, sku.outer_id, sku.properties_name, sku.price, sku.quantity) for sku in item.skus]
    if item.price is not None:
        rows = [(0, item.outer_id, "", item.price, item.quantity)]
    skus = tuple(
        Sku(item.num_iid, sku_id, outer_id, item.outer_id, item.title, name, price, quantity, now, now)
        for sku_id, outer_id, name, price, quantity in rows
    )
    with market.database.transaction():
        market.items.put(Item(item.num_iid, nick, item.approve_status, item.title, item.outer_id, now, now, skus))
    return _json({"num_iid": str(item.num_iid), "skus": len(item.skus)}, 201)


@router.get("/stock")
async def stock(market: Here, seller: str | None = None) -> Response:
    """What the platform sells from, per SKU; an item without SKUs has `sku_id` null."""
    rows = [
        {
            "num_iid": str(sku.num_iid),
            "sku_id": str(sku.sku_id) if sku.sku_id else None,
            "outer_id": sku.outer_id,
            "quantity": sku.quantity,
        }
        for sku in market.items.shelf(_seller(market, seller)).values()
    ]
    return _json({"stock": rows})


@router.post("/trades", status_code=201)
async def create_trade(market: Here, order: body.TradeBody) -> Response:
    """A buyer orders; stock is taken at once. Too little stock is 409 unless `oversell`."""
    nick = _seller(market, order.seller)
    lines = tuple(_ordered(market, line) for line in order.lines)
    shelf = market.items.shelf_of(nick, {line.num_iid for line in lines})
    unknown = [line for line in lines if (line.num_iid, line.sku_id) not in shelf]
    if unknown:
        raise Unknown(f"没有这些 SKU {unknown} / {nick} does not sell these")
    new = NewOrder(
        lines=lines,
        receiver=order.receiver.receiver(),
        buyer_nick=order.buyer_nick,
        type=order.type,
        discount=order.discount,
        freight=order.freight,
        buyer_message=order.buyer_message,
        seller_memo=order.seller_memo,
        gifts=tuple(gift.gift() for gift in order.gifts),
        pay=order.pay,
        deposit=order.deposit,
        oversell=order.oversell,
    )
    [placed] = market.place(nick, [new], shelf)
    return _json(body.truth(placed), 201)


def _ordered(market: Market, line: body.LineBody) -> OrderedLine:
    num_iid = line.num_iid if line.sku_id is None else market.items.item_of_sku(line.sku_id)
    return OrderedLine(num_iid or 0, line.sku_id or 0, line.quantity, line.discount)


@router.post("/trades/bulk", status_code=201)
async def create_trades(market: Here, bulk: body.BulkBody) -> Response:
    """Many seeded trades in one transaction; answers their ids in the order of creation."""
    nick = _seller(market, bulk.seller)
    shelf = market.items.shelf(nick)
    options = bulk.model_dump(exclude={"seller"})
    placed = market.place(nick, seeded.orders(shelf, **options), shelf)
    return _json({"count": len(placed), "tids": [str(new.tid) for new in placed]}, 201)


@router.get("/trades")
async def trades(market: Here, status: str | None = None, after: int = 0, limit: Limit = 100) -> Response:
    """Trades by id, in full; `next` is the `after` of the following page, null at the end."""
    found = market.trades.after(after, status, limit)
    following = str(found[-1].tid) if len(found) == limit else None
    return _json({"trades": [body.truth(row) for row in found], "next": following})


@router.get("/trades/counts")
async def trade_counts(market: Here) -> Response:
    """How many trades are in each status."""
    return _json(market.trades.counts())


@router.get("/trades/{tid}")
async def one_trade(market: Here, tid: int) -> Response:
    """The full truth of one trade."""
    found = market.trades.get(tid)
    if found is None:
        raise Unknown(f"没有交易 {tid} / there is no trade {tid}")
    return _json(body.truth(found))


@router.post("/trades/{tid}/close")
async def close(market: Here, tid: int, lines: body.LinesBody | None = None) -> Response:
    """Close lines (all by default); pieces that did not leave return to stock."""
    with market.changing(tid) as closed:
        market.items.give_back(trade.close(closed, lines.oids if lines else [], market.now()))
    return _json(body.truth(closed))


@router.post("/trades/{tid}/refund")
async def ask_refund(market: Here, tid: int, lines: body.LinesBody | None = None) -> Response:
    """The buyer asks for a refund of lines (all by default)."""
    with market.changing(tid) as asked:
        refund_ids = market.database.take_ids(len(asked.lines))
        trade.ask_refund(asked, lines.oids if lines else [], refund_ids, market.now())
    return _json(body.truth(asked))


@router.post("/trades/{tid}/address")
async def change_address(market: Here, tid: int, receiver: body.ReceiverBody) -> Response:
    """The buyer changes the address; the oaid changes with it."""
    return _json(body.truth(market.change(tid, lambda row, now: trade.change_receiver(row, receiver.receiver(), now))))


@router.post("/trades/{tid}/memo")
async def memo(market: Here, tid: int, note: body.MemoBody) -> Response:
    """The seller notes something; allowed in every status, modifies the trade."""

    def write(row: Trade, now: int) -> None:
        row.seller_memo, row.seller_flag = note.seller_memo, note.seller_flag
        trade.record(row, "memo", now)

    return _json(body.truth(market.change(tid, write)))


@router.post("/trades/{tid}/{action}")
async def act(market: Here, tid: int, action: Literal["pay", "hold", "release", "finish"]) -> Response:
    """The buyer pays or confirms; the platform forbids or allows shipping. 409 if the status does not allow it."""
    return _json(body.truth(market.change(tid, _ACTIONS[action])))


@router.get("/calls")
async def calls(market: Here, method: str | None = None, after: int = 0, limit: Limit = 100) -> Response:
    """Received calls, oldest first, without secrets; `next` continues behind the last one shown."""
    found = market.calls.after(after, method, limit)
    rows = [{"id": call_id, **asdict(call), "at": body.iso(call.at)} for call_id, call in found]
    return _json({"calls": rows, "next": found[-1][0] if len(found) == limit else None})


@router.get("/calls/counts")
async def call_counts(market: Here) -> Response:
    """How often each method ended how."""
    return _json(market.calls.counts())


@router.post("/faults", status_code=201)
async def add_fault(market: Here, fault: body.FaultBody) -> Response:
    """Plan a fault."""
    market.faults.add(Fault(**fault.model_dump()))
    return _json({"planned": market.faults.planned()}, 201)


@router.get("/faults")
async def faults(market: Here) -> Response:
    """Faults still to fire."""
    return _json({"planned": market.faults.planned()})


@router.delete("/faults")
async def clear_faults(market: Here) -> Response:
    """Forget all planned faults."""
    market.faults.clear()
    return _json({"planned": []})


def _clock(market: Market) -> dict[str, object]:
    database = market.database
    return {
        "now": body.iso(market.now()),
        "skew_seconds": database.setting("skew_seconds"),
        "visibility_lag": database.setting("visibility_lag"),
    }


@router.get("/clock")
async def clock(market: Here) -> Response:
    """The platform's time."""
    return _json(_clock(market))


@router.post("/clock")
async def set_clock(market: Here, settings: body.ClockBody) -> Response:
    """Move the platform's clock against the machine's, or delay what lists show."""
    for name, value in settings.model_dump(exclude_none=True).items():
        market.database.put_setting(name, value)
    return _json(_clock(market))
