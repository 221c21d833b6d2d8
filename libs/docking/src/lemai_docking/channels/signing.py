"""Signed HTTP (reference §1.19): who calls, when, once, with exactly these bytes."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

TOLERANCE = timedelta(minutes=10)
_NONCE = re.compile(r"[!-~]{1,64}")
# With a fixed number of digits nothing can be shifted between timestamp and nonce, which are signed as one text.
_TIMESTAMP = re.compile(r"[0-9]{10}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What both sides know."""

    app_key: str
    secret: str = field(repr=False)


class Unsigned(Exception):
    """A request that nobody is known to have made; the text is for its sender."""


class Nonces(Protocol):
    """Remembers nonces for twice the TOLERANCE: no longer could a request that carries one be taken."""

    async def claim(self, nonce: str, now: datetime) -> bool:
        """False if it was claimed before."""


def signature(credentials: Credentials, timestamp: str, nonce: str, body: bytes) -> str:
    """Upper-case hex HMAC-SHA256 over app key, Unix seconds, nonce and the lower-case hex SHA-256 of the body."""
    text = credentials.app_key + timestamp + nonce + hashlib.sha256(body).hexdigest()
    return hmac.new(credentials.secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


def signed(credentials: Credentials, body: bytes, *, now: datetime, nonce: str) -> dict[str, str]:
    """The headers of a request with this body."""
    timestamp = str(int(now.timestamp()))
    return {
        "X-LK-AppKey": credentials.app_key,
        "X-LK-Timestamp": timestamp,
        "X-LK-Nonce": nonce,
        "X-LK-Sign": signature(credentials, timestamp, nonce, body),
    }


async def verify(
    credentials: Credentials, headers: Mapping[str, str], body: bytes, *, now: datetime, nonces: Nonces
) -> None:
    """Raises Unsigned. A nonce is claimed only by who knows the secret, so that strangers cannot use them up."""
    given = {name.lower(): value for name, value in headers.items()}
    app_key, timestamp, nonce, sign = (
        given.get(f"x-lk-{name}", "") for name in ("appkey", "timestamp", "nonce", "sign")
    )
    if not _TIMESTAMP.fullmatch(timestamp) or abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise Unsigned("时间戳无效或相差超过 10 分钟 / the timestamp is invalid or more than 10 minutes off")
    if not _NONCE.fullmatch(nonce):
        raise Unsigned("X-LK-Nonce 须为 1–64 个可见 ASCII 字符 / must be 1 to 64 visible ASCII characters")
    same = [
        hmac.compare_digest(app_key.encode(), credentials.app_key.encode()),
        hmac.compare_digest(sign.upper().encode(), signature(credentials, timestamp, nonce, body).encode()),
    ]
    if not all(same):
        raise Unsigned("签名不对 / wrong signature")
    if not await nonces.claim(nonce, now):
        raise Unsigned("X-LK-Nonce 已用过 / the nonce was used before")
