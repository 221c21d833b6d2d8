"""What counterparts report gone: which parcel holds what, and reports that contradict their order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from order_svc.domain.orders import Order, Pieces, platform_shipped


class AlreadyResolved(Exception):
    """Somebody has decided on it before."""


@dataclass(frozen=True)
class HeldActual:
    """An actual that contradicts its order: the goods have moved, a person decides what it means."""

    owner_code: str
    order_no: str
    leg: str
    actual_no: str
    code: str
    reason: str
    actual: Mapping[str, Any]
    held_at: datetime
    resolved_at: datetime | None = None
    resolution: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.owner_code, self.order_no, self.leg, self.actual_no

    def resolve(self, resolution: str, at: datetime) -> "HeldActual":
        if self.resolved_at:
            raise AlreadyResolved(f"{self.actual_no}: {self.resolution}")
        return replace(self, resolved_at=at, resolution=resolution)


def contents_of_parcels(pieces: Pieces, told: Sequence[Pieces]) -> list[Pieces]:
    """What each parcel holds of the pieces that left.

    Contents that do not add up to them (nobody told them, or wrongly) are not believed: all goes with the first.
    """
    counted: Counter[tuple[int, str]] = Counter()
    for parcel in told:
        counted.update(parcel)
    if +counted == +Counter(pieces):
        return list(told)
    return [pieces if index == 0 else {} for index in range(len(told))]


def platform_pieces(before: Order, parcels: Sequence[Pieces]) -> list[Mapping[str, int]]:
    """The platform's pieces in each parcel, by platform line: those that it makes whole."""
    lines = before.lines
    told: list[Mapping[str, int]] = []
    for parcel in parcels:
        shipped = tuple(line.ship(parcel.get(line.key, 0)) for line in lines)
        told.append(platform_shipped(shipped) - platform_shipped(lines))
        lines = shipped
    return told
