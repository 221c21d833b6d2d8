"""The whole platform under a stream of trades: `path`, `to_file` and `recovery` of design.md §10."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import asyncpg
import httpx
import psutil
from aiokafka import AIOKafkaProducer
from bench.results import Result

from lemai_contracts import Attributes, to_headers
from lemai_contracts.marketplace import TradeChangedV1
from lemai_tools.demo import scenario
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.world import World, until
from lemai_tools.platform.home import Home, default_config
from lemai_tools.platform.local import Platform
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.people import authorization

SHELF = 1_000_000
BACKLOG = 3_000
POISON_BACKLOG = 1_000
STREAM_PER_S = 50
STREAM_S = 30
PORTIONS_PER_S = 10
SETTLE_S = 60
CATCH_UP_S = 120
OLD_S = 5.0
PEERS_PER_S = 6.0
"""The fastest of Odoo 18, Vendure and Tryton on such a machine, for their own order and shipment (design.md §10)."""


@dataclass(frozen=True)
class Running:
    """A platform with a store full of goods."""

    platform: Platform
    world: World


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="lemai-bench-"))
    try:
        home = Home(folder)
        async with (
            Platform(home, default_config()) as platform,
            httpx.AsyncClient(timeout=60, headers=authorization(home)) as http,
        ):
            await platform.start_all()
            world = World.of(http, {name: platform.members[name].url for name in (*SERVICES, *SIMULATORS)})
            shop = Shop(shelf=SHELF)
            await scenario.sync_items(world, shop)
            await scenario.list_items(world, shop)
            await scenario.take_snapshot(world, shop)
            yield Running(platform, world)
    finally:
        shutil.rmtree(folder)


async def path() -> Result:
    """Orders per second from trade pulled to waybill on the platform, on a backlog, between 10 % and 90 % of it."""
    async with running() as running_:
        before = _cpu_s(running_.platform)
        await _place(running_.world, BACKLOG, seed=1)
        times = await _times_of_shipping(running_.world, BACKLOG)
        spent = {name: seconds - before[name] for name, seconds in _cpu_s(running_.platform).items()}
    first, last = times[BACKLOG // 10], times[BACKLOG * 9 // 10]
    rate = BACKLOG * 0.8 / (last - first)
    ours = sum(seconds for name, seconds in spent.items() if name not in SIMULATORS)
    theirs = sum(seconds for name, seconds in spent.items() if name in SIMULATORS)
    note = (
        f"{BACKLOG} trades; CPU-ms per order: ours {ours * 1000 / BACKLOG:.1f}, "
        f"simulators {theirs * 1000 / BACKLOG:.1f} ("
        + ", ".join(f"{name} {seconds * 1000 / BACKLOG:.1f}" for name, seconds in sorted(spent.items()))
        + "); reference: Odoo 18, Vendure, Tryton for their own order and shipment"
    )
    return Result(rate, "orders/s", PEERS_PER_S, rate / PEERS_PER_S, note)


async def poison() -> Result:
    """Orders per second with one unreadable message a second, against the same without, one after the other."""
    async with running() as running_:
        clean = await _rate(running_.world, POISON_BACKLOG, seed=1)
        poisoning = asyncio.create_task(_poison(running_.platform))
        poisoned = await _rate(running_.world, POISON_BACKLOG, seed=2)
        poisoning.cancel()
        parked = len((await running_.world.orders.get("/v1/parked"))["items"])
    note = f"{POISON_BACKLOG} trades each; {parked} keys parked, every trade shipped"
    return Result(poisoned, "orders/s", clean, poisoned / clean, note)


async def to_file() -> Result:
    """Seconds from a trade pulled to its line in a published Deliver file, at 50 orders/s."""
    async with running() as running_:
        placed = await _stream(running_.world, STREAM_S)
        await until("shipped", lambda: _shipped(running_.world), lambda count: count >= placed, SETTLE_S)
        pulled = await _times(running_.platform, "marketplace_adapter", "lemai.marketplace.trade_changed.v1")
        sent = await _times(running_.platform, "kingdee_adapter", "lemai.fulfilment.document_sent.v1")
    latencies = sorted(sent[family] - at for family, at in pulled.items() if family in sent)
    cuts = quantiles(latencies, n=100)
    note = f"{len(latencies)} orders at {STREAM_PER_S}/s; a file waits for 1 s or 500 documents"
    return Result(cuts[98], "s", None, None, note, p50=cuts[49], p95=cuts[94], p99=cuts[98])


async def recovery() -> Result:
    """Seconds from kill -9 to nothing left behind, at 50 orders/s; the slowest service."""
    took: dict[str, float] = {}
    async with running() as running_:
        for victim in (*SERVICES, "kafka", "postgres"):
            took[victim] = await _recovery_of(running_, victim)
    services = max(took[name] for name in SERVICES)
    note = ", ".join(f"{name} {seconds:.1f}" for name, seconds in took.items())
    return Result(services, "s", None, None, f"killed and started again at {STREAM_PER_S} orders/s: {note}")


async def _rate(world: World, count: int, seed: int) -> float:
    before = await _shipped(world)
    started = time.monotonic()
    await _place(world, count, seed)
    await until("shipped", lambda: _shipped(world), lambda shipped: shipped >= before + count, CATCH_UP_S)
    return count / (time.monotonic() - started)


async def _poison(platform: Platform) -> None:
    """One message a second whose body nobody can read, each under a key of its own."""
    async with AIOKafkaProducer(bootstrap_servers=platform.bootstrap_servers) as producer:
        for number in range(CATCH_UP_S):
            key = f"tmall/poison-{number}"
            attributes = Attributes(uuid4(), "bench", TradeChangedV1.type, datetime.now(UTC), key, key, 0, "")
            headers = to_headers(attributes)
            await producer.send_and_wait(TradeChangedV1.topic.name, b"{", key=key.encode(), headers=headers)
            await asyncio.sleep(1)


async def _recovery_of(running_: Running, victim: str) -> float:
    world = running_.world
    base = await _placed(world)
    stream = asyncio.create_task(_stream(world, STREAM_S))
    await until("flowing", lambda: _shipped(world), lambda count: count > base, SETTLE_S)
    killed_at = time.monotonic()
    running_.platform.kill(victim)
    await running_.platform.restart(victim)
    history: list[tuple[float, int]] = []

    async def behind() -> int:
        """Trades placed more than OLD_S ago that have not been shipped."""
        history.append((time.monotonic(), await _placed(world)))
        old = [count for at, count in history if at <= time.monotonic() - OLD_S]
        return max(0, (old[-1] if old else history[0][1]) - await _shipped(world))

    await until(f"{victim} caught up", behind, lambda count: count == 0, CATCH_UP_S)
    seconds = time.monotonic() - killed_at
    await stream
    await until("quiet", lambda: _open(world), lambda count: count == 0, CATCH_UP_S)
    return seconds


async def _stream(world: World, seconds: int) -> int:
    """Place trades at a fixed rate, from the intended time on; how many."""
    started = time.monotonic()
    portion = STREAM_PER_S // PORTIONS_PER_S
    portions = seconds * PORTIONS_PER_S
    for number in range(portions):
        await asyncio.sleep(max(0.0, started + number / PORTIONS_PER_S - time.monotonic()))
        await _place(world, portion, seed=number)
    return portions * portion


async def _place(world: World, count: int, seed: int) -> None:
    await world.tmall.post("/sim/trades/bulk", {"count": count, "seed": seed, "lines_max": 2})


async def _times_of_shipping(world: World, count: int) -> Sequence[float]:
    """When each trade was seen shipped, in the order in which they were."""
    times: list[float] = []
    while len(times) < count:
        shipped = await _shipped(world)
        times += [time.monotonic()] * (shipped - len(times))
        await asyncio.sleep(0.1)
    return times


async def _counts(world: World) -> Mapping[str, int]:
    counts: Mapping[str, int] = await world.tmall.get("/sim/trades/counts")
    return counts


async def _shipped(world: World) -> int:
    counts = await _counts(world)
    return sum(counts.get(status, 0) for status in scenario.SHIPPED)


async def _placed(world: World) -> int:
    return sum((await _counts(world)).values())


async def _open(world: World) -> int:
    return await _placed(world) - await _shipped(world)


def _cpu_s(platform: Platform) -> dict[str, float]:
    """CPU seconds spent so far, by process."""
    spent: dict[str, float] = {}
    for name in platform.names:
        process = psutil.Process(platform.pid(name))
        family = [process, *process.children(recursive=True)]
        spent[name] = sum(sum(member.cpu_times()[:4]) for member in family)
    return spent


async def _times(platform: Platform, database: str, event_type: str) -> Mapping[str, float]:
    """When each family first had an event of a type, in epoch seconds."""
    connection = await asyncpg.connect(platform.databases[database].replace("+asyncpg", ""))
    try:
        rows = await connection.fetch(
            "SELECT partitionkey, extract(epoch FROM min(time))::float8 AS at FROM event WHERE type = $1 GROUP BY 1",
            event_type,
        )
    finally:
        await connection.close()
    return {row["partitionkey"]: row["at"] for row in rows}
