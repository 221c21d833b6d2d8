"""An effect is never told before its cause, whatever the clocks and whatever came first."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from order_svc.domain.orders import Step, StepKind, causes_first

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WAY = [
    (StepKind.PLACED, "1"),
    (StepKind.COMMITMENT, "committed"),
    (StepKind.INSTRUCTED, "1"),
    (StepKind.DOCUMENT_SENT, "outbound_instruction/1"),
    (StepKind.ACKNOWLEDGED, "outbound_instruction/1"),
    (StepKind.INSTRUCTED, "2"),
    (StepKind.DOCUMENT_SENT, "outbound_instruction/2"),
    (StepKind.ACTUAL, "SHP-1"),
    (StepKind.RECEIVABLE, "SHP-1"),
    (StepKind.PUBLISHED, "SHP-1"),
    (StepKind.ACTUAL, "SHP-2"),
    (StepKind.PUBLISHED, "SHP-2"),
]
STEPS = [Step("JFY", "TM1", kind, reference, NOON) for kind, reference in WAY]


def place(steps: list[Step], kind: StepKind, reference: str) -> int:
    return [(step.kind, step.reference) for step in steps].index((kind, reference))


def test_what_is_in_order_stays_as_it_was_recorded() -> None:
    assert causes_first(STEPS) == STEPS


def test_an_actual_known_before_its_file_comes_after_it() -> None:
    placed, _, instructed, sent, *_ = STEPS
    actual, published = STEPS[7], STEPS[9]
    assert causes_first([placed, instructed, published, actual, sent]) == [placed, instructed, sent, actual, published]


@given(st.permutations(STEPS))
def test_whatever_the_order_they_came_in(came: list[Step]) -> None:
    told = causes_first(came)

    assert sorted(told, key=came.index) == came
    assert told[0].kind is StepKind.PLACED
    for revision in "12":
        document = f"outbound_instruction/{revision}"
        assert place(told, StepKind.INSTRUCTED, revision) < place(told, StepKind.DOCUMENT_SENT, document)
        assert place(told, StepKind.DOCUMENT_SENT, document) < place(told, StepKind.ACTUAL, "SHP-1")
    for actual in ("SHP-1", "SHP-2"):
        assert place(told, StepKind.ACTUAL, actual) < place(told, StepKind.PUBLISHED, actual)
