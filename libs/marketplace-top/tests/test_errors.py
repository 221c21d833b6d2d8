from datetime import timedelta

import pytest

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
from lemai_marketplace_top.errors import refusal

SHIPPING = "isv.logistics-offline-service-error:"


@pytest.mark.parametrize(
    ("code", "sub_code", "expected"),
    [
        (11, "isv.permission-api-package-limit", PermissionDenied),
        (12, "", PermissionDenied),
        (15, "isv.invalid-permission", PermissionDenied),
        (25, "", SignatureError),
        (29, "", SignatureError),
        (26, "", AuthExpired),
        (27, "invalid-sessionkey", AuthExpired),
        (15, "session-expired", AuthExpired),
        (40, "isv.missing-parameter:tid", InvalidRequest),
        (41, "isv.invalid-parameter:tid", InvalidRequest),
        (22, "isv.method-not-exist", InvalidRequest),
        (10, "", Unanswered),
        (520, "", Unanswered),
        (15, "isp.top-remote-connection-timeout", Unanswered),
        (15, "isv.trade-not-exist", NotFound),
        (15, "isv.item-not-exist:invalid-numIid-or-iid", NotFound),
        (15, f"{SHIPPING}B01", NotFound),
        (15, f"{SHIPPING}B04", StateConflict),
        (15, f"{SHIPPING}B150", Transient),
        (15, "isv.logistics-online-service-error:S01", Transient),
        (15, f"{SHIPPING}ORDER_NOT_FOUND_ERROR", Transient),
        (15, f"{SHIPPING}B60", InvalidRequest),
        (15, f"{SHIPPING}CD24", InvalidRequest),
        (15, "isv.something-new", InvalidRequest),
        (777, "", ProtocolDrift),
        ("E7", "", ProtocolDrift),
    ],
)
def test_each_code_says_what_to_do(code: int | str, sub_code: str, expected: type[PlatformError]) -> None:
    error = refusal("some.method", {"code": code, "msg": "no", "sub_code": sub_code}, timedelta(0))

    assert type(error) is expected
    assert error.code == (sub_code or str(code))


def test_a_ban_is_read_from_its_text() -> None:
    envelope = {
        "code": 7,
        "msg": "App Call Limited",
        "sub_code": "accesscontrol.limited-by-app-api-access-count",
        "sub_msg": "This ban will last for 40213 more seconds",
    }

    error = refusal("some.method", envelope, timedelta(0))

    assert isinstance(error, Throttled)
    assert error.retry_after_s == 40213


@pytest.mark.parametrize("code", [4, 5, 6, 7, 8])
def test_a_limit_without_a_time_asks_for_a_second(code: int) -> None:
    error = refusal("some.method", {"code": code}, timedelta(0))

    assert isinstance(error, Throttled)
    assert error.retry_after_s == 1


def test_a_refused_timestamp_carries_the_clocks_difference() -> None:
    error = refusal("some.method", {"code": 31}, timedelta(minutes=11))

    assert isinstance(error, ClockSkew)
    assert error.offset == timedelta(minutes=11)


def test_the_message_has_both_of_the_platforms_texts() -> None:
    envelope = {"code": 15, "msg": "Remote service error", "sub_code": "isv.x", "sub_msg": "订单状态不对"}

    assert str(refusal("some.method", envelope, timedelta(0))) == "some.method: 订单状态不对 Remote service error isv.x"
