"""What an answer of K/3 Cloud says, and what to do about it (reference §3.4). Only its parsed status decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Remedy(StrEnum):
    """What helps against a failure."""

    RETRY = "retry"
    REFRESH = "refresh"
    BACK_OFF = "back_off"
    LOOK_UP = "look_up"
    REFUSED = "refused"


REMEDIES = {
    1: Remedy.REFRESH,
    2: Remedy.REFUSED,
    3: Remedy.REFUSED,
    4: Remedy.LOOK_UP,
    5: Remedy.REFUSED,
    6: Remedy.LOOK_UP,
    7: Remedy.REFUSED,
    8: Remedy.REFUSED,
    9: Remedy.REFUSED,
    10: Remedy.REFUSED,
    11: Remedy.REFUSED,
    12: Remedy.REFUSED,
    13: Remedy.RETRY,
    14: Remedy.BACK_OFF,
    15: Remedy.REFUSED,
}
"""By MsgCode; any other may have done something."""
TRY_AGAIN = "请稍候再使用"
"""In the message of a refusal that is an edit lock, whatever its code."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a failed operation; `field` is a key of the form, or empty."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Status:
    """The ResponseStatus of an operation, and the bill it was about."""

    ok: bool
    msg_code: int = 0
    problems: tuple[Problem, ...] = ()
    id: str = ""
    number: str = ""

    @property
    def remedy(self) -> Remedy:
        """What to do about a failure."""
        if any(TRY_AGAIN in problem.message for problem in self.problems):
            return Remedy.RETRY
        return REMEDIES.get(self.msg_code, Remedy.LOOK_UP)


def status_of(answer: Any) -> Status | None:
    """The status in an answer, however many lists it is wrapped in; None for an answer without one, such as rows."""
    while isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    result = answer.get("Result") if isinstance(answer, dict) else None
    status = result.get("ResponseStatus") if isinstance(result, dict) else None
    if not isinstance(status, dict) or not isinstance(result, dict):
        return None
    done: Mapping[str, Any] = next(iter(status.get("SuccessEntitys") or ()), {})
    return Status(
        ok=status.get("IsSuccess") is True,
        msg_code=_integer(status.get("MsgCode")),
        problems=tuple(
            Problem(str(error.get("FieldName") or ""), str(error.get("Message") or ""))
            for error in status.get("Errors") or ()
        ),
        id=str(result.get("Id") or done.get("Id") or ""),
        number=str(result.get("Number") or done.get("Number") or ""),
    )


def _integer(code: Any) -> int:
    """Codes come as numbers and as texts."""
    return int(code) if str(code).isdigit() else 0
