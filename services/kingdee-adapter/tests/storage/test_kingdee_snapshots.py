"""A stock snapshot of any size is added up in the database, by owner, item and grade, and told in chunks."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kingdee_world import DRESS, World, sample
from sqlalchemy.ext.asyncio import AsyncEngine

from kingdee_adapter import storage
from kingdee_adapter.mapper.actuals import Balance, Balances, balance

CHUNK_LINES = 3
Rows = Sequence[Balance]


@pytest.fixture
def database(world: World) -> AsyncEngine:
    return world.service.engine.database


async def added_up(database: AsyncEngine, *pages: Rows, owner_code: str = "JFY") -> list[Balances]:
    async with database.begin() as connection:
        await storage.prepare_balances(connection)
        for page in pages:
            await storage.add_balances(connection, _one_by_one(page))
        return [found async for found in storage.balances(connection, owner_code, CHUNK_LINES)]


async def _one_by_one(rows: Rows) -> AsyncIterator[Balance]:
    for row in rows:
        yield row


async def test_the_sample_snapshot_has_three_balances(database: AsyncEngine) -> None:
    (page,) = sample("IBAL-20261122020500.Ibupl").documents
    rows = [balance(row) for row in page.records["B"]]

    (found,) = await added_up(database, rows)

    assert (found.owner_code, found.chunk, found.chunks) == ("JFY", 1, 1)
    assert list(found.lines) == [rows[2], rows[0], rows[1]]


async def test_lots_of_an_item_add_up_over_all_pages(database: AsyncEngine) -> None:
    (found,) = await added_up(
        database, [Balance("JFY", DRESS, "good", 10, 1, 11)], [Balance("JFY", DRESS, "good", -4, 2, -2)]
    )

    assert list(found.lines) == [Balance("JFY", DRESS, "good", 6, 3, 9)]


async def test_each_owner_has_chunks_of_its_own(database: AsyncEngine) -> None:
    rows = [Balance("NB", f"NB-{number}", "good", 1, 0, 1) for number in range(CHUNK_LINES + 1)]

    found = await added_up(database, [Balance("JFY", DRESS, "good", 1, 0, 1), *rows])

    told = [(one.owner_code, one.chunk, one.chunks, len(one.lines)) for one in found]
    assert told == [("JFY", 1, 1, 1), ("NB", 1, 2, CHUNK_LINES), ("NB", 2, 2, 1)]


async def test_an_empty_snapshot_says_that_its_owner_has_nothing(database: AsyncEngine) -> None:
    assert await added_up(database, []) == [Balances("JFY", 1, 1, [])]


async def test_an_owner_whose_goods_are_all_on_their_way_has_nothing_on_the_shelf(database: AsyncEngine) -> None:
    assert await added_up(database, [Balance("NB", DRESS, "", 7, 0, 7)]) == [Balances("NB", 1, 1, [])]


async def test_one_snapshot_after_another_starts_from_nothing(database: AsyncEngine) -> None:
    async with database.begin() as connection:
        for free in (1, 2):
            await storage.prepare_balances(connection)
            await storage.add_balances(connection, _one_by_one([Balance("JFY", DRESS, "good", free, 0, free)]))
        (found,) = [found async for found in storage.balances(connection, "JFY", CHUNK_LINES)]

    assert [line.free for line in found.lines] == [2]


rows = st.lists(
    st.builds(
        Balance,
        st.sampled_from(["JFY", "NB"]),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from(["good", "defective", ""]),
        st.integers(-(10**14), 10**14),
        st.integers(0, 10**14),
        st.integers(-(10**14), 10**14),
    ),
    max_size=30,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, rows)
async def test_no_piece_on_a_shelf_is_lost_and_none_is_made(database: AsyncEngine, first: Rows, second: Rows) -> None:
    expected: Counter[tuple[str, str, str, str]] = Counter()
    for row in [*first, *second]:
        if row.grade:
            for name in ("free", "locked", "total"):
                expected[row.owner_code, row.item_code, row.grade, name] += getattr(row, name)

    found = await added_up(database, first, second)

    told = {
        (line.owner_code, line.item_code, line.grade, name): getattr(line, name)
        for chunk in found
        for line in chunk.lines
        for name in ("free", "locked", "total")
    }
    assert told == expected
    assert [chunk for chunk in found if len(chunk.lines) > CHUNK_LINES] == []
