"""XML and JSON messages (reference §1.17, §1.18) as codecs: one mapping, two syntaxes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from lemai_docking.codec import Encoded, Rendered
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Decoded, Document, Header
from lemai_docking.encodings.judging import Reading, check_header, completed, readable
from lemai_docking.encodings.messages.message import MessageReader, placed, read_header
from lemai_docking.encodings.messages.read import Unit
from lemai_docking.encodings.messages.tree import HEADS, TRAILER, Names, Part, Tree
from lemai_docking.encodings.messages.write import document_tree, header_tree
from lemai_docking.encodings.rules import control_total
from lemai_docking.faults import DocumentRefused, Fault, FileRejected

SourceT = TypeVar("SourceT")

_BOM = b"\xef\xbb\xbf"


class Syntax(Protocol[SourceT]):
    """How trees are spelled."""

    names: Names

    def source(self, data: bytes) -> SourceT:
        """What units are cut from. Raises FileRejected."""

    def units(self, source: SourceT) -> Iterator[Unit]:
        """The parts of a message one after the other. Raises FileRejected."""

    def cut(self, source: SourceT, unit: Unit) -> str:
        """A unit as it stands in the source."""

    def text(self, kind: str, tree: Tree) -> str:
        """A unit, indented as it stands in a message."""

    def message(self, header: str, tag: str, documents: Sequence[str], trailer: str = "") -> Encoded:
        """A message of these texts."""

    def ends(self, data: bytes) -> bool:
        """Whether the message is closed."""


class TreeCodec(Generic[SourceT]):
    """Reads and writes messages in one syntax, of the fields that the profile has columns for."""

    def __init__(self, profile: Profile, syntax: Syntax[SourceT]) -> None:
        self._profile = profile
        self._syntax = syntax

    def render(self, document: Document) -> Rendered:
        """One document's element or object."""
        carried = self._profile.carried[document.interface]
        document, notes = readable(document)
        document, line_count, faults = completed(document, carried)
        try:
            tree = document_tree(document, self._syntax.names, carried)
        except DocumentRefused as refusal:
            faults += refusal.faults
        if faults:
            raise DocumentRefused(faults)
        tag = layouts()[document.interface].head
        return Rendered(self._syntax.text(tag, tree), line_count, control_total(document), notes)

    def frame(self, header: Header, rendered: Sequence[Rendered]) -> Encoded:
        """Header, documents, trailer. ValueError for more than one snapshot, and for another charset than UTF-8."""
        tag = layouts()[header.interface].head
        if tag == "K" and len(rendered) > 1:
            raise ValueError("a message holds one snapshot")
        counts: list[Part] = [
            len(rendered),
            sum(document.line_count for document in rendered),
            str(sum(document.control for document in rendered)),
        ]
        names = self._syntax.names
        return self._syntax.message(
            self._syntax.text("header", header_tree(header, names)),
            tag,
            [document.text for document in rendered],
            self._syntax.text("trailer", dict(zip(TRAILER[names], counts, strict=True))),
        )

    def decode(self, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
        """Header first, then document by document."""
        file = self._profile.match(name)
        limits = self._profile.limits
        if len(data) > limits.bytes:
            raise FileRejected(Fault("E_LIMIT", 0, "", str(len(data)), f"≤ {limits.bytes} 字节/bytes"))
        warnings = list(file.warnings)
        if data.startswith(_BOM):
            warnings.append(Fault("W_BOM", 1))
        source = self._syntax.source(data.removeprefix(_BOM))

        def units() -> Iterator[Unit]:
            return self._syntax.units(source)

        header, line = read_header(units(), self._syntax.names)
        check_header(self._profile, header, file.interfaces, line)
        candidates = [layouts()[interface] for interface in file.interfaces]
        reading = Reading(header, candidates, warnings)
        return MessageReader(reading, self._syntax.names, limits, units).decoded(vouched=vouched)

    def is_complete(self, name: str, data: bytes) -> bool:
        """Whether the message is closed."""
        return self._profile.knows(name) and self._syntax.ends(data)

    def excerpts(self, _name: str, data: bytes, lines: Collection[int]) -> Mapping[int, bytes]:
        """The header and the document, with no trailer: what a person edits is not counted."""
        source = self._syntax.source(data.removeprefix(_BOM))
        header = ""
        found = {}
        for unit in placed(self._syntax.units(source)):
            if unit.kind == "header":
                header = self._syntax.cut(source, unit)
            elif unit.line in lines and unit.kind in HEADS:
                found[unit.line] = unit
        return {
            line: self._syntax.message(header, unit.kind, [self._syntax.cut(source, unit)]).data
            for line, unit in found.items()
        }
