"""Splitting amounts: between owners, between the parts of a combo, between shipments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.domain.orders import Line
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


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_line_of_no_pieces_is_none(quantity: int) -> None:
    with pytest.raises(ValueError, match=f"A: {quantity} pieces"):
        Line(1, "A", "", quantity, 100)


def test_an_order_number_is_the_trade_number_and_tells_owners_apart() -> None:
    assert [order_no("TM", "3021", index) for index in range(3)] == ["TM3021", "TM3021_2", "TM3021_3"]
