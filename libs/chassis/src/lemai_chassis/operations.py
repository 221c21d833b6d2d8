"""What the platform team and an operator without the console need of every service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from pydantic import BaseModel

from lemai_chassis import database
from lemai_chassis.access import Person, Role, needs, without_token
from lemai_chassis.delivery import parking
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.listing import Page, Paged, Paging, Search
from lemai_chassis.stuck import everything
from lemai_chassis.web import not_found

HEARTBEAT_MAX_S = 60
PARKED_KEYS = Gauge("lemai_parked_keys", "Keys that are parked now")
STUCK = Gauge("lemai_stuck", "What waits for a person or a thing", ["kind"])
CALL_AGE_SECONDS = Gauge("lemai_outbound_call_age_seconds", "Age of the oldest call that has not ended", ["kind"])
READY_WITHIN_S = 0.8
Probe = Callable[[], Awaitable[str]]
"""Why a part of the process does not work; empty when it does. It takes no longer than `READY_WITHIN_S`."""
Key = Annotated[str, Query(description="被停放的键 / the parked key", examples=["tmall/2600000000001000003"])]
Seq = Annotated[int, Query(ge=1, lt=2**63, description="该键第一条消息的编号 / of the key's first message")]
Reason = Annotated[str, Query(min_length=1, max_length=500, description="原因，留档 / why; kept")]


class Health(BaseModel):
    alive: bool
    reasons: list[str] = []
    failing: list[str] = []
    """What keeps failing although the process is ready: pulls, schedules, channels."""


UNHEALTHY: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "不可用及原因 / not so, and why"}}


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
    queries = everything(engine.source, stuck)
    stuck_by_kind = f"SELECT kind, count(*) AS many FROM ({queries}) stuck GROUP BY kind"  # noqa: S608 - ours
    routes = APIRouter(tags=["operations"], dependencies=[without_token("the cluster asks; nothing of an owner in it")])

    @routes.get("/healthz", responses=UNHEALTHY)
    async def get_health(response: Response) -> Health:
        """Alive: the consuming loop went round not long ago."""
        silent_s = time.monotonic() - heartbeat()
        if silent_s > HEARTBEAT_MAX_S:
            response.status_code = 503
            return Health(alive=False, reasons=[f"no heartbeat for {silent_s:.0f} s"])
        return Health(alive=True)

    @routes.get("/readyz", responses=UNHEALTHY)
    async def get_readiness(response: Response) -> Health:
        """Ready: database, broker and loops work; otherwise the reasons."""
        asking = database.trouble(engine.database, READY_WITHIN_S), *(probe() for probe in probes)
        trouble, *others = await asyncio.gather(*asking)
        reasons = [reason for reason in (trouble, *others) if reason]
        failing = [] if trouble else await _failing(engine)
        response.status_code = 503 if reasons else 200
        return Health(alive=True, reasons=reasons, failing=failing)

    @routes.get("/metrics", response_class=Response)
    async def get_metrics() -> Response:
        """For Prometheus; what is asked of the database is left out while that is away."""
        CALL_AGE_SECONDS.clear()
        STUCK.clear()
        with suppress(*database.ERRORS):
            async with engine.database.connect() as connection:
                parked = await connection.exec_driver_sql("SELECT count(*) FROM parked_key")
                PARKED_KEYS.set(parked.scalar_one())
                for row in await connection.exec_driver_sql(_CALL_AGES):
                    CALL_AGE_SECONDS.labels(row.kind).set(row.age_s)
                for row in await connection.exec_driver_sql(stuck_by_kind):
                    STUCK.labels(row.kind).set(row.many)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes


def _parking_router(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/v1/parked", tags=["parked"], dependencies=[needs(Role.OPERATE)])

    async def parked(key: str) -> Page[ParkedKey]:
        return await _PARKED_KEYS.page(engine.database, ParkedKey.model_validate, Paging(), key=key)

    @routes.get("")
    async def search_parked_keys(paging: Paged) -> Page[ParkedKey]:
        """Parked keys in key order."""
        return await _PARKED_KEYS.page(engine.database, ParkedKey.model_validate, paging)

    @routes.get("/messages")
    async def search_parked_messages(key: Key, paging: Paged) -> Page[ParkedMessage]:
        """The messages of one parked key, first first."""
        page = await _PARKED_MESSAGES.page(engine.database, ParkedMessage.model_validate, paging, key=key)
        if not page.items:
            raise not_found("parked key", key)
        return page

    @routes.post("/redrive")
    async def redrive_parked_key(key: Key) -> Page[ParkedKey]:
        """Try a key again now, as far as its messages can be handled; what is still parked afterwards."""
        if not (await parked(key)).items:
            raise not_found("parked key", key)
        while await engine.redrive(key):
            pass
        return await parked(key)

    @routes.post("/discard")
    async def discard_parked_message(
        key: Key, seq: Seq, reason: Reason, person: Annotated[Person, needs(Role.OPERATE)]
    ) -> Page[ParkedKey]:
        """Drop the first message of a key for good; what is still parked afterwards. Who and why are kept."""
        if not await engine.transact(partial(_discard, key, seq, f"{person.name}: {reason}")):
            raise not_found("first parked message", f"{key} {seq}")
        return await parked(key)

    return routes


async def _failing(engine: Engine) -> list[str]:
    async with engine.database.connect() as connection:
        return list((await connection.exec_driver_sql(_FAILING)).scalars())


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
_PARKED_KEYS = Search(
    """
SELECT k.key, k.reason, k.awaits, k.due_at, k.attempts, k.parked_at,
       (SELECT count(*) FROM parked_message m WHERE m.key = k.key) AS messages
FROM parked_key k""",
    {"key": str},
)
_PARKED_MESSAGES = Search(
    """
SELECT key, seq, topic, partition, "offset", parked_at,
       coalesce((SELECT h->>1 FROM jsonb_array_elements(headers) h WHERE h->>0 = 'ce_type'), '') AS type,
       coalesce((SELECT h->>1 FROM jsonb_array_elements(headers) h WHERE h->>0 = 'ce_id'), '') AS id
FROM parked_message""",
    {"seq": int},
)
_KEEP_DISCARDED = """
INSERT INTO discarded_message (seq, key, topic, partition, "offset", headers, value, reason)
SELECT seq, key, topic, partition, "offset", headers, value, $3 FROM parked_message
WHERE seq = $2 AND seq = (SELECT min(seq) FROM parked_message WHERE key = $1)
"""
