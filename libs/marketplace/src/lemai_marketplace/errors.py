"""What can go wrong with a platform, each error saying whether to try again.

For a write, `maybe_applied` says that it may have taken effect: read the platform's state before any repeat.
"""

from datetime import timedelta
from typing import ClassVar

from lemai_marketplace.types import Outcome, OutcomeState

ANSWER_BYTES_MAX = 1000


class PlatformError(Exception):
    """Root of all. `code` is the platform's own code. The message never carries secrets or consignee data.

    `answer` is the beginning of an answer that could not be read: for people who look at the call, not for logs.
    """

    retryable: ClassVar[bool] = False
    maybe_applied: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None, answer: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.answer = answer[:ANSWER_BYTES_MAX].decode("utf-8", "replace")


class Throttled(PlatformError):
    """The platform did nothing and wants `retry_after_s` seconds of silence on this method."""

    retryable = True

    def __init__(self, message: str, *, retry_after_s: float, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Transient(PlatformError):
    """A passing fault; nothing happened."""

    retryable = True


class Unanswered(Transient):
    """A passing fault after the request may have arrived."""

    maybe_applied = True


class AuthExpired(PlatformError):
    """The session is over or revoked: refresh it, or have the seller authorise again."""


class PermissionDenied(PlatformError):
    """The session is good and the app or account may not do this."""


class SignatureError(PlatformError):
    """The platform does not accept our signature: wrong key or secret."""


class ClockSkew(PlatformError):
    """The platform refuses our timestamp; its clock is `offset` ahead of ours."""

    def __init__(self, message: str, *, offset: timedelta, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.offset = offset


class InvalidRequest(PlatformError):
    """The request can never succeed as it is."""


class NotFound(PlatformError):
    """The platform does not have what the request names."""


class StateConflict(PlatformError):
    """What the request names is in another state: read it again and decide again."""


class NeedsHuman(PlatformError):
    """The platform wants a person: a code by SMS, a decision on its own pages."""


class NotSupported(PlatformError):
    """The platform cannot express this command."""


class ProtocolDrift(PlatformError):
    """The platform answered in a form we do not know."""

    maybe_applied = True


def outcome_of(key: str, error: PlatformError) -> Outcome:
    """`error` as the outcome of the command `key`; raises `error` where it concerns more than this command."""
    match error:
        case Throttled() | Transient():
            state = OutcomeState.RETRY
        case InvalidRequest() | NotFound() | NotSupported():
            state = OutcomeState.REJECTED
        case StateConflict() | NeedsHuman():
            state = OutcomeState.CONFLICT
        case _:
            raise error
    after = error.retry_after_s if isinstance(error, Throttled) else None
    return Outcome(key=key, state=state, code=error.code, message=str(error), retry_after_s=after)
