"""Signed HTTP (docking reference `kingdee.md` §1.19): X-LK-* headers over the bytes of the body."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime

_SKEW_S = 600


def signed(app_key: str, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers that go with a body."""
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
    return {
        "X-LK-AppKey": app_key,
        "X-LK-Timestamp": timestamp,
        "X-LK-Nonce": nonce,
        "X-LK-Sign": _sign(app_key, timestamp, nonce, body, secret),
    }


def _sign(app_key: str, timestamp: str, nonce: str, body: bytes, secret: str) -> str:
    text = app_key + timestamp + nonce + hashlib.sha256(body).hexdigest()
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


class Signatures:
    """Checks signatures of one application; a nonce is good once within the time a signature is."""

    def __init__(self, app_key: str, secret: str) -> None:
        self._app_key = app_key
        self._secret = secret
        self._used: dict[str, float] = {}

    def complaint(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """What is wrong with a request, empty when nothing is."""
        names = ("appkey", "timestamp", "nonce", "sign")
        app_key, timestamp, nonce, sign = (headers.get(f"x-lk-{name}", "") for name in names)
        moment = now.timestamp()
        if not timestamp.isdecimal() or abs(int(timestamp) - moment) > _SKEW_S:
            return "时间戳无效或相差超过 10 分钟 / timestamp invalid or more than 10 minutes off"
        expected = _sign(self._app_key, timestamp, nonce, body, self._secret)
        if app_key != self._app_key or not nonce or not hmac.compare_digest(sign.encode(), expected.encode()):
            return "签名不对 / wrong signature"
        self._used = {used: at for used, at in self._used.items() if moment - at <= 2 * _SKEW_S}
        if nonce in self._used:
            return "nonce 已用过 / nonce used before"
        self._used[nonce] = moment
        return ""
