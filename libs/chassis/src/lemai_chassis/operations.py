"""What the platform team and an operator without the console need of every service."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from pydantic import BaseModel

from lemai_chassis.access import Person, Role, needs, without_token
from lemai_chassis.database import ERRORS
from lemai_chassis.delivery import parking
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.stuck import everything
from lemai_chassis.web import PAGE_MAX, Page, not_found

HEARTBEAT_MAX_S = 60
PARKED_KEYS = Gauge("lemai_parked_keys", "Keys that are parked now")
STUCK = Gauge("lemai_stuck", "What waits for a person or a thing", ["kind"])
CALL_AGE_SECONDS = Gauge("lemai_outbound_call_age_seconds", "Age of the oldest call that has not ended", ["kind"])
Probe = Callable[[], str]
"""Why a part of the process does not work; empty when it does."""


class Health(BaseModel):
    alive: bool
    reasons: list[str] = []
    failing: list[str] = []
    """What keeps failing although the process is ready: pulls, schedules, channels."""


class ParkedKey(BaseModel):
    """A parked key: why, since when, and what would free it."""

    key: str
    reason: str
    awaits: str | None
    due_at: datetime | None
    attempts: int
    parked_at: datetime
    messages: int


class ParkedMessage(BaseModel):
    """One message of a parked key. The body is shown only where it carries no consignee."""

    seq: int
    topic: str
    partition: int
    offset: int
    type: str
    id: str
    parked_at: datetime


def router(
    engine: Engine, heartbeat: Callable[[], float], probes: Sequence[Probe], stuck: Sequence[str] = ()
) -> APIRouter:
    """Health, metrics and parking of one service; `stuck` are its queries for what waits."""
    routes = APIRouter()
    routes.include_router(_probes(engine, heartbeat, probes, stuck))
    routes.include_router(_parking_router(engine))
    return routes


def _probes(engine: Engine, heartbeat: Callable[[], float], probes: Sequence[Probe], stuck: Sequence[str]) -> APIRouter:
    stuck_by_kind = f"SELECT kind, count(*) AS many FROM ({everything(stuck)}) stuck GROUP BY kind"  # noqa: S608 - ours
    routes = APIRouter(tags=["operations"], dependencies=[without_token("the cluster asks; nothing of an owner in it")])

    @routes.get("/healthz")
    async def alive(response: Response) -> Health:
        """Alive: the consuming loop went round not long ago."""
        silent_s = time.monotonic() - heartbeat()
        if silent_s > HEARTBEAT_MAX_S:
            response.status_code = 503
            return Health(alive=False, reasons=[f"no heartbeat for {silent_s:.0f} s"])
        return Health(alive=True)

    @routes.get("/readyz")
    async def ready(response: Response) -> Health:
        """Ready: database, broker and loops work; otherwise the reasons."""
        reasons = [reason for probe in probes if (reason := probe())]
        failing: list[str] = []
        try:
            async with engine.database.connect() as connection:
                failing += (await connection.exec_driver_sql(_FAILING)).scalars()
        except ERRORS as error:
            reasons.append(f"database: {type(error).__name__}")
        response.status_code = 503 if reasons else 200
        return Health(alive=True, reasons=reasons, failing=failing)

    @routes.get("/metrics", response_class=Response)
    async def figures() -> Response:
        """For Prometheus; what is asked of the database is left out while that is away."""
        CALL_AGE_SECONDS.clear()
        STUCK.clear()
        with suppress(*ERRORS):
            async with engine.database.connect() as connection:
                parked = await connection.exec_driver_sql("SELECT count(*) FROM parked_key")
                PARKED_KEYS.set(parked.scalar_one())
                for row in await connection.exec_driver_sql(_CALL_AGES):
                    CALL_AGE_SECONDS.labels(row.kind).set(row.age_s)
                for row in await connection.exec_driver_sql(stuck_by_kind, (engine.source,)):
                    STUCK.labels(row.kind).set(row.many)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes


def _parking_router(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/v1/parked", tags=["parked"], dependencies=[needs(Role.OPERATE)])

    async def read(sql: str, *parameters: object) -> Sequence[object]:
        async with engine.database.connect() as connection:
            return (await connection.exec_driver_sql(sql, parameters)).mappings().all()

    @routes.get("")
    async def parked_keys(
        after: str = "", limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_MAX
    ) -> Page[ParkedKey]:
        """Parked keys in key order; `after` is the `next` of the page before."""
        rows = await read(_PARKED_KEYS, after, limit)
        items = [ParkedKey.model_validate(row) for row in rows]
        return Page(items=items, next=items[-1].key if len(items) == limit else None)

    @routes.get("/messages")
    async def parked_messages(key: str) -> Page[ParkedMessage]:
        """The messages of one parked key, first first."""
        rows = await read(_PARKED_MESSAGES, key)
        if not rows:
            raise not_found("parked key", key)
        return Page(items=[ParkedMessage.model_validate(row) for row in rows])

    @routes.post("/redrive")
    async def redrive(key: str) -> Page[ParkedKey]:
        """Try a key again now, as far as its messages can be handled; what is still parked afterwards."""
        if not await read(_PARKED_MESSAGES, key):
            raise not_found("parked key", key)
        while await engine.redrive(key):
            pass
        return Page(items=[ParkedKey.model_validate(row) for row in await read(_PARKED_KEY, key)])

    @routes.post("/discard")
    async def discard(
        key: str, seq: int, reason: str, person: Annotated[Person, needs(Role.OPERATE)]
    ) -> Page[ParkedKey]:
        """Drop the first message of a key for good; what is still parked afterwards. Who and why are kept."""
        if not await engine.transact(partial(_discard, key, seq, f"{person.name}: {reason}")):
            raise not_found("first parked message", f"{key} {seq}")
        return Page(items=[ParkedKey.model_validate(row) for row in await read(_PARKED_KEY, key)])

    return routes


async def _discard(key: str, seq: int, reason: str, transaction: Transaction) -> bool:
    """Drop the first message of a key if it is `seq`, keeping it with the reason for the record."""
    await parking.locked(transaction.connection, [key])
    kept = await transaction.connection.exec_driver_sql(_KEEP_DISCARDED, (key, seq, reason))
    if kept.rowcount:
        await parking.release_first(transaction.connection, key)
    return bool(kept.rowcount)


_FAILING = "SELECT code || ' ' || about || ': ' || reason FROM trouble ORDER BY since LIMIT 50"
_CALL_AGES = """
SELECT kind, extract(epoch FROM now() - min(created_at)) AS age_s FROM outbound_call
WHERE state IN ('pending', 'sending', 'unknown', 'waiting') GROUP BY kind
"""
_PARKED_KEY_COLUMNS = """
SELECT k.key, k.reason, k.awaits, k.due_at, k.attempts, k.parked_at,
       (SELECT count(*) FROM parked_message m WHERE m.key = k.key) AS messages
FROM parked_key k"""
_PARKED_KEYS = f"{_PARKED_KEY_COLUMNS} WHERE k.key > $1 ORDER BY k.key LIMIT $2"
_PARKED_KEY = f"{_PARKED_KEY_COLUMNS} WHERE k.key = $1"
_PARKED_MESSAGES = """
SELECT seq, topic, partition, "offset", parked_at,
       coalesce((SELECT h->>1 FROM jsonb_array_elements(headers) h WHERE h->>0 = 'ce_type'), '') AS type,
       coalesce((SELECT h->>1 FROM jsonb_array_elements(headers) h WHERE h->>0 = 'ce_id'), '') AS id
FROM parked_message WHERE key = $1 ORDER BY seq LIMIT 1000
"""
_KEEP_DISCARDED = """
INSERT INTO discarded_message (seq, key, topic, partition, "offset", headers, value, reason)
SELECT seq, key, topic, partition, "offset", headers, value, $3 FROM parked_message
WHERE seq = $2 AND seq = (SELECT min(seq) FROM parked_message WHERE key = $1)
"""
