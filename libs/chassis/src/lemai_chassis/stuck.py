"""What waits for a person or a thing: why, since when, and what settles it. Each service lists its own."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from lemai_chassis.access import Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Page, Paged, Search


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


PARKED = """
SELECT 'parked' AS kind, key AS about, '' AS owner_code,
       reason || coalesce('; 等待 awaits ' || awaits, '') AS reason, parked_at AS since,
       format('lemai parked redrive {service} %s', key) AS settle
FROM parked_key WHERE due_at IS NULL OR awaits IS NOT NULL"""
CALLS = """
SELECT 'call_' || state, kind || ' ' || key, '',
       format('%s 次未成功 attempts: %s', attempts, coalesce(answer ->> 'error', answer ->> 'message', '')), created_at,
       CASE state WHEN 'waiting' THEN format('lemai calls retry|give-up {service} %s', id)
                  ELSE '自动重试，请查对方系统 / tried again by itself, look at the other side' END
FROM outbound_call
WHERE state = 'waiting'
   OR state IN ('pending', 'unknown') AND attempts > 0 AND created_at < now() - interval '10 minutes'"""
TROUBLES = """
SELECT code, about, '', reason, since, '自动重试，请查日志 / tried again by itself, look at the log' FROM trouble"""


def everything(service: str, queries: Sequence[str]) -> str:
    """One query of all that is stuck. `queries` select what only the service knows."""
    return " UNION ALL ".join((PARKED.format(service=service), CALLS.format(service=service), TROUBLES, *queries))


def router(engine: Engine, queries: Sequence[str]) -> APIRouter:
    """`queries` select what a service knows to be stuck, in the columns of Stuck."""
    routes = APIRouter(prefix="/v1", tags=["operations"], dependencies=[needs(Role.VIEW)])
    listing = Search(
        everything(engine.source, queries),
        {"since": datetime, "kind": str, "about": str},
    )

    @routes.get("/stuck")
    async def search_stuck(paging: Paged) -> Page[Stuck]:
        """What waits for a person or a thing, longest waiting first."""
        return await listing.page(engine.database, Stuck.model_validate, paging)

    return routes
