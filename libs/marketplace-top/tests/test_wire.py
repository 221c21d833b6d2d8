from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_marketplace_top.wire import Unreadable, fen, flag, instant, pieces, rows, text, wall_clock


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-01 00:00:05", datetime(2025, 12, 31, 16, 0, 5, tzinfo=UTC)),
        ("2026-01-01 07:59:59", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-01 08:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-03", datetime(2026, 1, 3, 15, 59, 59, tzinfo=UTC)),
        ("", None),
        ("0001-01-01 00:00:00", None),
        ("1970-01-01 00:00:00", None),
    ],
)
def test_beijing_time_becomes_utc(written: str, expected: datetime | None) -> None:
    assert instant({"created": written}, "created") == expected


@given(st.datetimes(datetime(2004, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_survives_writing_to_the_second(moment: datetime) -> None:
    assert instant({"at": wall_clock(moment)}, "at") == moment.replace(microsecond=0)


@pytest.mark.parametrize("written", ["2026-13-01 00:00:00", "yesterday", "2026-1-1"])
def test_no_time_is_unreadable(written: str) -> None:
    with pytest.raises(Unreadable, match="created"):
        instant({"created": written}, "created")


@pytest.mark.parametrize(("written", "expected"), [(2, 2), ("2", 2), ("2.0000", 2), ("0", 0)])
def test_quantities_are_whole(written: object, expected: int) -> None:
    assert pieces({"num": written}, "num") == expected


@pytest.mark.parametrize("written", ["1.5", "-1", "many", "", None])
def test_a_fraction_is_no_quantity(written: object) -> None:
    with pytest.raises(Unreadable, match="num"):
        pieces({"num": written}, "num")


def test_yuan_become_fen_and_an_absent_amount_stays_absent() -> None:
    assert fen({"payment": "12.34"}, "payment") == 1234
    assert fen({}, "payment") is None
    with pytest.raises(Unreadable, match=r"payment = '12\.345'"):
        fen({"payment": "12.345"}, "payment")


def test_booleans_come_as_such_or_as_text() -> None:
    assert [flag({"x": value}, "x") for value in (True, "true", False, "false", None)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_ids_are_text_whatever_their_size() -> None:
    assert text({"tid": 2871001234567890123}, "tid") == "2871001234567890123"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"orders": {"order": [{"oid": 1}]}}, [{"oid": 1}]),
        ({"orders": [{"oid": 1}]}, [{"oid": 1}]),
        ({"orders": {}}, []),
        ({}, []),
    ],
)
def test_lists_are_wrapped_simplified_or_absent(row: dict[str, object], expected: list[object]) -> None:
    assert rows(row, "orders", "order") == expected


def test_what_is_no_list_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="orders"):
        rows({"orders": {"order": "none"}}, "orders", "order")
