"""`lemai up` as people run it: in a process of its own, ended in every way."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lemai_tools.platform.home import Home
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.processes import eventually
from lemai_tools.platform.records import running

EVERYTHING = {"supervisor", "postgres", "kafka", *SERVICES, *SIMULATORS}
TIMEOUT_S = 60


def _lemai(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lemai_tools", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def _of_this_platform(home: Home) -> list[psutil.Process]:
    """Every process on the machine that works for this state folder, PostgreSQL's own children included."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home.root) in " ".join([process.cwd(), *process.cmdline(), process.environ().get("LEMAI_HOME", "")]):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


async def test_up_starts_everything_keeps_it_up_and_down_stops_it(home: Home) -> None:
    assert _lemai("up", "--detach").returncode == 0
    assert running(home).keys() == EVERYTHING
    assert _lemai("status").stdout.count("就绪 ready") == len(EVERYTHING) - 1

    again = _lemai("up")
    assert again.returncode == 2
    assert "已在运行" in again.stderr

    first = running(home)["stock-svc"].pid
    psutil.Process(first).kill()
    assert await eventually(lambda: _is_ready(home, "stock-svc", other_than=first), TIMEOUT_S)

    assert _lemai("down").returncode == 0
    assert running(home) == {}
    assert _of_this_platform(home) == []


async def test_kill_9_of_the_supervisor_leaves_nothing_running_and_the_data_in_place(home: Home) -> None:
    assert _lemai("up", "--detach").returncode == 0
    assert len(_of_this_platform(home)) > len(EVERYTHING)  # PostgreSQL has processes of its own.

    psutil.Process(running(home)["supervisor"].pid).kill()
    assert await eventually(lambda: _of_this_platform(home) == [], TIMEOUT_S)

    assert _lemai("up", "--detach").returncode == 0
    assert _lemai("reset").returncode == 0
    assert {path.name for path in home.root.iterdir()} == {"lock", "ports.json", "run"}


def test_reference_data_that_cannot_be_used_stop_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEMAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LEMAI_CONFIG", str(tmp_path / "absent.yaml"))

    refused = _lemai("up")

    assert refused.returncode == 2
    assert "absent.yaml" in refused.stderr
    assert not (tmp_path / "home" / "postgres").exists()


def _is_ready(home: Home, name: str, *, other_than: int) -> bool:
    record = running(home).get(name)
    return record is not None and record.ready and record.pid != other_than
