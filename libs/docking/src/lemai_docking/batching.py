"""When documents go out, how many to a file, and which interface first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.journal.outgoing import Waiting

BATCH_MAX = 500
BATCH_AGE = timedelta(seconds=1)
AHEAD_MAX = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Batch:
    """An interface to publish now, and how many documents at most."""

    interface: str
    limit: int


def is_item(interface: str) -> bool:
    """Whether an interface carries master data rather than orders."""
    return layouts()[interface].leg is None


def due(profile: Profile, waiting: Sequence[Waiting], stamps: Mapping[str, datetime], now: datetime) -> Sequence[Batch]:
    """What is to be published now: items before the orders that need them, then who has waited longest.

    Urgent documents go at once, the others when they are many or a second old. When stamps run ahead of the clock,
    all wait until more are in a file.
    """
    batches: dict[str, Batch] = {}
    for one in waiting:
        ahead = stamps.get(profile.interfaces[one.interface].file, now) - now > AHEAD_MAX
        limit = profile.limits.documents if ahead else min(BATCH_MAX, profile.limits.documents)
        # An age below zero is that of a document from before the clock was set back.
        young = timedelta(0) <= now - one.oldest_at < BATCH_AGE
        if one.count >= limit or not young or (one.urgent and not ahead):
            batches[one.interface] = Batch(one.interface, limit)
    if batches:
        most = profile.limits.documents
        batches |= {one.interface: Batch(one.interface, most) for one in waiting if is_item(one.interface)}
    first = {one.interface: one.first_id for one in waiting}
    return sorted(batches.values(), key=lambda batch: (not is_item(batch.interface), first[batch.interface]))
