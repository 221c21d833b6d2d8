"""How the ERP answers an instruction: what it moves next and what it reports. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Behaviour(StrEnum):
    """Script of an instruction, chosen by the tester; `full` unless told otherwise.

    `status_only` and `exception` report a status without any quantity first and then act as `full` does. `damaged`
    finds one piece of what arrives spoilt. `ack_only` acknowledges and then nothing; `silent` does not even do that.
    """

    FULL = "full"
    TWO_PARCELS = "two_parcels"
    SHORT = "short"
    DAMAGED = "damaged"
    REJECT = "reject"
    STATUS_ONLY = "status_only"
    EXCEPTION = "exception"
    ACK_ONLY = "ack_only"
    SILENT = "silent"

    @property
    def is_answered(self) -> bool:
        """Whether an actual ever comes."""
        return self not in (Behaviour.ACK_ONLY, Behaviour.SILENT)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an instruction; `done_qty` is what earlier confirmations reported."""

    line_no: int
    item_code: str
    inventory_type: str
    plan_qty: int
    done_qty: int
    batch_code: str

    @property
    def remaining(self) -> int:
        """Pieces still to move."""
        return max(self.plan_qty - self.done_qty, 0)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What one leg of an order asks for; `head` is the head record as received."""

    id: int
    owner_code: str
    order_no: str
    leg: str
    interface: str
    order_type: str
    warehouse_code: str
    head: Mapping[str, str]
    behaviour: Behaviour
    face: str
    lines: tuple[Line, ...]

    @property
    def wms_order_no(self) -> str:
        """The ERP's own number for it."""
        return f"WMS{8_800_000 + self.id}"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One actual: pieces moved by line number, with zero for a line closed short; `damaged` is how many are spoilt.

    Without any quantity it reports a status and nothing else.
    """

    status: str
    is_final: bool
    quantities: Mapping[int, int]
    damaged: Mapping[int, int] = field(default_factory=dict)


# (item_code, inventory_type) → pieces on the shelf
Shelf = Mapping[tuple[str, str], int]

_DONE = {"OUT": "DELIVERED", "IN": "FULFILLED"}
_STATUS_FIRST = {Behaviour.STATUS_ONLY: "ACCEPT", Behaviour.EXCEPTION: "EXCEPTION"}


def confirm(
    leg: str, behaviour: Behaviour, lines: Sequence[Line], shelf: Shelf | None, *, told: int = 0
) -> Confirmation:
    """The next confirmation of an instruction; `shelf` None means no limit, as for goods that arrive.

    `told` is the number of confirmations that went before.
    """
    if behaviour in _STATUS_FIRST and not told:
        return Confirmation(_STATUS_FIRST[behaviour], is_final=False, quantities={})
    if behaviour is Behaviour.REJECT:
        return Confirmation("REJECT", is_final=True, quantities={line.line_no: 0 for line in lines})
    movable = _movable(lines, shelf)
    if behaviour is Behaviour.SHORT and movable[lines[-1].line_no] == lines[-1].remaining:
        movable[lines[-1].line_no] -= 1
    pieces = sum(movable.values())
    is_first = not any(line.done_qty for line in lines)
    if behaviour is Behaviour.TWO_PARCELS and is_first and pieces > 1:
        return Confirmation(f"PART{_DONE[leg]}", is_final=False, quantities=_first(movable, (pieces + 1) // 2))
    return Confirmation(
        _DONE[leg] if pieces else "CLOSED",
        is_final=True,
        quantities={line.line_no: movable[line.line_no] for line in lines if line.remaining},
        damaged=_last_piece(movable) if behaviour is Behaviour.DAMAGED and leg == "IN" else {},
    )


def _last_piece(movable: Mapping[int, int]) -> dict[int, int]:
    last = [line_no for line_no, pieces in movable.items() if pieces][-1:]
    return dict.fromkeys(last, 1)


def _movable(lines: Sequence[Line], shelf: Shelf | None) -> dict[int, int]:
    if shelf is None:
        return {line.line_no: line.remaining for line in lines}
    left = dict(shelf)
    movable = {}
    for line in lines:
        key = (line.item_code, line.inventory_type)
        movable[line.line_no] = min(line.remaining, max(left.get(key, 0), 0))
        left[key] = left.get(key, 0) - movable[line.line_no]
    return movable


def _first(movable: Mapping[int, int], pieces: int) -> dict[int, int]:
    taken = {}
    for line_no, quantity in movable.items():
        part = min(quantity, pieces)
        pieces -= part
        if part:
            taken[line_no] = part
    return taken


def state_after(confirmation: Confirmation, lines: Sequence[Line]) -> str:
    """State of the instruction once a confirmation is booked."""
    if confirmation.status == "REJECT":
        return "REJECTED"
    if not confirmation.quantities:
        return "NEW"
    if not confirmation.is_final:
        return "PART_DONE"
    is_short = any(line.remaining > confirmation.quantities.get(line.line_no, 0) for line in lines)
    return "DONE_SHORT" if is_short else "DONE"
