"""Line numbers for actuals that lack them: our instruction knows its lines, our facts what of them was reported."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from kingdee_adapter import storage
from kingdee_adapter.mapper.instructions import event_of
from lemai_docking.definitions.layout import layouts
from lemai_docking.documents import Document
from lemai_docking.encodings.line_numbers import InstructedLine, numbered
from lemai_docking.journal.outgoing import OrderKey
from lemai_docking.journal.tables import Vault


class Numbering:
    """Numbers the lines of one counterpart's actuals."""

    def __init__(self, counterpart_code: str, vault: Vault) -> None:
        self._code = counterpart_code
        self._vault = vault

    async def number(self, connection: AsyncConnection, documents: Sequence[Document]) -> Sequence[Document]:
        """The documents, all lines numbered; where that was a guess, the remark says so."""
        lacking = {_key(document) for document in documents if _lacks_numbers(document)}
        if not lacking:
            return documents
        open_lines = await self._open_lines(connection, lacking)
        return [_numbered(document, open_lines) if _key(document) in lacking else document for document in documents]

    async def _open_lines(
        self, connection: AsyncConnection, keys: Collection[OrderKey]
    ) -> dict[OrderKey, Sequence[InstructedLine]]:
        """The lines of our instructions, less what was reported of them before."""
        payloads = await storage.instructions(connection, self._code, keys)
        reported = await storage.reported(connection, self._code, keys)
        return {
            key: _left(_lines(self._vault.unseal(payload)), reported.get(key, {})) for key, payload in payloads.items()
        }


def _lines(payload: bytes) -> Sequence[InstructedLine]:
    return [
        InstructedLine(line.line_no, line.item_code, line.quantity, getattr(line, "unit_price", None))
        for line in event_of(payload).lines
    ]


def _left(lines: Sequence[InstructedLine], reported: Mapping[int, int]) -> Sequence[InstructedLine]:
    return [replace(line, quantity=max(line.quantity - reported.get(line.line_no, 0), 0)) for line in lines]


def _numbered(document: Document, open_lines: dict[OrderKey, Sequence[InstructedLine]]) -> Document:
    """One document; what it reports is not open any more for those after it."""
    key = _key(document)
    made, guesses = numbered(document, open_lines.get(key, ()))
    pieces: Counter[int] = Counter()
    for row in made.records.get("L", ()):
        pieces[int(str(row["line_no"]))] += int(str(row["actual_qty"]))
    open_lines[key] = _left(open_lines.get(key, ()), pieces)
    if not guesses:
        return made
    remarks = [str(made.head.get("remark", "")), *(guess.message for guess in guesses)]
    return replace(made, head={**made.head, "remark": "；".join(filter(None, remarks))})


def _lacks_numbers(document: Document) -> bool:
    return any("line_no" not in row for row in document.records.get("L", ()))


def _key(document: Document) -> OrderKey:
    return document.owner_code, document.order_no, layouts()[document.interface].leg or ""
