"""Documents as every encoding reads and writes them: typed values, whatever their wire form."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from lemai_docking.definitions.layout import layouts
from lemai_docking.faults import HELD, Fault

Value = str | int | Decimal | datetime | date
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Header:
    """The envelope of a message; `test_flag` Y asks to validate and acknowledge, and to post nothing."""

    format_version: str
    interface: str
    charset: str
    sender: str
    receiver: str
    message_id: str
    created_at: datetime
    owner_code: str
    test_flag: str


@dataclass(frozen=True)
class Document:
    """One document: its head, its other records by tag, and the line of the file it began on (0 if none).

    Absent and empty are the same: neither is in a row. Datetimes are aware UTC, quantities are integers.
    """

    interface: str
    head: Row
    records: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    line_no: int = field(default=0, compare=False)

    @property
    def order_no(self) -> str:
        """The number that identifies it: order number, item code or snapshot id."""
        return str(self.head[layouts()[self.interface].identity])

    @property
    def owner_code(self) -> str:
        """The owner, empty for a snapshot, whose lines name theirs."""
        return str(self.head.get("owner_code", ""))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the business content: equal however numbers are written and lines are ordered."""
        content = [
            self.interface,
            _canonical(self.head),
            {tag: sorted(map(_canonical, rows)) for tag, rows in sorted(self.records.items()) if rows},
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that was not accepted, with every fault found."""

    interface: str
    owner_code: str
    order_no: str
    line_no: int
    faults: tuple[Fault, ...]
    out_biz_code: str = ""

    @property
    def held(self) -> bool:
        """Whether a person decides (contradicting evidence), rather than the sender correcting it."""
        return self.faults[0].code in HELD


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file whose frame is sound: its documents, good and bad."""

    header: Header
    documents: Sequence[Document]
    rejected: Sequence[Rejected]
    warnings: Sequence[Fault]


def _canonical(row: Row) -> list[tuple[str, str]]:
    return sorted((name, canonical_text(value)) for name, value in row.items())


def canonical_text(value: Value) -> str:
    """One text per value: 69.0 and 69.00 are the same amount."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
