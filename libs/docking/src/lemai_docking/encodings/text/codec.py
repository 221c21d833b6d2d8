"""Text files as a codec."""

from collections.abc import Collection, Mapping, Sequence

from lemai_docking.codec import Encoded, Rendered
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Decoded, Document, Header
from lemai_docking.encodings.text import read as text_read
from lemai_docking.encodings.text import table_read, table_write
from lemai_docking.encodings.text import write as text_write
from lemai_docking.encodings.text.rows import DescribedRows
from lemai_docking.encodings.text.table_rows import TableRows
from lemai_docking.faults import Fault, FileRejected


class TextCodec:
    """Reads and writes text files, each interface in its frame."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._described = DescribedRows(profile)
        self._tables = TableRows(profile)

    def render(self, document: Document) -> Rendered:
        """One document's lines."""
        if self._is_table(document.interface):
            return table_write.render(self._profile, self._tables, document)
        return text_write.render(self._profile, self._described, document)

    def frame(self, header: Header, rendered: Sequence[Rendered]) -> Encoded:
        """What belongs before and behind the documents. ValueError if a described file's header is not ASCII."""
        if self._is_table(header.interface):
            return table_write.frame(self._profile, self._tables, header, rendered)
        return text_write.frame(self._profile, header, rendered)

    def decode(self, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
        """Frame first, then document by document."""
        file = self._profile.match(name)
        if len(data) > self._profile.limits.bytes:
            raise FileRejected(Fault("E_LIMIT", 0, "", str(len(data)), f"≤ {self._profile.limits.bytes} 字节/bytes"))
        if self._is_table(file.interfaces[0]):
            return table_read.decode(self._profile, self._tables, file, data, vouched=vouched)
        return text_read.decode(self._profile, self._described, file, data, vouched=vouched)

    def is_complete(self, name: str, data: bytes) -> bool:
        """Whether the file ends in a whole trailer, or needs none because it was renamed when whole."""
        if not self._profile.knows(name):
            return False
        frame = self._profile.frame_of(self._profile.match(name).interfaces[0])
        if frame.form == "described":
            return text_read.is_complete(data)
        if frame.trailer:
            return table_read.has_ended(frame, data)
        return frame.complete == "renamed"

    def excerpts(self, name: str, data: bytes, lines: Collection[int]) -> Mapping[int, bytes]:
        """What belongs before and behind a document, and it alone."""
        file = self._profile.match(name)
        if self._is_table(file.interfaces[0]):
            return table_read.TableFile(self._profile, self._tables, file, data).excerpts(lines)
        return text_read.excerpts(data, lines)

    def _is_table(self, interface: str) -> bool:
        return self._profile.frame_of(interface).form != "described"
