"""PullTrades must hold this."""

from datetime import timedelta

from lemai_marketplace.conformance.shipping import whole
from lemai_marketplace.conformance.stage import Stage, error_of, pulled, the
from lemai_marketplace.errors import AuthExpired, InvalidRequest, NotFound
from lemai_marketplace.pull import due
from lemai_marketplace.types import Hold, LineKind, TradeStatus, Window


class PullConformance:
    """PullTrades."""

    async def test_an_empty_window_has_no_trades(self, stage: Stage) -> None:
        assert await pulled(stage.store, await stage.window()) == {}

    async def test_full_pages_and_one_more_row_are_complete(self, stage: Stage) -> None:
        played = await stage.orders(2 * stage.page_size)
        assert set(await pulled(stage.store, await stage.window())) == played

        played |= await stage.orders(1)
        assert set(await pulled(stage.store, await stage.window())) == played

    async def test_a_row_that_changes_while_paging_hides_no_other(self, stage: Stage) -> None:
        played = await stage.orders(3 * stage.page_size)
        window = await stage.window()
        await stage.move_rows(stage.page_size // 2)

        first = await pulled(stage.store, window)
        after = await pulled(stage.store, await stage.window())

        assert len(first) < len(played), "the simulator moved nothing"
        assert first.keys() | after.keys() == played
        assert len(after) == len(played)

    async def test_what_becomes_visible_late_is_in_the_overlap(self, stage: Stage) -> None:
        await stage.show_after(90)
        trade_no = await stage.order(1)
        early = await stage.window()
        assert await pulled(stage.store, early) == {}

        later = await stage.window()
        windows = due(early.end, later.end + stage.store.limits.lag, stage.store.limits)

        assert set(await pulled(stage.store, *windows)) == {trade_no}

    async def test_adjacent_windows_have_every_trade(self, stage: Stage) -> None:
        played = await stage.orders(5)
        window = await stage.window()
        trades = await pulled(stage.store, window)
        border = min(trade.modified_at for trade in trades.values())

        halves = Window(window.start, border), Window(border, window.end)

        assert set(await pulled(stage.store, *halves)) == played

    async def test_a_window_beyond_the_limits_is_refused_without_a_call(self, stage: Stage) -> None:
        window, limits = await stage.window(), stage.store.limits
        too_long = Window(window.end - limits.window_max - timedelta(seconds=1), window.end)
        too_old = Window(window.start - limits.lookback_max, window.end - limits.lookback_max)
        still_open = Window(window.end, window.end + timedelta(hours=1))
        before = await stage.calls()

        for refused in (too_long, too_old, still_open):
            assert isinstance(await error_of(pulled(stage.store, refused)), InvalidRequest)
        assert await stage.calls() == before

    async def test_trades_of_every_state_are_seen(self, stage: Stage) -> None:
        paid, held, unpaid, deposit, cancelled, shipped, completed = [
            await stage.order(1, pay=pay) for pay in ("full", "full", "none", "deposit", "none", "full", "full")
        ]
        await stage.hold(held)
        await stage.close(cancelled)
        for trade_no, waybill in ((shipped, stage.waybills[0]), (completed, stage.waybills[1])):
            await stage.store.publish_shipment(await whole(stage, trade_no, waybill))
        await stage.finish(completed)

        trades = await pulled(stage.store, await stage.window())

        assert {trade_no: trade.status for trade_no, trade in trades.items()} == {
            paid: TradeStatus.TO_SHIP,
            held: TradeStatus.PAID_HELD,
            unpaid: TradeStatus.UNPAID,
            deposit: TradeStatus.PAID_HELD,
            cancelled: TradeStatus.CANCELLED,
            shipped: TradeStatus.SHIPPED,
            completed: TradeStatus.COMPLETED,
        }
        assert trades[held].holds == {Hold.PLATFORM}
        assert trades[deposit].holds == {Hold.PRESALE}

    async def test_a_trade_that_is_paid_later_comes_again_with_a_greater_version(self, stage: Stage) -> None:
        trade_no = await stage.order(1, pay="deposit")
        before = (await pulled(stage.store, await stage.window()))[trade_no]

        await stage.pay(trade_no)
        after = (await pulled(stage.store, await stage.window()))[trade_no]

        assert (before.paid_at, after.status, after.holds) == (None, TradeStatus.TO_SHIP, frozenset())
        assert after.paid_at is not None
        assert after.version > before.version

    async def test_the_list_and_the_single_read_tell_the_same(self, stage: Stage) -> None:
        trade_no = await stage.order(2, 1, freight_minor=1200, discount_minor=1001, gift=True)

        listed = (await pulled(stage.store, await stage.window()))[trade_no]

        assert await the(stage.store, trade_no) == listed
        assert listed.trade_no == trade_no

    async def test_lines_and_charges_add_up_to_what_the_buyer_paid(self, stage: Stage) -> None:
        await stage.order(1, freight_minor=1200, discount_minor=333)
        await stage.order(2, 1, 1, freight_minor=800, discount_minor=1001)
        await stage.order(1, pay="none")

        for trade in (await pulled(stage.store, await stage.window())).values():
            lines, charges = trade.lines, trade.charges
            assert trade.buyer_paid_minor > 0
            assert trade.buyer_paid_minor == (
                sum(line.paid_minor for line in lines) + sum(charge.amount_minor for charge in charges)
            )
            assert len(charges) <= 1, charges

    async def test_a_gift_is_a_line_that_costs_nothing(self, stage: Stage) -> None:
        trade_no = await stage.order(1, gift=True)

        goods, gift = (await the(stage.store, trade_no)).lines

        assert (goods.kind, gift.kind, gift.paid_minor) == (LineKind.GOODS, LineKind.GIFT, 0)
        assert goods.line_id != gift.line_id

    async def test_the_consignee_is_masked_everywhere(self, stage: Stage) -> None:
        trade_no = await stage.order(1)

        trade = (await pulled(stage.store, await stage.window()))[trade_no]

        assert trade.consignee.token
        for plain in await stage.plain_consignee(trade_no):
            assert plain not in repr(trade)

    async def test_an_unknown_trade_is_not_found(self, stage: Stage) -> None:
        assert isinstance(await error_of(stage.store.trade("1")), NotFound)

    async def test_a_lost_answer_and_a_short_ban_are_waited_out(self, stage: Stage) -> None:
        played = await stage.orders(1)
        window = await stage.window()

        await stage.lose_answer("pull")
        assert set(await pulled(stage.store, window)) == played
        await stage.throttle("pull", 1)
        assert set(await pulled(stage.store, window)) == played

    async def test_an_expired_session_stops_the_pull(self, stage: Stage) -> None:
        window = await stage.window()
        await stage.expire_session()

        assert isinstance(await error_of(pulled(stage.store, window)), AuthExpired)
