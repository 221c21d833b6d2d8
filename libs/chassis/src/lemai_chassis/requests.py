"""Every HTTP request: the trace it goes on in, and what it is counted as."""

import time

from prometheus_client import Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lemai_chassis.trace import CURRENT, SERVER, Cause, span

UNKNOWN_ROUTE = "(none)"
"""Of a path that is nobody's: the paths that are tried are no labels."""
SECONDS = Histogram(
    "lemai_http_request_seconds", "HTTP requests and their time, by route template", ["method", "route", "status"]
)


class Requests:
    """Runs each request as a step of the trace its `traceparent` names, or of one of its own.

    Its cause is the idempotency key, else the trace: what people quote when they ask about an answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began, headers = 500, time.perf_counter(), Headers(scope=scope)

        async def answer(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        came = Cause(headers.get("idempotency-key", ""), headers.get("traceparent", ""))
        try:
            with span(f"{scope['method']} {scope['path']}", came, SERVER) as cause:
                trace_id = cause.traceparent[3:35]
                CURRENT.set(Cause(cause.causationid or f"request:{trace_id}", cause.traceparent))
                await self._app(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
            SECONDS.labels(scope["method"], route, status).observe(time.perf_counter() - began)
