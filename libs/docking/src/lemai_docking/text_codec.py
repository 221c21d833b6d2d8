"""Text files as a codec."""

from collections.abc import Collection, Mapping, Sequence

from lemai_docking import text_read, text_write
from lemai_docking.codec import Encoded, Rendered
from lemai_docking.documents import Decoded, Document, Header
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.profile import Profile
from lemai_docking.text_rows import DescribedRows


class TextCodec:
    """Reads and writes text files, each interface in its frame."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._described = DescribedRows(profile)

    def render(self, document: Document) -> Rendered:
        """One document's lines."""
        return text_write.render(self._profile, self._described, document)

    def frame(self, header: Header, rendered: Sequence[Rendered]) -> Encoded:
        """Header, columns, documents, trailer. ValueError if the header is not ASCII."""
        return text_write.frame(self._profile, header, rendered)

    def decode(self, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
        """Frame first, then document by document."""
        file = self._profile.match(name)
        if len(data) > self._profile.limits.bytes:
            raise FileRejected(Fault("E_LIMIT", 0, "", str(len(data)), f"≤ {self._profile.limits.bytes} 字节/bytes"))
        return text_read.decode(self._profile, self._described, file, data, vouched=vouched)

    def is_complete(self, name: str, data: bytes) -> bool:
        """Whether the file ends in a whole trailer."""
        return self._profile.knows(name) and text_read.is_complete(data)

    def excerpts(self, _name: str, data: bytes, lines: Collection[int]) -> Mapping[int, bytes]:
        """Header, the columns in force, the document, a trailer of its own."""
        return text_read.excerpts(data, lines)
