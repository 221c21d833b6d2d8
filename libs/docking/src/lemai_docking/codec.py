"""What every encoding offers: documents to bytes and back. `encodings.codec_of` picks the one of a profile."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lemai_docking.documents import Decoded, Document, Header


@dataclass(frozen=True, slots=True)
class Rendered:
    """One document as it stands in a file, what it adds to the trailer's line count and control total, and what its
    texts for people lost on the way, in words."""

    text: str
    line_count: int
    control: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a file, and for each document the line it begins on."""

    data: bytes
    lines: tuple[int, ...]


class Codec(Protocol):
    """One counterpart's encoding."""

    def render(self, document: Document) -> Rendered:
        """Write one document. Raises DocumentRefused with every fault, ValueError for unknown fields."""

    def frame(self, header: Header, rendered: Sequence[Rendered]) -> Encoded:
        """Put documents of one interface into a file."""

    def decode(self, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
        """Read a file by its name and bytes. Raises FileRejected when name, frame or counts are broken.

        A bad record rejects its document only. `vouched`: a person has edited the bytes and answers for them,
        so digest and counts are not compared.
        """

    def is_complete(self, name: str, data: bytes) -> bool:
        """Whether whoever writes the file is done with it; False also for a name of no interface."""

    def excerpts(self, name: str, data: bytes, lines: Collection[int]) -> Mapping[int, bytes]:
        """For each of these lines, on which documents of a decoded file begin, a file with that document alone."""


def encode(codec: Codec, header: Header, documents: Sequence[Document]) -> Encoded:
    """Write a file of one interface. Raises DocumentRefused at the first document that cannot be written."""
    return codec.frame(header, [codec.render(document) for document in documents])
