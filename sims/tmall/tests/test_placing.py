"""How an order becomes a trade."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_tmall.placing import NewOrder, OrderedLine, Shelf, Sku, place, share
from sim_tmall.refusals import Contradiction, TooLittleStock
from sim_tmall.seeded import orders
from sim_tmall.trade import Receiver

RECEIVER = Receiver("李四", "13800138000", "浙江省", "杭州市", "余杭区", "文一西路969号")


def shelf(*quantities: int, price: int = 9_999) -> Shelf:
    return {
        (1, number): Sku(1, number, f"S{number}", "I1", "商品", "", price + number, quantity, 0, 0)
        for number, quantity in enumerate(quantities, 1)
    }


def order(*lines: OrderedLine, discount: int = 0, freight: int = 0, oversell: bool = False) -> NewOrder:
    return NewOrder(lines, RECEIVER, "买家", discount=discount, freight=freight, oversell=oversell)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), min_size=1, max_size=20))
def test_shares_add_up_and_follow_the_weights(total: int, weights: list[int]) -> None:
    shares = share(total, weights)
    assert sum(shares) == total
    if sum(weights):
        assert all(
            abs(part * sum(weights) - total * weight) < sum(weights) * len(weights)
            for part, weight in zip(shares, weights, strict=True)
        )


def test_rounding_rest_goes_to_the_heaviest_line() -> None:
    assert share(100, [1, 1, 1]) == [34, 33, 33]
    assert share(100, [1, 5, 1]) == [14, 72, 14]


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_lines_and_freight_add_up_to_the_payment(seed: int, lines_max: int) -> None:
    goods = shelf(500, 500, 500)
    for number, made in enumerate(
        orders(goods, count=20, seed=seed, lines_max=lines_max, quantity_max=3, oversell=False)
    ):
        ids = list(range(number * 100 + 1, number * 100 + 2 + len(made.lines)))
        trade = place(made, goods, "店", ids, 0)
        gross = sum(line.price * line.num for line in trade.lines)
        assert sum(line.paid_fen for line in trade.lines) + trade.freight == trade.payment
        assert trade.payment == gross - trade.discount + trade.freight
        assert all(line.paid_fen >= 0 for line in trade.lines)


def test_one_line_trade_has_the_trade_id_as_line_id() -> None:
    assert place(order(OrderedLine(1, 1, 1)), shelf(5), "店", [7, 8], 0).lines[0].oid == 7
    two = place(order(OrderedLine(1, 1, 1), OrderedLine(1, 2, 1)), shelf(5, 5), "店", [7, 8, 9], 0)
    assert [line.oid for line in two.lines] == [8, 9]


def test_too_little_stock_is_refused_unless_overselling() -> None:
    with pytest.raises(TooLittleStock, match="库存 2 不足 3"):
        place(order(OrderedLine(1, 1, 3)), shelf(2), "店", [1, 2], 0)
    goods = shelf(2)
    [line] = place(order(OrderedLine(1, 1, 3), oversell=True), goods, "店", [1, 2], 0).lines
    assert (line.deducted, goods[1, 1].quantity) == (2, 0)


def test_discounts_beyond_the_goods_are_refused() -> None:
    with pytest.raises(Contradiction):
        place(order(OrderedLine(1, 1, 1), discount=20_000), shelf(5), "店", [1, 2], 0)
    with pytest.raises(Contradiction):
        place(order(OrderedLine(1, 1, 1, discount=20_000)), shelf(5), "店", [1, 2], 0)


def test_same_seed_and_shelf_give_the_same_orders() -> None:
    def made(seed: int) -> list[NewOrder]:
        return orders(shelf(999, 999), count=50, seed=seed, lines_max=3, quantity_max=3, oversell=False)

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_seeded_orders_never_take_more_than_there_is() -> None:
    goods = shelf(3, 4)
    with pytest.raises(TooLittleStock):
        orders(goods, count=100, seed=1, lines_max=3, quantity_max=3, oversell=False)
    assert len(orders(goods, count=100, seed=1, lines_max=3, quantity_max=3, oversell=True)) == 100
