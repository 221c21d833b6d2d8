"""Whatever happens to an order in whatever order: what always holds."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from order_svc.domain.orders import (
    COMPLETE,
    SHIPPABLE,
    Commitment,
    Contradiction,
    Line,
    NotOpen,
    Order,
    State,
    StillWaiting,
)

NEXT = {
    State.OPEN: {State.OPEN, State.INSTRUCTED, State.CANCELLED},
    State.INSTRUCTED: {State.INSTRUCTED, State.PARTLY_SHIPPED, State.SHIPPED, State.SHORT_SHIPPED},
    State.PARTLY_SHIPPED: {State.PARTLY_SHIPPED, State.SHIPPED, State.SHORT_SHIPPED},
}
HOLDS = st.sampled_from(["refund", "risk"])


class OrderMachine(RuleBasedStateMachine):
    """One order, every step at any time, each refused exactly when it must be."""

    an_order: Callable[..., Order]

    def __init__(self) -> None:
        super().__init__()
        self.costs: list[int] = []

    @initialize(
        lines=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 10000)), min_size=1, max_size=3),
        freight=st.integers(0, 1000),
        discount=st.integers(-10, 10),
        told=st.booleans(),
    )
    def place(self, lines: list[tuple[int, int]], freight: int, discount: int, told: bool) -> None:
        numbered = [Line(no, f"ITEM-{no}", "", quantity, amount) for no, (quantity, amount) in enumerate(lines, 1)]
        self.order = self.an_order(numbered, freight_minor=freight, discount_minor=discount)
        if told:
            committed = self.order.answer_commitment(Commitment.COMMITTED)
            self.order = committed.approve("rule", committed.placed_at).instruct()

    @rule(reason=HOLDS)
    def hold(self, reason: str) -> None:
        self.attempt(lambda order: order.hold(reason), refused=self.order.state is not State.OPEN)

    @rule()
    def release(self) -> None:
        by_hand = any(hold.startswith("manual:") for hold in self.order.holds)
        self.attempt(Order.release, refused=by_hand and self.order.state is not State.OPEN)

    @rule(holds=st.sets(HOLDS))
    def follow_platform(self, holds: set[str]) -> None:
        before = self.order
        follow = partial(
            Order.follow_platform,
            holds=holds,
            consignee=before.consignee,
            ship_by=None,
            buyer_message="",
            seller_message="",
        )
        self.attempt(follow, refused=before.state is not State.OPEN)
        if before.state is State.OPEN:
            by_hand = {hold for hold in before.holds if hold.startswith("manual:")}
            assert set(self.order.holds) == by_hand | holds

    @rule(keep=st.sets(st.integers(1, 3), min_size=1), freight=st.integers(0, 1000), discount=st.integers(-10, 10))
    def reduce(self, keep: set[int], freight: int, discount: int) -> None:
        before = self.order
        lines = tuple(line for line in before.lines if line.line_no in keep) or before.lines
        self.attempt(lambda order: order.reduce(lines, freight, discount), refused=before.state is not State.OPEN)
        changed = (lines, freight, discount) != (before.lines, before.freight_minor, before.discount_minor)
        if before.state is State.OPEN and changed:
            assert self.order.ask_no == before.ask_no + 1
            assert "commitment" in self.order.waiting_for
            assert self.order.total_minor == sum(line.amount_minor for line in lines) + freight - discount
        else:
            assert self.order == before

    @rule()
    def approve(self) -> None:
        refused = self.order.approved_at is None and self.order.state is not State.OPEN
        self.attempt(lambda order: order.approve("cs01", order.placed_at), refused=refused)

    @rule(answer=st.sampled_from(Commitment))
    def answer_commitment(self, answer: Commitment) -> None:
        self.attempt(lambda order: order.answer_commitment(answer), refused=False)

    @rule()
    def instruct(self) -> None:
        order = self.order
        ready = order.approved_at is not None and order.commitment is Commitment.COMMITTED and not order.holds
        self.attempt(Order.instruct, refused=order.state is not State.OPEN or not ready)

    @rule()
    def cancel(self) -> None:
        self.attempt(Order.cancel, refused=self.order.state not in (State.OPEN, State.CANCELLED))

    @rule(pieces=st.dictionaries(st.integers(1, 4), st.integers(0, 3)), final=st.booleans())
    def ship(self, pieces: dict[int, int], final: bool) -> None:
        before = self.order
        left = {line.line_no: line.quantity - line.shipped for line in before.lines}
        refused = before.state not in SHIPPABLE or any(left.get(no, -1) < count for no, count in pieces.items())
        gone = {(no, f"ITEM-{no}"): count for no, count in pieces.items()}
        self.attempt(lambda order: order.ship(f"SHP-{len(self.costs)}", gone, final=final), refused=refused)
        if not refused:
            self.costs.append(self.order.left_since(before).total_minor)
            assert self.order.pieces_shipped == before.pieces_shipped + sum(pieces.values())
            assert self.order.actual_nos == (*before.actual_nos, f"SHP-{len(self.costs) - 1}")
            everything = all(left[no] == pieces.get(no, 0) for no in left)
            assert (self.order.state in COMPLETE) == (final or everything)

    def attempt(self, step: Callable[[Order], Order], *, refused: bool) -> None:
        """Take a step; it must be refused exactly if `refused`, and then leave the order as it was."""
        before, as_it_was = self.order, deepcopy(self.order)
        try:
            self.order = step(before)
        except (NotOpen, StillWaiting, Contradiction):
            assert refused
        else:
            assert not refused
        assert before == as_it_was
        if before.state in NEXT:
            assert self.order.state in NEXT[before.state]
        else:
            assert self.order == before
        if before.state is State.OPEN and self.order.state is State.INSTRUCTED:
            assert before.waiting_for == ()

    @invariant()
    def no_line_ships_more_than_was_ordered(self) -> None:
        assert all(0 <= line.shipped <= line.quantity for line in self.order.lines)

    @invariant()
    def shipments_cost_what_was_shipped(self) -> None:
        if self.order.pieces_shipped == 0:
            assert sum(self.costs) == 0
            return
        goods = sum(line.amount_minor * line.shipped // line.quantity for line in self.order.lines)
        assert sum(self.costs) == goods + self.order.freight_minor - self.order.discount_minor
        if self.order.state is State.SHIPPED:
            assert sum(self.costs) == self.order.total_minor

    @invariant()
    def only_a_told_warehouse_ships(self) -> None:
        told = self.order.state not in (State.OPEN, State.CANCELLED)
        assert self.order.revision == (1 if told else 0)
        assert told or self.order.pieces_shipped == 0

    @invariant()
    def only_an_open_order_waits(self) -> None:
        assert self.order.state is State.OPEN or self.order.waiting_for == ()


def test_an_order_holds_its_invariants_in_any_order_of_events(order: Callable[..., Order]) -> None:
    class Machine(OrderMachine):
        an_order = staticmethod(order)

    run_state_machine_as_test(Machine)
