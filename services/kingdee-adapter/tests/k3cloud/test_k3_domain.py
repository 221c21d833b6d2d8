"""The steps of a bill: what a look-up says decides what comes next."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingdee_adapter.k3cloud.domain import Bill, Conflict, Found, PlannedLine, State, Step, next_step, step_after

ORDER = Bill(
    "K", "SAL_SaleOrder", "1", "JFY", "deliver_order", "f", 1, lines=(PlannedLine(1, "A", 2), PlannedLine(2, "B", 1))
)


def there(status: str, *, same: bool = True, cancelled: bool = False) -> Found:
    return Found("9", status, cancelled, same)


@pytest.mark.parametrize(
    ("found", "step"),
    [
        (None, Step.SAVE),
        (there("Z"), Step.SUBMIT),
        (there("A"), Step.SUBMIT),
        (there("D"), Step.SUBMIT),
        (there("B"), Step.AUDIT),
        (there("C"), None),
    ],
)
def test_the_status_of_an_order_names_the_next_step(found: Found | None, step: Step | None) -> None:
    assert next_step(found, replaceable=False, allocated=False) is step


@pytest.mark.parametrize(
    ("found", "step"),
    [
        (there("A", same=False), Step.SAVE),
        (there("D", same=False), Step.SAVE),
        (there("C", same=False), Step.UNAUDIT),
        (there("C"), Step.ALLOCATE),
    ],
)
def test_an_item_is_brought_up_to_date_and_allocated(found: Found, step: Step) -> None:
    assert next_step(found, replaceable=True, allocated=True) is step


@pytest.mark.parametrize(
    ("found", "replaceable"),
    [
        (there("A", same=False), False),
        (there("C", same=False), False),
        (there("B", same=False), True),
        (there("C", cancelled=True), False),
        (there("A", cancelled=True), True),
    ],
)
def test_a_bill_we_may_not_touch_is_a_conflict(found: Found, replaceable: bool) -> None:
    with pytest.raises(Conflict):
        next_step(found, replaceable=replaceable, allocated=False)


@pytest.mark.parametrize(("allocated", "steps"), [(False, "save submit audit"), (True, "save submit audit allocate")])
def test_steps_follow_each_other(allocated: bool, steps: str) -> None:
    step: Step | None = Step.SAVE
    walked = []
    while step:
        walked.append(step)
        step = step_after(step, allocated=allocated)
    assert " ".join(walked) == steps


def test_a_newer_document_keeps_what_became_of_the_bill() -> None:
    posted = ORDER.begun().at(Step.SUBMIT).at(None)
    newer = posted.again(Bill("K", "SAL_SaleOrder", "1", "JFY", "deliver_order", "g", 2))
    assert (newer.state, newer.file_name, newer.posted_once) == (State.WAITING, "g", True)


def test_a_result_is_the_last_when_nothing_is_missing() -> None:
    partly = ORDER.report("R1", Counter({"A": 2}), said=None)
    wholly = partly.report("R2", Counter({"B": 1}), said=None)
    assert (wholly.is_final("R1"), wholly.is_final("R2")) == (False, True)


def test_too_many_of_one_item_do_not_make_up_for_another() -> None:
    assert not ORDER.report("R1", Counter({"A": 5}), said=None).is_final("R1")


def test_what_k3_says_itself_counts() -> None:
    short = ORDER.report("R1", Counter({"A": 1}), said=True)
    assert short.is_final("R1")
    assert not ORDER.report("R1", Counter({"A": 2, "B": 1}), said=False).is_final("R1")


@given(st.lists(st.tuples(st.sampled_from(["R1", "R2", "R3"]), st.integers(0, 3), st.integers(0, 2)), max_size=8))
def test_a_result_read_again_stays_what_it_was(reads: list[tuple[str, int, int]]) -> None:
    bill, decided = ORDER, dict[str, bool]()
    for bill_no, dresses, shoes in reads:
        bill = bill.report(bill_no, Counter({"A": dresses, "B": shoes}), said=None)
        assert decided.setdefault(bill_no, bill.is_final(bill_no)) == bill.is_final(bill_no)
