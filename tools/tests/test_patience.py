"""How long a start may take follows the machine."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from lemai_tools.platform import processes
from lemai_tools.platform.processes import patience


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this machine one of so many cores, so much slower than ours, with so many programs that wait."""

    def made(*, cores: int = 2, slower: float = 1, waiting: float = 0) -> None:
        clock = iter([0.0, slower * processes.WORK_S])
        replaced: dict[str, Any] = {"sched_getaffinity": lambda _: set(range(cores)), "cpu_count": lambda: cores}
        replaced["getloadavg"] = lambda: (waiting, 0.0, 0.0)
        for name, does in replaced.items():
            monkeypatch.setattr(os, name, does)
        monkeypatch.setattr(processes, "monotonic", lambda: next(clock))

    return made


@pytest.mark.parametrize(
    ("here", "times"),
    [
        ({}, 1),
        ({"slower": 0.5, "cores": 16}, 1),
        ({"slower": 3}, 3),
        ({"waiting": 10}, 5),
        ({"cores": 1}, 2),
        ({"cores": 1, "slower": 3, "waiting": 2}, 6),
    ],
    ids=str,
)
def test_a_slower_or_busier_machine_is_waited_for_longer(
    machine: Callable[..., None], here: dict[str, float], times: float
) -> None:
    machine(**here)

    assert patience() == pytest.approx(times)
