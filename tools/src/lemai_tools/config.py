"""`lemai config`: what may stand in `lemai.yaml` and in the environment, described from its schema, and checked."""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Annotated, Any, get_type_hints

import httpx
import typer
from pydantic import BaseModel

from lemai_chassis import reference
from lemai_chassis.misconfigured import EXIT_CODE, Misconfigured, Problems
from lemai_chassis.settings import Settings
from lemai_tools.output import fail, say
from lemai_tools.platform.home import REPOSITORY, Home, default_config, default_home, wrong_ports
from lemai_tools.platform.members import DATABASES, SERVICES, configured, members
from lemai_tools.platform.postgres import Postgres

PAGE = REPOSITORY / "docs" / "configuration.md"
KAFKA = "127.0.0.1:9092"
"""Stands in for a broker: a check connects to nothing."""
HEAD = """\
# 配置 · Configuration

由 `lemai config reference` 从结构写成，请勿手改；`lemai config check` 在启动前检查全部配置。
Written by `lemai config reference` from the schema: change it there. `lemai config check` starts nothing and tells
every problem of reference data, profiles and secrets, each with place, value and fix.

"""

app = typer.Typer(no_args_is_help=True, help="配置：检查与说明 / configuration: checked, described")


@app.command()
def check() -> None:
    """检查 lemai.yaml、方案与密钥，不启动 / check reference data, profiles and secrets without starting."""
    config = default_config()
    problems = Problems(wrong_ports())
    with problems.of(Misconfigured):
        problems.extend(_of_services(config, configured(config)))
    if problems:
        fail(*dict.fromkeys(problems), code=EXIT_CODE)
    say(f"配置无误 sound: {config}", "green")


@app.command("reference")
def write(
    page: Annotated[Path, typer.Argument(help="写到何处 / where to", dir_okay=False)] = PAGE,
) -> None:
    """由结构写出配置说明 / write the page that describes every key and variable."""
    page.write_text(described(), encoding="utf-8")


def described() -> str:
    """The page, in Markdown."""
    site = import_module("kingdee_adapter.k3cloud.site").Site
    lines = [
        "## lemai.yaml",
        "",
        *_tables(reference.Reference),
        "Options of a `K3CloudChannel`'s site stand beside its own keys:",
        "",
        *_tables(site),
        "## 环境变量 · Environment",
        "",
        "| variable | services | type | default | meaning |",
        "|---|---|---|---|---|",
        *_variables(),
    ]
    return HEAD + "\n".join(lines) + "\n"


def _of_services(config: Path, known: reference.Reference) -> Iterator[str]:
    """What each service says of itself, as it would be started here."""
    home = Home(default_home())
    own = Postgres(home)
    databases = {name: os.environ.get(f"DATABASE_URL_{name.upper()}", own.url(name, name)) for name in DATABASES}
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", KAFKA)
    every = members(
        home, httpx.AsyncClient(), config=config, known=known, databases=databases, bootstrap_servers=servers
    )
    checks = [
        Popen(  # noqa: S603  the table of programs is ours
            (*every[name].argv, "check"), env={**os.environ, **every[name].env}, stdout=PIPE, stderr=PIPE, text=True
        )
        for name in SERVICES
    ]
    for check in checks:
        _, told = check.communicate()
        if check.returncode:
            yield from told.splitlines()


def _tables(model: type[BaseModel]) -> Iterator[str]:
    """A table of its keys, and one for each model they use."""
    schema = model.model_json_schema()
    for name, part in {model.__name__: schema, **schema.get("$defs", {})}.items():
        if "properties" not in part:
            continue
        yield from (f"### {name}", "", *_text(part.get("description", "")).split("\n"), "")
        yield from ("| key | type | default | meaning |", "|---|---|---|---|")
        for key, how in part["properties"].items():
            yield f"| `{key}` | {_type(how)} | {_default(how, key in part.get('required', ()))} | {_meaning(how)} |"
        yield ""


def _variables() -> Iterator[str]:
    """A row for each setting of any service."""
    rows: dict[str, tuple[list[str], Mapping[str, Any], bool]] = {}
    for service in SERVICES:
        settings: type[Settings] = get_type_hints(import_module(f"{service.replace('-', '_')}.bootstrap").build)[
            "settings"
        ]
        schema = settings.model_json_schema()
        for key, how in schema["properties"].items():
            services, _, required = rows.setdefault(key, ([], how, key in schema.get("required", ())))
            services.append(service)
    for key, (services, how, required) in rows.items():
        where = "all" if len(services) == len(SERVICES) else ", ".join(services)
        yield f"| `{key.upper()}` | {where} | {_type(how)} | {_default(how, required)} | {_meaning(how)} |"


def _type(how: Mapping[str, Any]) -> str:
    if choices := how.get("anyOf") or how.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices if choice.get("type") != "null"))
    if "$ref" in how:
        name = how["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in how or "enum" in how:
        return ", ".join(f"`{value}`" for value in how.get("enum", [how.get("const")]))
    if how.get("type") == "array":
        return f"list of {_type(how.get('items', {}))}"
    if how.get("type") == "object":
        values = how.get("additionalProperties")
        return f"map to {_type(values)}" if isinstance(values, dict) else "map"
    limits = [f"{sign} {how[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in how]
    return " ".join([str(how.get("format") or how.get("type") or "string"), *limits])


def _default(how: Mapping[str, Any], required: bool) -> str:
    if required:
        return "**必填 required**"
    return f"`{how['default']}`" if how.get("default") not in (None, "", [], {}) else ""


def _meaning(how: Mapping[str, Any]) -> str:
    chosen = "选定种类 chooses the kind" if "const" in how else ""
    return _text(how.get("description", chosen)).replace("\n", " ")


def _text(description: str) -> str:
    return description.replace("|", "\\|")
