"""What the platform is told of a shipment: parcels with its own lines, and which of them are not whole yet."""

from typing import TYPE_CHECKING

import pytest

from lemai_contracts.examples import example
from lemai_contracts.marketplace import TradeChangedV1
from lemai_contracts.order import OrderShippedV1, ParcelContent, PlatformPieces
from order_svc.domain.trades import Component, Item

if TYPE_CHECKING:
    from conftest import Desk

FIRST, SECOND = example(TradeChangedV1).lines
ONE, TWO = FIRST.platform_line_no, SECOND.platform_line_no


def told(desk: "Desk") -> list[tuple[list[dict[str, int]], list[str]]]:
    """Of each shipment: pieces by platform line of each parcel, and the unfinished lines."""
    return [
        (
            [{line.platform_line_no: line.quantity for line in parcel.platform_lines} for parcel in shipped.parcels],
            list(shipped.unfinished_platform_lines),
        )
        for shipped in desk.emitted(OrderShippedV1)
    ]


def test_a_parcel_that_tells_nothing_holds_everything(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 2))

    [shipped] = desk.emitted(OrderShippedV1)
    [parcel] = shipped.parcels
    assert (parcel.carrier_code, parcel.waybill_no) == ("SF", "SF1400123456789")
    assert parcel.contents == (
        ParcelContent(line_no=1, item_code="GB-TS-001-R-90", quantity=1),
        ParcelContent(line_no=2, item_code="GB-SH-014-B-22", quantity=2),
    )
    assert parcel.platform_lines == (
        PlatformPieces(platform_line_no=ONE, quantity=1),
        PlatformPieces(platform_line_no=TWO, quantity=2),
    )
    assert shipped.unfinished_platform_lines == ()


def test_two_parcels_are_told_with_what_each_holds(desk: "Desk") -> None:
    desk.instructed()
    parcels = desk.parcel("SF1", (1, 1), (2, 1)), desk.parcel("SF2", (2, 1))
    desk.take(desk.actual(1, 2, parcels=parcels))
    assert told(desk) == [([{ONE: 1, TWO: 1}, {TWO: 1}], [])]


def test_contents_that_do_not_add_up_go_with_the_first_parcel(desk: "Desk") -> None:
    desk.instructed()
    parcels = desk.parcel("SF1", (1, 1)), desk.parcel("SF2", (2, 1))
    desk.take(desk.actual(1, 2, parcels=parcels))
    assert told(desk) == [([{ONE: 1, TWO: 2}, {}], [])]


def test_a_line_of_which_more_will_follow_is_unfinished_until_it_is_whole(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 1, final=False))
    desk.take(desk.actual(0, 1, actual_no="SHP-2"))
    assert told(desk) == [([{ONE: 1, TWO: 1}], [TWO]), ([{TWO: 1}], [])]


def test_a_line_that_has_not_begun_is_not_named(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 0, final=False))
    assert told(desk) == [([{ONE: 1}], [])]
    [parcel] = desk.emitted(OrderShippedV1)[0].parcels
    assert [content.line_no for content in parcel.contents] == [1]


def test_a_line_shipped_short_stays_unfinished_on_the_platform(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 1))
    assert told(desk) == [([{ONE: 1, TWO: 1}], [TWO])]
    assert desk.emitted(OrderShippedV1)[0].complete


@pytest.mark.parametrize(
    ("parcels", "expected"),
    [
        ([(1, 1)], [([{}], [])]),
        ([(1, 1), (2, 2)], [([{}], []), ([{ONE: 1}], [])]),
        ([(1, 1), (2, 1), (2, 1)], [([{}], []), ([{}], []), ([{ONE: 1}], [])]),
    ],
)
def test_a_combo_is_told_with_the_parcel_that_makes_it_whole(
    desk: "Desk", parcels: list[tuple[int, int]], expected: list[tuple[list[dict[str, int]], list[str]]]
) -> None:
    components = (Component("A", 1), Component("B", 2))
    desk.know(
        Item("JFY", "GB-TS-001-R-90", "礼盒", 0, components), Item("JFY", "A", "上衣", 1), Item("JFY", "B", "袜子", 1)
    )
    desk.instructed(lines=(FIRST,))
    for no, (line_no, pieces) in enumerate(parcels):
        counts = [pieces if line.line_no == line_no else 0 for line in desk.order().lines]
        desk.take(desk.actual(*counts, actual_no=f"SHP-{no}", final=False))
    assert told(desk) == expected


def test_pieces_without_a_parcel_are_shipped_too(desk: "Desk") -> None:
    desk.instructed()
    desk.take(desk.actual(1, 2, parcels=()))
    assert told(desk) == [([], [])]
