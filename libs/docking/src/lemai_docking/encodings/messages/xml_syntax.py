"""The XML syntax of messages (reference §1.17)."""

import html
from collections.abc import Iterator, Sequence

from lemai_docking.codec import Encoded
from lemai_docking.encodings.messages.read import Unit
from lemai_docking.encodings.messages.tree import BEHIND_MAX, STANDS, Names, Part, Tree
from lemai_docking.encodings.messages.xml_scan import ROOT, XmlScan

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


class XmlSyntax:
    """Messages as XML."""

    names: Names = "xml"

    def source(self, data: bytes) -> bytes:
        """What units are cut from."""
        return data

    def units(self, source: bytes) -> Iterator[Unit]:
        """The parts of a message one after the other. Raises FileRejected."""
        return XmlScan(source).run()

    def cut(self, source: bytes, unit: Unit) -> str:
        """A unit as it stands in the source."""
        return source[unit.start : unit.end].decode()

    def text(self, kind: str, tree: Tree) -> str:
        """A unit, indented as it stands in a message."""
        *holders, name = STANDS[kind].xml if kind in STANDS else (kind,)
        return "\n".join(_lines(name, tree, "  " * (len(holders) + 1)))

    def message(self, header: str, tag: str, documents: Sequence[str], trailer: str = "") -> Encoded:
        """A message of these texts."""
        *holders, _ = STANDS[tag].xml
        parts = [_DECLARATION, f"<{ROOT}>", header, *(f"  <{holder}>" for holder in holders)]
        line = sum(part.count("\n") + 1 for part in parts) + 1
        starts = []
        for document in documents:
            starts.append(line)
            line += document.count("\n") + 1
        parts += [*documents, *(f"  </{holder}>" for holder in holders), *([trailer] if trailer else [])]
        return Encoded("\n".join([*parts, f"</{ROOT}>", ""]).encode(), tuple(starts))

    def ends(self, data: bytes) -> bool:
        """Whether the message is closed, be it with something behind it."""
        return f"</{ROOT}>".encode() in data[-BEHIND_MAX:]


def whole(message: Tree) -> bytes:
    """A message that is a tree already."""
    return "\n".join([_DECLARATION, *_lines(ROOT, message, ""), ""]).encode()


def _lines(name: str, content: Part, indent: str) -> Iterator[str]:
    if isinstance(content, dict):
        yield f"{indent}<{name}>"
        for child, part in content.items():
            yield from _lines(child, part, indent + "  ")
        yield f"{indent}</{name}>"
    elif isinstance(content, list):
        for one in content:
            yield from _lines(name, one, indent)
    else:
        yield f"{indent}<{name}>{html.escape(str(content), quote=False)}</{name}>"
