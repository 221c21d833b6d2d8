"""Pulling trades: by modification, by creation, and one in full."""

from typing import Literal

from sim_tmall.errors import invalid, remote
from sim_tmall.fields import select
from sim_tmall.methods.base import Call, Result, top_method
from sim_tmall.placing import TRADE_TYPES
from sim_tmall.trade import STATUSES
from sim_tmall.trade_fields import TRADE
from sim_tmall.trades import Window

DAY_S = 24 * 3600
LOOKBACK_S = 92 * DAY_S  # the longest three months
PAGE_SIZE_MAX = 100
PAGE_SIZE_DEFAULT = 40
DEFAULT_TYPES = ("guarantee_trade", "auto_delivery", "ec", "cod", "step")
PAGING = "status type page_no page_size use_has_next"


@top_method("taobao.trades.sold.increment.get", required="fields start_modified end_modified", optional=PAGING)
def increment(call: Call) -> Result:
    """Trades by modification, newest first, in a window of at most one day."""
    start, end = call.arguments.moment("start_modified"), call.arguments.moment("end_modified")
    if start is None or end is None or not start < end:
        raise invalid("end_modified", "必须大于 start_modified / must be later than start_modified")
    if end - start > DAY_S:
        raise invalid("end_modified", "时间跨度不能大于一天 / the window is longer than one day")
    if start < call.now - LOOKBACK_S:
        raise invalid("start_modified", "只能查询三个月以内 / is older than three months")
    return _listed(call, _window(call, "modified", start, end))


@top_method("taobao.trades.sold.get", required="fields", optional="start_created end_created " + PAGING)
def sold(call: Call) -> Result:
    """Trades of the last three months by creation, newest first."""
    start, end = call.arguments.moment("start_created"), call.arguments.moment("end_created")
    oldest = call.now - LOOKBACK_S
    if start is not None and end is not None and not start < end:
        raise invalid("end_created", "必须大于 start_created / must be later than start_created")
    return _listed(call, _window(call, "created", max(start or oldest, oldest), call.now if end is None else end))


@top_method("taobao.trade.fullinfo.get", required="fields tid", optional="include_oaid")
def fullinfo(call: Call) -> Result:
    """One trade in full."""
    selection = select(TRADE, call.arguments.given["fields"])
    tid = call.arguments.whole("tid", 1, 2**63 - 1)
    trade = call.market.trades.of_seller(call.nick, tid or 0)
    if trade is None:
        raise remote("isv.trade-not-exist", "交易不存在")
    return {"trade": selection.show(trade)}


def _window(call: Call, column: Literal["modified", "created"], start: int, end: int) -> Window:
    status = call.arguments.text("status")
    if status is not None and status not in STATUSES:
        raise invalid("status", f"{status!r} 不是一个交易状态 / is not one trade status")
    text = call.arguments.text("type")
    types = DEFAULT_TYPES if text is None else tuple(part.strip() for part in text.split(","))
    for name in types:
        if name not in TRADE_TYPES:
            raise invalid("type", f"没有交易类型 {name!r} / there is no trade type {name!r}")
    # Fixed-price and auction trades are what `guarantee_trade` (escrow) asks for.
    asked = (*types, "fixed", "auction") if "guarantee_trade" in types else types
    return Window(call.nick, column, start, end, call.now, asked, status)


def _listed(call: Call, window: Window) -> Result:
    arguments, trades = call.arguments, call.market.trades
    selection = select(TRADE, arguments.given["fields"])
    size = arguments.whole("page_size", 1, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT
    offset = ((arguments.whole("page_no", 1, 10**6) or 1) - 1) * size
    result: Result
    if arguments.flag("use_has_next"):
        found = trades.page(window, offset, size + 1)
        result = {"has_next": len(found) > size}
    else:
        found = trades.page(window, offset, size)
        result = {"total_results": trades.count(window)}
    if found:
        result["trades"] = {"trade": [selection.show(trade) for trade in found[:size]]}
    return result
