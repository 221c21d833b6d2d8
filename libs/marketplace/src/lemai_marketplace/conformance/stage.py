"""What the suite needs of a simulator, and how it looks at what comes out."""

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Literal, Protocol

from lemai_marketplace.errors import PlatformError
from lemai_marketplace.protocols import Check, ListSkus, PublishShipment, PublishStock, PullTrades
from lemai_marketplace.types import Limits, Malformed, Parcel, PlatformSku, Trade, Window

Doing = Literal["pull", "shipment", "stock"]
Pay = Literal["full", "deposit", "none"]


class Store(PullTrades, PublishShipment, PublishStock, ListSkus, Check, Protocol):
    """A plugin with every capability of the first cut."""

    limits: Limits


class Stage(Protocol):
    """A store on a simulator: the plugin in front of the curtain, the simulator's own levers and truth behind it.

    The platform's clock stands minutes behind ours, so that what was played lies in a window that is closed.
    """

    store: Store
    page_size: int
    carrier: str
    waybills: Sequence[str]  # six good ones of `carrier`
    shelf: Sequence[PlatformSku]  # on sale with stock, the first 25 of one item, the last an item without SKUs

    def stranger(self) -> Store:
        """The same store with a wrong secret."""

    async def order(
        self,
        *quantities: int,
        pay: Pay = "full",
        freight_minor: int = 0,
        discount_minor: int = 0,
        gift: bool = False,
    ) -> str:
        """A buyer orders a line of each quantity; the trade's number."""

    async def orders(self, count: int) -> set[str]:
        """Many paid trades at once."""

    async def pay(self, trade_no: str) -> None:
        """The buyer pays what is open."""

    async def hold(self, trade_no: str) -> None:
        """The platform forbids shipping."""

    async def ask_refund(self, trade_no: str) -> None:
        """The buyer asks for the money of every line."""

    async def close(self, trade_no: str) -> None:
        """The trade ends without goods."""

    async def finish(self, trade_no: str) -> None:
        """The buyer confirms the receipt."""

    async def window(self) -> Window:
        """A closed window over all that was played, the clock a minute or so on: what is played next lies behind it."""

    async def move_rows(self, count: int) -> None:
        """Change the `count` trades changed longest ago right after the next page is read."""

    async def show_after(self, seconds: int) -> None:
        """From now on, lists show a change this much later."""

    async def lose_answer(self, doing: Doing) -> None:
        """Apply the next call and lose its answer."""

    async def throttle(self, doing: Doing, seconds: int) -> None:
        """Refuse the next call and ban the method for a while."""

    async def expire_session(self) -> None:
        """The seller's authorisation ends."""

    async def skew_clock(self, by: timedelta) -> None:
        """Set the platform's clock this much ahead of ours."""

    async def calls(self) -> int:
        """How many calls arrived so far."""

    async def plain_consignee(self, trade_no: str) -> list[str]:
        """Name, phone and address that nobody but the platform may see."""

    async def parcels(self, trade_no: str) -> list[Parcel]:
        """The parcels by the platform's own record."""

    async def quantity(self, sku: PlatformSku) -> int:
        """The pieces for sale by the platform's own record."""


async def pulled(store: Store, *windows: Window) -> dict[str, Trade]:
    """The trades of the windows by number, the last one of each; fails on a malformed one."""
    trades: dict[str, Trade] = {}
    for window in windows:
        async for page in store.pull_trades(window):
            for trade in page:
                assert not isinstance(trade, Malformed), trade.reason
                trades[trade.trade_no] = trade
    return trades


async def the(store: Store, trade_no: str) -> Trade:
    """One trade, readable."""
    trade = await store.trade(trade_no)
    assert isinstance(trade, Trade)
    return trade


async def error_of(doing: Awaitable[object]) -> PlatformError:
    """The platform's error that `doing` ends with."""
    try:
        await doing
    except PlatformError as error:
        return error
    raise AssertionError("nothing was refused")
