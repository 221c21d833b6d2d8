"""W3C trace context: one trace id from the first message to the last, a span id for each step."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Cause:
    """Where a piece of work came from: the id of the event, call or command, and its trace."""

    causationid: str
    traceparent: str


CURRENT: ContextVar[Cause | None] = ContextVar("cause", default=None)
"""What is being worked on now, for the lines of the log."""


def start() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def child(traceparent: str) -> str:
    """The same trace, another step; a new trace where there was none."""
    if not _TRACEPARENT.fullmatch(traceparent):
        return start()
    return f"{traceparent[:36]}{secrets.token_hex(8)}-01"


def names(cause: Cause) -> dict[str, str]:
    """What a line of the log says about a cause."""
    return {"trace_id": cause.traceparent[3:35], "causationid": cause.causationid}
