import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_marketplace.money import EXPONENTS, minor


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("12.34", "CNY", 1234),
        ("12.3", "CNY", 1230),
        ("12", "CNY", 1200),
        ("0.00", "CNY", 0),
        ("-0.01", "CNY", -1),
        ("7.5000", "CNY", 750),
        ("980", "JPY", 980),
        ("980.00", "JPY", 980),
    ],
)
def test_amounts_become_minor_units(amount: str, currency: str, expected: int) -> None:
    assert minor(amount, currency) == expected


@pytest.mark.parametrize("amount", ["", " 1", "1.", ".5", "1e3", "NaN", "1,000.00", "1.005", "+1", "１.00"])
def test_anything_else_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        minor(amount, "CNY")


@given(units=st.integers(-(10**14), 10**14), currency=st.sampled_from(sorted(EXPONENTS)))
def test_reading_what_was_written_gives_the_same_units(units: int, currency: str) -> None:
    places = EXPONENTS[currency]
    sign, digits = ("-", str(-units)) if units < 0 else ("", str(units))
    digits = digits.zfill(places + 1)
    written = f"{sign}{digits[: len(digits) - places]}" + (f".{digits[-places:]}" if places else "")
    if len(digits) - places <= 13:
        assert minor(written, currency) == units
