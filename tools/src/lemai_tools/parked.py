"""`lemai parked`: keys whose messages could not be handled, seen and freed without the console."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from lemai_tools.output import Json, Reason, Service, Url, call, console, pages, show

app = typer.Typer(no_args_is_help=True, help="停靠的消息 / parked messages")
HEADS = {
    "key": "键 key",
    "reason": "原因 reason",
    "awaits": "等待 awaits",
    "due_at": "到期 due",
    "attempts": "次数 attempts",
    "messages": "消息 messages",
}

Key = Annotated[str, typer.Argument(help="停靠的键 / the parked key")]


@app.command("list")
def list_keys(service: Service, url: Url = "", as_json: Json = False) -> None:
    """列出停靠的键及原因 / parked keys and why."""
    _show_keys(pages(service, "/v1/parked", url=url), as_json)


@app.command("show")
def messages(service: Service, key: Key, url: Url = "", as_json: Json = False) -> None:
    """列出一个键的消息，先来的在前 / the messages of one key, first first."""
    came = pages(service, "/v1/parked/messages", url=url, key=key)
    rows = [{**row, "place": f"{row['topic']}/{row['partition']}/{row['offset']}"} for row in came]
    heads = {"seq": "seq", "type": "类型 type", "place": "位置 place", "parked_at": "停靠于 parked at"}
    show(rows, heads, as_json=as_json)


@app.command()
def redrive(service: Service, key: Key, url: Url = "") -> None:
    """立即重试一个键 / try a key again now."""
    left = call(service, "POST", "/v1/parked/redrive", url=url, params={"key": key})["items"]
    if left:
        _show_keys(left)
        raise typer.Exit(1)
    console.print("已处理 handled")


@app.command()
def discard(
    service: Service,
    key: Key,
    seq: Annotated[int, typer.Argument(help="第一条消息的 seq，见 show / seq of the first message, as `show` tells")],
    reason: Reason,
    url: Url = "",
) -> None:
    """放弃一个键的第一条消息 / give up the first message of a key."""
    parameters = {"key": key, "seq": seq, "reason": reason}
    _show_keys(call(service, "POST", "/v1/parked/discard", url=url, params=parameters)["items"])


def _show_keys(rows: Sequence[Mapping[str, Any]], as_json: bool = False) -> None:
    people = [{**row, "due_at": row["due_at"] or "人工 a person"} for row in rows]
    show(rows if as_json else people, HEADS, as_json=as_json)
