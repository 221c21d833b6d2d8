"""Whatever comes in whatever order: the ledger adds up, promises are held, nothing is promised twice."""

from collections import Counter
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from stock_world import OWNER, SHOES, TSHIRT, Memory, cancelled, received, requested, shipped

from stock_svc.domain import Balance, Commitment, CommitmentState
from stock_svc.handlers.actuals import on_actual_reported
from stock_svc.handlers.commitments import fill, on_commitment_requested, on_order_state_changed

ORDERS = st.sampled_from(["TM1", "TM2", "TM3", "TM4"])
ACTUALS = st.sampled_from(["A1", "A2", "A3"])
PIECES = st.integers(0, 6)


class Stock(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.moved: dict[tuple[str, str, str], Counter[str]] = {}
        """What each actual moved when it came first."""

    @rule(order_no=ORDERS, ask_no=st.integers(1, 4), tshirt=PIECES, shoes=PIECES)
    def ask(self, order_no: str, ask_no: int, tshirt: int, shoes: int) -> None:
        """A newer ask replaces what an earlier one was promised, but for what has left; an older one does nothing."""
        before = self.memory.get(Commitment, OWNER, order_no)
        request = requested(order_no, ask_no=ask_no, tshirt=tshirt, shoes=shoes)
        self._promise(order_no, lambda: self.memory.do(on_commitment_requested, request))

        after = self.memory.get(Commitment, OWNER, order_no)
        assert after
        if before and before.ask_no >= ask_no:
            assert after == before
            return
        left = Counter({line.item_code: line.quantity - line.open for line in before.lines} if before else {})
        assert after.ask_no == ask_no
        assert after.open == Counter({TSHIRT: tshirt, SHOES: shoes}) - left

    @rule(order_no=ORDERS)
    def cancel(self, order_no: str) -> None:
        self.memory.do(on_order_state_changed, cancelled(order_no))

    @rule(order_no=ORDERS, actual_no=ACTUALS, tshirt=PIECES, shoes=PIECES, final=st.booleans())
    def ship(self, order_no: str, actual_no: str, tshirt: int, shoes: int, final: bool) -> None:
        self.memory.do(on_actual_reported, shipped(order_no, actual_no, tshirt=tshirt, shoes=shoes, final=final))
        if tshirt or shoes or final:
            self.moved.setdefault((order_no, "OUT", actual_no), Counter({TSHIRT: -tshirt, SHOES: -shoes}))

    @rule(order_no=ORDERS, actual_no=ACTUALS, tshirt=PIECES, shoes=PIECES)
    def receive(self, order_no: str, actual_no: str, tshirt: int, shoes: int) -> None:
        self.memory.do(on_actual_reported, received(order_no, actual_no, tshirt=tshirt, shoes=shoes))
        if tshirt or shoes:
            self.moved.setdefault((order_no, "IN", actual_no), Counter({TSHIRT: tshirt, SHOES: shoes}))

    @rule(order_no=ORDERS)
    def fill(self, order_no: str) -> None:
        self._promise(order_no, lambda: self.memory.do(fill, (OWNER, order_no)))

    def _promise(self, order_no: str, answer: Callable[[], object]) -> None:
        """An order is promised all it wants if, and when it asks only if, that much is free."""
        free = {balance.item_code: max(0, balance.free) for balance in self.memory.all(Balance)}
        before = self.memory.get(Commitment, OWNER, order_no)
        held = {item: pieces for (_, _, item, _), pieces in before.holds.items()} if before else {}

        answer()

        after = self.memory.get(Commitment, OWNER, order_no)
        if after == before or after is None or after.state is CommitmentState.RELEASED:
            return
        enough = all(pieces <= free.get(item, 0) + held.get(item, 0) for item, pieces in after.open.items())
        assert after.state is (CommitmentState.COMMITTED if enough else CommitmentState.SHORT)

    @invariant()
    def the_ledger_adds_up(self) -> None:
        on_hand: Counter[str] = Counter()
        for line in self.memory.ledger:
            on_hand[line.item_code] += line.change
            assert line.on_hand == on_hand[line.item_code]
        for balance in self.memory.all(Balance):
            lines = [line.entry_no for line in self.memory.ledger if line.item_code == balance.item_code]
            assert balance.on_hand == on_hand[balance.item_code]
            assert lines == list(range(1, balance.entries + 1))

    @invariant()
    def each_actual_moved_once(self) -> None:
        for item in (TSHIRT, SHOES):
            assert self.memory.balance(item)[0] == sum(moved[item] for moved in self.moved.values())

    @invariant()
    def what_is_committed_is_what_orders_hold(self) -> None:
        held: Counter[str] = Counter()
        for commitment in self.memory.all(Commitment):
            for (_, _, item, _), pieces in commitment.holds.items():
                held[item] += pieces
        for item in (TSHIRT, SHOES):
            assert self.memory.balance(item)[1] == held[item]


Stock.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
test_stock_whatever_comes = Stock.TestCase
