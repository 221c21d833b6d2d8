"""A bill's story: opened, begun, step after step, posted or refused; and the results that are read of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kingdee_adapter.k3cloud.domain import Bill, Step
from kingdee_adapter.k3cloud.domain import State as BillState
from kingdee_adapter.k3cloud.results import Order
from lemai_chassis.delivery.calls import Ended, Outcome
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_docking.faults import Fault

BillKey = tuple[str, str, str]
OPEN = (BillState.WAITING, BillState.POSTING)
AFTER_SAVING = frozenset({Step.SUBMIT, Step.AUDIT, Step.ALLOCATE, None})


@dataclass(frozen=True)
class Settled:
    """What became of the document in a file: saved (published), posted (acknowledged), or rejected."""

    counterpart_code: str
    file_name: str
    state: Literal["published", "acknowledged", "rejected"]
    faults: Sequence[Fault] = ()


@dataclass(frozen=True)
class Reported:
    """A result that was read of one of our bills; `said` is what K/3 Cloud itself says about its being the last."""

    bill: BillKey
    bill_no: str
    pieces: Counter[str]
    said: bool | None


def call_kind(counterpart_code: str) -> str:
    """The name of the calls to one counterpart."""
    return f"k3cloud:{counterpart_code}"


def on_opened(newest: Bill, uow: UnitOfWork) -> None:
    """A document waits for its items. One bill takes one document at a time."""
    known = uow.get(Bill, *newest.key)
    if known and known.state in OPEN:
        raise ValueError(f"{newest.key} is still open")
    uow.put(known.again(newest) if known else newest)


def on_ready(key: BillKey, uow: UnitOfWork) -> None:
    """Nothing is missing any more: begin."""
    bill = uow.get(Bill, *key)
    if bill and bill.state is BillState.WAITING:
        _begin(bill, uow)


def on_repost(key: BillKey, uow: UnitOfWork) -> bool:
    """A person wants what was refused to be tried again, from where it stands. False if nothing was."""
    bill = uow.get(Bill, *key)
    if bill is None or bill.state is not BillState.REFUSED:
        return False
    _begin(bill, uow)
    return True


def on_call_ended(ended: Ended, uow: UnitOfWork) -> None:
    """A step is done, and the next one is due; or it was refused."""
    code = ended.call.kind.partition(":")[2]
    request, detail = ended.call.payload, ended.answer.detail
    bill = uow.get(Bill, code, request["form_id"], request["number"])
    if bill is None or bill.state is not BillState.POSTING:
        raise LookupError(f"no bill is being posted as {request}")
    if ended.answer.outcome is Outcome.REJECTED:
        uow.put(bill.refused())
        faults = detail.get("faults") or [{"code": "E_PARTNER", "value": detail["message"]}]  # Given up by a person.
        uow.append(Settled(code, bill.file_name, "rejected", [Fault(**fault) for fault in faults]))
        return
    next_step = Step(detail["next"]) if detail["next"] else None
    bill = bill.at(next_step)
    uow.put(bill)
    if request["step"] == Step.SAVE and next_step in AFTER_SAVING:
        uow.append(Settled(code, bill.file_name, "published"))
    if next_step is None:
        uow.append(Settled(code, bill.file_name, "acknowledged"))
    else:
        _call(bill, uow)


def on_reported(report: Reported, uow: UnitOfWork) -> Order | None:
    """Take a result in; what is known of its order, None for an order we did not post."""
    bill = uow.get(Bill, *report.bill)
    if bill is None:
        return None
    bill = bill.report(report.bill_no, report.pieces, report.said)
    uow.put(bill)
    return Order(bill.owner_code, bill.is_final(report.bill_no), bill.lines)


def done(next_step: Step | None) -> Mapping[str, Any]:
    """The detail of an answer that says what comes next."""
    return {"next": next_step or ""}


def refused(faults: Sequence[Fault]) -> Mapping[str, Any]:
    """The detail of an answer that says why not."""
    return {"faults": [asdict(fault) for fault in faults]}


def _begin(bill: Bill, uow: UnitOfWork) -> None:
    begun = bill.begun()
    uow.put(begun)
    _call(begun, uow)


def _call(bill: Bill, uow: UnitOfWork) -> None:
    payload = {"form_id": bill.form_id, "number": bill.number, "step": bill.step, "file_name": bill.file_name}
    uow.call(call_kind(bill.counterpart_code), f"{bill.form_id}/{bill.number}", payload)
