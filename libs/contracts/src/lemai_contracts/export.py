"""JSON Schemas and the AsyncAPI document, written from the registry of event types."""

import inspect
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files as package_files
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from lemai_contracts.event import Event
from lemai_contracts.examples import example
from lemai_contracts.topics import TOPICS, Topic

JsonObject = dict[str, Any]
Events = Mapping[str, type[Event]]

ASYNCAPI = "asyncapi.json"
HOUR_MS = 3_600_000
KAFKA_BINDING = "0.5.0"

ENVELOPE: JsonObject = {
    "type": "object",
    "required": [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_partitionkey",
        "ce_aggregateversion",
    ],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "Unique; a repeated event has the same one."},
        "ce_source": {"type": "string", "description": "The service that wrote the event."},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "The aggregate the event is about."},
        "ce_partitionkey": {"type": "string", "description": "Equals the record's key."},
        "ce_aggregateversion": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "Grows by one with each change of the aggregate; 0 where there is no aggregate of ours.",
        },
        "ce_causationid": {"type": "string", "description": "Id of the event or command that caused this one."},
        "traceparent": {"type": "string", "description": "W3C trace context."},
        "content-type": {"type": "string", "const": "application/json"},
    },
}


WORDS: Mapping[str, str] = json.loads(package_files(__package__).joinpath("words.json").read_bytes())
"""What a field of this name says wherever it stands; a class says it of its own where it means something else."""


class _Schema(GenerateJsonSchema):
    """Leaves out the titles that only repeat an attribute's name."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schema(event: type[Event]) -> JsonObject:
    """What the wire carries as data, with the topic and the templates that may never change under `x-`."""
    schema = event.model_json_schema(mode="serialization", schema_generator=_Schema)
    for _, name, field in fields(schema):
        if name in WORDS:
            field.setdefault("description", WORDS[name])
    return schema | {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": event.type,
        "x-topic": {
            "name": event.topic.name,
            "partitions": event.topic.partitions,
            "compacted": event.topic.compacted,
        },
        "x-subject": event.subject_template,
        "x-key": event.key_template,
    }


def fields(schema: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """Each field of an event and of its parts: the class it belongs to, its name, its schema."""
    for owner, part in (("", schema), *schema.get("$defs", {}).items()):
        for name, field in part.get("properties", {}).items():
            yield owner, name, field


def asyncapi(events: Events) -> JsonObject:
    """AsyncAPI 3.0: a channel per topic, a message per event type."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lemai Dock",
            "version": "1",
            "description": "CloudEvents 1.0 in binary mode on Kafka. Each event type carries its own major version.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka-secure",
                "description": "TLS and SASL/SCRAM; the platform team gives address, user and rights.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "KAFKA_BOOTSTRAP_SERVERS"}},
            }
        },
        "operations": {topic.name: operation for topic in TOPICS if (operation := _operation(topic, events))},
        "channels": {topic.name: _channel(topic, events) for topic in TOPICS},
        "components": {
            "messages": {name: _message(event) for name, event in events.items()},
            "schemas": {"envelope": ENVELOPE},
        },
    }


def _operation(topic: Topic, events: Events) -> JsonObject | None:
    """That we write to a topic; None while nothing does."""
    channel = f"#/channels/{topic.name}"
    names = sorted(name for name, event in events.items() if event.topic is topic)
    messages = [{"$ref": f"{channel}/messages/{name}"} for name in names]
    return {"action": "send", "channel": {"$ref": channel}, "messages": messages} if messages else None


def _channel(topic: Topic, events: Events) -> JsonObject:
    keeping = (
        {"cleanup.policy": ["compact"]}
        if topic.compacted
        else {"cleanup.policy": ["delete"], "retention.ms": topic.retention_hours * HOUR_MS}
    )
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name, event in events.items() if event.topic is topic
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": keeping,
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "x-consignee-data": topic.consignee_data,
    }


def _message(event: type[Event]) -> JsonObject:
    of_this_type = {
        "ce_type": {"const": event.type},
        "ce_subject": {"description": event.subject_template},
        "ce_partitionkey": {"description": event.key_template},
    }
    return {
        "name": event.type,
        "description": inspect.getdoc(event),
        "headers": {"allOf": [{"$ref": "#/components/schemas/envelope"}, {"properties": of_this_type}]},
        "payload": {"$ref": f"./{event.type}.json"},
        "examples": [{"payload": example(event).model_dump(mode="json")}],
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": event.key_template},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def files(events: Events) -> dict[str, str]:
    """The text of every generated file by its name."""
    documents = {f"{name}.json": json_schema(event) for name, event in events.items()}
    return {name: text(document) for name, document in (documents | {ASYNCAPI: asyncapi(events)}).items()}


def text(document: JsonObject) -> str:
    """The one way a document is written, so that equal documents are equal files."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def differences(committed: object, generated: object, path: str = "$") -> Iterator[str]:
    """JSON paths at which two documents differ."""
    if isinstance(committed, dict) and isinstance(generated, dict):
        for key in sorted(committed.keys() | generated.keys()):
            yield from differences(committed.get(key, ...), generated.get(key, ...), f"{path}.{key}")
    elif committed != generated:
        yield path
