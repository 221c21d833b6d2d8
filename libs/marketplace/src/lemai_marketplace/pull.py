"""Pulling by time of change without losing a row: which windows are due, and how to page through one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from lemai_marketplace.errors import InvalidRequest, Transient
from lemai_marketplace.types import Limits, Window

T = TypeVar("T")

PASSES_MAX = 4


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows of one page; `total` rows in the window if it was asked for."""

    rows: list[T]
    total: int | None


def split(window: Window, longest: timedelta) -> Iterator[Window]:
    """`window` in pieces no longer than `longest`, without gap or overlap, oldest first."""
    start = window.start
    while start < window.end:
        end = min(start + longest, window.end)
        yield Window(start, end)
        start = end


def due(cursor: datetime, now: datetime, limits: Limits, overlap: timedelta | None = None) -> list[Window]:
    """The windows to pull now if everything before `cursor` was pulled; the new cursor is the last one's end.

    Reads back by `overlap` (default `limits.overlap`) and stays `limits.lag` behind now. Raises InvalidRequest if
    `cursor` is older than the platform remembers: those trades need a backfill by creation time.
    """
    if cursor < now - limits.lookback_max:
        raise InvalidRequest(f"the cursor {cursor.isoformat()} is older than {limits.lookback_max.days} days")
    end = now - limits.lag
    if cursor >= end:
        return []
    start = max(cursor - (limits.overlap if overlap is None else overlap), now - limits.lookback_max)
    return list(split(Window(start, end), limits.window_max))


def admit(window: Window, now: datetime, limits: Limits) -> None:
    """Refuse a window the platform would refuse, or in which rows still move. Raises InvalidRequest."""
    if window.end - window.start > limits.window_max:
        raise InvalidRequest(f"the window is longer than {limits.window_max}")
    if window.start < now - limits.lookback_max:
        raise InvalidRequest(f"the window starts more than {limits.lookback_max.days} days ago")
    if window.end > now - limits.lag:
        raise InvalidRequest(f"the window must end {limits.lag} before now, or rows move while it is paged")


async def backwards(fetch: Callable[[int, bool], Awaitable[Page[T]]], page_size: int) -> AsyncIterator[list[T]]:
    """Pages of a list that stands newest first, read from the last to the first.

    `fetch(number, counted)` reads page `number`, from 1, with `total` if `counted`. A row that changes while we read
    leaves the closed window: the rows behind it move up, towards pages still to be read, so none is missed (TOP's own
    advice). A row that becomes visible late pushes others down past us: the total has grown, and we read once more.
    """
    first = await fetch(1, True)
    for _ in range(PASSES_MAX):
        total = _total(first)
        if total <= page_size:
            if first.rows:
                yield first.rows
            return
        for number in range(-(-total // page_size), 1, -1):
            yield (await fetch(number, False)).rows
        again = await fetch(1, True)
        if _total(again) <= total:
            yield again.rows
            return
        first = again
    raise Transient(f"rows were still being added to the window after {PASSES_MAX} passes")


def _total(page: Page[T]) -> int:
    assert page.total is not None, "a counted page carries its total"
    return page.total
