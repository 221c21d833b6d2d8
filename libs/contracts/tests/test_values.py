from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lemai_contracts.values import DecimalText, Instant, Money, Quantity

minor_units = st.integers(min_value=-(2**63), max_value=2**63 - 1)
offsets = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
currencies = st.sampled_from(["CNY", "JPY", "KWD"])

instant = TypeAdapter[datetime](Instant)
decimal_text = TypeAdapter[Decimal](DecimalText)


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (12900, "CNY", "129.00"),
        (5, "CNY", "0.05"),
        (0, "CNY", "0.00"),
        (-12900, "CNY", "-129.00"),
        (12900, "JPY", "12900"),
        (12900, "KWD", "12.900"),
    ],
)
def test_money_travels_in_major_units_with_the_places_of_its_currency(minor: int, currency: str, amount: str) -> None:
    assert Money.of(minor, currency).model_dump(mode="json") == {"amount": amount, "currency": currency}


@given(minor_units, currencies)
def test_money_keeps_its_minor_units_over_the_wire(minor: int, currency: str) -> None:
    assert Money.model_validate_json(Money.of(minor, currency).model_dump_json()).minor == minor


@pytest.mark.parametrize(("amount", "currency"), [("129.005", "CNY"), ("129.5", "JPY"), ("1.0001", "KWD")])
def test_more_places_than_the_currency_has_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"^{amount} {currency} has more places than the currency$"):
        _ = Money(amount=Decimal(amount), currency=currency).minor


def test_trailing_zeros_are_no_places() -> None:
    assert Money(amount=Decimal("129.0000"), currency="CNY").minor == 12900


@pytest.mark.parametrize("currency", ["cny", "RMBY", "元"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValidationError, match="currency"):
        Money(amount=Decimal(1), currency=currency)


@pytest.mark.parametrize(("value", "written"), [("1E+2", "100"), ("1E-6", "0.000001"), ("0.210", "0.210")])
def test_a_decimal_is_written_without_an_exponent_and_keeps_its_places(value: str, written: str) -> None:
    assert decimal_text.dump_python(Decimal(value)) == written


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_text_reads_back_as_the_same_number(value: Decimal) -> None:
    assert decimal_text.validate_json(decimal_text.dump_json(value)) == value


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1,000.00", ""])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        decimal_text.validate_python(value)


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=offsets))  # noqa: DTZ001 - hypothesis adds the zone
def test_an_instant_of_any_offset_is_written_in_utc(moment: datetime) -> None:
    written = instant.dump_json(instant.validate_python(moment)).decode()
    assert written.endswith('Z"')
    assert instant.validate_json(written) == moment


def test_an_instant_of_shanghai_becomes_utc() -> None:
    read = instant.validate_json('"2026-11-22T10:00:00+08:00"')
    assert read.isoformat() == "2026-11-22T02:00:00+00:00"


def test_an_instant_without_offset_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        instant.validate_json('"2026-11-22T10:00:00"')


@pytest.mark.parametrize("pieces", ["-1", "1.5"])
def test_a_quantity_is_whole_and_not_negative(pieces: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[int](Quantity).validate_json(pieces)
