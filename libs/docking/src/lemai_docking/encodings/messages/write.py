"""Writing documents as plain trees: dicts of texts, dicts and lists, named as XML or JSON names them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

from lemai_docking.definitions.layout import Field, layouts
from lemai_docking.documents import Document, Header, Row, Value
from lemai_docking.encodings.cells import Texts, fault_at
from lemai_docking.encodings.messages.tree import (
    STANDS,
    Names,
    Part,
    Parts,
    Shape,
    Tree,
    checked,
    header_shape,
    shape_of,
)
from lemai_docking.faults import BadValue, DocumentRefused, Fault


def document_tree(document: Document, names: Names, written: Mapping[str, Collection[str]]) -> Tree:
    """A document as a tree of the `written` fields by record tag.

    Raises DocumentRefused with every fault, ValueError for unknown fields.
    """
    writing = _Writing(document, names, written)
    tree = writing.node(shape_of(document.interface, layouts()[document.interface].head, names), document.head)
    faults = [*writing.faults, *writing.homeless()]
    if faults:
        raise DocumentRefused(faults)
    return tree


def header_tree(header: Header, names: Names) -> Tree:
    """The envelope as a tree. ValueError for a charset that neither XML nor JSON has."""
    if header.charset != "UTF-8":
        raise ValueError(f"charset {header.charset}: XML and JSON are UTF-8")
    return {
        name: Texts(part, _wire)[getattr(header, part.name)]
        for name, part in header_shape(names).parts.items()
        if isinstance(part, Field) and part.name != "charset"
    }


class _Writing:
    """One document being written."""

    def __init__(self, document: Document, names: Names, written: Mapping[str, Collection[str]]) -> None:
        self.faults: list[Fault] = []
        self._interface = document.interface
        self._names = names
        self._written = written
        self._rows = {tag: rows for tag, rows in document.records.items() if tag in written}
        self._held = {tag: _by_holder(tag, rows) for tag, rows in self._rows.items() if STANDS[tag].taken}

    def node(self, shape: Shape, row: Row) -> Tree:
        """A record and all that stands in it."""
        return self._filled(shape.parts, self._texts(shape.tag, row), row)

    def homeless(self) -> Iterator[Fault]:
        """Rows that belong in a record which is not there."""
        for tag, groups in self._held.items():
            for key in groups:
                yield Fault("E_RECORD", 0, STANDS[tag].taken[0], str(key[0])[:100], STANDS[tag].holder)

    def _filled(self, parts: Parts, texts: Mapping[str, str], row: Row) -> Tree:
        contents = {name: self._part(part, texts, row) for name, part in parts.items()}
        return {name: content for name, content in contents.items() if content not in ("", [], {})}

    def _part(self, part: Field | Shape | Parts, texts: Mapping[str, str], row: Row) -> Part:
        if isinstance(part, Shape):
            return [self._record(part, child) for child in self._children(part.tag, row)]
        if isinstance(part, dict):
            return self._filled(part, texts, row)
        text = texts.get(part.name, "")
        return int(text) if text and part.type == "int" and self._names == "json" else text

    def _record(self, shape: Shape, row: Row) -> Part:
        if STANDS[shape.tag].bare:
            (own,) = self.node(shape, row).values()
            return own
        return self.node(shape, row)

    def _children(self, tag: str, holder: Row) -> Sequence[Row]:
        if tag in self._held:
            return self._held[tag].pop(tuple(holder.get(name) for name in STANDS[tag].taken), [])
        return self._rows.get(tag, ())

    def _texts(self, tag: str, row: Row) -> dict[str, str]:
        columns = _columns(self._interface, tag)
        if not columns.keys() >= row.keys():
            raise ValueError(f"{tag}: unknown fields {sorted(row.keys() - columns.keys())}")
        texts = {}
        for name in self._written[tag]:
            try:
                texts[name] = columns[name][row.get(name)]
            except BadValue as bad:
                self.faults.append(fault_at(columns[name].field, bad, 0, str(row.get(name, ""))))
        return texts


def _by_holder(tag: str, rows: Sequence[Row]) -> dict[tuple[Value | None, ...], list[Row]]:
    groups: dict[tuple[Value | None, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in STANDS[tag].taken), []).append(row)
    return groups


@cache
def _columns(interface: str, tag: str) -> dict[str, Texts]:
    return {field.name: Texts(field, _wire) for field in layouts()[interface].records[tag].fields}


def _wire(text: str) -> str:
    return checked(text).strip()
