"""Receivables: what buyers owe for what left the warehouse."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    OPEN = "open"
    RECEIVABLE = "receivable"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class CurrencyDiffers(Exception):
    """An amount in another currency than the order's."""


@dataclass(frozen=True)
class Entry:
    """One shipment's amount. Entries are added, never changed: a correction is an entry of its own."""

    owner_code: str
    order_no: str
    actual_no: str
    amount_minor: int
    freight_minor: int
    discount_minor: int
    currency: str
    shipped_at: datetime
    waybill_nos: tuple[str, ...]
    booked_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return self.owner_code, self.order_no, self.actual_no

    @property
    def goods_minor(self) -> int:
        return self.amount_minor - self.freight_minor + self.discount_minor


@dataclass(frozen=True)
class Receivable:
    """What is owed for one order: the sum of its entries. `ordered_minor` is its total, None until it is known."""

    owner_code: str
    order_no: str
    family: str
    kind: str
    store_code: str
    platform: str
    trade_no: str
    currency: str
    ordered_minor: int | None = None
    receivable_minor: int = 0
    state: State = State.OPEN

    @property
    def key(self) -> tuple[str, str]:
        return self.owner_code, self.order_no

    def place(self, total_minor: int, currency: str) -> "Receivable":
        """Know the order's total. Raises CurrencyDiffers."""
        self._check(currency)
        return replace(self, ordered_minor=total_minor)

    def book(self, entry: Entry) -> "Receivable":
        """Add an entry's amount. Raises CurrencyDiffers."""
        self._check(entry.currency)
        state = self.state if self.state is State.COMPLETE else State.RECEIVABLE
        return replace(self, receivable_minor=self.receivable_minor + entry.amount_minor, state=state)

    def complete(self) -> "Receivable":
        """Nothing more will be shipped."""
        return replace(self, state=State.COMPLETE)

    def cancel(self) -> "Receivable":
        """Nothing will be shipped; what has left stays owed."""
        return replace(self, state=State.CANCELLED) if self.state is State.OPEN else self

    def _check(self, currency: str) -> None:
        if currency != self.currency:
            raise CurrencyDiffers(f"{self.order_no} is in {self.currency}, not {currency}")
