"""Logs: one JSON object a line, never a payload; one line for each step of the business."""

import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

import orjson
import structlog
from structlog.typing import EventDict, Processor

from lemai_chassis.trace import CURRENT, Cause, names
from lemai_contracts import Event
from lemai_contracts.marketplace import TradesPulledV1
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.order import IntakeAdvancedV1
from lemai_contracts.topics import CATALOG_LISTING, STOCK_AVAILABILITY, STOCK_MOVEMENT, STOCK_SNAPSHOT

SAID = (
    "owner_code", "order_no", "store_code", "trade_no", "item_code", "reference", "counterpart_code", "state",
)  # fmt: skip
"""What a line tells of an event, where the event has it: no text of a buyer, no line, no amount."""
TALKATIVE = (
    "aiokafka",
    "alembic",
    "asyncio",
    "asyncssh",
    "httpcore",
    "httpx",
    "opentelemetry",
    "urllib3",
    "uvicorn",
    "zeep",
)
"""Libraries whose own steps are nobody's: they are heard from `warning` on."""
_QUIET_TOPICS = (CATALOG_LISTING, STOCK_AVAILABILITY, STOCK_MOVEMENT, STOCK_SNAPSHOT)
_QUIET_TYPES = (TradesPulledV1, IntakeAdvancedV1)
_service = ""


def configure(service: str, level: str = "info") -> None:
    """Every line names its service and what it works on; libraries that log the standard way come out the same."""
    global _service  # noqa: PLW0603 - one service a process
    number = logging.getLevelNamesMapping()[level.upper()]
    _service = service if number <= logging.INFO else ""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_cause,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(lambda line, **how: orjson.dumps(line, **how).decode()),
            ],
            foreign_pre_chain=[
                *shared,
                structlog.stdlib.ExtraAdder(),
                structlog.stdlib.add_logger_name,
                structlog.processors.format_exc_info,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def steps(told: Iterable[tuple[Event, Cause]]) -> None:
    """A line for each of these events that is a step of the business; an alert is a warning.

    Written past structlog, whose processors cost ten times as much: there may be thousands a second.
    """
    if not _service:
        return
    now = datetime.now(UTC).isoformat().removesuffix("+00:00") + "Z"
    lines = []
    for event, cause in told:
        if said := _said(type(event)):
            step, level, fields = said
            line = {
                "event": step,
                "level": level,
                "service": _service,
                "timestamp": now,
                "trace_id": cause.traceparent[3:35],
                "causationid": cause.causationid,
                "key": event.partitionkey,
            }
            for name in fields:
                line[name] = event.__dict__[name]
            lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    if lines:
        sys.stdout.buffer.write(b"".join(lines))
        sys.stdout.buffer.flush()


@cache
def _said(kind: type[Event]) -> tuple[str, str, tuple[str, ...]] | None:
    """The step an event is, the level and the fields of its line; None for one that is not worth a line."""
    if kind.topic in _QUIET_TOPICS or kind in _QUIET_TYPES:
        return None
    step = " ".join(kind.type.split(".")[1:-1]).replace("_", " ")
    if kind is AlertRaisedV1:
        return step, "warning", ("code", "about", "message")
    return step, "info", tuple(name for name in SAID if name in kind.model_fields)


def _add_cause(_logger: object, _method: str, line: EventDict) -> EventDict:
    return {**names(CURRENT.get()), **line}
