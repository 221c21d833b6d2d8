"""Runs the demo: everything from nothing, one table per step, and a verdict that is computed."""

import asyncio
from collections.abc import Awaitable

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lemai_tools.demo import scenario
from lemai_tools.demo.scenario import Shop
from lemai_tools.demo.verdict import Step
from lemai_tools.demo.world import NotInTimeError, World
from lemai_tools.platform.home import Home, default_config
from lemai_tools.platform.local import Platform, forget
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.people import authorization

HTTP_TIMEOUT_S = 30
PROBLEMS_SHOWN = 20


async def run(home: Home, console: Console, *, keep: bool) -> bool:
    """True if everything agrees. With `keep` the platform stays up until it is stopped."""
    forget(home)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("启动 PostgreSQL 与 Kafka / starting the servers", total=10)
        async with (
            Platform(home, default_config()) as platform,
            httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, headers=authorization(home)) as http,
        ):
            progress.update(task, advance=2, description="启动六个服务与两个模拟器 / starting services and simulators")
            await platform.start_all()
            world = World.of(http, {name: platform.members[name].url for name in (*SERVICES, *SIMULATORS)})
            steps, failure = await _play(world, progress, task)
            progress.stop()
            for step in steps:
                console.print(_table(step))
            agreed = _verdict(console, steps, failure)
            if keep:
                _addresses(console, platform)
                await platform.keep_running()
    return agreed


async def _play(world: World, progress: Progress, task: object) -> tuple[list[Step], str]:
    """The steps as far as they came, and what kept the rest from coming."""
    shop = Shop()
    steps: list[Step] = []

    async def play(description: str, act: Awaitable[Step | tuple[Step, ...] | None]) -> None:
        progress.update(task, advance=1, description=description)  # type: ignore[arg-type]
        done = await act
        steps.extend(done if isinstance(done, tuple) else [done] if done else [])

    try:
        await play("商品表 → 商品主档 / item sync", scenario.sync_items(world, shop))
        await play("上架与映射 / listing and mapping", scenario.list_items(world, shop))
        await play("库存快照 → 店铺 / stock snapshot", scenario.take_snapshot(world, shop))
        await play("买家下单 / buyers order", scenario.place_trades(world, shop))
        await play("等待与放行 / waiting and going on", scenario.resolve_waiting(world, shop))
        await play("核对交易与应收 / comparing trades and money", scenario.compare_trades(world, shop))
        await play("核对库存 / comparing stock", scenario.compare_stock(world, shop, "5 库存一致 stock agrees"))
    except (NotInTimeError, httpx.HTTPError) as error:
        return steps, f"{type(error).__name__}: {error}"
    return sorted(steps, key=lambda step: step.title), ""


def _table(step: Step) -> Table:
    table = Table(title=step.title, title_justify="left", caption=step.note, caption_justify="left")
    for head in step.heads:
        table.add_column(head, overflow="fold")
    for row in step.rows:
        table.add_row(*row)
    return table


def _verdict(console: Console, steps: list[Step], failure: str) -> bool:
    problems = [problem for step in steps for problem in step.problems] + ([failure] if failure else [])
    for problem in problems[:PROBLEMS_SHOWN]:
        console.print(f"[red]✗ {problem}")
    if problems:
        console.print(f"[bold red]不一致 {len(problems)} 处 / differences: {len(problems)}")
    else:
        console.print(
            "[bold green]✓ 各方记录一致 / every record agrees: 平台 platform = 订单 orders = ERP = 应收 money"
        )
    return not problems


def _addresses(console: Console, platform: Platform) -> None:
    table = Table("服务 service", "接口文档 API page", title="保持运行，Ctrl-C 停止 / still running, Ctrl-C stops it")
    for name in (*SERVICES, *SIMULATORS):
        table.add_row(name, f"{platform.members[name].url}/docs")
    console.print(table)


def main(home: Home, console: Console, *, keep: bool) -> int:
    """The exit code of `lemai demo`."""
    try:
        return 0 if asyncio.run(run(home, console, keep=keep)) else 1
    except KeyboardInterrupt:
        return 0
