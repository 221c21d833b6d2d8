"""Splitting amounts: between owners, between the parts of a combo, between shipments."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.domain.orders import Commitment, Line, Order
from order_svc.domain.trades import Component, Item, apportion, order_no, split_combo

COMBO = Item("JFY", "SET-1", "礼盒", 9900, (Component("A", 1), Component("B", 3)))
PARTS = [Item("JFY", "A", "连体衣", 6000), Item("JFY", "B", "袜子", 1000)]


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_shares_add_up_to_the_amount(amount: int, weights: list[int]) -> None:
    assert sum(apportion(amount, weights)) == amount


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (1000, [1, 1], [500, 500]),
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [1, 3, 2], [16, 51, 33]),
        (100, [1, 2, 2], [20, 40, 40]),
        (101, [1, 2, 2], [20, 41, 40]),
        (10, [0, 0, 0], [4, 3, 3]),
        (-100, [1, 2], [-34, -66]),
        (7, [5], [7]),
    ],
)
def test_the_rounding_rest_goes_to_the_largest_and_of_equals_to_the_first(
    amount: int, weights: list[int], shares: list[int]
) -> None:
    assert apportion(amount, weights) == shares


def test_a_combo_becomes_its_parts_with_the_amount_shared_by_retail_value() -> None:
    bought = Line(0, "SET-1", "礼盒", 2, 15000, platform_line_no="11", platform_quantity=2, gift=True)

    assert split_combo(bought, COMBO, PARTS) == [
        Line(0, "A", "连体衣", 2, 10000, platform_line_no="11", platform_quantity=2, gift=True),
        Line(0, "B", "袜子", 6, 5000, platform_line_no="11", platform_quantity=2, gift=True),
    ]


def test_the_parts_of_a_combo_cost_what_the_combo_cost() -> None:
    parts = split_combo(Line(0, "SET-1", "礼盒", 1, 9999), COMBO, PARTS)
    assert [part.amount_minor for part in parts] == [6666, 3333]
    assert [part.amount_minor for part in split_combo(Line(0, "SET-1", "礼盒", 1, 10000), COMBO, PARTS)] == [6667, 3333]


def test_parts_without_a_retail_price_share_equally() -> None:
    free = [Item("JFY", "A", "连体衣", 0), Item("JFY", "B", "袜子", 0)]
    assert [part.amount_minor for part in split_combo(Line(0, "SET-1", "礼盒", 1, 101), COMBO, free)] == [51, 50]


@given(st.integers(0, 10**7), st.lists(st.integers(1, 9), min_size=1, max_size=10))
def test_the_pieces_of_a_line_cost_its_amount_whatever_the_steps(amount: int, steps: list[int]) -> None:
    line = Line(1, "A", "", sum(steps), amount)
    costs = []
    for step in steps:
        shipped = line.ship(step)
        costs.append(shipped.shipped_minor - line.shipped_minor)
        line = shipped

    assert sum(costs) == amount
    assert all(
        amount * step // sum(steps) <= cost <= amount * step // sum(steps) + 1
        for cost, step in zip(costs, steps, strict=True)
    )


LINES = st.lists(
    st.tuples(st.integers(0, 10**7), st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any)),
    min_size=1,
    max_size=5,
)
"""For each line its amount, and how many of its pieces leave with the first, the second, … shipment."""


@given(LINES, st.integers(0, 10**5), st.integers(-100, 10**5))
def test_shipments_add_up_to_the_order_part_by_part(
    order: Callable[..., Order], bought: list[tuple[int, list[int]]], freight: int, discount: int
) -> None:
    lines = [Line(number, f"ITEM-{number}", "", sum(steps), amount) for number, (amount, steps) in enumerate(bought, 1)]
    placed = order(lines, freight_minor=freight, discount_minor=discount)
    now = placed.approve("rule", placed.placed_at).answer_commitment(Commitment.COMMITTED).instruct()
    dues: list[Order] = []
    for shipment in range(max(len(steps) for _, steps in bought)):
        pieces = {
            line.key: steps[shipment]
            for line, (_, steps) in zip(lines, bought, strict=True)
            if steps[shipment:] and steps[shipment]
        }
        if pieces:
            before, now = now, now.ship(f"SHP-{shipment}", pieces, final=False)
            dues.append(now.left_since(before))
            assert {line.key: line.quantity for line in dues[-1].lines} == pieces

    goods: Counter[int] = Counter()
    for due in dues:
        goods.update({line.line_no: line.amount_minor for line in due.lines})
        assert due.total_minor == sum(line.amount_minor for line in due.lines) + due.freight_minor - due.discount_minor
    assert goods == Counter({line.line_no: line.amount_minor for line in lines})
    assert [(due.freight_minor, due.discount_minor) for due in dues] == [
        (freight, discount),
        *[(0, 0)] * (len(dues) - 1),
    ]
    assert sum(due.total_minor for due in dues) == placed.total_minor


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_line_of_no_pieces_is_none(quantity: int) -> None:
    with pytest.raises(ValueError, match=f"A: {quantity} pieces"):
        Line(1, "A", "", quantity, 100)


def test_an_order_number_is_the_trade_number_and_tells_owners_apart() -> None:
    assert [order_no("TM", "3021", index) for index in range(3)] == ["TM3021", "TM3021_2", "TM3021_3"]
