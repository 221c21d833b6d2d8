"""What the tests of the chassis share: messages as they come from Kafka, and looks into the database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from lemai_toy import METADATA
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_chassis.database import add_event_partitions, connect
from lemai_chassis.delivery.message import Message
from lemai_chassis.state.unit_of_work import Park
from lemai_contracts import Attributes, Event, to_headers
from lemai_contracts.catalog import ListingChangedV1
from lemai_contracts.examples import example
from lemai_contracts.marketplace import TradeChangedV1

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
_offsets: Iterator[int] = count()


class ParkUntil(Park):
    """Parks until a time, as a handler may that knows one."""

    def __init__(self, reason: str, time: datetime) -> None:
        super().__init__(reason)
        self._time = time

    def due_at(self, _now: datetime) -> datetime | None:
        return self._time


def trade(family: str, version: str = "1", told: str = "") -> TradeChangedV1:
    """A trade of this family; `told` is its seller's message, which the toy obeys."""
    changes = {"family": family, "trade_no": family, "version": version, "seller_message": told}
    return example(TradeChangedV1).model_copy(update=changes)


def listing(platform_sku_id: str) -> ListingChangedV1:
    return example(ListingChangedV1).model_copy(update={"platform_sku_id": platform_sku_id})


def attributes(event: Event, event_id: UUID | None = None) -> Attributes:
    return Attributes(
        id=event_id or uuid4(),
        source="test",
        type=event.type,
        time=datetime(2026, 11, 22, 1, 31, 2, tzinfo=UTC),
        subject=event.subject,
        partitionkey=event.partitionkey,
        aggregateversion=1,
        traceparent=TRACEPARENT,
    )


def message(event: Event, event_id: UUID | None = None, **changes: Any) -> Message:
    """The event as a record at an offset of its own on partition 0, with changes."""
    headers = to_headers(attributes(event, event_id))
    body = event.model_dump_json().encode()
    record = Message(event.topic.name, 0, next(_offsets), event.partitionkey, headers, body)
    return replace(record, **changes)


async def create_tables(url: str) -> None:
    """The toy's tables in an empty database."""
    engine = connect(url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await add_event_partitions(connection, datetime.now(UTC))
    await engine.dispose()


async def fetch(database: AsyncEngine, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query, in a transaction of its own."""
    async with database.begin() as connection:
        result = await connection.exec_driver_sql(sql, parameters)
        return [tuple(row) for row in result] if result.returns_rows else []


async def count_of(database: AsyncEngine, table: str) -> int:
    [(rows,)] = await fetch(database, f"SELECT count(*) FROM {table}")
    return int(rows)


async def notes(database: AsyncEngine) -> dict[str, list[str]]:
    """What the toy noted, by family."""
    return dict(await fetch(database, "SELECT name, array(SELECT jsonb_array_elements_text(notes)) FROM tally"))


async def parked(database: AsyncEngine) -> dict[str, list[str]]:
    """The versions of the trades that queue behind each parked key, in their order."""
    rows = await fetch(
        database,
        "SELECT key, array_agg(convert_from(value, 'UTF8')::jsonb->>'version' ORDER BY seq) FROM parked_message "
        "GROUP BY key",
    )
    return dict(rows)


async def eventually(condition: Callable[[], Awaitable[bool] | bool], timeout_s: float = 30) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not (holds if isinstance(holds := condition(), bool) else await holds):
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        await asyncio.sleep(0.02)


async def is_waiting_for_a_lock(database: AsyncEngine) -> bool:
    """Whether a session of this database waits for somebody's lock."""
    [(waiting,)] = await fetch(
        database,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return int(waiting) > 0
