"""What waits for a person or a thing: why, since when, and what settles it. Each service lists its own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from lemai_chassis.access import Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import PAGE_MAX, Page, decode_cursor, encode_cursor


class Stuck(BaseModel):
    """One thing that does not go on by itself."""

    kind: str = Field(examples=["parked", "order_refused"])
    about: str = Field(examples=["tmall/2600000000001000003"])
    owner_code: str = Field(description="货主未知时为空 / empty where no owner is known")
    reason: str
    since: datetime
    settle: str = Field(
        description="解决它的命令 / the command that settles it",
        examples=["lemai parked redrive order-svc tmall/2600000000001000003"],
    )


BEGINNING = datetime.fromtimestamp(0, UTC)
PARKED = """
SELECT 'parked' AS kind, key AS about, '' AS owner_code,
       reason || coalesce('; 等待 awaits ' || awaits, '') AS reason, parked_at AS since,
       format('lemai parked redrive %s %s', $1::text, key) AS settle
FROM parked_key WHERE due_at IS NULL OR awaits IS NOT NULL"""
CALLS = """
SELECT 'call_' || state, kind || ' ' || key, '',
       format('%s 次未成功 attempts: %s', attempts, coalesce(answer ->> 'error', answer ->> 'message', '')), created_at,
       CASE state WHEN 'waiting' THEN format('lemai calls retry|give-up %s %s', $1::text, id)
                  ELSE '自动重试，请查对方系统 / tried again by itself, look at the other side' END
FROM outbound_call
WHERE state = 'waiting'
   OR state IN ('pending', 'unknown') AND attempts > 0 AND created_at < now() - interval '10 minutes'"""
TROUBLES = """
SELECT code, about, '', reason, since, '自动重试，请查日志 / tried again by itself, look at the log' FROM trouble"""


def everything(queries: Sequence[str]) -> str:
    """One query of all that is stuck; $1 is the service. `queries` select what only it knows."""
    return " UNION ALL ".join((PARKED, CALLS, TROUBLES, *queries))


def router(engine: Engine, queries: Sequence[str]) -> APIRouter:
    """`queries` select what a service knows to be stuck, in the columns of Stuck."""
    routes = APIRouter(prefix="/v1", tags=["operations"], dependencies=[needs(Role.VIEW)])
    page = (
        f"SELECT * FROM ({everything(queries)}) stuck WHERE (since, kind, about) > ($2, $3, $4) "  # noqa: S608 - our own queries
        "ORDER BY since, kind, about LIMIT $5"
    )

    @routes.get("/stuck")
    async def stuck(
        cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_MAX
    ) -> Page[Stuck]:
        """What waits for a person or a thing, longest waiting first."""
        after = decode_cursor(cursor, datetime, str, str) if cursor else (BEGINNING, "", "")
        async with engine.database.connect() as connection:
            rows = (await connection.exec_driver_sql(page, (engine.source, *after, limit))).mappings().all()
        items = [Stuck.model_validate(row) for row in rows]
        last = items[-1] if len(items) == limit else None
        return Page(items=items, next=encode_cursor(last.since, last.kind, last.about) if last else None)

    return routes
