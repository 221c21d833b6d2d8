"""The encodings of a file: text, XML and JSON behind one interface."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from sim_kingdee import frame, json_codec, xml_codec
from sim_kingdee.layouts import Interface
from sim_kingdee.message import Document, Message, Rendered


class Encoding(Protocol):
    """A module that reads what Lemai writes and writes what Lemai reads."""

    SUFFIX: str
    """What is appended to the agreed file name."""

    def is_finished(self, data: bytes) -> bool:
        """Whether its writer is done with a file."""

    def read(self, data: bytes, interface: Interface) -> Message:
        """Decode a message that must carry `interface`; raises FrameError when it cannot be trusted as a whole."""

    def write(self, header: Mapping[str, str], documents: Sequence[Document]) -> Rendered:
        """Render documents in the order given."""


EncodingName = Literal["text", "xml", "json"]

ENCODINGS: Mapping[EncodingName, Encoding] = {"text": frame, "xml": xml_codec, "json": json_codec}
