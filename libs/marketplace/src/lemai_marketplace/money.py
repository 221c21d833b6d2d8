"""Amounts as platforms write them."""

import re

EXPONENTS = {"CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "JPY": 0}

_AMOUNT = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]+))?")


def minor(amount: str, currency: str) -> int:
    """A decimal string as integer minor units: ("12.3", "CNY") -> 1230.

    Trailing zeros beyond the currency's exponent are read; any other digit there is a ValueError, never rounded.
    """
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise ValueError(f"{amount!r} is no amount")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    places = EXPONENTS[currency]
    if fraction[places:].strip("0"):
        raise ValueError(f"{amount!r} has more than {places} decimals for {currency}")
    units = int(whole + fraction[:places].ljust(places, "0"))
    return -units if sign else units
