"""`lemai stuck`: what waits for a person or a thing over all services, and the command that settles it."""

from lemai_tools.output import Json, pages, show
from lemai_tools.platform.members import SERVICES

HEADS = {
    "since": "自 since",
    "service": "服务 service",
    "kind": "种类 kind",
    "about": "对象 about",
    "reason": "原因 reason",
    "settle": "解决 settle",
}


def show_stuck(as_json: Json = False) -> None:
    """列出等待人或物的一切，最久的在前 / what waits for a person or a thing, longest waiting first."""
    rows = [{**row, "service": service} for service in SERVICES for row in pages(service, "/v1/stuck")]
    rows.sort(key=lambda row: row["since"])
    show(rows, HEADS, as_json=as_json)
