"""Who may call: the secret of an application and the headers that prove it (docking reference `kingdee.md` §3.3)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_SDK_KEY = b"0054f397c6234378b09ca7d3e5debce7"
_SIGNED_HEADERS = "x-api-timestamp,x-api-nonce"
_LANGUAGES = frozenset({"2052", "1033", "3076"})
_CLOCK_SKEW_S = 24 * 3600


class WrongDataCentre(Exception):
    """The acctId names no data centre; the server fails instead of refusing."""


@dataclass(frozen=True, slots=True)
class Account:
    """What one third-party system was given."""

    acct_id: str
    user: str
    app_id: str
    app_secret: str

    def allows(self, acct_id: str, user: str, app_id: str, lcid: str) -> bool:
        """Whether these name the account; raises WrongDataCentre."""
        if acct_id != self.acct_id:
            raise WrongDataCentre(acct_id)
        return (user, app_id) == (self.user, self.app_id) and lcid in _LANGUAGES


def client_secret(app_id: str) -> str:
    """The key of X-Api-Signature, hidden in the application id; empty when the id has another form."""
    _, _, encoded = app_id.partition("_")
    if len(encoded) != 32:
        return ""
    mixed = bytes(byte ^ key for byte, key in zip(base64.b64decode(encoded), _SDK_KEY, strict=False))
    return base64.b64encode(mixed).decode()


def _hex_mac(key: str, text: str) -> str:
    """Base64 of the hex digits of an HMAC-SHA256, which is how every signature here is written."""
    digits = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(digits.encode()).decode()


def api_signature(app_id: str, path: str, nonce: str, timestamp: str) -> str:
    """X-Api-Signature of a POST to a path that begins with a slash. The body is not signed."""
    signed = f"POST\n{quote(path, safe='')}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n"
    return _hex_mac(client_secret(app_id), signed)


def app_signature(app_id: str, app_secret: str, app_data: str) -> str:
    """X-Kd-Signature of the data that names data centre, user, language and organisation."""
    return _hex_mac(app_secret, app_id + app_data)


def is_signed(headers: Mapping[str, str], path: str, account: Account, now_s: int) -> bool:
    """Whether the headers of a request prove the account; names in lower case. Raises WrongDataCentre."""
    app_data = _app_data(headers.get("x-kd-appdata", ""))
    parts = app_data.split(",")
    if len(parts) != 4:
        return False
    acct_id, user, lcid, _ = parts
    app_id, nonce, timestamp = (headers.get(name, "") for name in ("x-kd-appkey", "x-api-nonce", "x-api-timestamp"))
    if not account.allows(acct_id, user, app_id, lcid) or not nonce or not re.fullmatch("[0-9]{1,12}", timestamp):
        return False
    expected = {
        "x-api-clientid": account.app_id.partition("_")[0],
        "x-api-auth-version": "2.0",
        "x-api-signheaders": _SIGNED_HEADERS,
        "x-api-signature": api_signature(account.app_id, path, nonce, timestamp),
        "x-kd-signature": app_signature(account.app_id, account.app_secret, app_data),
    }
    is_right = all(
        hmac.compare_digest(headers.get(name, "").encode(), value.encode()) for name, value in expected.items()
    )
    return is_right and abs(int(timestamp) - now_s) <= _CLOCK_SKEW_S


def _app_data(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return ""
