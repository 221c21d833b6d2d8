"""`lemai logs`: what every service here wrote about an order, an owner or a trace, in order of time."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from lemai_tools.output import Json, say, show
from lemai_tools.platform.home import default_home, demo_home
from lemai_tools.platform.records import running_homes

NUMBERS = ("order_no", "trade_no", "reference")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
AHEAD = ("timestamp", "service", "level", "event", "exception")

Line = Mapping[str, Any]


def _moment(text: str) -> datetime:
    """A moment, or how long ago: `10m`, `2h`, `2026-12-01T03:00`."""
    if ago := re.fullmatch(r"(\d+)([smhd])", text):
        return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise typer.BadParameter("应为 10m、2h 或 2026-12-01T03:00 / expected 10m, 2h or 2026-12-01T03:00") from None


def logs(
    order: Annotated[str, typer.Option(help="订单号或交易号 / number of an order or a trade")] = "",
    owner: Annotated[str, typer.Option(help="货主 / owner code")] = "",
    trace: Annotated[str, typer.Option(help="trace_id")] = "",
    service: Annotated[str, typer.Option(help="服务 / service")] = "",
    since: Annotated[
        datetime | None, typer.Option(parser=_moment, help="时刻，或多久以前 a moment, or how long ago: 10m, 2h")
    ] = None,
    as_json: Json = False,
) -> None:
    """按时间列出各服务的日志 / the lines of every service's log, in order of time."""
    homes = [home.root for home in running_homes()] or [default_home(), demo_home()]
    paths = [path for home in homes for path in sorted((home / "logs").glob("*.log"))]
    traces = {trace} if trace else _traces(paths, order) if order else set()
    asked = {"owner_code": owner, "service": service}
    found = sorted(
        (
            line
            for line in _lines(paths)
            if (not since or _time(line) >= since)
            and all(line.get(name) == value for name, value in asked.items() if value)
            and (not (order or trace) or _is_about(line, order) or line.get("trace_id") in traces)
        ),
        key=_time,
    )
    if as_json or not found:
        show(found, {}, as_json=as_json)
        return
    for line in found:
        told = " ".join(f"{name}={value}" for name, value in line.items() if name not in AHEAD)
        say(f"{line['timestamp']} {line['service']} {line['level']} {line['event']} {told}")
        say(line.get("exception", ""), style="dim")


def _traces(paths: Sequence[Path], order: str) -> set[str]:
    """The traces of an order: what happens on its behalf does not always name it."""
    return {line["trace_id"] for line in _lines(paths, order) if _is_about(line, order) and "trace_id" in line}


def _is_about(line: Line, order: str) -> bool:
    return bool(order) and (
        any(line.get(name) == order for name in NUMBERS)
        or any(str(line.get(name, "")).split("/")[-1] == order for name in ("about", "key"))
    )


def _lines(paths: Sequence[Path], text: str = "") -> Iterator[Line]:
    """The lines of services in these files that hold a text; what a simulator or a server wrote is left out."""
    for path in paths:
        with path.open(encoding="utf-8", errors="replace") as file:
            for raw in file:
                if raw.startswith("{") and text in raw:
                    try:
                        yield json.loads(raw)
                    except ValueError:  # A line that a kill cut short.
                        continue


def _time(line: Line) -> datetime:
    return datetime.fromisoformat(line["timestamp"])
