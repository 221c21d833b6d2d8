"""Whatever waits for a person or a thing is listed: why, since when, and what settles it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from lemai_toy import ROUTES, STORAGE
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import fetch, message, trade

from lemai_chassis import stuck
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.strict import application
from lemai_chassis.testing import access, token

OWN = "SELECT 'tally', name, owner_code, 'counted', seen_at, 'count on' FROM tally WHERE seen_at IS NOT NULL"


@pytest.fixture
def engine(database: AsyncEngine) -> Engine:
    return Engine(database, "toy", STORAGE, ROUTES)


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application("toy", [stuck.router(engine, [OWN])], access()))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy", headers=token()) as client:
        yield client


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """Every item, read page by page."""
    items: list[dict[str, Any]] = []
    while True:
        page = (await client.get("/v1/stuck", params=query)).json()
        items += page["items"]
        if page["next"] is None:
            return items
        query["cursor"] = page["next"]


async def test_what_waits_for_a_person_or_a_thing_is_listed_with_its_command(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await engine.run([message(trade("F1", told="fail")), message(trade("F2", told="await L1"))])

    told = {item["about"]: (item["kind"], item["reason"], item["settle"]) for item in await listed(client)}

    assert told == {
        "F1": ("parked", "RuntimeError: told to fail", "lemai parked redrive toy F1"),
        "F2": ("parked", "no such listing yet; 等待 awaits L1", "lemai parked redrive toy F2"),
    }


async def test_what_waits_for_a_time_only_is_not(client: httpx.AsyncClient, database: AsyncEngine) -> None:
    await fetch(database, "INSERT INTO parked_key (key, reason, due_at) VALUES ('F1', 'later', now())")

    assert await listed(client) == []


async def test_calls_and_schedules_that_fail_are_listed_with_what_the_other_side_said(
    client: httpx.AsyncClient, database: AsyncEngine
) -> None:
    await fetch(
        database,
        "INSERT INTO outbound_call (kind, key, payload, state, attempts, traceparent, causationid, answer, created_at) "
        """VALUES ('echo', 'old', '{}', 'unknown', 9, '', '', '{"error": "no route"}', now() - interval '1 hour'), """
        """('echo', 'new', '{}', 'unknown', 1, '', '', '{}', now()), ('echo', 'done', '{}', 'done', 1, '', '', '{}', """
        "now() - interval '1 hour')",
    )
    await fetch(
        database,
        "INSERT INTO trouble (code, about, reason, since, failed_at) "
        "VALUES ('pull_failed', 'pull', 'no network', now(), now())",
    )

    told = {item["about"]: (item["kind"], item["reason"]) for item in await listed(client)}

    assert told == {
        "echo old": ("call_unknown", "9 次未成功 attempts: no route"),
        "pull": ("pull_failed", "no network"),
    }


async def test_a_service_adds_its_own_and_pages_lead_through_all(
    client: httpx.AsyncClient, database: AsyncEngine
) -> None:
    await fetch(
        database,
        "INSERT INTO tally (owner_code, name, version, count, notes, seen_at) "
        "SELECT 'TOY', 'T' || n, 1, 1, '[]', now() - n * interval '1 minute' FROM generate_series(1, 7) n",
    )

    items = await listed(client, limit=3)

    assert [item["about"] for item in items] == [f"T{number}" for number in range(7, 0, -1)]
    assert {key: items[0][key] for key in ("kind", "owner_code", "reason", "settle")} == {
        "kind": "tally",
        "owner_code": "TOY",
        "reason": "counted",
        "settle": "count on",
    }
