"""TOP's request signature (TOP protocol page, article 101617)."""

import hashlib
import hmac
from collections.abc import Mapping


def sign(params: Mapping[str, str], secret: str) -> str:
    """Signature of all `params` by their own `sign_method` (md5, hmac, hmac-sha256): upper-case hex.

    Never send an empty value: the SDKs of different languages disagree whether it is signed.
    """
    text = "".join(name + params[name] for name in sorted(params)).encode()
    key = secret.encode()
    match params["sign_method"]:
        case "md5":
            digest = hashlib.md5(key + text + key, usedforsecurity=False).hexdigest()
        case "hmac":
            digest = hmac.new(key, text, "md5").hexdigest()
        case "hmac-sha256":
            digest = hmac.new(key, text, "sha256").hexdigest()
        case unknown:
            raise ValueError(f"TOP has no sign method {unknown!r}")
    return digest.upper()
