"""Values that several events share: money, our own code lists, consignees as they travel."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment: any offset is read, UTC is written."""

Quantity = Annotated[int, Field(ge=0)]
"""Pieces."""

DecimalText = Annotated[
    Decimal,
    PlainSerializer("{:f}".format, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
]
"""A decimal number, written as a string without an exponent."""


class Value(BaseModel):
    """A part of an event: frozen, and tolerant of fields a newer producer adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


MINOR_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3}
"""ISO 4217 exponents that are not 2."""


class Money(Value):
    """An amount on the wire: a decimal string in major units with as many places as the currency has."""

    amount: DecimalText
    """In major units."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        return cls(amount=Decimal(minor).scaleb(-MINOR_EXPONENTS.get(currency, 2)), currency=currency)

    @property
    def minor(self) -> int:
        """The amount in minor units. Raises ValueError when it has more places than the currency."""
        minor = self.amount.scaleb(MINOR_EXPONENTS.get(self.currency, 2))
        if minor != minor.to_integral_value():
            raise ValueError(f"{self.amount} {self.currency} has more places than the currency")
        return int(minor)


class OrderKind(StrEnum):
    """The order kinds of the seed's section 1.4, named in our words."""

    SALES = "sales"
    PURCHASE = "purchase"
    RETURN = "return"
    EXCHANGE = "exchange"
    RESEND = "resend"
    SUPPLIER_RETURN = "supplier_return"
    ADJUSTMENT = "adjustment"


class Leg(StrEnum):
    """One direction of an order."""

    OUT = "OUT"
    IN = "IN"


class Grade(StrEnum):
    """Whether a piece can be sold."""

    GOOD = "good"
    DEFECTIVE = "defective"


class Region(Value):
    """Where a consignee lives, too coarse to be a person."""

    country: str = "CN"
    province: str
    city: str
    district: str = ""


class Consignee(Value):
    """A consignee as it travels: sealed under a key of its own order, with what may be shown and searched."""

    key_id: str
    """Names the key in the keyring; without the key the rest is noise."""
    sealed: str
    """Base64 of nonce and AES-256-GCM ciphertext of the plain consignee as JSON."""
    region: Region
    name_masked: str
    phone_masked: str
    phone_digest: str
    """Keyed digest: equal phones have equal digests. Empty where the platform masks: equal masks are not one person."""
    address_digest: str
    shown_digest: str = ""
    """Keyed digest of all that the platform shows, masks and token included: another one is a change of the consignee.
    Equal ones are not one person."""
