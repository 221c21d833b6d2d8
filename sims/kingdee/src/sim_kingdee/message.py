"""What a message is, whatever encoding carried it: header values, documents of records, findings.

All values are text as sent, unescaped; an absent value is an empty string or a missing key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Values = Mapping[str, str]

_LEVELS = {"E": "ERROR", "W": "WARN", "I": "INFO"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an acknowledgement reports; `line_no` is the order's own line, 0 for its head."""

    code: str
    message: str
    field: str = ""
    line_no: int = 0

    @property
    def level(self) -> str:
        """ERROR, WARN or INFO, told by the first letter of the code."""
        return _LEVELS[self.code[0]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `line` is its line in the file (1 = HDR), 0 while it was not in one."""

    tag: str
    values: Values
    line: int = 0


@dataclass(slots=True)
class Document:
    """A head record (O, I or K) with the records that follow it until the next head."""

    head: Record
    children: list[Record] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def lines(self) -> list[Record]:
        """The order lines (tag L)."""
        return [record for record in self.children if record.tag == "L"]

    @property
    def rejected(self) -> bool:
        """Whether an error was found: one bad record rejects its document and no other."""
        return any(finding.level == "ERROR" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A written message and the line on which each of its documents begins."""

    data: bytes
    lines: list[int]


@dataclass(frozen=True, slots=True)
class Message:
    """One file or call. `findings` concern the whole message and are no errors."""

    header: Values
    documents: list[Document]
    findings: list[Finding]


class FrameError(Exception):
    """The message as a whole cannot be trusted: nothing of it is applied."""

    def __init__(self, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.finding = Finding(code, message, field_name)
