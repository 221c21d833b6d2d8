"""The adapter's tables and queries on a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_chassis.database import check, connect, migrate
from lemai_chassis.state.unit_of_work import Versioned
from lemai_chassis.stuck import everything
from marketplace_adapter import storage
from marketplace_adapter.domain import Cursor, MalformedTrade, SeenTrade
from marketplace_adapter.storage import STORAGE

MIGRATIONS = Path(__file__).parents[2] / "src" / "marketplace_adapter" / "migrations"
NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    await migrate(database_url, MIGRATIONS)
    database = connect(database_url)
    async with database.begin() as connection:
        yield connection
    await database.dispose()


async def keep(connection: AsyncConnection, *kept: Cursor | SeenTrade | MalformedTrade) -> None:
    for one in kept:
        await STORAGE.aggregates[type(one)].save(connection, [(0, Versioned(one, 1))])


async def request(connection: AsyncConnection, kind: str, key: str, state: str = "pending") -> int:
    rows = await connection.execute(
        text(
            "INSERT INTO outbound_call (kind, key, payload, state, traceparent, causationid) "
            "VALUES (:kind, :key, '{\"a\": 1}', :state, '', '') RETURNING id"
        ),
        {"kind": kind, "key": key, "state": state},
    )
    return int(rows.scalar_one())


async def test_the_migrations_make_the_tables(database_url: str) -> None:
    await migrate(database_url, MIGRATIONS)

    await check(database_url, MIGRATIONS)


async def test_what_is_kept_is_found_again(connection: AsyncConnection) -> None:
    seen = SeenTrade("TM-01", "900", 1_768_440_665_000, "digest", 3)
    malformed = MalformedTrade("TM-01", "901", "payment = 'x'", "c2VhbGVk", NOW, NOW + timedelta(hours=1))
    cursor = Cursor("TM-01", NOW)
    await keep(connection, seen, malformed, cursor)

    for kept in (seen, malformed, cursor):
        found = await STORAGE.aggregates[type(kept)].load(connection, [kept.key])
        assert found == {kept.key: Versioned(kept, 1)}


async def test_the_cursor_says_how_far_a_store_was_pulled(connection: AsyncConnection) -> None:
    await keep(connection, Cursor("TM-01", NOW))

    assert await storage.pulled_until(connection, "TM-01") == NOW
    assert await storage.pulled_until(connection, "TM-02") is None


async def test_seen_trades_are_found_by_store_and_number(connection: AsyncConnection) -> None:
    seen = [SeenTrade(store, number, 1, "d", 1) for store in ("TM-01", "TM-02") for number in ("900", "901")]
    await keep(connection, *seen)

    assert await storage.seen_trades(connection, "TM-01", ["900", "902"]) == {"900": seen[0]}
    assert await storage.seen_trades(connection, "TM-01", []) == {}


async def test_every_store_asked_for_has_its_pull(connection: AsyncConnection) -> None:
    await keep(connection, Cursor("TM-01", NOW))
    await connection.execute(
        text("INSERT INTO schedule (name, due_at, last_run_at) VALUES ('pull:TM-01', now(), :now)"), {"now": NOW}
    )
    await connection.execute(
        text("INSERT INTO trouble (code, about, reason, since, failed_at) VALUES (:code, :about, 'oh', :now, :now)"),
        {"code": "pull_failed", "about": "pull:TM-01", "now": NOW},
    )

    assert [dict(row) for row in await storage.pulls(connection, ["TM-02", "TM-01"])] == [
        {"store_code": "TM-01", "until": NOW, "last_run_at": NOW, "failing_since": NOW, "last_error": "oh"},
        {"store_code": "TM-02", "until": None, "last_run_at": None, "failing_since": None, "last_error": None},
    ]


async def test_publications_are_searched_newest_first(connection: AsyncConnection) -> None:
    first = await request(connection, "publish_shipment", "TM-01/900", "done")
    second = await request(connection, "publish_shipment", "TM-01/901")
    third = await request(connection, "publish_stock", "TM-01/7/70", "done")

    async def found(before: int | None = None, **wanted: str) -> list[int]:
        after = [before] if before else []
        return [row["id"] for row in await storage.PUBLICATIONS.rows(connection, 2, after, **wanted)]

    assert await found() == [third, second]
    assert await found(before=third) == [second, first]
    assert await found(kind="publish_shipment") == [second, first]
    assert await found(state="done") == [third, first]
    assert await found(kind="publish_shipment", state="done") == [first]
    assert await found(key="TM-01/901") == [second]
    assert await found(key="TM-01/901", before=second) == []


async def test_malformed_trades_are_shown_until_they_are_resolved(connection: AsyncConnection) -> None:
    older, newer, resolved = (
        MalformedTrade("TM-01", number, "reason", "", NOW + timedelta(hours=hour), at)
        for number, hour, at in (("900", 0, None), ("901", 1, None), ("902", 2, NOW))
    )
    await keep(connection, older, newer, resolved)

    assert [row["trade_no"] for row in await storage.MALFORMED_TRADES.rows(connection, 10)] == ["901", "900"]
    assert [row["trade_no"] for row in await storage.MALFORMED_TRADES.rows(connection, 1)] == ["901"]


async def test_refused_shipments_and_unreadable_trades_are_stuck(connection: AsyncConnection) -> None:
    await keep(connection, MalformedTrade("TM-01", "900", "payment = 'x'", "", NOW))
    again, refused = [await request(connection, "publish_shipment", key, "rejected") for key in ("TM-01/1", "TM-01/2")]
    await request(connection, "publish_shipment", "TM-01/1", "done")
    await connection.exec_driver_sql('UPDATE outbound_call SET ended_at = now(), payload = \'{"actual_no": "S"}\'')

    rows = await connection.exec_driver_sql(everything("marketplace-adapter", storage.STUCK))
    found = {(row.kind, row.about, row.settle) for row in rows}

    assert again < refused
    assert {each[:2] for each in found} == {("shipment_refused", "TM-01/2"), ("trade_malformed", "TM-01/900")}
    assert ("shipment_refused", "TM-01/2", f"lemai publications correct|resend {refused}") in found
