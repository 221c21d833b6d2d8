"""Traces: what they are exported as, and what the log says of each step."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import orjson
import pytest
from lemai_toy import STORAGE, on_trade_changed, tally_refs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from toy_kit import TRACE_ID, TRACEPARENT, fetch, message, trade

from lemai_chassis import logging, trace
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.requests import Requests
from lemai_chassis.state.unit_of_work import UnitOfWork, Versioned, ref
from lemai_chassis.trace import Cause
from lemai_contracts.marketplace import TradeChangedV1, TradesPulledV1


class Collector(HTTPServer):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.spans: list[Span] = []
        self.services: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in request.resource_spans:
            self.server.services |= {
                named.value.string_value for named in resource.resource.attributes if named.key == "service.name"
            }
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(trace, "_tracer", None)
    monkeypatch.setenv("NO_PROXY", "*")
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def an_engine(database: AsyncEngine) -> Engine:
    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, on_trade_changed, tally_refs)])


async def test_a_message_its_handler_and_its_events_are_exported_as_spans_of_its_trace(
    database: AsyncEngine, collector: Collector
) -> None:
    provider = trace.export("toy", collector.url)
    with trace.span("batch", Cause("loop:consume")):
        await an_engine(database).run([message(trade("F1"))])
    provider.shutdown()

    spans = {span.name: span for span in collector.spans}
    handler, event = spans[on_trade_changed.__qualname__], spans["lemai.order.state_changed.v1"]
    assert collector.services == {"toy"}
    assert handler.trace_id.hex() == event.trace_id.hex() == TRACE_ID
    assert handler.parent_span_id.hex() == TRACEPARENT[36:52]
    assert event.parent_span_id == handler.span_id
    assert [link.trace_id for link in handler.links] == [spans["batch"].trace_id]
    [(traceparent,)] = await fetch(database, "SELECT traceparent FROM event")
    assert traceparent == f"00-{TRACE_ID}-{event.span_id.hex()}-01"


async def test_a_request_is_a_span_of_the_trace_it_names_or_of_one_of_its_own(collector: Collector) -> None:
    provider = trace.export("toy", collector.url)
    transport = httpx.ASGITransport(Requests(Starlette()))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
        await client.get("/a", headers={"traceparent": TRACEPARENT})
        await client.get("/b")
    provider.shutdown()

    named, own = collector.spans
    assert (named.name, named.trace_id.hex(), named.parent_span_id.hex()) == ("GET /a", TRACE_ID, TRACEPARENT[36:52])
    assert (own.name, own.parent_span_id) == ("GET /b", b"")


async def test_what_has_no_trace_begins_one_for_each_event(database: AsyncEngine) -> None:
    engine = an_engine(database)
    for name in ("F1", "F2"):
        await engine.execute(on_trade_changed, trade(name), tally_refs(trade(name)), Cause("schedule:pull:TM-01"))

    rows = await fetch(database, "SELECT causationid, substr(traceparent, 4, 32) FROM event")
    assert {causationid for causationid, _ in rows} == {"schedule:pull:TM-01"}
    assert len({trace_id for _, trace_id in rows}) == 2


@dataclass(frozen=True)
class Kept:
    """Keeps the trace it began in."""

    traceparent: str
    key: tuple[str, ...] = ("A",)


def test_what_a_person_does_to_something_that_keeps_a_trace_goes_on_in_that() -> None:
    kept = Kept(TRACEPARENT)
    uow = UnitOfWork({ref(Kept, "A"): Versioned(kept, 1)}, datetime.now(UTC))
    with uow.overlay(Cause("a person", trace.start())):
        uow.emit(trade("F1"), kept)

    [(_, cause)] = uow.effects.events
    assert cause == Cause("a person", TRACEPARENT)


def test_each_step_of_the_business_is_a_line_without_a_payload(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "_service", "marketplace-adapter")
    pulled = trade("F1", told="secret remark")
    mark = TradesPulledV1(store_code="TM-01", partition=0, until=datetime.now(UTC))
    logging.steps([(pulled, Cause("schedule:pull:TM-01", TRACEPARENT)), (mark, Cause("", TRACEPARENT))])

    [line] = [json.loads(text) for text in capfd.readouterr().out.splitlines()]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "marketplace trade changed",
        "level": "info",
        "service": "marketplace-adapter",
        "trace_id": TRACE_ID,
        "causationid": "schedule:pull:TM-01",
        "key": pulled.partitionkey,
        "store_code": pulled.store_code,
        "trade_no": pulled.trade_no,
    }
    assert b"secret" not in orjson.dumps(line)


async def test_requests_are_counted_by_route_and_an_unknown_path_is_no_label() -> None:
    def count() -> float:
        labels = {"method": "GET", "route": "(none)", "status": "404"}
        return REGISTRY.get_sample_value("lemai_http_request_seconds_count", labels) or 0

    before = count()
    transport = httpx.ASGITransport(Requests(Starlette()))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
        for path in ("/wp-login", "/.env"):
            await client.get(path)
    assert count() == before + 2
