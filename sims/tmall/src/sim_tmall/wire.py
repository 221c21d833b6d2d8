"""TOP's spelling of times and money: Beijing wall clock without offset, yuan with two decimals."""

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache

BEIJING = timezone(timedelta(hours=8))
_WALL_FORMAT = "%Y-%m-%d %H:%M:%S"
_YUAN = re.compile(r"(\d{1,11})(?:\.(\d{1,2}))?")


@lru_cache(maxsize=65536)
def wall_clock(moment: int) -> str:
    """Epoch seconds as `yyyy-MM-dd HH:mm:ss` in UTC+8; cached because bursts share their seconds."""
    return datetime.fromtimestamp(moment, BEIJING).strftime(_WALL_FORMAT)


def moment_of(text: str) -> int:
    """Epoch seconds of a `yyyy-MM-dd HH:mm:ss` text in UTC+8; raises ValueError on any other form."""
    moment = datetime.strptime(text, _WALL_FORMAT).replace(tzinfo=BEIJING)
    if moment.strftime(_WALL_FORMAT) != text:
        raise ValueError(f"{text!r} is not zero-padded yyyy-MM-dd HH:mm:ss")
    return int(moment.timestamp())


def yuan(fen: int) -> str:
    """Integer fen as a yuan text with two decimals."""
    sign, amount = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def fen_of(text: str) -> int:
    """Fen of a non-negative yuan text; raises ValueError on signs, exponents and a third decimal."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount in yuan with at most two decimals")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
