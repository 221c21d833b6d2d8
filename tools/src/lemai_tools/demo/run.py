"""Runs the demo: everything from nothing, one table per step, and a verdict that is computed."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable
from time import monotonic

import httpx
from aiokafka import AIOKafkaConsumer

from lemai_contracts.topics import OPS_ALERT
from lemai_tools.demo import scenario
from lemai_tools.demo.scenario import EXPECTED_ALERTS, Shop
from lemai_tools.demo.verdict import Record, Step
from lemai_tools.demo.world import NotInTimeError, World
from lemai_tools.output import errors, say, show
from lemai_tools.platform.home import Home, default_config
from lemai_tools.platform.local import Platform, forget, stop_on_signals
from lemai_tools.platform.people import authorization
from lemai_tools.platform.records import running
from lemai_tools.status import show_status

HTTP_TIMEOUT_S = 30
PROBLEMS_SHOWN = 20


async def run(home: Home, *, keep: bool) -> bool:
    """True if everything agrees. With `keep` the platform stays up until it is stopped."""
    stop_on_signals()
    forget(home)
    async with Platform(home, default_config(), report) as platform:
        await platform.start_all()
        steps, failure = await play(home)
        if not failure:
            steps.append(_alerts(await _raised(platform.bootstrap_servers)))
        for step in steps:
            rows = [dict(zip(step.heads, row, strict=True)) for row in step.rows]
            show(rows, {head: head for head in step.heads}, title=step.title, note=step.note)
        agreed = _verdict(steps, failure)
        if keep:
            show_status([home])
        _what_next(steps, keep=keep)
        if keep:
            await platform.keep_running()
    return agreed


async def seed(home: Home) -> bool:
    """Give a running platform the demo's data, unless it has some. True if everything agrees."""
    urls = {name: record.url for name, record in running(home).items()}
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, headers=authorization(home)) as http:
        if (await World.of(http, urls).catalog.get("/v1/items", limit=1))["items"]:
            say("已有数据，未再放入 / there are data already, none were added")
            return True
    return _verdict(*await play(home))


async def play(home: Home) -> tuple[list[Step], str]:
    """The steps as far as they came, and what kept the rest from coming."""
    shop = Shop()
    steps: list[Step] = []

    async def act(description: str, deed: Awaitable[Step | tuple[Step, ...] | None]) -> None:
        started = monotonic()
        report(f"… {description}")
        done = await deed
        steps.extend(done if isinstance(done, tuple) else [done] if done else [])
        report(f"✓ {description} ({monotonic() - started:.1f} s)")

    urls = {name: record.url for name, record in running(home).items()}
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, headers=authorization(home)) as http:
        world = World.of(http, urls)
        try:
            await act("商品表 → 商品主档 / item sync", scenario.sync_items(world, shop))
            await act("上架与映射 / listing and mapping", scenario.list_items(world, shop))
            await act("库存快照 → 店铺 / stock snapshot", scenario.take_snapshot(world, shop))
            await act("买家下单 / buyers order", scenario.place_trades(world, shop))
            await act("等待与放行 / waiting and going on", scenario.resolve_waiting(world, shop))
            await act("核对交易与应收 / comparing trades and money", scenario.compare_trades(world, shop))
            await act("核对库存 / comparing stock", scenario.compare_sold_stock(world, shop))
        except (NotInTimeError, httpx.HTTPError) as error:
            return steps, f"{type(error).__name__}: {error}"
    return sorted(steps, key=lambda step: step.title), ""


def report(text: str) -> None:
    """One line of what goes on, on a terminal or not."""
    errors.print(text, markup=False, soft_wrap=True)


async def _raised(bootstrap_servers: str) -> list[Record]:
    """Every alert until now, the first first."""
    consumer = AIOKafkaConsumer(OPS_ALERT.name, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    found: list[Record] = []
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found += [json.loads(record.value) for record in records]
    return sorted(found, key=lambda alert: str(alert.get("raised_at", "")))


def _alerts(raised: list[Record]) -> Step:
    """Each alert, and why the demo raises it, once; any other is a problem."""
    why = dict(EXPECTED_ALERTS)
    told = [(alert, why.pop(alert["code"], "")) for alert in raised]
    rows = tuple((alert["code"], alert["about"], reason or "✗ 意外 unexpected") for alert, reason in told)
    unexpected = [alert for alert, reason in told if not reason]
    problems = tuple(f"告警 alert {alert['code']} {alert['about']}: {alert['message']}" for alert in unexpected)
    heads = ("告警 alert", "关于 about", "为何 why")
    return Step("7 告警 alerts", heads, rows, problems, f"未预期 unexpected: {len(unexpected)}")


def _verdict(steps: list[Step], failure: str) -> bool:
    problems = [problem for step in steps for problem in step.problems] + ([failure] if failure else [])
    for problem in problems[:PROBLEMS_SHOWN]:
        say(f"✗ {problem}", "red")
    if problems:
        say(f"不一致 {len(problems)} 处 / differences: {len(problems)}", "bold red")
        return False
    compared: Counter[str] = Counter()
    for step in steps:
        compared.update(step.compared)
    counts = "，".join(f"{kind} {count}" for kind, count in compared.items())
    say("✓ 各方记录一致 / every record agrees: 平台 platform = 订单 orders = ERP = 应收 money", "bold green")
    say(f"  比对了 compared: {counts}", "green")
    return True


def _what_next(steps: list[Step], *, keep: bool) -> None:
    order_no = next((row[0] for step in steps if step.title.startswith("6") for row in step.rows), "ORDER_NO")
    lemai = ".venv/bin/lemai"
    say("接下来 next:", "bold")
    if not keep:
        say("  make demo KEEP=1                  # 保留运行，以便查看 leave it running, to look around")
        return
    for command, meaning in (
        ("status", "进程与地址 processes and addresses"),
        (f"logs --order {order_no}", "一张订单在各服务的日志 one order's lines over all services"),
        ("stuck", "什么在等人或等物 what waits for a person or a thing"),
        ("sim items", "店里卖什么 what the shop sells"),
        ('sim order GB-SH-014-B-21=2 --note "送货前请电联"', "买家下单 a buyer orders"),
        ("down", "停止 stop it; Ctrl-C too"),
    ):
        say(f"  {lemai} {command}  # {meaning}")


def main(home: Home, *, keep: bool) -> int:
    """The exit code of `lemai demo`."""
    try:
        return 0 if asyncio.run(run(home, keep=keep)) else 1
    except asyncio.CancelledError:
        return 0
