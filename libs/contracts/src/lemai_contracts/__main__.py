"""`python -m lemai_contracts write | check | release`: keep the committed schemas true to the registry."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lemai_contracts import event_types
from lemai_contracts.compatibility import breaking_changes
from lemai_contracts.export import JsonObject, differences, fields, files, json_schema, text

SCHEMAS = Path(__file__).parents[2] / "schemas"
DRIFTED = "契约文件与代码不一致，请运行 make contracts / drift, run make contracts"
UNDESCRIBED = "字段没有说明，请写 docstring 或 words.json / a field is not described, in its class or words.json"
INCOMPATIBLE = "契约不兼容，请撤回或声明新的大版本 / breaking, undo it or declare a new major type"


def write(schemas: Path) -> list[str]:
    """Write what the registry says and delete what it does not."""
    generated = files(event_types())
    schemas.mkdir(parents=True, exist_ok=True)
    for surplus in {path.name for path in schemas.glob("*.json")} - generated.keys():
        (schemas / surplus).unlink()
    for name, content in generated.items():
        (schemas / name).write_text(content, encoding="utf-8")
    return []


def check(schemas: Path) -> list[str]:
    """Say where the committed files drifted from the registry, and what would break readers of the last release."""
    released = {path.stem: json.loads(path.read_bytes()) for path in _released(schemas).glob("*.json")}
    breaking = breaking_changes(released, _current())
    return [
        *(f"{DRIFTED}: {where}" for where in _drift(schemas)),
        *(f"{UNDESCRIBED}: {where}" for where in undescribed(_current())),
        *(f"{INCOMPATIBLE}: {found.type} {found.path} {found.what}" for found in breaking),
    ]


def release(schemas: Path) -> list[str]:
    """Freeze the current schemas as the release that later ones must be compatible with."""
    complaints = check(schemas)
    if not complaints:
        _released(schemas).mkdir(exist_ok=True)
        for name, schema in _current().items():
            (_released(schemas) / f"{name}.json").write_text(text(schema), encoding="utf-8")
    return complaints


def undescribed(schemas: Mapping[str, JsonObject]) -> list[str]:
    """Fields of events of which nothing says what they hold."""
    return [
        ".".join(filter(None, (event_type, owner, name)))
        for event_type, schema in schemas.items()
        for owner, name, field in fields(schema)
        if not field.get("description")
    ]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {"write": write, "check": check, "release": release}


def _released(schemas: Path) -> Path:
    return schemas / "released"


def _current() -> dict[str, JsonObject]:
    return {name: json_schema(event) for name, event in event_types().items()}


def _drift(schemas: Path) -> Iterator[str]:
    generated = files(event_types())
    committed = {path.name: path.read_text(encoding="utf-8") for path in schemas.glob("*.json")}
    for name in sorted(committed.keys() | generated.keys()):
        if name not in committed:
            yield f"{name} 缺少 missing"
        elif name not in generated:
            yield f"{name} 多余 surplus"
        elif committed[name] != generated[name]:
            yield f"{name} {', '.join(_differing(committed[name], generated[name]))}"


def _differing(committed: str, generated: str) -> list[str]:
    try:
        paths = list(differences(json.loads(committed), json.loads(generated)))
    except json.JSONDecodeError as broken:
        return [f"不是 JSON not JSON: {broken}"]
    return paths or ["只有排版不同 only the layout differs"]


def main(arguments: Sequence[str] | None = None, schemas: Path = SCHEMAS) -> int:
    """Run one command. Returns 1 after printing complaints, a line each."""
    parser = argparse.ArgumentParser(prog="python -m lemai_contracts", description="契约文件 / contract schemas")
    parser.add_argument("command", choices=COMMANDS, help="生成、检查、冻结发布 / generate, check, freeze a release")
    complaints = COMMANDS[parser.parse_args(arguments).command](schemas)
    sys.stdout.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
