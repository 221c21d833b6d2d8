"""A golden example of each event type, for the tests of those who write it and of those who read it."""

from importlib.resources import files
from typing import TypeVar

from lemai_contracts.event import Event

E = TypeVar("E", bound=Event)


def example(event: type[E]) -> E:
    """The example of this event class. Raises FileNotFoundError when there is none."""
    return event.model_validate_json(files(__name__).joinpath(f"{event.type}.json").read_bytes())
