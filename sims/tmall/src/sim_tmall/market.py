"""The market place: the stores of everything and what buyers and the platform do with them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sim_tmall.calls import Calls
from sim_tmall.database import Database
from sim_tmall.faults import Faults
from sim_tmall.items import Items
from sim_tmall.placing import NewOrder, Shelf, place
from sim_tmall.refusals import Unknown
from sim_tmall.sellers import Sellers
from sim_tmall.settings import Settings
from sim_tmall.trade import Trade
from sim_tmall.trades import Trades


class Market:
    """Everything one simulator knows. The clock runs `skew_seconds` ahead of the machine's."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.directory)
        self.sellers = Sellers(self.database)
        self.items = Items(self.database)
        self.trades = Trades(self.database)
        self.calls = Calls(self.database)
        self.faults = Faults(self.database)
        if settings.seller:
            self.sellers.put(settings.seller)

    def now(self) -> int:
        """The platform's clock in epoch seconds."""
        return int(time.time()) + self.database.setting("skew_seconds")

    def place(self, nick: str, orders: list[NewOrder], shelf: Shelf) -> list[Trade]:
        """Place orders in one transaction: all of them or, if one fails, none."""
        now = self.now()
        with self.database.transaction():
            ids = iter(self.database.take_ids(sum(1 + len(order.lines) for order in orders)))
            trades = [
                place(order, shelf, nick, [next(ids) for _ in range(1 + len(order.lines))], now) for order in orders
            ]
            self.items.take(shelf.values())
            self.trades.put(trades)
        return trades

    @contextmanager
    def changing(self, tid: int) -> Iterator[Trade]:
        """The trade to change; written back in the same transaction unless the change is refused."""
        with self.database.transaction():
            trade = self.trades.get(tid)
            if trade is None:
                raise Unknown(f"没有交易 {tid} / there is no trade {tid}")
            yield trade
            self.trades.put([trade])

    def change(self, tid: int, action: Callable[[Trade, int], None]) -> Trade:
        """Apply one transition now."""
        with self.changing(tid) as trade:
            action(trade, self.now())
        return trade
