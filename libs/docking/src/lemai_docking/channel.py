"""What every channel offers: a place our files go to, and a place the counterpart's files come from.

Names are those of files, never paths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lemai_docking.ack import Ack


class NotDone(OSError):
    """The channel refuses, or cannot be reached: the step surely did not happen and may be tried again."""


class Undecided(Exception):
    """The other side may have got it or not: the connection broke after it could have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file seen at a channel; one that is not `regular` is never opened. `size` in bytes, 0 if it is not told."""

    name: str
    regular: bool
    changed_at: datetime
    size: int = 0


class Outlet(Protocol):
    """Where our files go. Every method raises NotDone if the channel fails, unless it says otherwise."""

    poll_s: float
    """Seconds from one look at what is to be sent, and what was answered, to the next."""

    async def fence(self, token: int) -> None:
        """Get ready for the publisher of this token; every older token is worth nothing from now on."""

    async def put(self, name: str, data: bytes, token: int) -> Ack | None:
        """Hand over a file, whole or not at all; the answer, if the channel answers at once.

        Raises FileExistsError if the name is taken, FencedOut for an old token, NotDone, or Undecided.
        """

    async def has(self, name: str, sha256: str) -> bool:
        """Whether this file is, or has been, there for the counterpart to take. False where nobody can tell."""

    async def discard(self, name: str) -> None:
        """Remove what an interrupted `put` left behind."""

    async def answers(self) -> Sequence[Entry]:
        """Acknowledgements that came as files, named `<file>.ack`."""

    async def read_answer(self, name: str, bytes_max: int) -> bytes:
        """At most one byte more than allowed of an acknowledgement."""

    async def settle_answer(self, name: str, now: datetime, *, refused_sha256: str = "") -> None:
        """Put an acknowledgement away: archived, or quarantined under a name its digest makes unique."""


class Inlet(Protocol):
    """Where the counterpart's files come from. Every method raises NotDone if the channel fails."""

    poll_s: float
    """Seconds from one look to the next."""

    async def prepare(self) -> None:
        """Get ready."""

    async def entries(self) -> Sequence[Entry]:
        """What lies there, without names still being written."""

    async def read(self, name: str, bytes_max: int) -> bytes:
        """At most one byte more than allowed of a regular file.

        Raises FileNotFoundError, or another OSError for what cannot be read, which is left where it is.
        """

    async def acknowledge(self, name: str, content: bytes) -> None:
        """Give our answer to a file, in place of an earlier one."""

    async def archive(self, name: str, now: datetime) -> None:
        """Put away a file that is dealt with; one already gone is fine."""

    async def quarantine(self, name: str, sha256: str) -> None:
        """Put aside a file that was refused, under a name its digest makes unique."""


class CallOutlet:
    """What an outlet has that calls the counterpart and is answered at once: nothing lies anywhere."""

    poll_s = 0.2

    async def fence(self, token: int) -> None:
        """Only the database fences a call."""

    async def has(self, name: str, sha256: str) -> bool:
        """Nobody can tell."""
        return False

    async def discard(self, name: str) -> None:
        """Nothing is left behind."""

    async def answers(self) -> Sequence[Entry]:
        """None: `put` has returned them."""
        return ()

    async def read_answer(self, name: str, bytes_max: int) -> bytes:
        """Raises FileNotFoundError: there is none."""
        raise FileNotFoundError(name)

    async def settle_answer(self, name: str, now: datetime, *, refused_sha256: str = "") -> None:
        """Nothing to put away."""
