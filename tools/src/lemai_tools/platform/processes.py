"""Start, watch, kill and stop programs so that none outlives the one that started it.

The kernel kills a child when its parent ends (`tether.py`, Linux). Where it cannot, the next start sweeps what the
records of the state folder name.
"""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import psutil

from lemai_tools.platform.home import Home
from lemai_tools.platform.records import POLL_S, Record, kill_family, remove_record, write_record

START_TIMEOUT_S = 60
"""On the machine these programs were made on: two cores, nothing else to do."""
WORK_S = 0.04
"""What `patience` measures takes so long there."""
CORES = 2
STOP_TIMEOUT_S = 15
TETHER = Path(__file__).with_name("tether.py")


def patience() -> float:
    """How many times longer than there a start may take here and now: fewer cores, slower ones, others that wait."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    started = monotonic()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)
    slowness = (monotonic() - started) / WORK_S
    waiting = os.getloadavg()[0] / cores
    return max(1.0, slowness, waiting) * max(1.0, CORES / cores)


class StartError(Exception):
    """A program ended or did not become ready in time; the text holds the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One program, how to tell that it works, and how to ask it to stop."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    prepare: tuple[str, ...] = ()
    """A command that must succeed before the first start, for example a migration."""
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    url: str = ""
    health_url: str = ""


class Processes:
    """The programs of one state folder. Start them from the main thread: they live as long as it does.

    What becomes ready, or ends by itself, is told to `report`.
    """

    def __init__(self, home: Home, report: Callable[[str], None] = lambda _: None) -> None:
        self.home = home
        self.report = report
        self._children: dict[str, tuple[Process, subprocess.Popen[bytes]]] = {}
        self._log_begins: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What was launched and not stopped, in that order; a killed program is still among them."""
        return tuple(self._children)

    def pid(self, name: str) -> int | None:
        """The pid of a program, None if it does not run."""
        child = self._children[name][1]
        return child.pid if child.poll() is None else None

    async def launch(self, process: Process) -> None:
        """Prepare and start a program and wait until it is ready; raises StartError."""
        if process.prepare:
            child = self._spawn(process, process.prepare)
            await eventually(lambda: child.poll() is not None, START_TIMEOUT_S * patience())
            if child.poll() != 0:
                raise StartError(self._failure(process, child))
        await self._start(process)

    async def restart(self, name: str) -> None:
        """Start a program again as it was: same ports, same data. Kills it first if it runs."""
        process, _ = self._children[name]
        self.kill(name)
        await self._start(process)

    def kill(self, name: str) -> None:
        """SIGKILL a program and its children, and wait until they are gone."""
        _, child = self._children[name]
        if child.poll() is None:
            kill_family(psutil.Process(child.pid))
            child.wait()
        remove_record(self.home, name)

    async def stop(self, name: str) -> None:
        """Ask a program to stop; kill it if it does not in time."""
        process, child = self._children[name]
        if child.poll() is None:
            child.send_signal(process.stop_signal)
        await eventually(lambda: child.poll() is not None, STOP_TIMEOUT_S)
        self.kill(name)
        del self._children[name]

    async def stop_all(self) -> None:
        """Stop everything, the last launched first."""
        for name in reversed(self.names):
            await self.stop(name)

    async def _start(self, process: Process) -> None:
        child = self._spawn(process, process.argv)
        started = monotonic()
        deadline = started + START_TIMEOUT_S * patience()
        while not await process.ready():
            if child.poll() is not None or monotonic() > deadline:
                raise StartError(self._failure(process, child))
            await asyncio.sleep(POLL_S)
        self._record(process, child, ready=True)
        self.report(f"{process.name} 就绪 ready ({monotonic() - started:.1f} s)")

    def _spawn(self, process: Process, argv: tuple[str, ...]) -> subprocess.Popen[bytes]:
        tether = (sys.executable, "-I", "-S", str(TETHER), str(os.getpid()))
        with self.home.log(process.name).open("ab") as log:
            self._log_begins[process.name] = log.tell()  # What earlier runs wrote there is not why this one fails.
            child = subprocess.Popen(  # noqa: S603  the table of programs is ours
                tether + argv,
                env={**os.environ, **process.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops them in order.
            )
        self._children[process.name] = (process, child)
        self._record(process, child, ready=False)
        return child

    def _record(self, process: Process, child: subprocess.Popen[bytes], *, ready: bool) -> None:
        write_record(
            self.home, process.name, Record.of(child.pid, ready=ready, url=process.url, health_url=process.health_url)
        )

    def _failure(self, process: Process, child: subprocess.Popen[bytes]) -> str:
        log = self.home.log(process.name)
        how = "未就绪 not ready in time" if child.poll() is None else f"退出码 exit code {child.returncode}"
        told = log.read_bytes()[self._log_begins[process.name] :].decode(errors="replace")
        tail = "\n".join(told.splitlines()[-20:])
        return f"{process.name}: {how}, {log}\n{tail}"


async def eventually(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    deadline = monotonic() + timeout_s
    while not condition():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True
