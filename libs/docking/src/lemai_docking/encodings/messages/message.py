"""Reading a message of documents, part by part: header, documents, trailer."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from lemai_docking.definitions.profile import Limits
from lemai_docking.documents import Decoded, Document, Header, Rejected, Row
from lemai_docking.encodings.judging import FAULTS_MAX, Reading, check_count, check_limit, refused
from lemai_docking.encodings.lazy import LazyRows
from lemai_docking.encodings.messages.read import Gathered, Item, Node, Unit, header_reader, row_reader
from lemai_docking.encodings.messages.tree import HEADS, TRAILER, Names, header_shape, shape_of
from lemai_docking.encodings.rules import balance_faults, control_total, head_faults
from lemai_docking.faults import Fault, FileRejected

SNAPSHOT = "inventory_balance"

_COUNT = re.compile(r"-?[0-9]{1,18}(?:\.0{1,4})?")

Units = Callable[[], Iterator[Unit]]
"""A new pass over the parts of a message."""


def placed(units: Iterable[Unit]) -> Iterator[Unit]:
    """Parts with lines on which no two documents begin: one that shares a line counts as on the next."""
    last = 0
    for unit in units:
        if unit.kind in HEADS:
            last = max(unit.line, last + 1)
            yield unit._replace(line=last)
        else:
            yield unit


def read_header(units: Iterable[Unit], names: Names) -> tuple[Header, int]:
    """The header and its line. Raises FileRejected at its first fault, and without one."""
    unit = next((unit for unit in units if unit.kind == "header"), None)
    if unit is None:
        raise FileRejected(Fault("E_HEADER", 0, "", "", "header"))
    got = Gathered()
    got.row(header_shape(names), unit.line, unit.content)
    raw = got.rows[0]
    raw.cells.setdefault("charset", ("UTF-8", unit.line))
    row = header_reader().read(raw, got.faults)
    if row.get("charset") == "GB18030":
        got.faults.append(Fault("E_CHARSET", unit.line, "charset", "GB18030", "UTF-8"))
    if got.faults:
        fault = got.faults[0]
        code = "E_CHARSET" if fault.field == "charset" else "E_HEADER"
        raise FileRejected(Fault(code, fault.line, fault.field, fault.value, fault.expected))
    return Header(**row), unit.line  # type: ignore[arg-type]  # The envelope names Header's fields.


class MessageReader:
    """Reads the documents of one message, whose header is known."""

    def __init__(self, reading: Reading, names: Names, limits: Limits, units: Units) -> None:
        self._reading = reading
        self._names = names
        self._limits = limits
        self._units = units
        self._head = reading.candidates[0].head
        self._found: list[Document | Rejected] = []
        self._lines = self._control = self._headers = 0
        self._trailer: Unit | None = None
        self._unknown: set[tuple[str, str]] = set()

    def decoded(self, *, vouched: bool) -> Decoded:
        """The whole message. Raises FileRejected."""
        for unit in placed(self._units()):
            self._take(unit)
        rejected = [one for one in self._found if isinstance(one, Rejected)]
        if not vouched:
            self._check_trailer(sound=not rejected)
        documents = [one for one in self._found if isinstance(one, Document)]
        return Decoded(self._reading.header, documents, rejected, self._reading.warnings)

    def _take(self, unit: Unit) -> None:
        if unit.kind == "header":
            self._headers += 1
            if self._headers > 1:
                raise FileRejected(Fault("E_HEADER", unit.line, "", "", "只一次/once"))
        elif unit.kind == "trailer":
            if self._trailer:
                raise FileRejected(Fault("E_TRAILER", unit.line, "", "", "只一次/once"))
            self._trailer = unit
        elif not unit.kind:
            self._warn([Fault("W_COLUMN", unit.line, "message", unit.name[:100])])
        elif unit.kind == "B" and self._head == "K":
            self._count(lines=1)
        elif unit.kind != self._head or (unit.kind == "K" and self._found):
            raise FileRejected(Fault("E_RECORD", unit.line, "", unit.name[:100], self._head))
        else:
            check_limit("document_count", len(self._found) + 1, self._limits.documents)
            self._found.append(self._snapshot(unit) if unit.kind == "K" else self._document(unit))

    def _count(self, *, lines: int) -> None:
        self._lines += lines
        check_limit("line_count", self._lines, self._limits.lines)

    def _warn(self, warnings: list[Fault]) -> None:
        """Each unknown name once, and not without end."""
        for warning in warnings:
            if (warning.field, warning.value) not in self._unknown and len(self._unknown) < FAULTS_MAX:
                self._unknown.add((warning.field, warning.value))
                self._reading.warnings.append(warning)

    def _document(self, unit: Unit) -> Document | Rejected:
        got = self._gathered(unit, self._reading.header.interface)
        raw = got.head()
        for other in self._reading.candidates:
            if other.identity not in raw:
                raw = self._gathered(unit, other.interface).head()
        layout, faults = self._reading.layout(unit.line, raw)
        if layout.interface != self._reading.header.interface:
            got = self._gathered(unit, layout.interface)
        self._warn(got.unknown)
        self._count(lines=sum(row.tag == layout.line for row in got.rows))
        faults = [*got.faults, *faults]
        records: dict[str, list[Row]] = {}
        lines: dict[str, list[int]] = {}
        for row in got.rows:
            records.setdefault(row.tag, []).append(row_reader(layout.interface, row.tag).read(row, faults))
            lines.setdefault(row.tag, []).append(row.line)
        judged = self._reading.judged(layout, unit.line, raw, records, lines, faults)
        if isinstance(judged, Document):
            self._control += control_total(judged)
        return judged

    def _gathered(self, unit: Unit, interface: str) -> Gathered:
        got = Gathered()
        got.row(shape_of(interface, unit.kind, self._names), unit.line, unit.content)
        return got

    def _snapshot(self, unit: Unit) -> Document | Rejected:
        """Its rows are read to check them, and again whenever they are walked."""
        got = self._gathered(unit, SNAPSHOT)
        head = row_reader(SNAPSHOT, "K").read(got.rows[0], got.faults)
        if not got.faults:
            rows = self._balances(head, got)
            counts = {"B": len(rows)}
            got.faults += [replace(fault, line=unit.line) for fault in head_faults(SNAPSHOT, head, counts)]
        self._warn(got.unknown)
        if got.faults:
            return refused(self._reading.candidates[0], unit.line, got.head(), got.faults)
        self._control += rows.control
        return Document(SNAPSHOT, head, {"B": rows} if rows else {}, unit.line)

    def _balances(self, head: Row, found: Gathered) -> LazyRows:
        """The rows, counted; what is wrong with them goes to `found`, until it is enough."""
        count = control = 0
        for got in _gathered_balances(self._units, self._names):
            row = row_reader(SNAPSHOT, "B").read(got.rows[0], got.faults)
            count += 1
            if got.faults:
                found.faults += got.faults
            else:
                broken = [replace(fault, line=got.rows[0].line) for fault in balance_faults(head, row)]
                found.faults += [fault for fault in broken if fault.level == "ERROR"]
                self._reading.warnings += [fault for fault in broken if fault.level != "ERROR"]
                control += int(str(row["total_qty"]))
            self._warn(got.unknown)
            if len(found.faults) >= FAULTS_MAX:
                break
        return LazyRows(count, control, partial(_balances, self._units, self._names))

    def _check_trailer(self, *, sound: bool) -> None:
        """Whether the trailer counts as we do; a total cannot be compared if a document could not be read."""
        if self._trailer is None or not isinstance(self._trailer.content, Node):
            raise FileRejected(Fault("E_TRAILER", self._trailer.line if self._trailer else 0))
        items = self._trailer.content.items
        texts = {item.name: item for item in items}
        if len(texts) < len(items):
            raise FileRejected(Fault("E_TRAILER", self._trailer.line, "", "", "只一次/once"))
        names = ("document_count", "line_count", "control_total")
        counted = (len(self._found), self._lines, self._control)
        for spelled, name, count in zip(TRAILER[self._names], names, counted, strict=True):
            item = texts.pop(spelled, Item(spelled, self._trailer.line, ""))
            if not isinstance(item.content, str) or not _COUNT.fullmatch(item.content.strip()):
                raise FileRejected(Fault("E_TRAILER", item.line, name, str(item.content)[:100], "整数/integer"))
            if sound or name != "control_total":
                check_count(name, int(item.content.partition(".")[0]), count)
        self._warn([Fault("W_COLUMN", item.line, "trailer", name[:100]) for name, item in texts.items()])


def _gathered_balances(units: Units, names: Names) -> Iterator[Gathered]:
    shape = shape_of(SNAPSHOT, "B", names)
    for unit in units():
        if unit.kind == "B":
            got = Gathered()
            got.row(shape, unit.line, unit.content)
            yield got


def _balances(units: Units, names: Names) -> Iterator[Row]:
    for got in _gathered_balances(units, names):
        yield row_reader(SNAPSHOT, "B").read(got.rows[0], [])
