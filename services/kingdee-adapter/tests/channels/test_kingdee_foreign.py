"""A counterpart whose results have neither business numbers nor line numbers: our instruction says what they mean."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kingdee_world import DRESS, KINGDEE, REFERENCE, SHOES, World, adapter, an_instruction

from lemai_contracts.fulfilment import ActualReportedV1

PROFILE = """
extends: kingdee-default
profile: bare
label: 无行号
acknowledge: none
owner_code: JFY
interfaces:
  ship_result:
    file: 'OUT{stamp}.csv'
    frame: {form: delimited, delimiter: ',', complete: renamed}
    columns:
      O: null
      L: null
      P: null
      Q: null
      O+L: [order_no, shipped_at, warehouse_code, logistics_code, express_no, item_code, actual_qty]
    values:
      O: {owner_code: JFY, order_type: SALE, confirm_type: '1', status: PARTDELIVERED}
  supplier_return_result: null
"""


@pytest.fixture
async def world(postgres: Any, tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/bare.yaml").write_text(PROFILE)
    first, *others = REFERENCE.counterparts
    bare = first.model_copy(update={"profile": "profiles/bare.yaml"})
    reference = REFERENCE.model_copy(update={"counterparts": (bare, *others)})
    async with adapter(postgres, tmp_path, reference) as world:
        yield world


async def shipped(world: World, second: int, *rows: tuple[str, int]) -> None:
    """Have a file read in which so many pieces of each item left."""
    lines = [f"2611220001,2026-11-22 15:{second:02}:00,WH01,SF,SF{second},{item},{count}\n" for item, count in rows]
    async with world.running():
        await world.drop(f"OUT202611221521{second:02}.csv", "".join(lines).encode())


async def facts(world: World) -> list[list[tuple[int, str, int]]]:
    """Line, item and pieces of each fact."""
    told = await world.told(ActualReportedV1, order_no="2611220001")
    return [[(line.line_no, line.item_code, line.quantity) for line in fact.lines] for fact in told]


def lines(*rows: tuple[str, int, str]) -> list[dict[str, Any]]:
    """Lines of an instruction: item, pieces and price."""
    first = an_instruction().lines[0].model_dump()
    return [
        first | {"line_no": number, "item_code": item, "quantity": count, "unit_price": price}
        for number, (item, count, price) in enumerate(rows, 1)
    ]


async def test_pieces_fill_the_lines_of_their_item_in_order_over_all_results(world: World) -> None:
    await world.take(an_instruction(lines=lines((DRESS, 2, "69"), (SHOES, 1, "35"), (DRESS, 3, "69"))))

    await shipped(world, 1, (DRESS, 1))
    await shipped(world, 2, (DRESS, 3), (SHOES, 1))
    await shipped(world, 3, (DRESS, 4))

    assert await facts(world) == [
        [(1, DRESS, 1)],
        [(1, DRESS, 1), (3, DRESS, 2), (2, SHOES, 1)],
        [(3, DRESS, 4)],
    ]
    assert [fact.remark for fact in await world.told(ActualReportedV1)] == ["", "", ""]


async def test_a_guess_between_two_prices_is_said(world: World) -> None:
    await world.take(an_instruction(lines=lines((DRESS, 2, "69"), (DRESS, 2, "59"))))

    await shipped(world, 1, (DRESS, 3))

    (fact,) = await world.told(ActualReportedV1)
    assert [(line.line_no, line.quantity) for line in fact.lines] == [(1, 2), (2, 1)]
    assert "行号缺失，已按商品编码对应" in fact.remark


async def test_an_item_nobody_ordered_is_a_fact_on_a_line_of_its_own(world: World) -> None:
    await world.take(an_instruction())

    await shipped(world, 1, ("NOT-ORDERED", 1))

    assert await facts(world) == [[(3, "NOT-ORDERED", 1)]]


async def test_a_result_of_an_order_nobody_instructed_is_a_fact(world: World) -> None:
    await shipped(world, 1, (DRESS, 1), (SHOES, 2))

    assert await facts(world) == [[(1, DRESS, 1), (2, SHOES, 2)]]


async def test_a_result_without_a_number_counts_once_and_another_moment_is_another_result(world: World) -> None:
    await world.take(an_instruction(lines=lines((DRESS, 9, "69"))))
    await shipped(world, 1, (DRESS, 1))
    await shipped(world, 2, (DRESS, 1))
    async with world.running():
        await world.drop("OUT20261122160000.csv", b"2611220001,2026-11-22 15:01:00,WH01,SF,SF1,%s,1\n" % DRESS.encode())

    numbers = [fact.actual_no for fact in await world.told(ActualReportedV1, counterpart_code=KINGDEE)]
    assert len(numbers) == len(set(numbers)) == 2
