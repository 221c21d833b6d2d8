import pytest

from lemai_marketplace.errors import (
    AuthExpired,
    InvalidRequest,
    NeedsHuman,
    NotFound,
    NotSupported,
    PlatformError,
    StateConflict,
    Throttled,
    Transient,
    Unanswered,
    outcome_of,
)
from lemai_marketplace.types import Outcome, OutcomeState


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Transient("a"), OutcomeState.RETRY),
        (Unanswered("a"), OutcomeState.RETRY),
        (InvalidRequest("a"), OutcomeState.REJECTED),
        (NotFound("a"), OutcomeState.REJECTED),
        (NotSupported("a"), OutcomeState.REJECTED),
        (StateConflict("a"), OutcomeState.CONFLICT),
        (NeedsHuman("a"), OutcomeState.CONFLICT),
    ],
)
def test_an_error_of_one_command_is_its_outcome(error: PlatformError, state: OutcomeState) -> None:
    assert outcome_of("sku 1", error) == Outcome(key="sku 1", state=state, message="a")


def test_a_throttled_command_says_when_to_come_back() -> None:
    outcome = outcome_of("sku 1", Throttled("slower", retry_after_s=7, code="7"))

    assert outcome == Outcome(key="sku 1", state=OutcomeState.RETRY, code="7", message="slower", retry_after_s=7)


def test_an_expired_session_concerns_every_command_and_is_raised() -> None:
    with pytest.raises(AuthExpired):
        outcome_of("sku 1", AuthExpired("session"))
