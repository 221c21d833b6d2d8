"""A record as it came from Kafka."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from lemai_contracts import Attributes, from_headers
from lemai_contracts.cloudevents import Headers


@dataclass(frozen=True)
class Message:
    """Topic, place, ordering key, CloudEvents headers and JSON body; `value` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Headers
    value: bytes | None

    def attributes(self) -> Attributes:
        """Raises MalformedEnvelope."""
        return from_headers(self.headers)

    def substitute_attributes(self) -> Attributes:
        """Stands in for an unreadable envelope: the id is the record's place, so that it is taken once too."""
        place = f"kafka:{self.topic}/{self.partition}/{self.offset}"
        unknown_time = datetime.fromtimestamp(0, UTC)
        return Attributes(uuid5(NAMESPACE_URL, place), place, "", unknown_time, "", self.key, 0, "")
