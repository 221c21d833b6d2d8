"""`lemai parked`: keys whose messages could not be handled, seen and freed without the console."""

from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.table import Table

from lemai_tools.platform.home import Home, default_home
from lemai_tools.platform.records import running

app = typer.Typer(no_args_is_help=True, help="停靠的消息 / parked messages")
console = Console()
TIMEOUT_S = 30

Service = Annotated[str, typer.Argument(help="服务，如 order-svc / the service")]
Key = Annotated[str, typer.Argument(help="停靠的键 / the parked key")]
Url = Annotated[
    str,
    typer.Option(
        help="服务地址，默认取本地平台的 / the service's address, by default the local one", envvar="LEMAI_URL"
    ),
]


@app.command("list")
def list_keys(service: Service, url: Url = "") -> None:
    """列出停靠的键及原因 / parked keys and why."""
    _show_keys(_call("GET", service, url, ""))


@app.command()
def show(service: Service, key: Key, url: Url = "") -> None:
    """列出一个键的消息，先来的在前 / the messages of one key, first first."""
    table = Table("seq", "类型 type", "位置 place", "停靠于 parked at")
    for message in _call("GET", service, url, "/messages", key=key)["items"]:
        place = f"{message['topic']}/{message['partition']}/{message['offset']}"
        table.add_row(str(message["seq"]), message["type"], place, message["parked_at"])
    console.print(table)


@app.command()
def redrive(service: Service, key: Key, url: Url = "") -> None:
    """立即重试一个键 / try a key again now."""
    left = _call("POST", service, url, "/redrive", key=key)
    if left["items"]:
        _show_keys(left)
        raise typer.Exit(1)
    console.print("已处理 handled")


@app.command()
def discard(
    service: Service,
    key: Key,
    seq: Annotated[int, typer.Argument(help="第一条消息的 seq，见 show / seq of the first message, as `show` tells")],
    reason: Annotated[str, typer.Option(help="原因，会被保存 / why; it is kept")],
    url: Url = "",
) -> None:
    """放弃一个键的第一条消息 / give up the first message of a key."""
    _show_keys(_call("POST", service, url, "/discard", key=key, seq=seq, reason=reason))


def _show_keys(page: dict[str, Any]) -> None:
    table = Table("键 key", "原因 reason", "等待 awaits", "到期 due", "次数 attempts", "消息 messages")
    for parked in page["items"]:
        waits = (parked["awaits"] or "", parked["due_at"] or "人工 a person")
        table.add_row(parked["key"], parked["reason"], *waits, str(parked["attempts"]), str(parked["messages"]))
    console.print(table)


def _call(method: str, service: str, url: str, path: str, **parameters: str | int) -> dict[str, Any]:
    address = url or _local(service)
    try:
        response = httpx.request(method, f"{address}/v1/parked{path}", params=parameters, timeout=TIMEOUT_S)
    except httpx.TransportError as error:
        _fail(f"{service} 无法访问 cannot be reached: {address}: {error}")
    if response.is_error:
        _fail(f"{response.status_code} {response.text}")
    answer: dict[str, Any] = response.json()
    return answer


def _local(service: str) -> str:
    record = running(Home(default_home())).get(service)
    if record is None:
        _fail(f"本地没有运行 {service}，请用 --url / {service} does not run here, use --url")
    return record.url


def _fail(message: str) -> NoReturn:
    console.print(f"[red]{message}")
    raise typer.Exit(1)
