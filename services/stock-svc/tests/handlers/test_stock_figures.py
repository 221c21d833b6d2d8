"""What each store may sell, as the handlers know it."""

from datetime import timedelta
from functools import partial

import pytest
from stock_world import FLAGSHIP, NOW, OUTLET, OWNER, REFERENCE, SET, SHOES, TSHIRT, Memory, combo, listed, pulled_until

from lemai_contracts.catalog import ListingChangedV1
from lemai_contracts.marketplace import PublicationState, StockPublishedV1
from lemai_contracts.stock import AvailabilityChangedV1
from stock_svc.domain import Combo, Component, Figure, Part, Watermark
from stock_svc.handlers.figures import (
    Due,
    on_intake_advanced,
    on_item_changed,
    on_listing_changed,
    on_stock_published,
    tell,
)

SECOND = timedelta(seconds=1)
KEY = (FLAGSHIP, "100", "1001")


def due(*parts: Part, key: tuple[str, str, str] = KEY, item_code: str = TSHIRT) -> Due:
    return Due(key, OWNER, item_code, NOW, None, parts)


def publication(quantity: int, version: int, state: PublicationState = PublicationState.DONE) -> StockPublishedV1:
    return StockPublishedV1(
        store_code=FLAGSHIP,
        platform_item_id="100",
        platform_sku_id="1001",
        quantity=quantity,
        availability_version=version,
        state=state,
        published_at=NOW + SECOND,
    )


def test_a_new_listing_is_due() -> None:
    memory = Memory()

    memory.do(on_listing_changed, listed(TSHIRT, "1001"))

    assert memory.get(Figure, *KEY) == Figure(*KEY, OWNER, TSHIRT, active=True, due_since=NOW)


def test_a_listing_told_again_is_not_due_again() -> None:
    memory = Memory(Figure(*KEY, OWNER, TSHIRT, active=True, due_since=None, quantity=4, figure_no=1))
    before = dict(memory.state)

    memory.do(on_listing_changed, listed(TSHIRT, "1001"))

    assert memory.state == before


@pytest.mark.parametrize("changed", [listed(SHOES, "1001"), listed(TSHIRT, "1001", active=False)])
def test_a_changed_listing_has_to_be_told_afresh(changed: ListingChangedV1) -> None:
    memory = Memory(Figure(*KEY, OWNER, TSHIRT, active=True, due_since=None, quantity=4, figure_no=1))

    memory.do(on_listing_changed, changed)

    figure = memory.get(Figure, *KEY)
    assert figure
    assert (figure.quantity, figure.due_since, figure.figure_no) == (None, NOW, 1)


def test_a_plain_item_is_no_combo() -> None:
    memory = Memory()

    memory.do(on_item_changed, combo(TSHIRT))

    assert memory.state == {}


def test_a_combo_is_due_when_its_components_change() -> None:
    memory = Memory()
    memory.do(on_item_changed, combo(SET, tshirt=2, shoes=1))
    memory = Memory(*[known.settle() for known in memory.all(Combo)])
    memory.now += SECOND

    memory.do(on_item_changed, combo(SET, tshirt=2, shoes=1))
    [same] = memory.all(Combo)
    memory.do(on_item_changed, combo(SET, tshirt=1))
    [other] = memory.all(Combo)

    assert same.due_since is None
    assert (other.components, other.due_since) == ((Component(TSHIRT, 1),), NOW + SECOND)


def test_a_watermark_never_goes_back() -> None:
    memory = Memory()
    [first, *_] = pulled_until(NOW)
    [older, *_] = pulled_until(NOW - SECOND)

    memory.do(on_intake_advanced, first)
    memory.do(on_intake_advanced, older)

    assert memory.all(Watermark) == [Watermark(FLAGSHIP, 0, NOW)]


def test_a_store_is_told_its_figure_with_the_watermark() -> None:
    memory = Memory(Figure(*KEY, OWNER, TSHIRT, active=True, due_since=NOW))

    [told] = memory.do(partial(tell, REFERENCE), due(Part(1, 7)))

    assert told == AvailabilityChangedV1(
        store_code=FLAGSHIP,
        platform_item_id="100",
        platform_sku_id="1001",
        owner_code=OWNER,
        item_code=TSHIRT,
        quantity=7,
        version=1,
        watermark=NOW,
    )


def test_a_store_gets_its_share_beyond_its_safety_stock() -> None:
    key = (OUTLET, "100", "1001")
    memory = Memory(Figure(*key, OWNER, TSHIRT, active=True, due_since=NOW))

    [told] = memory.do(partial(tell, REFERENCE), due(Part(1, 14), key=key))

    assert isinstance(told, AvailabilityChangedV1)
    assert told.quantity == 5


def test_the_same_figure_is_not_told_again() -> None:
    memory = Memory(Figure(*KEY, OWNER, TSHIRT, active=True, due_since=NOW, quantity=7, figure_no=3))

    assert memory.do(partial(tell, REFERENCE), due(Part(1, 7))) == []
    assert [figure.due_since for figure in memory.all(Figure)] == [None]


@pytest.mark.parametrize(
    "figure",
    [
        Figure(*KEY, OWNER, SHOES, active=True, due_since=NOW),
        Figure(*KEY, OWNER, TSHIRT, active=False, due_since=NOW),
    ],
)
def test_a_listing_that_changed_meanwhile_stays_due(figure: Figure) -> None:
    memory = Memory(figure)

    assert memory.do(partial(tell, REFERENCE), due(Part(1, 7))) == []
    assert memory.all(Figure) == [figure]


def test_what_the_platform_took_is_remembered() -> None:
    memory = Memory(Figure(*KEY, OWNER, TSHIRT, active=True, due_since=None, quantity=7, figure_no=3))

    memory.do(on_stock_published, publication(7, 3))

    [figure] = memory.all(Figure)
    assert (figure.published_quantity, figure.published_no, figure.published_at) == (7, 3, NOW + SECOND)


@pytest.mark.parametrize("state", [state for state in PublicationState if state is not PublicationState.DONE])
def test_what_the_platform_refused_is_not_published(state: PublicationState) -> None:
    memory = Memory(Figure(*KEY, OWNER, TSHIRT, active=True, due_since=None, quantity=7, figure_no=3))

    memory.do(on_stock_published, publication(7, 3, state))

    assert [figure.published_quantity for figure in memory.all(Figure)] == [None]


def test_a_publication_of_something_not_listed_is_nothing_to_us() -> None:
    memory = Memory()

    memory.do(on_stock_published, publication(7, 3))

    assert memory.state == {}
