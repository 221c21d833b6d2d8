"""Documents out of the records of a text file, whatever its frame."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from lemai_docking.definitions.layout import Layout
from lemai_docking.definitions.profile import Limits
from lemai_docking.documents import Decoded, Document, Rejected, Row, Value
from lemai_docking.encodings.judging import FAULTS_MAX, Reading, check_count, check_limit, refused
from lemai_docking.encodings.lazy import LazyRows
from lemai_docking.encodings.rules import balance_faults, control_total, head_faults
from lemai_docking.encodings.text.rows import Columns
from lemai_docking.faults import BadValue, Fault

SNAPSHOT = "inventory_balance"

Record = tuple[Hashable, int, str, Columns, Sequence[str]]
"""Which document it belongs to, its line, its tag, the columns in force, its cells."""
Records = Callable[[list[Fault]], Iterator[Record]]
"""A new pass over the records of a file; what is odd is added to the list."""


class RowReads(Protocol):
    """Reads the cells of one record."""

    def read(self, cells: Sequence[str]) -> dict[str, Value]:
        """The row's values. Raises BadValue at the first bad cell."""

    def faults(self, cells: Sequence[str], line: int) -> list[Fault]:
        """Everything wrong with a row that `read` refused."""


class Rows(Protocol):
    """How the records of one file are read."""

    def reader(self, layout: Layout, tag: str, columns: Columns) -> RowReads:
        """For a record under these columns."""

    def raw(self, layout: Layout, columns: Columns, cells: Sequence[str]) -> dict[str, str]:
        """The texts of a head by field, as we spell them where they can be read at all."""


Complete = Callable[[Layout, dict[str, Value], Mapping[str, Sequence[Row]]], list[Fault]]
"""Fills a head with what its file does not carry; what still lacks."""


def carries_all(_layout: Layout, _head: dict[str, Value], _records: Mapping[str, Sequence[Row]]) -> list[Fault]:
    """For files that carry every field themselves."""
    return []


@dataclass(slots=True)
class _Page:
    """A page of a stock snapshot: its rows are checked as they come, and not kept."""

    line: int
    raw: dict[str, str]
    head: dict[str, Value] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    count: int = 0
    control: int = 0

    def tell(self, faults: Sequence[Fault]) -> None:
        """Keep what is wrong and what is odd, until it is enough."""
        for fault in faults:
            kept = self.faults if fault.level == "ERROR" else self.warnings
            if len(kept) < FAULTS_MAX:
                kept.append(fault)


class Assembly:
    """Puts the documents of one file together. `scattered`: their records may stand anywhere in it."""

    def __init__(
        self,
        reading: Reading,
        rows: Rows,
        records: Records,
        limits: Limits,
        *,
        complete: Complete = carries_all,
        scattered: bool = False,
    ) -> None:
        self._reading = reading
        self._rows = rows
        self._records = records
        self._limits = limits
        self._complete = complete
        self._scattered = scattered
        self._head = reading.candidates[0].head
        self._line = reading.candidates[0].line
        self._line_count = 0

    def decoded(self, stated: Mapping[str, int]) -> Decoded:
        """The whole file. Raises FileRejected if it is too big, or counts otherwise than its trailer states."""
        is_stock = self._reading.candidates[0].interface == SNAPSHOT
        found = list(self._pages() if is_stock else self._documents())
        check_limit("line_count", self._line_count, self._limits.lines)
        documents = [one for one in found if isinstance(one, Document)]
        rejected = [one for one in found if isinstance(one, Rejected)]
        counted = {"document_count": len(found), "line_count": self._line_count}
        if not rejected:
            # A rejected document may hold a quantity that is none, so there is no total to compare with.
            counted["control_total"] = sum(map(control_total, documents))
        for name, count in counted.items():
            if name in stated:
                check_count(name, stated[name], count)
        return Decoded(self._reading.header, documents, rejected, self._reading.warnings)

    def _documents(self) -> Iterator[Document | Rejected]:
        blocks: dict[Hashable, list[Record]] = {}
        count = 0
        for record in self._records(self._reading.warnings):
            block = blocks.get(record[0])
            if block is None:
                count += 1
                check_limit("document_count", count, self._limits.documents)
                if not self._scattered:
                    yield from map(self._document, blocks.values())
                    blocks.clear()
                block = blocks[record[0]] = []
            block.append(record)
        yield from map(self._document, blocks.values())

    def _document(self, block: Sequence[Record]) -> Document | Rejected:
        _, line, _, columns, cells = block[0]
        raw = self._rows.raw(self._reading.candidates[0], columns, cells)
        layout, faults = self._reading.layout(line, raw)
        records: dict[str, list[Row]] = {}
        lines: dict[str, list[int]] = {}
        for _, number, tag, names, values in block:
            if tag not in layout.records:
                faults.append(Fault("E_RECORD", number, "", tag[:20], " | ".join(layout.records)))
                continue
            reader = self._rows.reader(layout, tag, names)
            try:
                row = reader.read(values)
            except BadValue:
                faults += reader.faults(values, number)
                continue
            if tag == layout.head and tag in records:
                faults += _other_head(records[tag][0], row, number)
                continue
            records.setdefault(tag, []).append(row)
            lines.setdefault(tag, []).append(number)
        self._line_count += sum(record[2] == layout.line for record in block)
        if not faults:
            (head,) = records[layout.head]
            assert isinstance(head, dict)
            faults = [replace(fault, line=line) for fault in self._complete(layout, head, records)]
        return self._reading.judged(layout, line, raw, records, lines, faults)

    def _pages(self) -> Iterator[Document | Rejected]:
        layout = self._reading.candidates[0]
        pages: dict[Hashable, _Page] = {}
        in_force: tuple[str, Columns] | None = None
        for key, number, tag, columns, cells in self._records(self._reading.warnings):
            page = pages.get(key)
            if page is None:
                check_limit("document_count", len(pages) + 1, self._limits.documents)
                page = pages[key] = _Page(number, self._rows.raw(layout, columns, cells))
            if tag == self._line:
                page.count += 1
            elif tag != self._head:
                page.tell([Fault("E_RECORD", number, "", tag[:20], " | ".join(layout.records))])
                continue
            if in_force is None or in_force[0] != tag or in_force[1] is not columns:
                in_force, reader = (tag, columns), self._rows.reader(layout, tag, columns)
            try:
                self._take(page, tag, number, reader.read(cells))
            except BadValue:
                page.tell(reader.faults(cells, number))
        self._line_count = sum(page.count for page in pages.values())
        for key, page in pages.items():
            yield self._finished(layout, key, page)

    def _take(self, page: _Page, tag: str, number: int, row: dict[str, Value]) -> None:
        if tag == self._line:
            if page.head:
                _complete_balance(page.head, row)
                if faults := balance_faults(page.head, row):
                    page.tell([replace(fault, line=number) for fault in faults])
                total = row["total_qty"]
                assert isinstance(total, int)
                page.control += total
        elif page.head:
            page.tell(_other_head(page.head, row, number))
        else:
            lacking = self._complete(self._reading.candidates[0], row, {})
            page.tell([replace(fault, line=number) for fault in lacking])
            page.head = {} if lacking else row

    def _finished(self, layout: Layout, key: Hashable, page: _Page) -> Document | Rejected:
        if not page.faults:
            page.head.setdefault("line_count", page.count)
            counts = {layout.head: 1, layout.line: page.count}
            page.tell([replace(fault, line=page.line) for fault in head_faults(SNAPSHOT, page.head, counts)])
        if page.faults:
            return refused(layout, page.line, page.raw, page.faults)
        self._reading.warnings += page.warnings
        rows = LazyRows(page.count, page.control, lambda: self._again(layout, key, page.head))
        return Document(SNAPSHOT, page.head, {layout.line: rows} if page.count else {}, page.line)

    def _again(self, layout: Layout, key: Hashable, head: Row) -> Iterator[Row]:
        for owner, _, tag, columns, cells in self._records([]):
            if owner == key and tag == layout.line:
                row = self._rows.reader(layout, tag, columns).read(cells)
                _complete_balance(head, row)
                yield row


def _complete_balance(head: Row, row: dict[str, Value]) -> None:
    """What a table may lack of a balance follows from its head and itself."""
    if "warehouse_code" not in row:
        row["warehouse_code"] = head["warehouse_code"]
    if "total_qty" not in row:
        free, locked = row["qty"], row["lock_qty"]
        assert isinstance(free, int)
        assert isinstance(locked, int)
        row["total_qty"] = free + locked


def _other_head(first: Row, row: Row, line: int) -> list[Fault]:
    """Where a repeated head says otherwise than the first."""
    names = [name for name in {**first, **row} if first.get(name) != row.get(name)]
    return [Fault("E_FIELD", line, name, "", "与首行相同/as on the first line") for name in names]
