"""Reading and writing TOP's values: yuan strings, Beijing wall clock, wrapped lists, ids beyond 2^53."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from lemai_marketplace.errors import ProtocolDrift
from lemai_marketplace.money import minor

CURRENCY = "CNY"
BEIJING = timezone(timedelta(hours=8))
FIRST_YEAR = 2003  # Taobao began then; earlier dates (0001, 1970) are how some rows say "none"

Row = Mapping[str, Any]


class Unreadable(ProtocolDrift):
    """A field of a row is missing or not in the form the protocol gives it."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"{name} = {value!r}")


def text(row: Row, name: str) -> str:
    """A field as text, ids included; "" if absent."""
    value = row.get(name)
    return "" if value is None else str(value)


def required(row: Row, name: str) -> str:
    """A field as text that must be there."""
    value = text(row, name)
    if not value:
        raise Unreadable(name, None)
    return value


def flag(row: Row, name: str) -> bool:
    """A boolean, which TOP writes as such or as text."""
    return text(row, name).lower() == "true"


def pieces(row: Row, name: str) -> int:
    """A quantity; `2.0000` is 2, a fraction is unreadable."""
    value = required(row, name)
    whole, _, fraction = value.partition(".")
    if not whole.isdecimal() or fraction.strip("0"):
        raise Unreadable(name, value)
    return int(whole)


def fen(row: Row, name: str) -> int | None:
    """An amount in yuan as integer fen; None if absent."""
    value = text(row, name)
    if not value:
        return None
    try:
        return minor(value, CURRENCY)
    except ValueError as error:
        raise Unreadable(name, value) from error


def instant(row: Row, name: str) -> datetime | None:
    """A wall clock time as aware UTC; None if absent. A bare date means the end of that day."""
    value = text(row, name)
    if not value:
        return None
    try:
        if len(value) == len("2026-01-15"):
            day = date.fromisoformat(value)
            moment = datetime.combine(day, time(23, 59, 59), BEIJING)
        else:
            moment = datetime.fromisoformat(value).replace(tzinfo=BEIJING)
    except ValueError as error:
        raise Unreadable(name, value) from error
    return moment.astimezone(UTC) if moment.year >= FIRST_YEAR else None


def wall_clock(moment: datetime) -> str:
    """An aware time as TOP writes it, seconds cut off."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def rows(row: Row, wrapper: str, element: str) -> list[Row]:
    """A list, which TOP wraps twice and leaves out when it is empty: {"trades": {"trade": [...]}}."""
    inner = row.get(wrapper) or {}
    found = inner.get(element, []) if isinstance(inner, Mapping) else inner
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise Unreadable(wrapper, inner)
    return found
