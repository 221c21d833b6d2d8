"""The lines of a text file, decoded piece by piece: a big file is never held twice."""

from collections.abc import Iterator
from dataclasses import dataclass

from lemai_docking.faults import Fault, FileRejected

BOM = b"\xef\xbb\xbf"

_PIECE_BYTES = 1 << 18
_CODECS = {"UTF-8": "utf-8", "GB18030": "gb18030", "GBK": "gb18030"}
"""GBK is read as what contains it."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of `data` from byte `start` to `end`, the first of which has number `first`; may be walked again."""

    data: bytes
    start: int
    end: int
    first: int
    charset: str

    def texts(self, *, keep_cr: bool = False) -> Iterator[str]:
        """Each line without its LF, nor its CR unless that is kept. Raises FileRejected at bytes that are no text."""
        number = self.first
        for piece in self._pieces():
            lines = self._decoded(piece, number).split("\n")
            if not lines[-1]:
                lines.pop()
            if not keep_cr and b"\r" in piece:
                lines = [line.removesuffix("\r") for line in lines]
            yield from lines
            number += len(lines)

    def raw(self) -> Iterator[bytes]:
        """Each line without its end, undecoded."""
        for piece in self._pieces():
            lines = piece.split(b"\n")
            if not lines[-1]:
                lines.pop()
            yield from (line.removesuffix(b"\r") for line in lines)

    @property
    def has_cr(self) -> bool:
        """Whether some line ends in CR LF."""
        return self.data.find(b"\r\n", self.start, self.end) >= 0

    def count(self) -> int:
        """How many lines there are."""
        closed = self.data.count(b"\n", self.start, self.end)
        return closed + (self.end > self.start and self.data[self.end - 1 : self.end] != b"\n")

    def _pieces(self) -> Iterator[bytes]:
        start = self.start
        while start < self.end:
            stop = self.data.find(b"\n", start + _PIECE_BYTES, self.end) + 1 or self.end
            yield self.data[start:stop]
            start = stop

    def _decoded(self, piece: bytes, number: int) -> str:
        try:
            return piece.decode(_CODECS[self.charset])
        except UnicodeDecodeError as error:
            line = number + piece.count(b"\n", 0, error.start)
            raise FileRejected(Fault("E_CHARSET", line, "", piece[error.start : error.end].hex())) from None
