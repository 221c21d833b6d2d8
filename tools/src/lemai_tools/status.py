"""What runs, where, and whether it is ready, of the platforms of this checkout."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from rich.text import Text

from lemai_tools.output import show
from lemai_tools.platform.home import Home
from lemai_tools.platform.members import SERVICES, SIMULATORS
from lemai_tools.platform.records import Record, running

MEMBERS = ("postgres", "kafka", *SIMULATORS, *SERVICES)
HEALTH_TIMEOUT_S = 2
HEADS = {"process": "进程 process", "state": "状态 state", "pid": "PID", "address": "地址 address"}
READY, STARTING, STOPPED = "就绪 ready", "启动中 starting", "未启动 not running"
STYLES = {READY: "green", STARTING: "yellow", STOPPED: "dim"}


def show_status(homes: Sequence[Home], *, as_json: bool = False) -> None:
    """Every process of these state folders; services are asked whether they are ready now."""
    if as_json:
        show([row for home in homes for row in _rows(home)], HEADS, as_json=True)
        return
    for home in homes:
        rows = [row | {"state": Text(row["state"], STYLES.get(row["state"], "red"))} for row in _rows(home)]
        show(rows, HEADS, title=str(home.root), note=f"接口文档 API pages: …/docs\n日志 logs: {home.root / 'logs'}")


def _rows(home: Home) -> Iterator[dict[str, Any]]:
    records = running(home)
    for name in MEMBERS:
        record = records.get(name)
        where = {"pid": record.pid, "address": record.url} if record else {"pid": None, "address": None}
        yield {"process": name, "state": _state(record), **where, "home": str(home.root)}


def _state(record: Record | None) -> str:
    if record is None:
        return STOPPED
    if not record.health_url:
        return READY if record.ready else STARTING
    try:
        answer = httpx.get(record.health_url, trust_env=False, timeout=HEALTH_TIMEOUT_S)
    except httpx.TransportError as error:
        return f"无应答 no answer: {type(error).__name__}" if record.ready else STARTING
    return READY if answer.is_success else f"未就绪 not ready: {answer.text}"
