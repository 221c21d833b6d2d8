"""Calls that are not done, for an operator: what the other side said, and how to go on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import uuid4

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.calls import Answer, Call, CallKind, Ended, Outcome
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.listing import Page, Paged, Search
from lemai_chassis.trace import Cause
from lemai_chassis.web import not_found

GIVEN_UP = "given_up"
ByOperator = Annotated[Person, needs(Role.OPERATE)]
CallId = Annotated[int, Path(ge=1, lt=2**63, description="调用编号 / id of the call")]


class CallView(BaseModel):
    """A call to a system outside that is not done. What it carries is not shown: a consignee may be in it."""

    id: int
    kind: str
    key: str = Field(description="同一 key 一次只有一个调用 / one call of a key is in flight at a time")
    state: Literal["pending", "sending", "unknown", "waiting"] = Field(
        description="waiting 等待人处理 / waits for a person, later calls of its key behind it"
    )
    attempts: int
    answer: dict[str, Any] | None = Field(description="对方的最近答复 / what the other side answered last")
    created_at: datetime
    due_at: datetime


class Retried(BaseModel):
    """How many calls are tried again now."""

    calls: int


class GiveUp(BaseModel):
    """Why a call is not made any more."""

    reason: str = Field(min_length=1, max_length=500)


def router(engine: Engine, kinds: Sequence[CallKind]) -> APIRouter:
    """`kinds` know what the end of a call means."""
    routes = APIRouter(prefix="/v1/calls", tags=["operations"], dependencies=[needs(Role.OPERATE)])
    known = {kind.name: kind for kind in kinds}

    @routes.get("")
    async def search_calls(
        paging: Paged,
        state: Annotated[
            Literal["pending", "sending", "unknown", "waiting"] | None, Query(description="状态 / state")
        ] = None,
    ) -> Page[CallView]:
        """Calls that are not done, oldest first."""
        return await _OPEN.page(engine.database, CallView.model_validate, paging, state=state)

    @routes.post("/retry")
    async def retry_calls(
        kind: Annotated[str | None, Query(description="只重试这一种 / of this kind only")] = None,
        key: Annotated[str, Query(description="只重试 key 以此开头的，如店铺 / keys that begin so, a store")] = "",
    ) -> Retried:
        """Try every waiting call again now."""
        return Retried(calls=await _retry(engine, None, kind, key))

    @routes.post("/{call_id}/retry")
    async def retry_call(call_id: CallId) -> Retried:
        """Try a call that waits, or pauses, again now."""
        if not await _retry(engine, call_id, None, ""):
            raise not_found("waiting call", str(call_id))
        return Retried(calls=1)

    @routes.post("/{call_id}/give-up")
    async def give_up_call(call_id: CallId, body: GiveUp, person: ByOperator) -> Page[CallView]:
        """Make a waiting call no more: it ends as rejected with this reason; what of its key is still open."""
        rows = await engine.transact(partial(_give_up, known, call_id, person.name, body.reason))
        if rows is None:
            raise not_found("waiting call", str(call_id))
        return Page(items=[CallView.model_validate(row) for row in rows])

    return routes


async def _retry(engine: Engine, call_id: int | None, kind: str | None, key: str) -> int:
    async with engine.database.begin() as connection:
        retried = (await connection.exec_driver_sql(_RETRY, (call_id, kind, key))).rowcount
        await connection.exec_driver_sql("SELECT pg_notify('outbound_call', '')")
    return retried


async def _give_up(
    kinds: Mapping[str, CallKind], call_id: int, actor: str, reason: str, transaction: Transaction
) -> Sequence[Any] | None:
    row = (await transaction.connection.exec_driver_sql(_WAITING, (call_id,))).one_or_none()
    if row is None:
        return None
    kind, cause = kinds[row.kind], Cause(row.causationid, row.traceparent)
    detail = {"code": GIVEN_UP, "message": f"{actor} 已放弃 / gave it up: {reason}", "actor": actor}
    call = Call(row.id, row.kind, row.key, orjson.loads(row.payload), row.attempts, True, uuid4(), cause)
    ended = Ended(call, Answer(Outcome.REJECTED, detail))
    await transaction.load(kind.touches(ended))
    await transaction.run(kind.on_end, ended, cause)
    await transaction.connection.exec_driver_sql(_GIVEN_UP, (call_id, orjson.dumps(detail).decode()))
    await transaction.connection.exec_driver_sql("SELECT pg_notify('outbound_call', '')")
    return (await transaction.connection.exec_driver_sql(_OPEN_OF_KEY, (row.kind, row.key))).mappings().all()


_COLUMNS = "SELECT id, kind, key, state, attempts, answer, created_at, due_at FROM outbound_call"
_OPEN = Search(f"{_COLUMNS} WHERE ended_at IS NULL", {"id": int})
_OPEN_OF_KEY = f"{_COLUMNS} WHERE kind = $1 AND key = $2 AND ended_at IS NULL ORDER BY id LIMIT 100"
_RETRY = """
UPDATE outbound_call SET state = CASE state WHEN 'waiting' THEN 'unknown' ELSE state END, attempts = 0, due_at = now()
WHERE (id = $1 AND state IN ('waiting', 'unknown', 'pending') OR $1::bigint IS NULL AND state = 'waiting')
  AND ($2::text IS NULL OR kind = $2) AND starts_with(key, $3)
"""
_WAITING = """
SELECT id, kind, key, payload::text AS payload, attempts, causationid, traceparent FROM outbound_call
WHERE id = $1 AND state = 'waiting' FOR UPDATE
"""
_GIVEN_UP = "UPDATE outbound_call SET state = 'rejected', answer = $2::jsonb, ended_at = now() WHERE id = $1"
