"""Expat over bytes nobody vouches for: UTF-8 only, no DTD, no entities, nothing fetched, everything bounded.

Expat reads as a stream and tells lines and offsets exactly; DTDs, depth and sizes are limited here, since no parser
does it by itself.
"""

import codecs
from collections.abc import Iterator
from xml.parsers import expat

from lemai_docking.encodings.messages.tree import DEPTH_MAX, TEXT_MAX
from lemai_docking.faults import Fault, FileRejected

TOKEN_BYTES_MAX = 128_000
"""Of one tag or comment."""

_CHUNK = 65_536


class XmlGuard:
    """One pass over an XML document; whoever extends it is told of its elements, and may refuse them."""

    def __init__(self, data: bytes, *, elements_max: int) -> None:
        self._data = data
        self._elements_max = elements_max
        self._elements = self._depth = self._text_length = 0
        parser = self._parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._refused
        parser.ProcessingInstructionHandler = self._refused
        parser.StartElementHandler = self._bounded_start
        parser.EndElementHandler = self._bounded_end
        parser.CharacterDataHandler = self._bounded_text

    def passes(self) -> Iterator[None]:
        """Reads chunk by chunk. Raises FileRejected."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        for start in range(0, len(self._data) + 1, _CHUNK):
            chunk = self._data[start : start + _CHUNK]
            last = start + len(chunk) == len(self._data)
            self._check_utf8(decoder, chunk, start, last=last)
            self._feed(chunk, last=last)
            if start + len(chunk) - max(self._parser.CurrentByteIndex, 0) > TOKEN_BYTES_MAX:
                raise self.fault("E_LIMIT", "", f"≤ {TOKEN_BYTES_MAX} 字节/bytes")
            yield

    def fault(self, code: str, name: str, expected: str) -> FileRejected:
        """A rejection of where it stands."""
        return FileRejected(Fault(code, self._parser.CurrentLineNumber, name[:100], "", expected))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def text(self, text: str) -> None:
        """A piece of an element's text."""

    def end(self, name: str) -> None:
        """An element ends."""

    def _bounded_start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        self._text_length = 0
        if self._depth > DEPTH_MAX:
            raise self.fault("E_LIMIT", name, f"≤ {DEPTH_MAX} 层/levels")
        if self._elements > self._elements_max:
            raise self.fault("E_LIMIT", name, f"≤ {self._elements_max} 元素/elements")
        self.start(name, attributes)

    def _bounded_text(self, text: str) -> None:
        self._text_length += len(text)
        if self._text_length > TEXT_MAX:
            raise self.fault("E_LIMIT", "", f"≤ {TEXT_MAX} 字符/characters")
        self.text(text)

    def _bounded_end(self, name: str) -> None:
        self._depth -= 1
        self._text_length = 0
        self.end(name)

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

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise FileRejected(Fault("E_CHARSET", 1, "", encoding[:100], "UTF-8"))

    def _refused(self, name: str, *_rest: object) -> None:
        raise self.fault("E_SYNTAX", name, "无 DTD 与处理指令/no DTD, no processing instructions")
