"""kill -9 of anything in the middle of 500 orders: nothing is lost, nothing happens twice."""

import pytest

from lemai_tools.demo import scenario, verdict
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.world import World, until
from lemai_tools.platform.local import Platform
from lemai_tools.platform.members import SERVICES

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

ORDERS = 504
VICTIMS = (*SERVICES, "kafka", "postgres")


async def test_nothing_is_lost_and_nothing_happens_twice(platform: Platform, world: World, shop: Shop) -> None:
    trades: list[str] = []
    before = await _shipped(world)
    for number, victim in enumerate(VICTIMS):
        bulk = {"count": ORDERS // len(VICTIMS), "seed": number, "lines_max": 3}
        trades += (await world.tmall.post("/sim/trades/bulk", bulk))["tids"]
        await _some_progress(world)
        platform.kill(victim)
        await platform.restart(victim)
    await _tell_what_happened_to_unknown_files(world)

    async def ended() -> int:
        return await _shipped(world)

    await until("every trade shipped on the platform", ended, lambda count: count >= before + len(trades), 240)
    every = [await scenario.told(world, tid) for tid in trades]
    assert [problem for told in every for problem in verdict.trade_problems(told)] == []
    assert [problem for told in every for problem in verdict.money_problems(told)] == []
    duplicates = await world.kingdee.get("/sim/duplicates")
    assert {name: found for name, found in duplicates.items() if found} == {}
    assert (await scenario.compare_stock(world, shop, "")).problems == ()


async def _some_progress(world: World) -> None:
    """Wait until a few of the newest trades have left, so that each victim dies in the middle of the work."""

    async def left() -> int:
        return await _shipped(world)

    before = await left()
    await until("progress", left, lambda count: count > before)


async def _shipped(world: World) -> int:
    counts: dict[str, int] = await world.tmall.get("/sim/trades/counts")
    return sum(counts.get(status, 0) for status in scenario.SHIPPED)


async def _tell_what_happened_to_unknown_files(world: World) -> None:
    """A file cut off between its transaction and its rename is unknown: a person looks at the partner and tells."""
    files = await world.documents.pages("/v1/files", direction="out")
    taken = {file["name"] for file in (await world.kingdee.get("/sim/files", direction="in"))["files"]}
    for file in files:
        if file["state"] == "unknown":
            decision = "done" if file["name"] in taken else "rewrite"
            path = f"/v1/counterparts/{file['counterpart']}/files/{file['name']}/resolve?decision={decision}"
            await world.documents.post(path, {"reason": "对接方的文件夹中已查明"})
