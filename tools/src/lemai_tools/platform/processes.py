"""Start, watch, kill and stop programs so that none outlives the one that started it.

The kernel kills a child when its parent ends (`tether.py`, Linux). Where it cannot, the next start ends what the
records in the state folder name, and only if both pid and start time are the recorded ones.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import psutil

from lemai_tools.platform.home import Home

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
POLL_S = 0.05


class StartError(Exception):
    """A program ended or did not become ready in time; the text holds the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One program, how to tell that it works, and how to ask it to stop."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    url: str = ""


class Processes:
    """The running programs of one state folder. Start them from the main thread: they live as long as it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._running: dict[str, tuple[Process, subprocess.Popen[bytes]]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What was started, in that order, running or killed since."""
        return tuple(self._running)

    async def start(self, process: Process) -> None:
        """Start a program and wait until it is ready; raises StartError."""
        child = self._spawn(process)
        self._running[process.name] = (process, child)
        deadline = monotonic() + START_TIMEOUT_S
        while not await process.ready():
            if child.poll() is not None or monotonic() > deadline:
                raise StartError(self._failure(process, child))
            await asyncio.sleep(POLL_S)

    async def stop(self, name: str) -> None:
        """Ask a program to stop, kill it if it does not in time."""
        process, child = self._running[name]
        if child.poll() is None:
            child.send_signal(process.stop_signal)
        await eventually(lambda: child.poll() is not None, STOP_TIMEOUT_S)
        self.kill(name)
        del self._running[name]

    async def stop_all(self) -> None:
        """Stop everything, the last started first."""
        for name in reversed(self.names):
            await self.stop(name)

    def kill(self, name: str) -> None:
        """SIGKILL a program and its children, and wait until they are gone."""
        _, child = self._running[name]
        if child.poll() is None:
            _kill_family(psutil.Process(child.pid))
            child.wait()
        self._record(name).unlink(missing_ok=True)

    async def restart(self, name: str) -> None:
        """Start a program again as it was: same ports, same data."""
        process, _ = self._running[name]
        self.kill(name)
        await self.start(process)

    def pid(self, name: str) -> int | None:
        """The pid of a program, None if it does not run."""
        child = self._running[name][1]
        return child.pid if child.poll() is None else None

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        tether = (sys.executable, "-I", "-S", str(Path(__file__).with_name("tether.py")), str(os.getpid()))
        with self._home.log(process.name).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603  the table of programs is ours
                tether + process.argv,
                env={**os.environ, **process.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops them in order.
            )
        record = {"pid": child.pid, "started_at": psutil.Process(child.pid).create_time(), "url": process.url}
        self._record(process.name).write_text(json.dumps(record))
        return child

    def _record(self, name: str) -> Path:
        return self._home.folder("run") / f"{name}.json"

    def _failure(self, process: Process, child: subprocess.Popen[bytes]) -> str:
        log = self._home.log(process.name)
        how = f"退出码 {child.returncode} exited" if child.poll() is not None else "未就绪 not ready in time"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        return f"{process.name}: {how}; {log}\n{tail}"


async def eventually(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    deadline = monotonic() + timeout_s
    while not condition():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


def recorded(home: Home) -> dict[str, tuple[psutil.Process, str]]:
    """Name → (process, URL) of every program that the records name and that still runs."""
    found = {}
    for path in sorted(home.folder("run").glob("*.json")):
        record = json.loads(path.read_text())
        try:
            process = psutil.Process(record["pid"])
            if process.create_time() == record["started_at"] and _runs(process):
                found[path.stem] = (process, record["url"])
        except psutil.NoSuchProcess:
            continue
    return found


def sweep(home: Home) -> None:
    """End what an earlier supervisor of this state folder left running, and forget its records."""
    for process, _ in recorded(home).values():
        _kill_family(process)
    for path in home.folder("run").glob("*.json"):
        path.unlink()


def _kill_family(process: psutil.Process) -> None:
    # A parent goes first, so that it cannot replace the children it loses.
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    deadline = monotonic() + STOP_TIMEOUT_S
    while any(map(_runs, family)) and monotonic() < deadline:
        sleep(POLL_S)


def _runs(process: psutil.Process) -> bool:
    # A zombie has ended; it may stay for long where the first process of a container reaps nobody.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
