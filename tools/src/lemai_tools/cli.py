"""The `lemai` command. A verb exists if an operator needs it when the console is down."""

import asyncio
import subprocess
import sys
from time import sleep
from typing import Annotated, NoReturn

import psutil
import typer

from lemai_chassis.misconfigured import Misconfigured
from lemai_tools import calls, catalog, config, layouts, logs, parked, publications, quarantine, sim, stock
from lemai_tools.demo import run as demonstration
from lemai_tools.output import Json, console, errors, fail
from lemai_tools.platform.home import Home, HomeInUseError, default_config, default_home, demo_home
from lemai_tools.platform.kafka import JarMismatchError
from lemai_tools.platform.local import SUPERVISOR, Platform, forget, stop_on_signals
from lemai_tools.platform.processes import StartError
from lemai_tools.platform.records import running, running_homes, sweep, wait_ended
from lemai_tools.status import show_status
from lemai_tools.stuck import show_stuck

STOP_TIMEOUT_S = 60
POLL_S = 0.1
CANNOT_START = (StartError, HomeInUseError, JarMismatchError, Misconfigured)

# A traceback must not show local variables: some hold secrets.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
app.add_typer(parked.app, name="parked")
app.add_typer(calls.app, name="calls")
app.add_typer(publications.app, name="publications")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(layouts.app, name="layouts")
app.add_typer(stock.app, name="stock")
app.add_typer(catalog.app)
app.command()(logs.logs)
app.add_typer(sim.app, name="sim")
app.add_typer(config.app, name="config")
app.command("stuck")(show_stuck)


@app.callback()
def main() -> None:
    """乐麦对接：本地平台与运维命令 / the local platform and the operator's verbs."""


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="就绪后返回 return once ready")] = False,
    seed: Annotated[bool, typer.Option("--seed", help="放入演示数据 with the demo's data")] = False,
) -> None:
    """启动全部进程，Ctrl-C 停止 / start everything until Ctrl-C."""
    home = Home(default_home())
    try:
        if detach:
            _up_detached(home)
            if seed:
                asyncio.run(demonstration.seed(home))
        else:
            asyncio.run(_up(home, seed=seed))
    except* CANNOT_START as problems:
        _fail(problems)


@app.command()
def down() -> None:
    """停止全部进程，保留数据 / stop everything, keep the data."""
    for home in running_homes():
        if supervisor := running(home).get(SUPERVISOR):
            process = psutil.Process(supervisor.pid)
            process.terminate()
            with errors.status(f"正在停止 stopping: {home.root}"):
                wait_ended([process], STOP_TIMEOUT_S)
        sweep(home)
    console.print("已停止 stopped")


@app.command()
def reset() -> None:
    """停止全部进程并清空数据 / stop everything and forget its data."""
    down()
    home = Home(default_home())
    forget(home)
    console.print(f"数据已清空 data forgotten: {home.root}")


@app.command()
def status(as_json: Json = False) -> None:
    """查看进程、地址与就绪状态 / show processes, addresses and whether they are ready now."""
    show_status(running_homes() or [Home(default_home())], as_json=as_json)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="结束后保留运行 leave it running")] = False,
) -> None:
    """用真实输入演示主流程 / show the main job on real input; exit code 1 if anything differs."""
    try:
        raise typer.Exit(demonstration.main(Home(demo_home()), keep=keep))
    except* CANNOT_START as problems:
        _fail(problems)


async def _up(home: Home, *, seed: bool) -> None:
    """Run the platform until a signal asks it to stop."""
    stop_on_signals()
    try:
        async with Platform(home, default_config(), demonstration.report) as platform:
            await platform.start_all()
            if seed:
                await demonstration.seed(home)
            show_status([home])
            console.print("已就绪，Ctrl-C 停止 ready, Ctrl-C stops it")
            await platform.keep_running()
    except asyncio.CancelledError:
        console.print("已停止 stopped")


def _up_detached(home: Home) -> None:
    """Start a supervisor of its own and return when all is ready; what it says is told on."""
    log = home.log(SUPERVISOR)
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "lemai_tools", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with log.open(encoding="utf-8", errors="replace") as told:
        while not ((record := running(home).get(SUPERVISOR)) and record.ready):
            code = supervisor.poll()
            errors.print(told.read(), end="", markup=False, soft_wrap=True)
            if code is not None:
                raise typer.Exit(code)
            sleep(POLL_S)
    show_status([home])


def _fail(problems: BaseExceptionGroup[Exception]) -> NoReturn:
    """Tell each error of the group, however deep it lies; 2: what was asked for did not begin."""
    told: list[str] = []

    def tell(group: BaseExceptionGroup[Exception]) -> None:
        for problem in group.exceptions:
            tell(problem) if isinstance(problem, BaseExceptionGroup) else told.append(str(problem))

    tell(problems)
    fail(*told, code=2)
