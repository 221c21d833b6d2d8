"""One pass over an XML message, as a stream of its parts, each value with its line."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lemai_docking.encodings.messages.read import Content, Item, Node, Unit
from lemai_docking.encodings.messages.tree import STANDS, VALUES_MAX
from lemai_docking.encodings.messages.xml_guard import XmlGuard

ROOT = "message"
_UNITS = {
    (ROOT, "header"): "header",
    (ROOT, "trailer"): "trailer",
    **{(ROOT, *STANDS[tag].xml): tag for tag in "OIK"},
    (ROOT, *STANDS["K"].xml, *STANDS["B"].xml): "B",
}
# What holds units only, and so never grows.
_HOLDERS = {path[:-1] for path in _UNITS}


@dataclass(slots=True)
class _Open:
    """An element whose end has not come."""

    name: str
    line: int
    start: int
    items: list[Item] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)


class XmlScan(XmlGuard):
    """Scans a message once."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, elements_max=VALUES_MAX)
        self._open: list[_Open] = []
        self._ready: list[Unit] = []

    def run(self) -> Iterator[Unit]:
        """The parts as they end; the balances of a snapshot come before it. Raises FileRejected."""
        for _ in self.passes():
            yield from self._ready
            self._ready.clear()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if attributes or ":" in name:
            raise self.fault("E_SYNTAX", name, "无属性与命名空间/no attributes, no namespaces")
        if not self._open and name != ROOT:
            raise self.fault("E_SYNTAX", name, f"<{ROOT}>")
        self._open.append(_Open(name, self._parser.CurrentLineNumber, self._parser.CurrentByteIndex))

    def text(self, text: str) -> None:
        if self._open[-1].pieces or not text.isspace():
            self._open[-1].pieces.append(text)

    def end(self, name: str) -> None:
        path = tuple(one.name for one in self._open) if len(self._open) <= 4 else ()
        element = self._open.pop()
        text = "".join(element.pieces)
        if (element.items or path in _HOLDERS) and text.strip():
            raise self.fault("E_SYNTAX", name, "无混合内容/no mixed content")
        content: Content = Node(element.line, element.items) if element.items else text
        if path and path[:-1] in _HOLDERS:
            if path not in _HOLDERS or path in _UNITS:
                end = self._end_of(element.start)
                self._ready.append(Unit(_UNITS.get(path, ""), name, element.line, element.start, end, content))
                self._elements = 0
        elif self._open:
            self._open[-1].items.append(Item(name, element.line, content))

    def _end_of(self, start: int) -> int:
        """Offset behind an element. Expat tells where an end tag begins, or where an empty element ended."""
        end = self._data.index(b">", start) + 1
        if self._data[end - 2 : end] == b"/>":
            return end
        return self._data.index(b">", self._parser.CurrentByteIndex) + 1
