"""Revealing masked receivers."""

from sim_tmall.errors import invalid
from sim_tmall.methods.base import Call, Result, bounded, top_method
from sim_tmall.trade import Trade
from sim_tmall.wire import wall_clock

QUERIES_MAX = 20
OAID_LENGTH_MAX = 128
SCENES = frozenset({"1001", "1002", "1003", "1004", "1005", "1006", "1007", "2001", "2002"})
KEYS = frozenset({"oaid", "tid", "scene", "secret_no_days"})
DAY_S = 24 * 3600


@top_method("taobao.top.oaid.decrypt", required="query_list")
def decrypt(call: Call) -> Result:
    """Plain receivers for at most 20 (oaid, tid); `matched` is false when the address changed since."""
    queries = call.arguments.objects("query_list", QUERIES_MAX)
    if not queries:
        raise invalid("query_list", "至少一个 / at least one")
    return {"receiver_list": {"receiver": [_answer(call, query) for query in queries]}}


def _answer(call: Call, query: dict[str, object]) -> Result:
    oaid, scene = query.get("oaid"), query.get("scene")
    if not query.keys() <= KEYS or not isinstance(oaid, str) or not 0 < len(oaid) <= OAID_LENGTH_MAX:
        raise invalid("query_list", "每项含 oaid（≤128）、tid、scene、secret_no_days / each has these keys only")
    if scene is not None and str(scene) not in SCENES:
        raise invalid("query_list.scene", f"没有场景 {scene!r} / there is no scene {scene!r}")
    tid = bounded("query_list.tid", query.get("tid"), 1, 2**63 - 1)
    trade = call.market.trades.of_seller(call.nick, tid)
    if trade is None or trade.oaid != oaid:
        return {"oaid": oaid, "tid": str(tid), "matched": False}
    days = query.get("secret_no_days")
    return _plain(trade) | ({} if days is None else _secret_number(call, trade, days))


def _plain(trade: Trade) -> Result:
    receiver = trade.receiver
    shown = {
        "oaid": trade.oaid,
        "tid": str(trade.tid),
        "name": receiver.name,
        "mobile": receiver.mobile,
        "phone": receiver.phone,
        "address_detail": receiver.address,
        "town": receiver.town,
        "district": receiver.district,
        "city": receiver.city,
        "state": receiver.state,
        "country": "中国",
    }
    return {**{name: value for name, value in shown.items() if value}, "matched": True, "privacy_protection": False}


def _secret_number(call: Call, trade: Trade, days: object) -> Result:
    extension = trade.tid % 10_000
    until = call.now + bounded("query_list.secret_no_days", days, 1, 90) * DAY_S
    return {
        "mobile": f"1{trade.tid % 10**10:010d}-{extension:04d}",
        "privacy_protection": True,
        "secret_no_expire_time": wall_clock(until),
    }
