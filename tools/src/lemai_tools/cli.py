"""The `lemai` command. A verb exists if an operator needs it when the console is down."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from time import sleep
from typing import Annotated, NoReturn

import httpx
import psutil
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from lemai_chassis.reference import InvalidReference
from lemai_tools import catalog, layouts, parked
from lemai_tools.demo import run as demonstration
from lemai_tools.platform.home import Home, HomeInUseError, default_config, default_home
from lemai_tools.platform.kafka import JarMismatchError
from lemai_tools.platform.local import SUPERVISOR, Platform, forget
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.processes import StartError
from lemai_tools.platform.records import Record, running, sweep, wait_ended

MEMBERS = ("postgres", "kafka", *SIMULATORS, *SERVICES)
STOP_TIMEOUT_S = 60
POLL_S = 0.1
HEALTH_TIMEOUT_S = 2
REASON_LENGTH = 60

# A traceback must not show local variables: some hold secrets.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
console = Console()
app.add_typer(parked.app, name="parked")
app.add_typer(layouts.app, name="layouts")
app.add_typer(catalog.app)


@app.callback()
def main() -> None:
    """乐麦对接：本地平台与运维命令 / the local platform and the operator's verbs."""


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="就绪后返回 return once ready")] = False,
) -> None:
    """启动全部进程，Ctrl-C 停止 / start everything until Ctrl-C."""
    home = Home(default_home())
    try:
        if detach:
            _up_detached(home)
        else:
            asyncio.run(_up(home))
    except* (StartError, HomeInUseError, JarMismatchError, InvalidReference) as errors:
        _fail(errors)


@app.command()
def down() -> None:
    """停止全部进程，保留数据 / stop everything, keep the data."""
    home = Home(default_home())
    supervisor = running(home).get(SUPERVISOR)
    if supervisor:
        process = psutil.Process(supervisor.pid)
        process.terminate()
        with console.status("正在停止 stopping"):
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
def status() -> None:
    """查看进程、地址与就绪状态 / show processes, addresses and whether they are ready now."""
    console.print(_table(Home(default_home()), _state_now))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="结束后保留运行 leave it running")] = False,
) -> None:
    """用真实输入演示主流程 / show the main job on real input; exit code 1 if anything differs."""
    home = Home(default_home() / "demo")
    try:
        raise typer.Exit(demonstration.main(home, console, keep=keep))
    except* (StartError, HomeInUseError, JarMismatchError, InvalidReference) as errors:
        _fail(errors)


async def _up(home: Home) -> None:
    """Run the platform until a signal asks it to stop."""
    task = asyncio.current_task()
    assert task is not None
    for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(stop_signal, task.cancel)
    with _live(home) as live:
        try:
            async with Platform(home, default_config()) as platform:
                await platform.start_all()
                live.stop()
                console.print(_table(home, _state), "已就绪，Ctrl-C 停止 ready, Ctrl-C stops it")
                await platform.keep_running(console.print)
        except asyncio.CancelledError:
            console.print("已停止 stopped")


def _up_detached(home: Home) -> None:
    """Start a supervisor of its own and return when all is ready; raises StartError."""
    log = home.log(SUPERVISOR)
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "lemai_tools", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with _live(home):
        while not ((record := running(home).get(SUPERVISOR)) and record.ready):
            if supervisor.poll() is not None:
                raise StartError(log.read_text())
            sleep(POLL_S)
    console.print(_table(home, _state))


def _live(home: Home) -> Live:
    """The table of processes and how many of them are ready, kept up to date on the terminal."""

    def state(record: Record | None) -> str:
        return _state(record) if record else "[yellow]准备中 preparing"

    def progress() -> Group:
        records = running(home)
        ready = sum(records[name].ready for name in MEMBERS if name in records)
        return Group(_table(home, state), ProgressBar(total=len(MEMBERS), completed=ready))

    return Live(get_renderable=progress, console=console, transient=True)


def _table(home: Home, state: Callable[[Record | None], str]) -> Table:
    """One row per process of the platform."""
    caption = f"接口文档 API pages: …/docs\n日志 logs: {home.root / 'logs'}"
    table = Table("进程 process", "状态 state", "PID", "地址 address", caption=caption, caption_justify="left")
    records = running(home)
    for name in MEMBERS:
        record = records.get(name)
        table.add_row(name, state(record), str(record.pid) if record else "", record.url if record else "")
    return table


def _state(record: Record | None) -> str:
    if record is None:
        return "[dim]未启动 not running"
    return "[green]就绪 ready" if record.ready else "[yellow]启动中 starting"


def _state_now(record: Record | None) -> str:
    """As `_state`, but asks a process that answers health checks."""
    if record is None or not record.health_url:
        return _state(record)
    try:
        answer = httpx.get(record.health_url, trust_env=False, timeout=HEALTH_TIMEOUT_S)
    except httpx.TransportError as error:
        return f"[red]无应答 no answer: {type(error).__name__}"
    return "[green]就绪 ready" if answer.is_success else f"[red]未就绪 not ready: {answer.text[:REASON_LENGTH]}"


def _fail(errors: BaseExceptionGroup[Exception]) -> NoReturn:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            _fail(error)
        console.print(str(error), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1) from None
