"""Times and money as TOP spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_tmall.wire import fen_of, moment_of, wall_clock, yuan

MOMENTS = st.integers(0, 4_102_444_799)


def test_beijing_is_eight_hours_ahead_across_the_year_end() -> None:
    assert wall_clock(1_767_200_399) == "2026-01-01 00:59:59"
    assert moment_of("2026-01-01 00:59:59") == 1_767_200_399


@given(MOMENTS)
def test_every_second_survives_the_wire(moment: int) -> None:
    assert moment_of(wall_clock(moment)) == moment


@pytest.mark.parametrize("text", ["2026-1-15 09:30:00", "2026-01-15T09:30:00", "2026-02-30 00:00:00", "", "1768440665"])
def test_other_time_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment_of(text)


@given(st.integers(0, 10**11 - 1))
def test_every_amount_survives_the_wire(fen: int) -> None:
    assert fen_of(yuan(fen)) == fen


@pytest.mark.parametrize(("text", "fen"), [("0", 0), ("12", 1200), ("12.5", 1250), ("0.07", 7)])
def test_amounts_may_have_fewer_decimals(text: str, fen: int) -> None:
    assert fen_of(text) == fen


@pytest.mark.parametrize("text", ["-1.00", "1.005", "1e3", "", "1,000.00", " 1"])
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="yuan"):
        fen_of(text)


def test_negative_amounts_keep_their_sign() -> None:
    assert yuan(-5) == "-0.05"
