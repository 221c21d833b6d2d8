"""What the environment says: where the store is and which seller exists from the start."""

import os
from dataclasses import dataclass
from pathlib import Path

SELLER_VARIABLES = ("SIM_TMALL_APP_KEY", "SIM_TMALL_APP_SECRET", "SIM_TMALL_SESSION", "SIM_TMALL_NICK")


@dataclass(frozen=True)
class Seller:
    """One shop that authorised one app: its session works with this app key only."""

    nick: str
    app_key: str
    app_secret: str
    session: str


@dataclass(frozen=True)
class Settings:
    """`directory` holds the SQLite file; `seller` is created at start when the environment names one."""

    directory: Path
    seller: Seller | None = None


def from_environment() -> Settings:
    """Read SIM_TMALL_DIR and the four seller variables; raises SystemExit naming what is missing."""
    directory = os.environ.get("SIM_TMALL_DIR")
    if not directory:
        raise SystemExit("缺少环境变量 SIM_TMALL_DIR（数据目录） / SIM_TMALL_DIR (data directory) is not set")
    given = [os.environ.get(name, "") for name in SELLER_VARIABLES]
    if not any(given):
        return Settings(Path(directory))
    if not all(given):
        missing = ", ".join(name for name, value in zip(SELLER_VARIABLES, given, strict=True) if not value)
        raise SystemExit(f"默认卖家不完整，缺少 {missing} / the default seller is incomplete, set {missing}")
    app_key, app_secret, session, nick = given
    return Settings(Path(directory), Seller(nick, app_key, app_secret, session))
