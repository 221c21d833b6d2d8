"""A first hour by command: the demo left running, the demo's data in a platform of one's own, an order followed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.processes import eventually

LEMAI = (sys.executable, "-m", "lemai_tools")
TIMEOUT_S = 60


def lemai(*arguments: str) -> str:
    """What a command prints; it ends well and says nothing of errors."""
    done = subprocess.run([*LEMAI, *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed(*arguments: str) -> Any:
    return json.loads(lemai(*arguments, "--json"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LEMAI_HOME", str(tmp_path))
    yield tmp_path
    lemai("down")


async def test_a_demo_left_running_is_found_by_every_command_and_ended_by_down(home: Path) -> None:
    told = home / "told"
    with told.open("wb") as output:
        demo = subprocess.Popen([*LEMAI, "demo", "--keep"], stdout=output, stderr=output)
    assert await eventually(lambda: "lemai down" in told.read_text("utf-8"), TIMEOUT_S)

    processes = listed("status")
    placed = [line["order_no"] for line in listed("logs", "--service", "order-svc") if line["event"] == "order placed"]
    assert "各方记录一致" in told.read_text("utf-8")
    assert {each["process"] for each in processes} == {"postgres", "kafka", *SERVICES, *SIMULATORS}
    assert all(each["address"] in told.read_text("utf-8") for each in processes)
    assert len(placed) == len(set(placed)) > 0
    assert [each["kind"] for each in listed("stuck")] == ["actual_held"]  # Goods of a purchase that nobody ordered.
    assert listed("parked", "list", "order-svc") == []
    lemai("down")
    assert demo.wait(TIMEOUT_S) == 0


async def test_with_the_demos_data_a_person_orders_and_follows_the_order() -> None:
    lemai("up", "--detach", "--seed")
    sold = max(listed("sim", "items"), key=lambda item: item["quantity"])

    trade = lemai("sim", "order", f"{sold['outer_id']}=2", "--note", "快一点").split()[2].partition("，")[0]

    def steps() -> list[str]:
        return [line["event"] for line in listed("logs", "--order", trade)]

    assert await eventually(lambda: "marketplace shipment published" in steps(), TIMEOUT_S)
    assert steps().count("order placed") == 1
