"""Signature headers of a WebAPI request, as Kingdee's SDK 8.2.0 makes them (reference §3.3). The body is not signed."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import quote

_MASK = b"0054f397c6234378b09ca7d3e5debce7"
_ENCODED_SECRET_LENGTH = 32


@dataclass(frozen=True)
class Account:
    """Who we are to one K/3 Cloud. `url` names the site's `k3cloud`, `org` is the number of an organisation."""

    url: str
    acct_id: str
    user: str
    app_id: str
    app_secret: str = field(repr=False)
    org: str = "0"
    lcid: int = 2052


def client_secret(app_id: str) -> str:
    """The signing key hidden in an app id `clientId_encoded`; empty where there is none in it."""
    _, _, encoded = app_id.partition("_")
    if len(encoded) != _ENCODED_SECRET_LENGTH:
        return ""
    masked = base64.b64decode(encoded)
    return base64.b64encode(bytes(byte ^ mask for byte, mask in zip(masked, _MASK, strict=False))).decode()


def signature_headers(account: Account, path: str, seconds: int) -> dict[str, str]:
    """Headers for a POST to `path` (from the first slash after the host) at a Unix time."""
    time = str(seconds)
    escaped = quote(path, safe="/").replace("/", "%2F")
    signed = f"POST\n{escaped}\n\nx-api-nonce:{time}\nx-api-timestamp:{time}\n"
    app_data = f"{account.acct_id},{account.user},{account.lcid},{account.org}"
    return {
        "X-Api-ClientID": account.app_id.partition("_")[0],
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": time,
        "x-api-nonce": time,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": _sign(client_secret(account.app_id), signed),
        "X-Kd-Appkey": account.app_id,
        "X-Kd-Appdata": base64.b64encode(app_data.encode()).decode(),
        "X-Kd-Signature": _sign(account.app_secret, account.app_id + app_data),
    }


def _sign(key: str, text: str) -> str:
    """Base64 of the hexadecimal digest: K/3 encodes the 64 letters, not the 32 bytes."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().encode()).decode()
