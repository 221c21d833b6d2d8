"""CloudEvents 1.0 on Kafka in binary mode: attributes are `ce_` headers, the value is the data as JSON."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

Headers = list[tuple[str, bytes]]
T = TypeVar("T")


class MalformedEnvelope(ValueError):
    """A record without the attributes that every event of ours has."""


@dataclass(frozen=True)
class Attributes:
    """The CloudEvents attributes of one event, ours included."""

    id: UUID
    source: str
    type: str
    time: datetime
    subject: str
    partitionkey: str
    aggregateversion: int
    """Grows by one with each change of the aggregate; 0 for a fact that has no aggregate of ours."""
    traceparent: str
    causationid: str = ""
    """Id of the event or command that caused this one."""


def to_headers(event: Attributes) -> Headers:
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event.id).encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", event.time.isoformat().encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_partitionkey", event.partitionkey.encode()),
        ("ce_aggregateversion", str(event.aggregateversion).encode()),
        ("ce_causationid", event.causationid.encode()),
        ("traceparent", event.traceparent.encode()),
        ("content-type", b"application/json"),
    ]


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> Attributes:
    """Read the attributes back. Raises MalformedEnvelope naming the header that is missing or wrong."""
    optional = {"traceparent": b"", "ce_causationid": b""}
    values = optional | {name: value for name, value in headers if value is not None}
    return Attributes(
        id=_read(values, "ce_id", UUID),
        source=_read(values, "ce_source", str),
        type=_read(values, "ce_type", str),
        time=_read(values, "ce_time", _aware),
        subject=_read(values, "ce_subject", str),
        partitionkey=_read(values, "ce_partitionkey", str),
        aggregateversion=_read(values, "ce_aggregateversion", int),
        traceparent=_read(values, "traceparent", str),
        causationid=_read(values, "ce_causationid", str),
    )


def _read(values: Mapping[str, bytes], name: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(values[name].decode())
    except KeyError:
        raise MalformedEnvelope(f"header {name} is missing") from None
    except ValueError as wrong:
        raise MalformedEnvelope(f"header {name} is {values[name]!r}: {wrong}") from None


def _aware(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no time zone")
    return time
