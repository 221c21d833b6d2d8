"""Pulling a store's trades: window after window, each trade published once for each content."""

from datetime import timedelta

import structlog

from lemai_chassis.delivery.engine import Engine
from lemai_chassis.reference import Store
from lemai_chassis.state.unit_of_work import ref
from lemai_marketplace import pull as windows
from lemai_marketplace.protocols import PullTrades
from lemai_marketplace.types import Malformed, Trade
from marketplace_adapter import gateways, storage
from marketplace_adapter.domain import Cursor
from marketplace_adapter.gateways import Sealer, Stores
from marketplace_adapter.handlers import WindowPulled, on_trades_received, on_window_pulled, trade_refs

log = structlog.get_logger()
FIRST_LOOKBACK = timedelta(days=1)
OVERLAP = timedelta(seconds=2)
"""Each pull reads back this far; what a platform shows later than that, the sweep finds."""
SWEEP_EVERY = timedelta(minutes=5)


class Puller:
    """Pulls the trades of one store. One pull at a time; a pull cut short is simply done again."""

    def __init__(self, engine: Engine, stores: Stores, sealer: Sealer, store: Store) -> None:
        self._engine = engine
        self._stores = stores
        self._sealer = sealer
        self._store = store

    async def pull(self) -> int:
        """What changed since the last pull; the number of trades read."""
        return await self._pull(OVERLAP, advance=True)

    async def sweep(self) -> int:
        """What became visible long after its own time; does not move the cursor."""
        limits = self._stores.of(self._store.code).limits
        return await self._pull(limits.overlap, advance=False)

    async def _pull(self, overlap: timedelta, *, advance: bool) -> int:
        marketplace = self._stores.of(self._store.code)
        if not isinstance(marketplace, PullTrades):
            return 0
        now = self._engine.clock()
        async with self._engine.database.connect() as connection:
            cursor = await storage.cursor(connection, self._store.code)
        since = cursor.until if cursor else now - FIRST_LOOKBACK
        total = 0
        for window in windows.due(since, now, marketplace.limits, overlap):
            read = 0
            async for page in gateways.pull(marketplace, window):
                await self._receive(page)
                read += len(page)
            if advance:
                command = WindowPulled(self._store.code, window.end, read)
                await self._engine.execute(on_window_pulled, command, [ref(Cursor, self._store.code)])
            total += read
        return total

    async def _receive(self, page: list[Trade | Malformed]) -> None:
        async with self._engine.database.connect() as connection:
            trade_nos = [trade.trade_no for trade in page if trade.trade_no]
            seen = await storage.seen_trades(connection, self._store.code, trade_nos)
        command = await self._sealer.received(self._store, page, seen, self._engine.clock())
        if command.trades or command.malformed:
            await self._engine.execute(on_trades_received, command, trade_refs(command))
