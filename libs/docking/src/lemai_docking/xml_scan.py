"""One pass over an XML message, as a stream of its parts, each value with its line, without trust in the sender.

No DTD, no entities, nothing fetched. Expat reads as a stream and tells lines and offsets exactly; DTDs, depth and
sizes are limited here, since no parser does it by itself.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from lemai_docking.faults import Fault, FileRejected
from lemai_docking.tree import DEPTH_MAX, STANDS, TEXT_MAX, VALUES_MAX
from lemai_docking.tree_read import Content, Item, Node, Unit

ROOT = "message"
TOKEN_BYTES_MAX = 128_000  # one tag or comment
_CHUNK = 65_536
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
    length: int = 0


class XmlScan:
    """One pass over a message."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._open: list[_Open] = []
        self._ready: list[Unit] = []
        self._elements = 0
        parser = self._parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._refused
        parser.ProcessingInstructionHandler = self._refused
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def run(self) -> Iterator[Unit]:
        """Units as they end."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        for start in range(0, len(self._data) + 1, _CHUNK):
            chunk = self._data[start : start + _CHUNK]
            last = start + len(chunk) == len(self._data)
            self._check_utf8(decoder, chunk, start, last=last)
            self._feed(chunk, last=last)
            if start + len(chunk) - max(self._parser.CurrentByteIndex, 0) > TOKEN_BYTES_MAX:
                raise self._fault("E_LIMIT", "", f"≤ {TOKEN_BYTES_MAX} 字节/bytes")
            yield from self._ready
            self._ready.clear()

    def _check_utf8(self, decoder: codecs.IncrementalDecoder, chunk: bytes, start: int, *, last: bool) -> None:
        try:
            decoder.decode(chunk, last)
            if b"\0" in chunk:  # Expat would take it for UTF-16, whatever encoding it was told.
                line = self._data.count(b"\n", 0, start + chunk.index(b"\0")) + 1
                raise FileRejected(Fault("E_CHARSET", line, "", "00"))
        except UnicodeDecodeError as error:
            # What the decoder kept of the chunk before stands in front of the bad bytes.
            kept = len(error.object) - len(chunk)
            line = self._data.count(b"\n", 0, start - kept + error.start) + 1
            raise FileRejected(Fault("E_CHARSET", line, "", error.object[error.start : error.end].hex())) from None

    def _feed(self, chunk: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise FileRejected(
                Fault("E_SYNTAX", error.lineno, "", "", expat.ErrorString(error.code) or "XML")
            ) from None

    def _fault(self, code: str, name: str, expected: str) -> FileRejected:
        return FileRejected(Fault(code, self._parser.CurrentLineNumber, name[:100], "", expected))

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise FileRejected(Fault("E_CHARSET", 1, "", encoding[:100], "UTF-8"))

    def _refused(self, name: str, *_rest: object) -> None:
        raise self._fault("E_SYNTAX", name, "无 DTD 与处理指令/no DTD, no processing instructions")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if attributes or ":" in name:
            raise self._fault("E_SYNTAX", name, "无属性与命名空间/no attributes, no namespaces")
        if len(self._open) == DEPTH_MAX:
            raise self._fault("E_LIMIT", name, f"≤ {DEPTH_MAX} 层/levels")
        if not self._open and name != ROOT:
            raise self._fault("E_SYNTAX", name, f"<{ROOT}>")
        self._elements += 1
        if self._elements > VALUES_MAX:
            raise self._fault("E_LIMIT", name, f"≤ {VALUES_MAX} 元素/elements")
        self._open.append(_Open(name, self._parser.CurrentLineNumber, self._parser.CurrentByteIndex))

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if not element.pieces and text.isspace():
            return
        element.length += len(text)
        if element.length > TEXT_MAX:
            raise self._fault("E_LIMIT", element.name, f"≤ {TEXT_MAX} 字符/characters")
        element.pieces.append(text)

    def _end(self, name: str) -> None:
        path = tuple(one.name for one in self._open) if len(self._open) <= 4 else ()
        element = self._open.pop()
        text = "".join(element.pieces)
        if (element.items or path in _HOLDERS) and text.strip():
            raise self._fault("E_SYNTAX", name, "无混合内容/no mixed content")
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
