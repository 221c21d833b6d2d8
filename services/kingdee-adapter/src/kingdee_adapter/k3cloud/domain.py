"""A bill of ours in K/3 Cloud: saved, submitted, audited, step by step, whatever happens in between. Pure."""

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum


class Step(StrEnum):
    """One write; each is a call of its own."""

    UNAUDIT = "unaudit"
    SAVE = "save"
    SUBMIT = "submit"
    AUDIT = "audit"
    ALLOCATE = "allocate"


class State(StrEnum):
    """Where the newest document of a bill stands: waiting for its items, being posted, posted, or refused."""

    WAITING = "waiting"
    POSTING = "posting"
    POSTED = "posted"
    REFUSED = "refused"


class Conflict(Exception):
    """The number is taken by a bill that we may not make ours; the text says why."""


@dataclass(frozen=True)
class Found:
    """What a look-up by number says. `status` is FDocumentStatus, `same` whether the content is ours."""

    id: str
    status: str
    cancelled: bool
    same: bool


@dataclass(frozen=True)
class PlannedLine:
    """A line of an order, in pieces."""

    line_no: int
    item_code: str
    quantity: int


@dataclass(frozen=True)
class Report:
    """A result that was read of an order, and whether it was the last one."""

    bill_no: str
    final: bool
    pieces: tuple[tuple[str, int], ...]
    """By item code."""


@dataclass(frozen=True)
class Bill:
    """A bill of ours. `file_name` holds the Save request of its newest document (by `document_id` in the journal).

    `step` is under way while posting; `needs` are items that must be posted before; `posted_once` stays true
    whatever comes after.
    """

    counterpart_code: str
    form_id: str
    number: str
    owner_code: str
    interface: str
    file_name: str
    document_id: int
    lines: tuple[PlannedLine, ...] = ()
    needs: tuple[str, ...] = ()
    state: State = State.WAITING
    step: Step | None = None
    posted_once: bool = False
    reports: tuple[Report, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return self.counterpart_code, self.form_id, self.number

    def begun(self) -> "Bill":
        """Every posting begins by saving, which looks first."""
        return replace(self, state=State.POSTING, step=Step.SAVE)

    def at(self, step: Step | None) -> "Bill":
        """On its way to `step`; posted if there is none left."""
        if step is None:
            return replace(self, state=State.POSTED, step=None, posted_once=True)
        return replace(self, step=step)

    def refused(self) -> "Bill":
        return replace(self, state=State.REFUSED, step=None)

    def again(self, newer: "Bill") -> "Bill":
        """The bill with a newer document, waiting."""
        return replace(newer, posted_once=self.posted_once, reports=self.reports)

    def report(self, bill_no: str, pieces: Counter[str], said: bool | None) -> "Bill":
        """Take a result in, once; it is the last where K/3 says so, or else where nothing is missing any more."""
        if any(report.bill_no == bill_no for report in self.reports):
            return self
        left = Counter[str]()
        for line in self.lines:
            left[line.item_code] += line.quantity
        for report in self.reports:
            left.subtract(dict(report.pieces))
        left.subtract(pieces)
        final = max(left.values(), default=0) <= 0 if said is None else said
        return replace(self, reports=(*self.reports, Report(bill_no, final, tuple(sorted(pieces.items())))))

    def is_final(self, bill_no: str) -> bool:
        """Whether a result that was taken in is the last one."""
        return next(report.final for report in self.reports if report.bill_no == bill_no)


SUBMITTED, APPROVED = "B", "C"


def next_step(found: Found | None, *, replaceable: bool, allocated: bool) -> Step | None:
    """What a bill needs next, from what a look-up found; None if nothing. Raises Conflict.

    `replaceable`: its content may be replaced (items); `allocated`: it is allocated to organisations at last.
    """
    if found is None:
        return Step.SAVE
    if found.cancelled:
        raise Conflict("已作废 / cancelled there")
    if not found.same:
        if not replaceable:
            raise Conflict("内容不同 / other content")
        if found.status == SUBMITTED:
            raise Conflict("审批中 / under approval there")
        return Step.UNAUDIT if found.status == APPROVED else Step.SAVE
    if found.status == SUBMITTED:
        return Step.AUDIT
    if found.status != APPROVED:
        return Step.SUBMIT
    return Step.ALLOCATE if allocated else None


def step_after(step: Step, *, allocated: bool) -> Step | None:
    """What follows a step that was done."""
    if step is Step.AUDIT:
        return Step.ALLOCATE if allocated else None
    return {Step.UNAUDIT: Step.SAVE, Step.SAVE: Step.SUBMIT, Step.SUBMIT: Step.AUDIT, Step.ALLOCATE: None}[step]
