"""`lemai calls`: calls to systems outside that do not get through, seen and freed without the console."""

from typing import Annotated

import typer

from lemai_tools.output import Json, Number, Reason, Service, Url, call, console, pages, show

app = typer.Typer(no_args_is_help=True, help="未完成的外部调用 / calls to systems outside that are not done")
HEADS = {
    "id": "编号 id",
    "kind": "种类 kind",
    "key": "键 key",
    "state": "状态 state",
    "attempts": "次数 attempts",
    "answer": "对方答复 answer",
    "due_at": "到期 due",
}


@app.command("list")
def list_calls(service: Service, state: str = "waiting", url: Url = "", as_json: Json = False) -> None:
    """列出等待处理的调用及对方的答复 / calls that wait for a person and what the other side answered."""
    show(pages(service, "/v1/calls", url=url, state=state), HEADS, as_json=as_json)


@app.command()
def retry(service: Service, number: Number, url: Url = "") -> None:
    """立即重试一个调用 / try a call again now."""
    call(service, "POST", f"/v1/calls/{number}/retry", url=url)
    console.print("已重试 tried again")


@app.command("retry-all")
def retry_all(
    service: Service,
    key: Annotated[str, typer.Option(help="只重试键以此开头的 / only keys that begin so")] = "",
    url: Url = "",
) -> None:
    """立即重试全部等待处理的调用 / try every waiting call again now."""
    answer = call(service, "POST", "/v1/calls/retry", url=url, params={"key": key})
    console.print(f"已重试 tried again: {answer['calls']}")


@app.command("give-up")
def give_up(service: Service, number: Number, reason: Reason, url: Url = "") -> None:
    """放弃一个等待处理的调用，按被拒绝处理 / give up a waiting call: it ends as rejected."""
    call(service, "POST", f"/v1/calls/{number}/give-up", url=url, json={"reason": reason})
    console.print("已放弃 given up")
