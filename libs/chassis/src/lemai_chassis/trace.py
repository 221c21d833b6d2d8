"""W3C trace context: one trace from the first message to the last, whichever way it went, and its export on demand.

Messages, calls and documents carry a `traceparent` as text. Without an exporter a step is a number drawn for that
text; with one (`export`) every step is a span of OpenTelemetry.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, Span, SpanKind, Tracer, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
_IDS = RandomIdGenerator()
_W3C = TraceContextTextMapPropagator()
_tracer: Tracer | None = None


@dataclass(frozen=True)
class Cause:
    """Where a piece of work came from: the id of the event, call, command, file or schedule, and its trace.

    Without a `traceparent` what comes of it begins traces of its own: trades pulled together are not one story.
    """

    causationid: str
    traceparent: str = ""


CURRENT: ContextVar[Cause] = ContextVar("cause", default=Cause(""))  # noqa: B039 - it is frozen
"""What is being worked on now: what it does is done because of it, and the lines of the log name it."""


def start() -> str:
    """The context of a new trace."""
    return f"00-{_IDS.generate_trace_id():032x}-{_IDS.generate_span_id():016x}-01"


def child(traceparent: str, name: str) -> str:
    """The context of what is told on, an event or a call: a step of the same trace, or of a new one of its own."""
    if _tracer:
        step = _tracer.start_span(name, _context(traceparent), SpanKind.PRODUCER, links=_links(traceparent))
        step.end()
        return _text(step)
    if not _TRACEPARENT.fullmatch(traceparent):
        return start()
    return f"{traceparent[:36]}{_IDS.generate_span_id():016x}-01"


def onward(cause: Cause, name: str) -> Cause:
    """A cause as it is told on, with the context of that step."""
    return Cause(cause.causationid, child(cause.traceparent, name))


def span(
    work: str | Callable[..., object], cause: Cause, kind: SpanKind = SpanKind.INTERNAL, **said: str | int
) -> AbstractContextManager[Cause]:
    """Work that takes time, by its name or as what does it; gives the Cause of what is done in it.

    A request (SERVER) that came without a context begins a trace.
    """
    if _tracer:
        return _span(_tracer, name_of(work), cause, kind, said)
    if kind is SpanKind.SERVER:
        cause = replace(cause, traceparent=child(cause.traceparent, ""))
    return nullcontext(cause)


@contextmanager
def _span(tracer: Tracer, name: str, cause: Cause, kind: SpanKind, said: Mapping[str, str | int]) -> Iterator[Cause]:
    attributes, links = {"lemai.causationid": cause.causationid, **said}, _links(cause.traceparent)
    step = tracer.start_span(name, _context(cause.traceparent), kind, attributes, links)
    with use_span(step, end_on_exit=True):
        joins = cause.traceparent or kind is SpanKind.SERVER
        yield replace(cause, traceparent=_text(step)) if joins else cause


def export(service: str, endpoint: str) -> TracerProvider:
    """Send every step to a collector (OTLP over HTTP, protobuf) in batches, beside the work."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - 0.1 s

    global _tracer  # noqa: PLW0603 - one exporter a process
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    _tracer = provider.get_tracer("lemai")
    return provider


def name_of(work: str | Callable[..., object]) -> str:
    """A function's name, be it a partial of it."""
    return work if isinstance(work, str) else str(getattr(getattr(work, "func", work), "__qualname__", work))


def names(cause: Cause) -> dict[str, str]:
    """What a line of the log says about a cause."""
    said = {"trace_id": cause.traceparent[3:35], "causationid": cause.causationid}
    return {name: value for name, value in said.items() if value}


def _context(traceparent: str) -> Context:
    return _W3C.extract({"traceparent": traceparent}, Context())


def _links(traceparent: str) -> list[Link]:
    """To the batch, request or schedule around, where that is another trace."""
    around = get_current_span().get_span_context()
    return [Link(around)] if around.is_valid and f"{around.trace_id:032x}" != traceparent[3:35] else []


def _text(step: Span) -> str:
    context = step.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
