"""Aware datetimes as the wire writes them: Asia/Shanghai wall clock, which has been UTC+08:00 since 1991."""

from datetime import datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def stamp(moment: datetime) -> str:
    """YYYYMMDDHHMMSS of a file name."""
    return moment.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")


def from_stamp(text: str) -> datetime:
    """The moment a file name's stamp means."""
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)


def wall_clock(moment: datetime) -> str:
    """YYYY-MM-DD HH:MM:SS of a field."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def instant(moment: datetime) -> str:
    """Time with offset, as the message header and the acknowledgement carry it."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
