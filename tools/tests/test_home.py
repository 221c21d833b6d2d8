"""A state folder's ports, secrets and records."""

import base64
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lemai_tools.platform.home import PORTS, Home
from lemai_tools.platform.processes import Process, Processes, StartError
from lemai_tools.platform.records import Record, running, sweep, write_record


def test_a_server_keeps_its_port(tmp_path: Path) -> None:
    port = Home(tmp_path).port("kafka")
    assert port in PORTS
    assert Home(tmp_path).port("kafka") == port


def test_two_servers_have_different_ports(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert len({home.port(f"server-{number}") for number in range(20)}) == 20


def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    port = Home(tmp_path).port("kafka")
    with socket.create_server(("127.0.0.1", port)):
        assert Home(tmp_path).port("kafka") != port


def test_a_configured_port_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEMAI_PORT_ORDER_SVC", "8001")
    assert Home(tmp_path).port("order-svc") == 8001


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    path = Home(tmp_path).secret("master-key")
    text = path.read_text()

    assert len(base64.b64decode(text)) == 32
    assert Home(tmp_path).secret("master-key").read_text() == text
    assert Home(tmp_path).secret("postgres").read_text() != text


@pytest.fixture
def stray() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_sweep_ends_what_was_recorded(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    home = Home(tmp_path)
    write_record(home, "order-svc", Record.of(stray.pid, ready=True))
    assert running(home).keys() == {"order-svc"}

    sweep(home)

    assert stray.wait() != 0
    assert running(home) == {}


def test_sweep_spares_a_process_that_only_has_the_recorded_pid(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    home = Home(tmp_path)
    earlier = psutil.Process(stray.pid).create_time() - 1
    write_record(home, "order-svc", Record(stray.pid, earlier, ready=True))

    sweep(home)

    assert stray.poll() is None
    assert list(home.folder("run").iterdir()) == []


async def test_a_start_that_fails_is_told_without_what_earlier_runs_wrote(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    home = Home(tmp_path)
    home.log("toy").write_text("ready, a day ago\n")
    with pytest.raises(StartError) as failed:
        await Processes(home).launch(Process(name="toy", argv=("sh", "-c", "echo 缺少配置; exit 3"), ready=never))

    assert str(failed.value) == f"toy: 退出码 exit code 3, {home.log('toy')}\n缺少配置"
