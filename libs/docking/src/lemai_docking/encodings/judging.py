"""What every encoding checks once it has read a file: header, counts, which interface, the rules of a document."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from lemai_contracts.text import cleaned
from lemai_docking.definitions.layout import Field, Layout, layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document, Header, Rejected, Row, Value
from lemai_docking.encodings.routing import has_upper_suffix, route
from lemai_docking.encodings.rules import broken_rules
from lemai_docking.faults import BadValue, Fault, FileRejected, kept

FAULTS_MAX = 50


@dataclass(slots=True)
class Reading:
    """One file being read: what its name and header say, and the oddities met so far."""

    header: Header
    candidates: Sequence[Layout]
    warnings: list[Fault]
    has_header: bool = True

    def layout(self, line: int, raw: Mapping[str, str]) -> tuple[Layout, list[Fault]]:
        """The interface of the document whose head's texts are `raw`: its kind and number outrank the header."""
        by_header = layouts()[self.header.interface]
        if not by_header.kinds:
            return by_header, []
        order_no = raw.get("order_no", "").strip()
        if has_upper_suffix(order_no):
            self.warnings.append(Fault("W_SUFFIX_CASE", line, "order_no", order_no[:100]))
        try:
            allowed = route(self.candidates, raw.get("order_type", "").strip(), order_no)
        except BadValue as bad:
            return by_header, [Fault(bad.code, line, "order_no", order_no[:100], bad.expected)]
        if by_header in allowed or not self.has_header:
            return (by_header if by_header in allowed else allowed[0]), []
        self.warnings.append(Fault("W_ROUTE", line, "interface", by_header.interface, allowed[0].interface))
        return allowed[0], []

    def judged(
        self,
        layout: Layout,
        line: int,
        raw: Mapping[str, str],
        records: Mapping[str, Sequence[Row]],
        lines: Mapping[str, Sequence[int]],
        faults: list[Fault],
    ) -> Document | Rejected:
        """A document of these rows, which stand on these lines, unless something is wrong with it."""
        if not faults:
            (head,) = records[layout.head]
            others = {tag: rows for tag, rows in records.items() if tag != layout.head}
            document = Document(layout.interface, head, others, line)
            broken = [replace(fault, line=lines[tag][index]) for tag, index, fault in broken_rules(document)]
            faults = [fault for fault in broken if fault.level == "ERROR"]
            if not faults:
                self.warnings += broken
                return document
        return refused(layout, line, raw, faults)


Fit = Callable[[str, Field, str], str]
"""A text for people as a frame can hold it, by the tag of its record and its field."""


def as_it_is(_tag: str, _field: Field, text: str) -> str:
    """For frames that hold every text."""
    return text


def readable(document: Document, fit: Fit = as_it_is) -> tuple[Document, tuple[str, ...]]:
    """A document of ours whose texts for people can be written, and what each lost by it, in words."""
    notes: list[str] = []

    def row_of(tag: str, row: Row) -> Row:
        changed: dict[str, Value] = {}
        for field in layout.records[tag].prose:
            if isinstance(value := row.get(field.name), str):
                done = cleaned(value.strip(), field.max if field.prose == "cut" else None)
                text = fit(tag, field, done.text)
                lost = [note for note in (done.note, "" if text == done.text else "改写 adapted") if note]
                if lost:
                    line = f"行 line {row['line_no']} " if "line_no" in row else ""
                    notes.append(f"{line}{field.name}: {', '.join(lost)}")
                    changed[field.name] = text.strip()
        return {name: value for name, value in {**row, **changed}.items() if value != ""} if changed else row

    layout = layouts()[document.interface]
    records = {
        tag: [row_of(tag, row) for row in rows] for tag, rows in document.records.items() if tag in layout.records
    }
    head = row_of(layout.head, document.head)
    return (
        (replace(document, head=head, records={**document.records, **records}), tuple(notes))
        if notes
        else (document, ())
    )


def completed(document: Document, carried: Mapping[str, Set[str]]) -> tuple[Document, int, list[Fault]]:
    """What a profile lets through of a document of ours, by tag and field, with its `line_count`; what it adds to the
    trailer's; and everything wrong with it. ValueError for fields no layout knows.

    What is left must satisfy the rules as its reader will see it, and a field others depend on is not left out.
    """
    layout = layouts()[document.interface]
    document, faults = _carried(document, carried)
    line_count = len(document.records.get(layout.line, ()))
    if "line_count" in layout.records[layout.head].by_name and document.head.get("line_count") is None:
        document = replace(document, head={**document.head, "line_count": line_count})
    broken = [*faults, *_route_faults(document), *(fault for _, _, fault in broken_rules(document))]
    faults = [fault for fault in broken if fault.level == "ERROR"]
    return document, line_count if layout.line != layout.head else 1, faults


def _carried(document: Document, carried: Mapping[str, Set[str]]) -> tuple[Document, list[Fault]]:
    layout = layouts()[document.interface]
    faults: list[Fault] = []

    def row_of(tag: str, row: Row) -> Row:
        names, record = carried[tag], layout.records[tag]
        lost = row.keys() - names
        if not lost:
            return row
        if lost - record.by_name.keys():
            raise ValueError(f"{tag}: unknown fields {sorted(lost - record.by_name.keys())}")
        faults.extend(
            Fault("E_COLUMN", 0, name, str(row[name]), "方案中无此列/the profile has no such column")
            for name in record.deciding & lost
            if row[name] != record.by_name[name].default
        )
        return {name: value for name, value in row.items() if name in names}

    records = {tag: [row_of(tag, row) for row in rows] for tag, rows in document.records.items() if tag in carried}
    return replace(document, head=row_of(layout.head, document.head), records=records), faults


def _route_faults(document: Document) -> Iterator[Fault]:
    layout = layouts()[document.interface]
    if layout.kinds:
        try:
            route([layout], str(document.head.get("order_type", "")), document.order_no)
        except BadValue as bad:
            yield Fault(bad.code, 0, "order_no", document.order_no[:100], bad.expected)


def refused(layout: Layout, line: int, raw: Mapping[str, str], faults: Sequence[Fault]) -> Rejected:
    """A document whose head's texts are `raw`, with what is wrong with it: what nobody sees is told first."""
    faults = sorted(faults, key=lambda fault: fault.code != "E_CHAR")
    owner_code, order_no, biz_code = (
        kept(raw.get(name, "").strip())[:100] for name in ("owner_code", layout.identity, "out_biz_code")
    )
    return Rejected(layout.interface, owner_code, order_no, line, tuple(faults[:FAULTS_MAX]), biz_code)


def check_header(profile: Profile, header: Header, interfaces: Sequence[str], line: int = 1) -> None:
    """Whether we speak this version, and the file is from whom and of an interface its name says."""
    parties = profile.parties(header.interface)
    got = (header.sender, header.receiver)
    for name, value, sound, expected in (
        ("format_version", header.format_version, header.format_version.partition(".")[0] == "1", "1.x"),
        ("interface", header.interface, header.interface in interfaces, " | ".join(interfaces)),
        ("sender", " → ".join(got), got == parties, " → ".join(parties)),
    ):
        if not sound:
            raise FileRejected(Fault("E_HEADER", line, name, value, expected))


def check_limit(name: str, counted: int, allowed: int) -> None:
    """Raises FileRejected for more than may be in a file."""
    if counted > allowed:
        raise FileRejected(Fault("E_LIMIT", 0, name, str(counted), f"≤ {allowed}"))


def check_count(name: str, stated: int, counted: int) -> None:
    """Raises FileRejected where the trailer counts otherwise."""
    if stated != counted:
        raise FileRejected(Fault("E_COUNT", 0, name, str(stated), str(counted)))
