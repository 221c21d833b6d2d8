"""Which changes of a released event type its consumers survive, old readers and new ones alike.

The rules are those of Nakadi's fully compatible mode (zalando/nakadi, `using_event-types.md`): titles and
descriptions may change and optional attributes may be added. Everything else needs a new major type.
A type that nobody reads any more is withdrawn by deleting its released schema together with its class.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lemai_contracts.export import JsonObject

BANNED = frozenset({"additionalProperties", "additionalItems", "not", "patternProperties"})
"""Keywords under which adding an optional attribute could break somebody."""

_ANNOTATIONS = frozenset({"title", "description"})
_WALKED = frozenset({"properties", "required", "items"})

Finding = tuple[str, str]
"""A JSON path and what was found there."""


@dataclass(frozen=True)
class Breaking:
    """A change that needs a new major type: the event type, the JSON path in it, and what changed."""

    type: str
    path: str
    what: str


def breaking_changes(released: Mapping[str, JsonObject], current: Mapping[str, JsonObject]) -> list[Breaking]:
    """Compare schemas by event type. New types are free, but for the banned keywords."""
    findings = [Breaking(name, "$", "类型已删除 type removed") for name in released.keys() - current.keys()]
    for name, schema in current.items():
        new = _inlined(schema, schema.get("$defs", {}))
        findings += [Breaking(name, path, what) for path, what in _banned(new, "$")]
        if name in released:
            old = _inlined(released[name], released[name].get("$defs", {}))
            findings += [Breaking(name, path, what) for path, what in _changes(old, new, "$")]
    return sorted(findings, key=lambda breaking: (breaking.type, breaking.path, breaking.what))


def _inlined(node: Any, definitions: JsonObject) -> Any:
    """The node without references, with "or null" as the keyword `nullable`. No value of ours contains itself."""
    match node:
        case {"$ref": str(reference), **rest}:
            return _inlined(definitions[reference.removeprefix("#/$defs/")] | rest, definitions)
        case {"anyOf": [inner, {"type": "null"}], **rest}:
            return _inlined(inner | rest, definitions) | {"nullable": True}
        case {"enum": [*values], **rest}:
            return rest | {"enum": sorted(values)}
        case dict():
            return {key: _inlined(inner, definitions) for key, inner in node.items() if key != "$defs"}
        case list():
            return [_inlined(inner, definitions) for inner in node]
    return node


def _changes(old: JsonObject, new: JsonObject, path: str) -> Iterator[Finding]:
    for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _WALKED):
        if old.get(keyword, ...) != new.get(keyword, ...):
            yield path, f"{keyword}: {_shown(old, keyword)} → {_shown(new, keyword)}"
    if "items" in old or "items" in new:
        yield from _changes(old.get("items", {}), new.get("items", {}), f"{path}[*]")
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before.keys() | after.keys():
        attribute = f"{path}.{name}"
        is_required = name in new.get("required", ())
        if name not in after:
            yield attribute, "已删除 removed"
        elif name not in before:
            if is_required:
                yield attribute, "新增且必填 added and required"
        else:
            if is_required != (name in old.get("required", ())):
                yield attribute, "改为必填 now required" if is_required else "不再必填 no longer required"
            yield from _changes(before[name], after[name], attribute)


def _shown(schema: JsonObject, keyword: str) -> str:
    return json.dumps(schema[keyword], ensure_ascii=False) if keyword in schema else "无 none"


def _banned(node: object, path: str) -> Iterator[Finding]:
    if isinstance(node, dict):
        for key, inner in node.items():
            if key in BANNED:
                yield path, f"禁用关键字 banned keyword {key}"
            yield from _banned(inner, path if key == "properties" else f"{path}.{key}")
    elif isinstance(node, list):
        for inner in node:
            yield from _banned(inner, path)
