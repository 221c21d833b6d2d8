"""Signatures over HTTP requests: vectors, limits, replays."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_docking.channels.signing import Credentials, Unsigned, signature, signed, verify

KNOWN = Credentials("lemai", "s3cret")
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
BODY = '{"header": {"interface": "ship_result"}, "remark": "张三"}'.encode()


class Memory:
    def __init__(self) -> None:
        self.claimed: set[str] = set()

    async def claim(self, nonce: str, now: datetime) -> bool:
        known = nonce in self.claimed
        self.claimed.add(nonce)
        return not known


# Computed by `printf '%s' <text> | openssl dgst -sha256 -hmac s3cret`, the body's digest by sha256sum.
@pytest.mark.parametrize(
    ("timestamp", "nonce", "body", "expected"),
    [
        ("1795312800", "0123456789abcdef", b"", "B0A5337335FCDDD2749986DEE655221146F4A9185C985BB9C623E5F931188363"),
        ("1795312800", "0123456789abcdef", BODY, "E31B6B1B9EE5ABADA76FEA8A741A433447E660E1BFD37424D8CCD376049E6507"),
        ("1795312801", "n-2", b"<message/>", "1B3D0C05D4BA9E54ABEDE126F9AC82C506352BB2326A8153C09BC4B18AD093C8"),
    ],
)
def test_a_signature_is_the_hmac_of_key_time_nonce_and_digest(
    timestamp: str, nonce: str, body: bytes, expected: str
) -> None:
    assert signature(KNOWN, timestamp, nonce, body) == expected


async def test_what_we_sign_is_taken_once(nonces: Memory) -> None:
    headers = signed(KNOWN, BODY, now=NOW, nonce="n-1")

    await verify(KNOWN, headers, BODY, now=NOW, nonces=nonces)
    with pytest.raises(Unsigned, match="used before"):
        await verify(KNOWN, headers, BODY, now=NOW, nonces=nonces)


async def test_a_signature_is_taken_in_either_case(nonces: Memory) -> None:
    headers = signed(KNOWN, BODY, now=NOW, nonce="n-1")

    await verify(KNOWN, {**headers, "X-LK-Sign": headers["X-LK-Sign"].lower()}, BODY, now=NOW, nonces=nonces)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"X-LK-Sign": "0" * 64}, "wrong signature"),
        ({"X-LK-Sign": ""}, "wrong signature"),
        ({"X-LK-Sign": "签名"}, "wrong signature"),
        ({"X-LK-AppKey": "other"}, "wrong signature"),
        ({"X-LK-Timestamp": ""}, "timestamp"),
        ({"X-LK-Timestamp": "now"}, "timestamp"),
        ({"X-LK-Timestamp": "١٧٩٥٣١٢٨٠٠"}, "timestamp"),
        ({"X-LK-Timestamp": "1" + "0" * 5000}, "timestamp"),
        ({"X-LK-Nonce": ""}, "X-LK-Nonce"),
        ({"X-LK-Nonce": "n" * 65}, "X-LK-Nonce"),
        ({"X-LK-Nonce": "n\x00"}, "X-LK-Nonce"),
    ],
)
async def test_a_request_that_is_not_signed_is_refused_and_uses_no_nonce_up(
    nonces: Memory, changes: dict[str, str], complaint: str
) -> None:
    headers = signed(KNOWN, BODY, now=NOW, nonce="n-1") | changes

    with pytest.raises(Unsigned, match=complaint):
        await verify(KNOWN, headers, BODY, now=NOW, nonces=nonces)

    assert nonces.claimed == set()


async def test_the_bytes_signed_are_those_sent(nonces: Memory) -> None:
    headers = signed(KNOWN, BODY, now=NOW, nonce="n-1")

    with pytest.raises(Unsigned):
        await verify(KNOWN, headers, BODY + b"\n", now=NOW, nonces=nonces)


@pytest.mark.parametrize(("off_s", "is_taken"), [(-601, False), (-600, True), (600, True), (601, False)])
async def test_a_clock_may_be_ten_minutes_off(nonces: Memory, off_s: int, is_taken: bool) -> None:
    headers = signed(KNOWN, BODY, now=NOW + timedelta(seconds=off_s), nonce="n-1")

    if is_taken:
        await verify(KNOWN, headers, BODY, now=NOW, nonces=nonces)
    else:
        with pytest.raises(Unsigned, match="timestamp"):
            await verify(KNOWN, headers, BODY, now=NOW, nonces=nonces)


async def test_names_of_headers_are_read_in_any_case(nonces: Memory) -> None:
    headers = {name.lower(): value for name, value in signed(KNOWN, BODY, now=NOW, nonce="n-1").items()}

    await verify(KNOWN, headers, BODY, now=NOW, nonces=nonces)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_other_bytes_have_another_signature(one: bytes, other: bytes) -> None:
    same = signature(KNOWN, "1795312800", "n", one) == signature(KNOWN, "1795312800", "n", other)

    assert same == (one == other)


def test_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(KNOWN)


@pytest.fixture
def nonces() -> Memory:
    return Memory()
