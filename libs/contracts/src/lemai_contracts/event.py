"""The base of every event type, and the registry of them all."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from lemai_contracts.topics import Topic


class Event(BaseModel):
    """A fact that crosses a boundary. One class per (type, major version).

    A subclass names its CloudEvents type, its topic, and two templates over its own fields: `subject`
    (the aggregate's id) and `key` (the ordering key: the family, or the full identity on a compacted topic).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    type: ClassVar[str]
    topic: ClassVar[Topic]
    subject_template: ClassVar[str]
    key_template: ClassVar[str]
    passing: ClassVar[bool]
    """A mark that the next of its subject replaces: taken twice it does no harm, and after a day nobody asks."""

    def __init_subclass__(cls, *, type: str, topic: Topic, subject: str, key: str, passing: bool = False) -> None:  # noqa: A002 - CloudEvents' own word
        super().__init_subclass__()
        if type in _types:
            raise TypeError(f"event type {type} is declared twice")
        cls.type, cls.topic, cls.subject_template, cls.key_template, cls.passing = type, topic, subject, key, passing
        _types[type] = cls

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Keeps the class keywords above away from pydantic's own configuration."""

    @property
    def subject(self) -> str:
        return self.subject_template.format_map(self.__dict__)

    @property
    def partitionkey(self) -> str:
        return self.key_template.format_map(self.__dict__)

    @property
    def explicit_partition(self) -> int | None:
        """The partition to write to, where an event must reach each one; otherwise the key decides."""
        return None


_types: dict[str, type[Event]] = {}


def event_types() -> Mapping[str, type[Event]]:
    """Every declared event class by its CloudEvents type."""
    return _types
