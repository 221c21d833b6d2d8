"""How the `lemai` command answers: rows as a table, as cards where a table is too wide, or as JSON.

What was found goes to standard output, what goes on or went wrong to standard error.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lemai_tools.platform.members import SERVICES
from lemai_tools.platform.people import authorization, bearer
from lemai_tools.platform.records import running, running_homes

TIMEOUT_S = 120
PAPER = 10_000
"""Columns of what is no terminal: a pipe or a file breaks no line."""
CARD_RULE = 60

console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PAPER)
errors = Console(highlight=False, stderr=True)

Json = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
Url = Annotated[
    str,
    typer.Option(
        help="服务地址，默认取本地平台的 / the service's address, by default the local one", envvar="LEMAI_URL"
    ),
]
Service = Annotated[str, typer.Argument(help="服务，如 order-svc / the service")]
Number = Annotated[int, typer.Argument(help="编号，见 list / its id, as `list` tells")]
Reason = Annotated[str, typer.Option(help="原因，会被保存 / why; it is kept")]


def show(
    rows: Sequence[Mapping[str, Any]],
    heads: Mapping[str, str],
    *,
    as_json: bool = False,
    title: str = "",
    note: str = "",
) -> None:
    """Print records: `heads` names the fields that people see, in order; JSON has all fields of each.

    Nothing in a value is markup, no value is cut, and none is broken but where a card is wider than the terminal.
    """
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1, default=str))
        return
    if not rows:
        say("没有 / nothing", style="dim")
        return
    table = Table()
    for head in heads.values():
        table.add_column(head, no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row.get(field)) for field in heads))
    say(title, style="bold")
    if Measurement.get(console, console.options.update(max_width=PAPER), table).maximum <= console.width:
        console.print(table)
    else:
        _cards(rows, heads)
    say(note, style="dim")


def say(text: str, style: str = "") -> None:
    """Print a line of words, if there are any; the terminal itself breaks what is longer."""
    if text:
        console.print(text, style=style, markup=False, soft_wrap=True)


def call(service: str, method: str, path: str, *, url: str = "", **request: Any) -> Any:
    """The JSON that a service answers, as `respond` gets it."""
    return respond(service, method, path, url=url, **request).json()


def respond(service: str, method: str, path: str, *, url: str = "", **request: Any) -> httpx.Response:
    """What a service answers, of the running platform unless `url` names another.

    `LEMAI_TOKEN` is the person's token; the local platform has one of its own. A refusal, or no answer, is told and
    ends the command with 1. `request` is httpx's: params, json, files, ….
    """
    address, person = (url, {}) if url else _local(service)
    person = bearer(os.environ.get("LEMAI_TOKEN", "")) or person
    request["headers"] = {**person, **request.get("headers", {})}
    try:
        response = httpx.request(method, address + path, trust_env=False, timeout=TIMEOUT_S, **request)
    except httpx.TransportError as error:
        fail(f"{service} 无法访问 cannot be reached: {address}: {error!s} {type(error).__name__}")
    if response.is_error:
        _show_problem(response)
        raise typer.Exit(1)
    return response


def pages(service: str, path: str, *, url: str = "", **parameters: Any) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = call(service, "GET", path, url=url, params=parameters | cursor)
        items += page["items"]
        if not page.get("next"):
            return items
        cursor = {"cursor": page["next"]}


def fail(*problems: str, code: int = 1) -> NoReturn:
    """Tell what is wrong, a line each, and end the command."""
    for problem in problems:
        errors.print(problem, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _local(service: str) -> tuple[str, Mapping[str, str]]:
    for home in running_homes():
        if record := running(home).get(service):
            return record.url, authorization(home)
    fail(f"本地没有运行 {service}，请用 --url / does not run here, use --url; services: {', '.join(SERVICES)}")


def _show_problem(response: httpx.Response) -> None:
    """A problem document in words; any other answer as it is."""
    if response.headers.get("content-type") != "application/problem+json":
        fail(f"{response.request.url}: {response.status_code} {response.text}")
    problem = response.json()
    errors.print(f"{response.status_code} {problem['title']}", style="red", markup=False, soft_wrap=True)
    for text in (problem.get("detail"), *(_told(error) for error in problem.get("errors", ()))):
        if text:
            errors.print(text, markup=False, soft_wrap=True)


def _told(error: Mapping[str, Any]) -> str:
    value = json.dumps(error.get("value"), ensure_ascii=False)
    return f"{error.get('field')} = {value}: {error.get('message')}"


def _cards(rows: Sequence[Mapping[str, Any]], heads: Mapping[str, str]) -> None:
    """A paragraph per record, a line per value."""
    for row in rows:
        console.print("─" * min(console.width, CARD_RULE), style="dim")
        for field, head in heads.items():
            for line in filter(None, _text(row.get(field)).split()):
                console.print(Text.assemble((head, "dim"), "  ", line), soft_wrap=True)


def _text(value: object) -> Text:
    """A value as people read it; what no terminal shows stands as its escape."""
    if isinstance(value, Text):
        return value
    if isinstance(value, list | tuple):
        value = "\n".join(str(one) for one in value)
    plain = "" if value is None else str(value)
    return Text("".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in plain))
