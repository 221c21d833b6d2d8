"""W3C trace context: one trace id from the first message to the last, a span id for each step."""

import secrets


def start() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def child(traceparent: str) -> str:
    """The same trace, another step; a new trace where there was none."""
    if len(traceparent) != 55:
        return start()
    return f"{traceparent[:36]}{secrets.token_hex(8)}-01"


def trace_id(traceparent: str) -> str:
    return traceparent[3:35]
