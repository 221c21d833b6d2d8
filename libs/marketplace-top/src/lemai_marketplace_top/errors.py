"""TOP's error codes as the kit's errors (TOP error pages; marketplace reference §1.12)."""

import re
from datetime import timedelta

from lemai_marketplace.errors import (
    AuthExpired,
    ClockSkew,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PlatformError,
    ProtocolDrift,
    SignatureError,
    StateConflict,
    Throttled,
    Transient,
    Unanswered,
)
from lemai_marketplace_top.wire import Row, text

CALL_LIMITS = {4, 5, 6, 7, 8}
BACK_END = {10, 52, 520}
REMOTE = {15, 50}
TIMESTAMP = {30, 31}

BY_CODE: dict[int, type[PlatformError]] = {
    **dict.fromkeys((11, 12, 13, 42), PermissionDenied),
    **dict.fromkeys((24, 25, 28, 29), SignatureError),
    **dict.fromkeys((26, 27), AuthExpired),
    **dict.fromkeys((3, 9, 21, 22, 23, 32, 33, 34, 40, 41, 43, 47), InvalidRequest),
}

# What follows the colon in isv.logistics-offline-service-error:B04 and its sisters.
BY_SHIPPING_CODE: dict[str, type[PlatformError]] = {
    **dict.fromkeys(("B01", "P02"), NotFound),
    **dict.fromkeys(("B02", "B04", "B55"), StateConflict),
    **dict.fromkeys(("B150", "S01", "R98", "ORDER_NOT_FOUND_ERROR"), Transient),
}

# What the other sub-codes of a remote refusal contain.
BY_WORD: tuple[tuple[str, type[PlatformError]], ...] = (
    ("session", AuthExpired),
    ("permission", PermissionDenied),
    ("not-exist", NotFound),
    ("not-found", NotFound),
)

BAN_S = 1
_BAN = re.compile(r"last for (\d+) more second")


def refusal(method: str, envelope: Row, server_ahead: timedelta) -> PlatformError:
    """The error that TOP's `error_response` means for a call of `method`."""
    number, sub_code = text(envelope, "code"), text(envelope, "sub_code")
    detail = " ".join(text(envelope, name) for name in ("sub_msg", "msg", "sub_code") if text(envelope, name))
    message, code = f"{method}: {detail}", sub_code or number
    if not number.isdecimal():
        return ProtocolDrift(message, code=code)
    if int(number) in CALL_LIMITS:
        ban = _BAN.search(text(envelope, "sub_msg"))
        return Throttled(message, retry_after_s=int(ban[1]) if ban else BAN_S, code=code)
    if int(number) in TIMESTAMP:
        return ClockSkew(message, offset=server_ahead, code=code)
    return _kind(int(number), sub_code)(message, code=code)


def _kind(number: int, sub_code: str) -> type[PlatformError]:
    if number in BY_CODE:
        return BY_CODE[number]
    if number in BACK_END or sub_code.startswith("isp."):
        return Unanswered
    if number not in REMOTE:
        return ProtocolDrift
    by_word = (kind for word, kind in BY_WORD if word in sub_code)
    return next(by_word, BY_SHIPPING_CODE.get(sub_code.rpartition(":")[2], InvalidRequest))
