"""Which parcel holds what, by our lines and as the platform counts."""

from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_svc.domain.actuals import contents_of_parcels, platform_pieces
from order_svc.domain.orders import Commitment, Line, Order, State, platform_shipped

Keyed = dict[tuple[int, str], int]


def plain(line_no: int, quantity: int) -> Line:
    return Line(line_no, f"I{line_no}", "", quantity, 100, platform_line_no=f"2{line_no}", platform_quantity=quantity)


def part(line_no: int, combos: int, each: int) -> Line:
    """One part of the combo on platform line 19."""
    return Line(line_no, f"I{line_no}", "", combos * each, 100, platform_line_no="19", platform_quantity=combos)


def keyed(pieces: Mapping[int, int]) -> Keyed:
    return {(line_no, f"I{line_no}"): quantity for line_no, quantity in pieces.items()}


@pytest.fixture(scope="module")
def instructed(order: Callable[..., Order]) -> Callable[..., Order]:
    def with_the_warehouse(*lines: Line) -> Order:
        return order(lines, commitment=Commitment.COMMITTED, state=State.INSTRUCTED)

    return with_the_warehouse


def told(before: Order, *parcels: Mapping[int, int]) -> tuple[Order, list[Mapping[str, int]]]:
    """The order after these parcels left, and what the platform is told of each."""
    contents = [keyed(parcel) for parcel in parcels]
    pieces: Counter[tuple[int, str]] = Counter()
    for content in contents:
        pieces.update(content)
    after = before.ship(f"SHP-{len(before.actual_nos)}", pieces, final=False)
    return after, platform_pieces(before, contents)


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ([{1: 2, 2: 1}], [{1: 2, 2: 1}]),
        ([{1: 1}, {1: 1, 2: 1}], [{1: 1}, {1: 1, 2: 1}]),
        ([{1: 2, 2: 1}, {}], [{1: 2, 2: 1}, {}]),
        ([{}], [{1: 2, 2: 1}]),
        ([{}, {}], [{1: 2, 2: 1}, {}]),
        ([{1: 1}], [{1: 2, 2: 1}]),
        ([{1: 2, 2: 1}, {2: 1}], [{1: 2, 2: 1}, {}]),
        ([{1: 2, 3: 1}], [{1: 2, 2: 1}]),
        ([], []),
    ],
)
def test_contents_that_do_not_add_up_are_not_believed(
    said: list[dict[int, int]], believed: list[dict[int, int]]
) -> None:
    pieces = keyed({1: 2, 2: 1})
    assert contents_of_parcels(pieces, [keyed(parcel) for parcel in said]) == [keyed(parcel) for parcel in believed]


def test_a_plain_line_counts_where_its_pieces_are(instructed: Callable[..., Order]) -> None:
    order, first = told(instructed(plain(1, 5), plain(2, 1)), {1: 1, 2: 1}, {1: 2})
    assert first == [{"21": 1, "22": 1}, {"21": 2}]
    assert order.unfinished_platform_lines() == {"21"}

    order, second = told(order, {1: 2})
    assert second == [{"21": 2}]
    assert order.unfinished_platform_lines() == set()


def test_a_combo_counts_once_all_its_parts_have_left(instructed: Callable[..., Order]) -> None:
    order, first = told(instructed(part(1, 1, 1), part(2, 1, 3)), {1: 1})
    assert first == [{}]
    order, second = told(order, {2: 2})
    assert second == [{}]
    assert order.unfinished_platform_lines() == {"19"}

    order, third = told(order, {2: 1})
    assert third == [{"19": 1}]
    assert order.unfinished_platform_lines() == set()


def test_a_combo_in_two_parcels_is_told_with_the_last(instructed: Callable[..., Order]) -> None:
    _, both = told(instructed(part(1, 1, 1), part(2, 1, 1)), {1: 1}, {2: 1})
    assert both == [{}, {"19": 1}]


def test_two_combos_in_two_parcels_are_told_with_each(instructed: Callable[..., Order]) -> None:
    _, both = told(instructed(part(1, 2, 1), part(2, 2, 1)), {1: 1, 2: 1}, {1: 1, 2: 1})
    assert both == [{"19": 1}, {"19": 1}]


def test_what_the_platform_does_not_know_is_not_told(instructed: Callable[..., Order]) -> None:
    order, parcels = told(instructed(plain(1, 1), Line(2, "I2", "", 2, 0)), {2: 1})
    assert parcels == [{}]
    assert order.unfinished_platform_lines() == {"21"}


@given(data=st.data(), combos=st.integers(1, 3), each=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_in_the_end_every_piece_has_been_told_once(
    instructed: Callable[..., Order], data: st.DataObject, combos: int, each: list[int]
) -> None:
    order = instructed(*[part(no, combos, count) for no, count in enumerate(each, 1)], plain(9, combos))
    pieces = data.draw(st.permutations([line.line_no for line in order.lines for _ in range(line.quantity)]))
    size = data.draw(st.integers(1, 5), label="pieces in a parcel")
    parcels = [Counter(pieces[start : start + size]) for start in range(0, len(pieces), size)]
    sums: Counter[str] = Counter()
    while parcels:
        shipment, parcels = parcels[:2], parcels[2:]
        order, all_told = told(order, *shipment)
        for parcel in all_told:
            sums.update(parcel)
        assert sums == +platform_shipped(order.lines)

    assert sums == {"19": combos, "29": combos}
