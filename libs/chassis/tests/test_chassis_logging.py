"""Logs: one JSON object a line that names its service and what it works on, and tells nothing of a payload."""

import json
import subprocess
import sys

import pytest
from lemai_toy import STORAGE, tally_refs
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from toy_kit import TRACE_ID, TRACEPARENT, message, trade

from lemai_chassis import trace
from lemai_chassis.delivery.engine import Engine, On
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.trace import CURRENT, Cause
from lemai_contracts.marketplace import TradeChangedV1

PROCESS = f"""
import logging as standard
import structlog
from lemai_chassis import logging
from lemai_chassis.trace import CURRENT, Cause

logging.configure("toy")
for cause in (Cause(""), Cause("event 1", "{TRACEPARENT}")):
    CURRENT.set(cause)
    structlog.get_logger().info("乐麦 began", files=3)
    standard.getLogger("aiokafka").warning("broker %s is away", 1)
    standard.getLogger("aiokafka").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("ours")
    standard.getLogger("theirs").exception("theirs")
"""


def test_a_line_names_its_service_and_what_it_works_on() -> None:
    process = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, check=True)
    ours = [json.loads(line) for line in process.stdout.splitlines()]
    theirs = [json.loads(line) for line in process.stderr.splitlines()]

    assert {line.pop("service") for line in (*ours, *theirs)} == {"toy"}
    assert all(line.pop("timestamp").endswith("Z") for line in (*ours, *theirs))
    began = {"event": "乐麦 began", "files": 3, "level": "info"}
    away = {"event": "broker 1 is away", "level": "warning", "logger": "aiokafka"}
    cause = {"trace_id": TRACE_ID, "causationid": "event 1"}
    assert ours[:2] == [began, began | cause]
    assert theirs[:2] == [away, away | cause]
    for line in (ours[2], theirs[2]):
        assert line["exception"].endswith("ZeroDivisionError: division by zero")


def an_engine(database: AsyncEngine, handler: object) -> Engine:
    return Engine(database, "toy", STORAGE, [On(TradeChangedV1, handler, tally_refs)])  # type: ignore[arg-type]


async def test_a_handler_works_on_its_event(database: AsyncEngine) -> None:
    seen = []

    def handler(_event: TradeChangedV1, _uow: UnitOfWork) -> None:
        seen.append(CURRENT.get())

    came = message(trade("F1"))
    await an_engine(database, handler).run([came])

    assert seen == [Cause(str(came.attributes().id), TRACEPARENT)]
    assert CURRENT.get() == Cause("")


async def test_a_handler_that_fails_is_logged_with_trace_event_and_key_but_without_its_payload(
    database: AsyncEngine,
) -> None:
    def handler(_event: TradeChangedV1, _uow: UnitOfWork) -> None:
        raise RuntimeError("a bug")

    came = message(trade("F1", told="secret remark"))
    with capture_logs() as lines:
        await an_engine(database, handler).run([came])

    about = {"type": came.attributes().type, "key": "F1"}
    why = {"trace_id": TRACE_ID, "causationid": str(came.attributes().id)}
    parked = {"key": "F1", "reason": "RuntimeError", "awaits": None}
    assert lines == [
        {"event": "handler failed", "log_level": "error", "exc_info": True} | about | why,
        {"event": "parked", "log_level": "info"} | parked | why,
    ]


def test_a_step_keeps_its_trace_id_and_has_an_id_of_its_own() -> None:
    child = trace.child(TRACEPARENT, "")

    assert trace.names(Cause("c", child)) == {"trace_id": TRACE_ID, "causationid": "c"}
    assert child != TRACEPARENT
    assert child.startswith(f"00-{TRACE_ID}-")
    assert child.endswith("-01")


@pytest.mark.parametrize(
    "broken", ["", "garbage", f"00-{'0' * 32}-00f067aa0ba902b7-01", TRACEPARENT.upper(), TRACEPARENT + "0", "x" * 55]
)
def test_a_step_without_a_trace_starts_one(broken: str) -> None:
    first, second = trace.child(broken, ""), trace.child(broken, "")

    assert len(first) == len(TRACEPARENT)
    assert trace.child(first, "")[:36] == first[:36]
    assert first.split("-")[1] != second.split("-")[1]
