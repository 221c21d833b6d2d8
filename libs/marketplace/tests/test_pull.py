from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_marketplace.errors import InvalidRequest, Transient
from lemai_marketplace.pull import Page, admit, backwards, due, split
from lemai_marketplace.types import Limits, Window

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
LIMITS = Limits(
    window_max=timedelta(minutes=30),
    lookback_max=timedelta(days=90),
    lag=timedelta(seconds=5),
    overlap=timedelta(minutes=10),
    stock_quantity_max=100,
)
SECOND = timedelta(seconds=1)


def test_an_hour_and_a_quarter_is_three_windows_of_at_most_half_an_hour() -> None:
    whole = Window(NOW, NOW + timedelta(minutes=75))

    pieces = list(split(whole, timedelta(minutes=30)))

    assert [piece.end - piece.start for piece in pieces] == [timedelta(minutes=m) for m in (30, 30, 15)]
    assert (pieces[0].start, pieces[-1].end) == (whole.start, whole.end)
    assert all(left.end == right.start for left, right in pairwise(pieces))


def test_due_windows_read_back_by_the_overlap_and_stay_behind_now() -> None:
    assert due(NOW - timedelta(minutes=1), NOW, LIMITS) == [
        Window(NOW - timedelta(minutes=11), NOW - timedelta(seconds=5))
    ]


def test_a_fast_poll_may_read_back_less() -> None:
    assert due(NOW - timedelta(minutes=1), NOW, LIMITS, overlap=timedelta(seconds=10)) == [
        Window(NOW - timedelta(seconds=70), NOW - timedelta(seconds=5))
    ]


def test_nothing_is_due_before_the_lag_has_passed() -> None:
    assert due(NOW - timedelta(seconds=5), NOW, LIMITS) == []


def test_the_overlap_never_reaches_behind_what_the_platform_remembers() -> None:
    oldest = NOW - timedelta(days=90)

    assert due(oldest, NOW, LIMITS)[0].start == oldest
    with pytest.raises(InvalidRequest, match="90 days"):
        due(oldest - SECOND, NOW, LIMITS)


@pytest.mark.parametrize(
    ("window", "why"),
    [
        (Window(NOW - timedelta(minutes=31), NOW - timedelta(minutes=1) + SECOND), "longer"),
        (Window(NOW - timedelta(days=91), NOW - timedelta(days=91) + SECOND), "90 days ago"),
        (Window(NOW - timedelta(minutes=1), NOW), "before now"),
    ],
)
def test_a_window_the_platform_would_refuse_is_refused_here(window: Window, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        admit(window, NOW, LIMITS)


def test_a_window_in_local_time_is_no_window() -> None:
    with pytest.raises(ValueError, match="UTC"):
        Window(NOW.replace(tzinfo=None), NOW)


class NewestFirst:
    """A platform's list of rows, newest first; `meanwhile` runs after each page was cut."""

    def __init__(self, rows: list[int], size: int, meanwhile: Callable[[list[int]], None]) -> None:
        self.rows, self.size, self.meanwhile = rows, size, meanwhile
        self.fetched: list[int] = []

    async def fetch(self, number: int, counted: bool) -> Page[int]:
        self.fetched.append(number)
        page = Page(self.rows[(number - 1) * self.size : number * self.size], len(self.rows) if counted else None)
        self.meanwhile(self.rows)
        return page


async def pulled(platform: NewestFirst) -> list[int]:
    return [row async for page in backwards(platform.fetch, platform.size) for row in page]


def quiet(_: list[int]) -> None:
    pass


@pytest.mark.parametrize(("count", "fetched"), [(0, [1]), (1, [1]), (10, [1]), (11, [1, 2, 1]), (35, [1, 4, 3, 2, 1])])
async def test_pages_are_read_from_the_last_and_a_single_one_once(count: int, fetched: list[int]) -> None:
    platform = NewestFirst(list(range(count)), 10, quiet)

    assert sorted(await pulled(platform)) == list(range(count))
    assert platform.fetched == fetched


@given(count=st.integers(0, 40), size=st.integers(1, 7), data=st.data())
async def test_rows_that_leave_while_we_page_hide_no_other(count: int, size: int, data: st.DataObject) -> None:
    left: set[int] = set()

    def leave(rows: list[int]) -> None:
        for row in data.draw(st.lists(st.sampled_from(rows or [0]), max_size=3, unique=True)):
            if row in rows:
                rows.remove(row)
                left.add(row)

    got = await pulled(NewestFirst(list(range(count)), size, leave))

    assert set(range(count)) - left <= set(got)


@given(count=st.integers(0, 40), size=st.integers(2, 7), place=st.integers(0, 50), when=st.integers(0, 4))
async def test_a_row_that_appears_late_hides_no_other(count: int, size: int, place: int, when: int) -> None:
    calls = iter(range(1000))

    def appear(rows: list[int]) -> None:
        if next(calls) == when:
            rows.insert(place, -1)

    got = await pulled(NewestFirst(list(range(count)), size, appear))

    assert set(range(count)) <= set(got)


async def test_a_window_that_never_comes_to_rest_is_a_passing_fault() -> None:
    platform = NewestFirst([0, 1, 2], 2, lambda rows: rows.insert(0, -1))

    with pytest.raises(Transient, match="passes"):
        await pulled(platform)
