"""How long to wait for a channel that fails, and when a person should know."""

from dataclasses import dataclass
from datetime import datetime, timedelta

WAIT_MAX_S = 60.0
TELL_AFTER = timedelta(minutes=5)


@dataclass
class Backoff:
    """The failures in a row of one channel, each waited for twice as long as the one before."""

    failures: int = 0
    since: datetime | None = None
    told: bool = False

    def failed(self, now: datetime) -> float:
        """Seconds to wait."""
        self.since = self.since or now
        self.failures += 1
        return min(2.0 ** min(self.failures - 1, 10), WAIT_MAX_S)

    def worked(self) -> None:
        """Start anew."""
        self.failures, self.since, self.told = 0, None, False

    def must_tell(self, now: datetime) -> bool:
        """True once, after it has failed for a while."""
        if self.told or self.since is None or now - self.since < TELL_AFTER:
            return False
        self.told = True
        return True
