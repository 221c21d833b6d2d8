"""TOP request signatures over all parameters (protocol page articleId 101617)."""

import hashlib
import hmac
from collections.abc import Callable, Mapping

UNSIGNED = "sign"


def _md5(secret: bytes, text: bytes) -> str:
    return hashlib.md5(secret + text + secret, usedforsecurity=False).hexdigest()


def _hmac_md5(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, "md5").hexdigest()


def _hmac_sha256(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, "sha256").hexdigest()


SIGN_METHODS: Mapping[str, Callable[[bytes, bytes], str]] = {
    "md5": _md5,
    "hmac": _hmac_md5,
    "hmac-sha256": _hmac_sha256,
}


def signature(parameters: Mapping[str, str], secret: str, sign_method: str) -> str:
    """Upper-case hex signature of every parameter but `sign`; file parts are never among them."""
    ordered = sorted((name.encode(), value.encode()) for name, value in parameters.items() if name != UNSIGNED)
    text = b"".join(name + value for name, value in ordered)
    return SIGN_METHODS[sign_method](secret.encode(), text).upper()


def is_signed(parameters: Mapping[str, str], secret: str, sign_method: str) -> bool:
    """Whether `sign` is the signature of the other parameters."""
    expected = signature(parameters, secret, sign_method)
    return hmac.compare_digest(expected.encode(), parameters[UNSIGNED].encode())
