import json
from collections.abc import Callable
from copy import deepcopy
from types import GenericAlias
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import create_model

from lemai_contracts.compatibility import Breaking, breaking_changes
from lemai_contracts.export import JsonObject
from lemai_contracts.values import Grade, Instant, Money, Quantity, Value

TYPE = "lemai.test.shipped.v1"
RELEASED: JsonObject = {
    "$defs": {
        "Line": {
            "type": "object",
            "title": "Line",
            "properties": {
                "quantity": {"type": "integer", "minimum": 0},
                "grade": {"type": "string", "enum": ["good", "defective"]},
            },
            "required": ["quantity", "grade"],
        },
        "Courier": {"type": "object", "properties": {"waybill_no": {"type": "string"}}, "required": ["waybill_no"]},
        "Pickup": {"type": "object", "properties": {"counter": {"type": "string"}}, "required": ["counter"]},
    },
    "title": TYPE,
    "type": "object",
    "properties": {
        "order_no": {"type": "string", "description": "Ours."},
        "shipped_at": {"type": "string", "format": "date-time"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "way": {"anyOf": [{"$ref": "#/$defs/Courier"}, {"$ref": "#/$defs/Pickup"}]},
        "returned": {"anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}], "default": None},
        "remark": {"type": "string", "default": ""},
    },
    "required": ["order_no", "shipped_at", "lines", "way"],
    "x-topic": {"name": "lemai.order.order", "partitions": 12, "compacted": False},
    "x-subject": "{order_no}",
    "x-key": "{order_no}",
}
PROPERTIES = RELEASED["properties"]
LINE = RELEASED["$defs"]["Line"]["properties"]

Edit = Callable[[JsonObject], object]


def after(edit: Edit) -> list[tuple[str, str]]:
    schema = deepcopy(RELEASED)
    edit(schema)
    found = breaking_changes({TYPE: RELEASED}, {TYPE: schema})
    assert {breaking.type for breaking in found} <= {TYPE}
    return [(breaking.path, breaking.what) for breaking in found]


def in_event(**attributes: JsonObject) -> Edit:
    return lambda schema: schema["properties"].update(attributes)


def in_line(**attributes: JsonObject) -> Edit:
    return lambda schema: schema["$defs"]["Line"]["properties"].update(attributes)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(in_event(weight={"type": "string", "default": "0"}), id="optional attribute"),
        pytest.param(in_line(batch={"type": "string", "default": ""}), id="optional attribute of a part"),
        pytest.param(lambda schema: schema.update(title="Shipped"), id="title"),
        pytest.param(in_event(order_no={"type": "string", "description": "Theirs."}), id="description"),
        pytest.param(in_line(grade={"type": "string", "enum": ["defective", "good"]}), id="order of an enum"),
        pytest.param(lambda schema: schema["required"].reverse(), id="order of required"),
        pytest.param(
            lambda schema: (
                schema["$defs"].update(Parcel=schema["$defs"]["Line"]),
                schema["properties"]["lines"].update(items={"$ref": "#/$defs/Parcel"}),
            ),
            id="name of a part",
        ),
    ],
)
def test_readers_survive(edit: Edit) -> None:
    assert after(edit) == []


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        pytest.param(lambda schema: schema["properties"].pop("remark"), [("$.remark", "已删除 removed")], id="removed"),
        pytest.param(
            lambda schema: schema["properties"].update(note=schema["properties"].pop("remark")),
            [("$.remark", "已删除 removed")],
            id="renamed",
        ),
        pytest.param(
            lambda schema: (in_event(weight={"type": "string"})(schema), schema["required"].append("weight")),
            [("$.weight", "新增且必填 added and required")],
            id="added and required",
        ),
        pytest.param(
            lambda schema: schema["required"].append("remark"),
            [("$.remark", "改为必填 now required")],
            id="now required",
        ),
        pytest.param(
            lambda schema: schema["required"].remove("order_no"),
            [("$.order_no", "不再必填 no longer required")],
            id="no longer required",
        ),
        pytest.param(in_event(order_no={"type": "integer"}), [("$.order_no", 'type: "string" → "integer"')], id="type"),
        pytest.param(
            in_event(lines={"type": "array", "items": {"type": "string"}}),
            [
                ("$.lines[*]", 'type: "object" → "string"'),
                ("$.lines[*].grade", "已删除 removed"),
                ("$.lines[*].quantity", "已删除 removed"),
            ],
            id="type of items",
        ),
        pytest.param(
            in_event(lines={"type": "array"}),
            [
                ("$.lines[*]", 'type: "object" → 无 none'),
                ("$.lines[*].grade", "已删除 removed"),
                ("$.lines[*].quantity", "已删除 removed"),
            ],
            id="items no longer described",
        ),
        pytest.param(
            in_event(shipped_at={"type": "string"}), [("$.shipped_at", 'format: "date-time" → 无 none')], id="format"
        ),
        pytest.param(
            in_event(returned={"$ref": "#/$defs/Line", "default": None}),
            [("$.returned", "nullable: true → 无 none")],
            id="no longer null",
        ),
        pytest.param(
            in_event(order_no={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            [("$.order_no", "nullable: 无 none → true")],
            id="may be null now",
        ),
        pytest.param(
            in_line(grade={"type": "string", "enum": ["good", "defective", "frozen"]}),
            [
                ("$.lines[*].grade", 'enum: ["defective", "good"] → ["defective", "frozen", "good"]'),
                ("$.returned.grade", 'enum: ["defective", "good"] → ["defective", "frozen", "good"]'),
            ],
            id="enum value added",
        ),
        pytest.param(
            lambda schema: schema["$defs"].update(Line=RELEASED["$defs"]["Line"] | {"maxProperties": 2}),
            [
                ("$.lines[*]", "maxProperties: 无 none → 2"),
                ("$.returned", "maxProperties: 无 none → 2"),
            ],
            id="constraint added",
        ),
        pytest.param(
            in_line(quantity={"type": "integer", "minimum": 1}),
            [("$.lines[*].quantity", "minimum: 0 → 1"), ("$.returned.quantity", "minimum: 0 → 1")],
            id="constraint tightened",
        ),
        pytest.param(
            in_line(quantity={"type": "integer"}),
            [("$.lines[*].quantity", "minimum: 0 → 无 none"), ("$.returned.quantity", "minimum: 0 → 无 none")],
            id="constraint loosened",
        ),
        pytest.param(
            in_event(remark={"type": "string", "default": "无"}), [("$.remark", 'default: "" → "无"')], id="default"
        ),
        pytest.param(
            lambda schema: schema.update({"x-key": "{remark}"}),
            [("$", 'x-key: "{order_no}" → "{remark}"')],
            id="key",
        ),
        pytest.param(
            lambda schema: schema.update({"x-subject": "{remark}"}),
            [("$", 'x-subject: "{order_no}" → "{remark}"')],
            id="subject",
        ),
    ],
)
def test_readers_break(edit: Edit, found: list[tuple[str, str]]) -> None:
    assert after(edit) == found


def test_a_change_inside_a_union_is_found() -> None:
    ((path, what),) = after(
        lambda schema: schema["$defs"]["Courier"]["properties"]["waybill_no"].update(type="integer")
    )
    assert path == "$.way"
    assert what.startswith("anyOf: ")


@pytest.mark.parametrize(("fact", "value"), [("name", "lemai.order.shipment"), ("partitions", 24), ("compacted", True)])
def test_a_type_keeps_its_topic_and_the_topic_its_partitions(fact: str, value: object) -> None:
    ((path, what),) = after(lambda schema: schema["x-topic"].update({fact: value}))
    assert path == "$"
    assert what.startswith("x-topic: ")


@pytest.mark.parametrize("keyword", ["additionalProperties", "additionalItems", "not", "patternProperties"])
@pytest.mark.parametrize("released", [{}, {TYPE: RELEASED}])
def test_a_banned_keyword_is_found_in_new_types_too(keyword: str, released: dict[str, JsonObject]) -> None:
    schema = deepcopy(RELEASED)
    schema["properties"]["labels"] = {"type": "object", keyword: {"type": "string"}}
    schema["properties"]["way"]["anyOf"].append({keyword: {}})
    assert [found for found in breaking_changes(released, {TYPE: schema}) if "banned" in found.what] == [
        Breaking(TYPE, "$.labels", f"禁用关键字 banned keyword {keyword}"),
        Breaking(TYPE, "$.way.anyOf", f"禁用关键字 banned keyword {keyword}"),
    ]


def test_a_removed_type_breaks_and_a_new_one_does_not() -> None:
    assert breaking_changes({TYPE: RELEASED}, {"lemai.test.shipped.v2": RELEASED}) == [
        Breaking(TYPE, "$", "类型已删除 type removed")
    ]


Attributes = dict[str, tuple[Any, bool]]
"""What an attribute holds (a type, a part as Attributes, or a list of either), and whether it is required."""

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    bool: st.booleans(),
    Quantity: st.integers(min_value=0, max_value=2**53),
    Grade: st.sampled_from(Grade),
    Instant: st.just("2026-11-22T02:00:00Z"),
    Money: st.just({"amount": "129.00", "currency": "CNY"}),
}


def attributes(names: str, contents: st.SearchStrategy[Any], least: int) -> st.SearchStrategy[Attributes]:
    return st.dictionaries(st.sampled_from(names), st.tuples(contents, st.booleans()), min_size=least, max_size=3)


contents = st.recursive(
    st.sampled_from(list(SCALARS)),
    lambda inner: attributes("pqr", inner, 1) | st.lists(inner, min_size=1, max_size=1),
    max_leaves=5,
)
events = attributes("abc", contents, 1)


def grown(draw: st.DrawFn, content: Any) -> Any:
    """The content with optional attributes added to every part of it."""
    match content:
        case dict():
            added = draw(attributes("xyz", contents, 1))
            kept = {name: (grown(draw, inner), required) for name, (inner, required) in content.items()}
            return kept | {name: (inner, False) for name, (inner, _) in added.items()}
        case [inner]:
            return [grown(draw, inner)]
    return content


@st.composite
def evolutions(draw: st.DrawFn) -> tuple[Attributes, Attributes]:
    released = draw(events)
    return released, grown(draw, released)


def model(content: Attributes) -> type[Value]:
    fields: dict[str, Any] = {
        name: annotation(inner) if required else (annotation(inner) | None, None)
        for name, (inner, required) in content.items()
    }
    return create_model("Part", __base__=Value, **fields)


def annotation(content: Any) -> Any:
    match content:
        case dict():
            return model(content)
        case [inner]:
            return GenericAlias(tuple, (annotation(inner), ...))
    return content


def documents(content: Any) -> st.SearchStrategy[Any]:
    match content:
        case dict():
            required = {name: documents(inner) for name, (inner, must) in content.items() if must}
            optional = {name: documents(inner) for name, (inner, must) in content.items() if not must}
            return st.fixed_dictionaries(required, optional=optional)
        case [inner]:
            return st.lists(documents(inner), max_size=2)
    return SCALARS[content]


@settings(max_examples=60, deadline=None)
@given(evolutions(), st.data())
def test_after_allowed_changes_old_and_new_readers_read_old_and_new_events(
    evolution: tuple[Attributes, Attributes], data: st.DataObject
) -> None:
    old, new = (model(content) for content in evolution)
    old_schema, new_schema = (side.model_json_schema(mode="serialization") for side in (old, new))
    assert breaking_changes({TYPE: old_schema}, {TYPE: new_schema}) == []
    written_old = old.model_validate(data.draw(documents(evolution[0]))).model_dump_json()
    written_new = new.model_validate(data.draw(documents(evolution[1]))).model_dump_json()
    Draft202012Validator(new_schema).validate(json.loads(written_old))
    Draft202012Validator(old_schema).validate(json.loads(written_new))
    new.model_validate_json(written_old)
    old.model_validate_json(written_new)


@settings(max_examples=60, deadline=None)
@given(events, events)
def test_two_unlike_events_are_told_apart(one: Attributes, other: Attributes) -> None:
    """Whatever is compatible in both directions is the same schema."""
    schemas = [{TYPE: model(content).model_json_schema(mode="serialization")} for content in (one, other)]
    both_ways = breaking_changes(schemas[0], schemas[1]) + breaking_changes(schemas[1], schemas[0])
    assert (both_ways == []) == (one == other)
