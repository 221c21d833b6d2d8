"""What runs on a state folder, as files: for other commands, and for the start after a crash.

A record names a process by pid and start time; only if both match is it the one that was recorded.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from time import monotonic, sleep
from typing import Self

import psutil

from lemai_tools.platform.home import Home, default_home, demo_home

KILL_TIMEOUT_S = 15
POLL_S = 0.05


@dataclass(frozen=True)
class Record:
    """One process that was started, whether it has been seen ready, and where it answers."""

    pid: int
    started_at: float
    ready: bool
    url: str = ""
    health_url: str = ""

    @classmethod
    def of(cls, pid: int, *, ready: bool, url: str = "", health_url: str = "") -> Self:
        """The record of a process that runs now."""
        return cls(pid, psutil.Process(pid).create_time(), ready, url, health_url)


def write_record(home: Home, name: str, record: Record) -> None:
    """Record a process under its name."""
    path = home.folder("run") / f"{name}.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(record)))
    draft.rename(path)  # A reader sees a whole record or none.


def remove_record(home: Home, name: str) -> None:
    """Forget a process that has ended."""
    (home.folder("run") / f"{name}.json").unlink(missing_ok=True)


def running(home: Home) -> dict[str, Record]:
    """The recorded processes that still run, by name."""
    return {name: record for name, record in _records(home).items() if _find(record)}


def running_homes() -> list[Home]:
    """The state folders of this checkout on which something runs: its own first, then its demo's."""
    roots = (default_home(), demo_home())
    return [home for root in roots if root.is_dir() and running(home := Home(root))]


def sweep(home: Home) -> None:
    """End what an earlier start on this state folder left running, and forget its records."""
    for name, record in _records(home).items():
        if process := _find(record):
            kill_family(process)
        remove_record(home, name)


def kill_family(process: psutil.Process) -> None:
    """SIGKILL a process and its children, the parent first so that it replaces none, and wait for their end."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    wait_ended(family, KILL_TIMEOUT_S)


def wait_ended(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    """Wait until processes have ended, or for so long."""
    deadline = monotonic() + timeout_s
    while any(map(_runs, processes)) and monotonic() < deadline:
        sleep(POLL_S)


def _runs(process: psutil.Process) -> bool:
    # A zombie has ended; it may stay for long where the first process of a container reaps nobody.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _records(home: Home) -> dict[str, Record]:
    found = {}
    for path in home.folder("run").glob("*.json"):
        with suppress(FileNotFoundError):  # Its owner may remove it meanwhile.
            found[path.stem] = Record(**json.loads(path.read_text()))
    return found


def _find(record: Record) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        return process if process.create_time() == record.started_at and _runs(process) else None
    except psutil.NoSuchProcess:
        return None
