"""The JSON syntax of messages (reference §1.18)."""

import json
from collections.abc import Iterator, Sequence

from lemai_docking.codec import Encoded
from lemai_docking.encodings.messages.json_scan import ONE_OBJECT, JsonScan
from lemai_docking.encodings.messages.read import Unit
from lemai_docking.encodings.messages.tree import BEHIND_MAX, STANDS, Names, Tree
from lemai_docking.faults import Fault, FileRejected

_INDENT = "  "


class JsonSyntax:
    """Messages as JSON."""

    names: Names = "json"

    def source(self, data: bytes) -> str:
        """What units are cut from."""
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise FileRejected(Fault("E_CHARSET", line, "", data[error.start : error.end].hex())) from None

    def units(self, source: str) -> Iterator[Unit]:
        """The parts of a message one after the other. Raises FileRejected."""
        return JsonScan(source).run()

    def cut(self, source: str, unit: Unit) -> str:
        """A unit as it stands in the source."""
        return source[unit.start : unit.end].rstrip()

    def text(self, kind: str, tree: Tree) -> str:
        """A unit, indented as it stands in a message."""
        margin = _INDENT * (2 if kind in "OI" else 1)
        text = json.dumps(tree, ensure_ascii=False, indent=_INDENT)
        return margin + text.replace("\n", f"\n{margin}")

    def message(self, header: str, tag: str, documents: Sequence[str], trailer: str = "") -> Encoded:
        """A message of these texts."""
        name = STANDS[tag].json
        members = [f'{_INDENT}"header": {header.lstrip()}']
        line = members[0].count("\n") + 3
        starts = []
        if tag == "K":
            members += [f'{_INDENT}"{name}": {document.lstrip()}' for document in documents]
            starts = [line] * len(documents)
        else:
            members.append(f'{_INDENT}"{name}": [' + ",".join(f"\n{one}" for one in documents) + f"\n{_INDENT}]")
            for document in documents:
                line += 1
                starts.append(line)
                line += document.count("\n")
        members += [f'{_INDENT}"trailer": {trailer.lstrip()}'] if trailer else []
        return Encoded(("{\n" + ",\n".join(members) + "\n}\n").encode(), tuple(starts))

    def ends(self, data: bytes) -> bool:
        """Whether the message is closed, be it with something behind it; a half-written one may end in a brace too."""
        if not data.rstrip().endswith(b"}") and b'"trailer"' not in data[-BEHIND_MAX:]:
            return False
        try:
            return all(True for _ in self.units(self.source(data)))
        except FileRejected as rejection:
            return rejection.fault.expected == ONE_OBJECT
