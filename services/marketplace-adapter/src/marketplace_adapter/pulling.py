"""Pulling a store's trades: window after window, each trade published once for each content."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from lemai_chassis.delivery.engine import Engine, explain, is_about_the_work
from lemai_chassis.reference import Store
from lemai_chassis.state.unit_of_work import ref
from lemai_marketplace import pull as windows
from lemai_marketplace.protocols import PullTrades
from lemai_marketplace.types import Limits, Malformed, Trade, Window
from marketplace_adapter import storage
from marketplace_adapter.domain import Cursor
from marketplace_adapter.gateways import Sealer
from marketplace_adapter.handlers import (
    TradesReceived,
    WindowPulled,
    on_trades_received,
    on_window_pulled,
    trade_refs,
)

FIRST_LOOKBACK = timedelta(days=1)
OVERLAP = timedelta(seconds=2)
"""Each pull reads back this far; what a platform shows later than that, the sweep finds."""
SWEEP_EVERY = timedelta(minutes=5)


class TradeSource(PullTrades, Protocol):
    """A store whose trades can be pulled."""

    limits: Limits


class Puller:
    """Pulls the trades of one store. A pull that is cut short, or runs beside another, does no harm."""

    def __init__(self, engine: Engine, source: TradeSource, sealer: Sealer, store: Store) -> None:
        self._engine = engine
        self._source = source
        self._sealer = sealer
        self._store = store

    async def pull(self) -> int:
        """Receive what changed since the last pull; how many trades were read, known ones included."""
        now = self._engine.clock()
        since = await self._cursor()
        if since is None:  # Where it begins is kept at once: it may take days until the platform lets us in.
            since = now - FIRST_LOOKBACK
            await self._pulled(since)
        read = 0
        for window in windows.due(since, now, self._source.limits, OVERLAP):
            read += await self._receive(window)
            await self._pulled(window.end)
        return read

    async def sweep(self) -> int:
        """Receive what became visible after its own time had been pulled; how many trades were read."""
        until = await self._cursor()
        if until is None:
            return 0
        limits = self._source.limits
        past = Window(until - limits.overlap, until)
        return sum([await self._receive(window) for window in windows.split(past, limits.window_max)])

    async def _cursor(self) -> datetime | None:
        async with self._engine.database.connect() as connection:
            return await storage.pulled_until(connection, self._store.code)

    async def _receive(self, window: Window) -> int:
        read = 0
        async for page in self._source.pull_trades(window):
            read += len(page)
            await self._take(page)
        return read

    async def _take(self, page: Sequence[Trade | Malformed]) -> None:
        """Receive a page; a trade that cannot be taken, for whatever reason, is hunted and becomes malformed."""
        try:
            command = await self._sealed(page)
            if command.trades or command.malformed:
                await self._engine.execute(on_trades_received, command, trade_refs(command))
        except Exception as error:
            if not is_about_the_work(error) or (len(page) == 1 and isinstance(page[0], Malformed)):
                raise
            middle = len(page) // 2
            for part in (page[:middle], page[middle:]) if middle else ([_malformed(page[0], error)],):
                await self._take(part)

    async def _sealed(self, page: Sequence[Trade | Malformed]) -> TradesReceived:
        async with self._engine.database.connect() as connection:
            trade_nos = [trade.trade_no for trade in page if isinstance(trade, Trade)]
            seen = await storage.seen_trades(connection, self._store.code, trade_nos)
        return await self._sealer.received(self._store, page, seen, self._engine.clock())

    async def _pulled(self, until: datetime) -> None:
        command = WindowPulled(self._store.code, until)
        await self._engine.execute(on_window_pulled, command, [ref(Cursor, self._store.code)])


def _malformed(trade: Trade | Malformed, error: Exception) -> Malformed:
    return Malformed(trade.trade_no, trade.raw, explain(error))
