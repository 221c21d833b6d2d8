"""Documents as plain trees: the one mapping that XML, JSON and SOAP share (reference §1.17, §1.18).

A tree is what an XML element or a JSON object holds, by its layout: a record's fields, and the records in it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lemai_docking.definitions.layout import Field, envelope, layouts
from lemai_docking.encodings.cells import REFUSED, refuse

DEPTH_MAX = 16
VALUES_MAX = 100_000  # of one document: some 8,000 order lines
TEXT_MAX = 100_000  # characters of one value
BEHIND_MAX = 4_096  # bytes behind a closed message in which its end is looked for

_REFUSED = re.compile(f"[{REFUSED}\ufffe\uffff]")

Names = Literal["xml", "json"]
Part = str | int | list["Part"] | dict[str, "Part"]
Tree = dict[str, Part]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a record stands: under which elements or key, in which other record, and what it takes from that.

    A record that is `bare` is the value of its only own field, which then has no name.
    """

    xml: tuple[str, ...]
    json: str
    holder: str = ""
    taken: tuple[str, ...] = ()
    bare: bool = False

    def path(self, names: Names) -> tuple[str, ...]:
        """The names that lead to it."""
        return self.xml if names == "xml" else (self.json,)


STANDS = {
    "O": Stand(("orders", "order"), "orders"),
    "I": Stand(("items", "item"), "items"),
    "K": Stand(("snapshot",), "snapshot"),
    "L": Stand(("orderLines", "orderLine"), "lines", "O"),
    "P": Stand(("packages", "package"), "packages", "O"),
    "Q": Stand(("items", "item"), "items", "P", taken=("package_no",)),
    "S": Stand(("snList", "sn"), "sn_list", "L", taken=("line_no", "item_code"), bare=True),
    "B": Stand(("balances", "balance"), "balances", "K"),
}

HEADS = frozenset(tag for tag, stand in STANDS.items() if not stand.holder)
"""The records that begin a document."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What stands in a record, by name: fields, groups of fields, and other records."""

    tag: str
    parts: "Parts"


Parts = dict[str, "Field | Shape | Parts"]


@cache
def shape_of(interface: str, tag: str, names: Names) -> Shape:
    """The shape of an interface's record, with the records in it; the count of lines stands right before them."""
    layout = layouts()[interface]
    parts: Parts = {}
    for field in sorted(layout.records[tag].fields, key=lambda field: field.name == "line_count"):
        if field.name not in STANDS[tag].taken:
            path = field.xml.split("/") if names == "xml" else [field.name]
            _put(parts, [""] if STANDS[tag].bare else path, field)
    for child in layout.records:
        if STANDS[child].holder == tag:
            _put(parts, STANDS[child].path(names), shape_of(interface, child, names))
    return Shape(tag, parts)


@cache
def header_shape(names: Names) -> Shape:
    """The shape of the envelope; the charset is the text encoding's own business."""
    parts: Parts = {}
    for field in envelope().fields:
        _put(parts, (field.xml.rpartition("/")[2] if names == "xml" else field.name,), field)
    return Shape("header", parts)


def checked(text: str) -> str:
    """A value's text with its line ends as LF. Raises BadValue E_CHAR for what XML cannot hold, so JSON must not."""
    refuse(_REFUSED.search(text))
    return text.replace("\r\n", "\n").replace("\r", "\n")


TRAILER: dict[Names, tuple[str, str, str]] = {
    "xml": ("orderCount", "lineCount", "totalQty"),
    "json": ("order_count", "line_count", "total_qty"),
}
"""Names of the trailer's counts: documents, lines, and the control total."""


def _put(parts: Parts, path: Sequence[str], part: "Field | Shape") -> None:
    for name in path[:-1]:
        group = parts.setdefault(name, {})
        assert isinstance(group, dict), f"{name} is a group and a value"
        parts = group
    assert path[-1] not in parts, f"{path[-1]} stands twice"
    parts[path[-1]] = part
