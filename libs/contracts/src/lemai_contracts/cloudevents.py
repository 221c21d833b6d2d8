"""CloudEvents 1.0 on Kafka in binary mode: attributes are `ce_` headers, the value is the data as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

Headers = list[tuple[str, bytes]]


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


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Attributes:
    """Read the attributes back. Raises MalformedEnvelope naming the header that is missing or wrong."""
    values = {name: value.decode("utf-8", "replace") for name, value in headers}
    try:
        return Attributes(
            id=UUID(values["ce_id"]),
            source=values["ce_source"],
            type=values["ce_type"],
            time=_aware(values["ce_time"]),
            subject=values["ce_subject"],
            partitionkey=values["ce_partitionkey"],
            aggregateversion=int(values["ce_aggregateversion"]),
            traceparent=values.get("traceparent", ""),
            causationid=values.get("ce_causationid", ""),
        )
    except KeyError as missing:
        raise MalformedEnvelope(f"header {missing.args[0]} is missing") from None
    except ValueError as wrong:
        raise MalformedEnvelope(f"{wrong} in headers {_readable(values)}") from None


def _aware(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"ce_time {text!r} has no time zone")
    return time


def _readable(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in sorted(values.items()) if name.startswith("ce_"))
