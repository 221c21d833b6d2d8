"""How a text file is laid out, as a profile says it: its frame, its columns, its code tables."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from lemai_docking.definitions.layout import Definition, Layout

PART = "\x1f"
"""Joins the cells of a field that stands in several columns; no cell may hold it (reference §1.16)."""

DERIVED: Mapping[str, frozenset[str]] = {
    "O": frozenset({"line_count", "out_biz_code"}),
    "L": frozenset({"line_no"}),
    "K": frozenset({"line_count"}),
    "B": frozenset({"total_qty", "warehouse_code"}),
}
"""Fields by tag that a table may lack although they are required: counted, computed, matched, taken from the head
(reference §2.3)."""

PLACEHOLDERS = ("{stamp}", "{name}", "{suffix}")
"""What stands in a profile's values for the file's stamp, its name, and the order kind its number tells."""


def _several(codes: Any) -> Any:
    return (codes,) if isinstance(codes, str) else codes


Foreign = Annotated[tuple[Annotated[str, StringConstraints(min_length=1)], ...], BeforeValidator(_several)]
CodeTable = dict[str, Foreign]
"""Our code -> the counterpart's; of several the first is written, all are read. An unknown code is `OTHER`, if that
is in the table, else an error."""


class Trailer(Definition):
    """The last line of a file: a word, then counts, in fixed-width files each of `width` digits."""

    tag: Annotated[str, StringConstraints(min_length=1)]
    counts: tuple[Literal["documents", "lines", "records", "control"], ...] = ()
    width: Annotated[int, Field(gt=0)] | None = None


class Frame(Definition):
    """How lines become a file.

    `described`: the agreed frame of reference §1.16 with HDR, COL, TRL and percent escapes. `delimited` and `fixed`
    (widths in bytes) know their columns by position, or by a first line of `heads`; with several kinds of record a
    line begins with its tag, spelled as in `tags`. A file without a trailer is complete once `renamed` to its name,
    or once it has `aged`.
    """

    form: Literal["described", "delimited", "fixed"] = "described"
    delimiter: Annotated[str, StringConstraints(pattern=r"^[^\r\n]+$")] = "\t"
    quote: Annotated[str, StringConstraints(pattern=r"^[^\r\n]?$")] = ""
    heads: bool = False
    newline: Literal["LF", "CRLF"] = "LF"
    tags: dict[str, Annotated[str, StringConstraints(min_length=1)]] = Field(default_factory=dict)
    trailer: Trailer | None = None
    complete: Literal["renamed", "aged"] = "aged"

    def word(self, tag: str) -> str:
        """How a record tag is spelled."""
        return self.tags.get(tag, tag)


class Column(Definition):
    """One column; a bare name is a column of that field.

    Without a `field` it is read past, and written as its `constant` (which is then also checked) or empty.
    `head` is its word in a line of heads. `format` (strftime) spells a date or time; columns that share a field hold
    parts of it. `places` digits always follow the point, which `point: false` leaves out. `default` is what an empty
    cell means. `width`, from byte `at` on (else after the column before), and `fill` belong to fixed-width files.
    """

    field: str = ""
    head: str = ""
    constant: str | None = None
    default: str | None = None
    format: str | None = None
    places: Annotated[int, Field(ge=0, le=6)] | None = None
    point: bool = True
    width: Annotated[int, Field(gt=0)] | None = None
    at: Annotated[int, Field(gt=0)] | None = None
    fill: Literal[" ", "0"] = " "

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, content: Any) -> Any:
        return {"field": content} if isinstance(content, str) else content

    @property
    def of_table(self) -> bool:
        """Whether it says something only a table has."""
        return bool(self.head or self.constant or self.default or self.width or self.at)

    @property
    def name(self) -> str:
        """The field's name without the record tag that may stand before it."""
        return self.field.rpartition(".")[2]

    def tag(self, tags: tuple[str, ...], layout: Layout) -> str | None:
        """Which of a line's records has this field: the one named (`L.remark`), else the first; None if none has."""
        wanted = self.field.rpartition(".")[0]
        return next(
            (tag for tag in tags if self.name in layout.records[tag].by_name and wanted in {"", tag}),
            None,
        )


def tags_of(key: str) -> tuple[str, ...]:
    """The records in one line: `L`, or `O+L` where each line repeats the head."""
    return tuple(key.split("+"))


def starts(columns: tuple[Column, ...], first: int) -> list[int]:
    """Where fixed-width columns begin, in bytes from 0; `first` where those do that nothing else places."""
    found: list[int] = []
    for column in columns:
        found.append(column.at - 1 if column.at is not None else first)
        first = found[-1] + (column.width or 0)
    return found


def table_of(codes: Mapping[str, CodeTable], name: str) -> dict[str, str]:
    """The counterpart's codes of a field -> ours."""
    return {foreign: ours for ours, spelled in codes.get(name, {}).items() for foreign in spelled}
