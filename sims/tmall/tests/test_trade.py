"""The transitions a trade may make."""

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sim_tmall import trade as t
from sim_tmall.refusals import IllegalTransition, Unknown

EDGES = {
    t.UNPAID: {t.TO_SHIP, t.CLOSED_UNPAID},
    t.TO_SHIP: {t.HELD, t.PARTLY_SHIPPED, t.SHIPPED, t.CLOSED},
    t.HELD: {t.TO_SHIP, t.CLOSED},
    t.PARTLY_SHIPPED: {t.SHIPPED, t.CLOSED},
    t.SHIPPED: {t.FINISHED, t.CLOSED},
    t.FINISHED: set(),
    t.CLOSED: set(),
    t.CLOSED_UNPAID: set(),
}
RECEIVER = t.Receiver("李四", "13800138000", "浙江省", "杭州市", "余杭区", "文一西路969号")


def line(oid: int, num: int, status: str) -> t.Line:
    return t.Line(oid, 1, oid, f"S{oid}", "I1", "商品", "", num, 1000, 0, 0, num, status)


def new(*nums: int, status: str = t.TO_SHIP) -> t.Trade:
    lines = [line(oid, num, status) for oid, num in enumerate(nums, 1)]
    return t.Trade(
        9, "店", "fixed", status, 0, 0, "买家", RECEIVER, 0, 0, lines, paid_at=None if status == t.UNPAID else 0
    )


def parcel(*contents: tuple[int, int | None], waybill: str = "SF0000000000001") -> t.Parcel:
    return t.Parcel("SF", "顺丰速运", waybill, 0, [t.Content(*content) for content in contents])


class Trades(RuleBasedStateMachine):
    """Any order of actions moves a trade along the legal edges only, and never ships a piece twice."""

    @initialize(nums=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def order(self, nums: list[int]) -> None:
        self.trade = new(*nums, status=t.UNPAID)
        self.now = 0
        self.seen = [self.trade.status]

    def attempt(self, action: str, change: object) -> None:
        self.now += 1
        before = orjson.dumps(self.trade)
        try:
            assert callable(change)
            change()
        except IllegalTransition:
            assert orjson.dumps(self.trade) == before
        else:
            assert self.seen[-1] in t.LEGAL[action]
        if self.trade.status != self.seen[-1]:
            self.seen.append(self.trade.status)

    @rule(action=st.sampled_from(["pay", "hold", "release", "finish"]))
    def act(self, action: str) -> None:
        self.attempt(action, lambda: getattr(t, action)(self.trade, self.now))

    @rule(which=st.integers(0, 2), whole=st.booleans())
    def close(self, which: int, whole: bool) -> None:
        oids = [] if whole else [self.trade.lines[which % len(self.trade.lines)].oid]
        self.attempt("close", lambda: t.close(self.trade, oids, self.now))

    @rule(which=st.integers(0, 2), pieces=st.integers(1, 4))
    def consign(self, which: int, pieces: int) -> None:
        chosen = self.trade.lines[which % len(self.trade.lines)]
        pieces = min(pieces, chosen.num - chosen.shipped)
        if pieces and chosen.status in (t.TO_SHIP, t.PARTLY_SHIPPED):
            complete = [chosen.oid] if chosen.shipped + pieces == chosen.num else []
            self.attempt("consign", lambda: t.consign(self.trade, [parcel((chosen.oid, pieces))], complete, self.now))

    @invariant()
    def only_legal_edges_were_taken(self) -> None:
        assert all(after in EDGES[before] for before, after in zip(self.seen, self.seen[1:], strict=False))

    @invariant()
    def no_more_left_than_was_ordered(self) -> None:
        assert all(0 <= row.shipped <= row.num for row in self.trade.lines)

    @invariant()
    def status_agrees_with_the_lines(self) -> None:
        kept = {row.status for row in self.trade.lines} - {t.CLOSED, t.CLOSED_UNPAID}
        assert self.trade.status in (kept or {t.CLOSED, t.CLOSED_UNPAID}) or self.trade.status == t.PARTLY_SHIPPED

    @invariant()
    def body_survives_storage(self) -> None:
        assert t.load(orjson.loads(orjson.dumps(self.trade))) == self.trade


TestTrades = Trades.TestCase
TestTrades.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def test_parts_then_the_rest_then_finished() -> None:
    trade = new(5, 1)
    t.consign(trade, [parcel((1, 2))], [], 10)
    assert (trade.status, [row.status for row in trade.lines]) == (t.PARTLY_SHIPPED, [t.PARTLY_SHIPPED, t.TO_SHIP])
    t.consign(trade, [parcel((1, 3), (2, 1))], [1, 2], 20)
    assert (trade.status, trade.consigned_at) == (t.SHIPPED, 10)
    t.finish(trade, 30)
    assert [(event.at, event.status) for event in trade.history] == [
        (10, t.PARTLY_SHIPPED),
        (20, t.SHIPPED),
        (30, t.FINISHED),
    ]


def test_closing_the_unshipped_line_completes_the_trade() -> None:
    trade = new(2, 3)
    t.consign(trade, [parcel((1, 2))], [1], 10)
    returned = t.close(trade, [2], 20)
    assert (trade.status, [(row.oid, pieces) for row, pieces in returned]) == (t.SHIPPED, [(2, 3)])


def test_pieces_that_left_do_not_return_to_stock() -> None:
    trade = new(5)
    t.consign(trade, [parcel((1, 2))], [], 10)
    [(_, pieces)] = t.close(trade, [], 20)
    assert (pieces, trade.status) == (3, t.CLOSED)


def test_closing_before_payment_is_the_platforms() -> None:
    trade = new(1, status=t.UNPAID)
    t.close(trade, [], 5)
    assert (trade.status, trade.lines[0].refund_status) == (t.CLOSED_UNPAID, "NO_REFUND")


def test_paying_the_rest_of_a_presale_completes_its_steps() -> None:
    trade = new(1, status=t.UNPAID)
    trade.step_status = "FRONT_PAID_FINAL_NOPAID"
    t.pay(trade, 7)
    assert (trade.step_status, trade.status, trade.paid_at) == ("FRONT_PAID_FINAL_PAID", t.TO_SHIP, 7)


def test_modified_never_goes_back() -> None:
    trade = new(1)
    trade.modified = 100
    t.hold(trade, 50)
    assert trade.modified == 100


def test_a_new_receiver_is_a_new_oaid() -> None:
    trade = new(1)
    before = trade.oaid
    t.change_receiver(trade, t.Receiver("王五", "13900139000", "上海", "上海市", "浦东新区", "张江路1号"), 5)
    assert trade.oaid != before


def test_unknown_lines_are_named() -> None:
    with pytest.raises(Unknown, match="77"):
        t.close(new(1), [77], 5)
