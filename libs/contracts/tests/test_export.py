import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from lemai_contracts import Attributes, Event, event_types, to_headers, topics
from lemai_contracts.__main__ import undescribed
from lemai_contracts.examples import example
from lemai_contracts.export import (
    ASYNCAPI,
    ENVELOPE,
    WORDS,
    JsonObject,
    asyncapi,
    differences,
    fields,
    files,
    json_schema,
)
from lemai_contracts.order import OrderStateChangedV1
from lemai_contracts.topics import TOPICS
from lemai_contracts.values import Instant

every_event = pytest.mark.parametrize("event", event_types().values(), ids=lambda event: event.type)


@pytest.fixture
def document() -> JsonObject:
    return asyncapi(event_types())


@every_event
def test_schemas_are_json_schema_2020_12(event: type[Event]) -> None:
    schema = json_schema(event)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_a_schema_says_what_is_written(registry: None) -> None:
    class ShelfCountedV1(
        Event,
        type="lemai.test.shelf_counted.v1",
        topic=topics.STOCK_SNAPSHOT,
        subject="{owner_code}/{item_code}",
        key="{owner_code}",
    ):
        """Somebody counted."""

        owner_code: str
        item_code: str
        remark: str = ""
        """In the counter's words."""
        counted_at: Instant

    assert json_schema(ShelfCountedV1) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lemai.test.shelf_counted.v1",
        "description": "Somebody counted.",
        "type": "object",
        "properties": {
            "owner_code": {"type": "string", "description": WORDS["owner_code"]},
            "item_code": {"type": "string", "description": WORDS["item_code"]},
            "remark": {"type": "string", "default": "", "description": "In the counter's words."},
            "counted_at": {"type": "string", "format": "date-time"},
        },
        "required": ["owner_code", "item_code", "counted_at"],
        "x-topic": {"name": "lemai.stock.snapshot", "partitions": 12, "compacted": False},
        "x-subject": "{owner_code}/{item_code}",
        "x-key": "{owner_code}",
    }


def test_there_is_a_channel_for_each_topic(document: JsonObject) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in document["channels"].values()} == {topic.name for topic in TOPICS}


def test_a_channel_says_how_long_its_topic_keeps_events(document: JsonObject) -> None:
    channel = document["channels"]["lemai.stock.snapshot"]
    assert channel["bindings"]["kafka"] == {
        "partitions": 12,
        "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": 3 * 24 * 3600 * 1000},
        "bindingVersion": "0.5.0",
    }


def test_a_channel_says_that_its_topic_is_compacted(document: JsonObject) -> None:
    channel = document["channels"]["lemai.stock.availability"]
    assert channel["bindings"]["kafka"]["topicConfiguration"] == {"cleanup.policy": ["compact"]}


@pytest.mark.parametrize(("topic", "sealed"), [("lemai.marketplace.trade", True), ("lemai.order.order", False)])
def test_a_channel_says_whether_consignees_travel_on_it(document: JsonObject, topic: str, sealed: bool) -> None:
    assert document["channels"][topic]["x-consignee-data"] is sealed


@every_event
def test_a_message_stands_on_the_channel_of_its_topic_only(event: type[Event]) -> None:
    channels = asyncapi(event_types())["channels"]
    assert [name for name, channel in channels.items() if event.type in channel["messages"]] == [event.topic.name]


def test_a_message_describes_headers_key_and_payload(document: JsonObject) -> None:
    assert document["components"]["messages"]["lemai.order.state_changed.v1"] == {
        "name": "lemai.order.state_changed.v1",
        "description": OrderStateChangedV1.__doc__,
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {
                    "properties": {
                        "ce_type": {"const": "lemai.order.state_changed.v1"},
                        "ce_subject": {"description": "{owner_code}/{order_no}"},
                        "ce_partitionkey": {"description": "{family}"},
                    }
                },
            ]
        },
        "payload": {"$ref": "./lemai.order.state_changed.v1.json"},
        "examples": [{"payload": example(OrderStateChangedV1).model_dump(mode="json")}],
        "bindings": {"kafka": {"key": {"type": "string", "description": "{family}"}, "bindingVersion": "0.5.0"}},
    }


@every_event
def test_the_described_headers_are_the_written_ones(event: type[Event]) -> None:
    golden = example(event)
    written = to_headers(
        Attributes(
            id=UUID(int=1),
            source="order-svc",
            type=event.type,
            time=datetime(2026, 11, 22, tzinfo=UTC),
            subject=golden.subject,
            partitionkey=golden.partitionkey,
            aggregateversion=1,
            traceparent="",
        )
    )
    headers = {name: value.decode() for name, value in written}
    assert headers.keys() == ENVELOPE["properties"].keys()
    Draft202012Validator(ENVELOPE).validate(headers)


def test_references_of_the_document_lead_somewhere(document: JsonObject) -> None:
    generated = files(event_types())
    messages = document["components"]["messages"]
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].removeprefix("#/components/messages/") in messages
    for message in messages.values():
        assert message["payload"]["$ref"].removeprefix("./") in generated
        assert message["headers"]["allOf"][0]["$ref"] == "#/components/schemas/envelope"
    assert document["components"]["schemas"].keys() == {"envelope"}


def test_files_are_one_per_type_and_the_asyncapi_document() -> None:
    assert files(event_types()).keys() == {f"{name}.json" for name in event_types()} | {ASYNCAPI}


def test_files_do_not_depend_on_the_order_of_declaration() -> None:
    events = event_types()
    assert files(dict(reversed(list(events.items())))) == files(events)


def test_files_are_readable_text_with_sorted_keys() -> None:
    for content in files(event_types()).values():
        assert content == json.dumps(json.loads(content), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def test_differences_name_every_path() -> None:
    committed = {"a": {"b": 1, "gone": None}, "list": [1], "same": 0}
    generated = {"a": {"b": 2, "new": None}, "list": [1, 2], "same": 0}
    assert list(differences(committed, generated)) == ["$.a.b", "$.a.gone", "$.a.new", "$.list"]


def references(node: object) -> Iterator[str]:
    """Every `$ref` of a document."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(reference := node.get("$ref"), str):
        yield reference
    for child in children:
        yield from references(child)


def test_every_reference_leads_somewhere(document: JsonObject) -> None:
    for reference in references(document):
        if reference.startswith("./"):
            assert reference.removeprefix("./") in files(event_types())
            continue
        found: JsonObject = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


@every_event
def test_the_example_of_a_message_is_what_its_schema_says(event: type[Event], document: JsonObject) -> None:
    (shown,) = document["components"]["messages"][event.type]["examples"]
    Draft202012Validator(json_schema(event)).validate(shown["payload"])


def test_each_topic_that_is_written_has_its_operation(document: JsonObject) -> None:
    written = {event.topic.name for event in event_types().values()}

    assert document["operations"].keys() == written
    assert {operation["action"] for operation in document["operations"].values()} == {"send"}
    assert [server["protocol"] for server in document["servers"].values()] == ["kafka-secure"]


def test_every_word_is_the_name_of_a_field_that_does_not_say_it_of_its_own() -> None:
    said = {
        name
        for event in event_types().values()
        for _, name, field in fields(json_schema(event))
        if field["description"] == WORDS.get(name)
    }

    assert WORDS.keys() == said


def test_a_field_that_nothing_describes_is_named(registry: None) -> None:
    class ShelfPaintedV1(
        Event, type="lemai.test.shelf_painted.v1", topic=topics.STOCK_SNAPSHOT, subject="{shelf}", key="{shelf}"
    ):
        """Somebody painted."""

        shelf: str

    assert undescribed({"lemai.test.shelf_painted.v1": json_schema(ShelfPaintedV1)}) == [
        "lemai.test.shelf_painted.v1.shelf"
    ]
