"""What the adapter remembers of a platform, and how a consignee is shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Cursor:
    """How far a store's trades have been pulled: every change before `until`."""

    store_code: str
    until: datetime
    trades_pulled: int = 0

    @property
    def key(self) -> tuple[str]:
        return (self.store_code,)


@dataclass(frozen=True)
class SeenTrade:
    """The content of a trade that was published last. `changes` counts contents, `version` is the platform's."""

    store_code: str
    trade_no: str
    platform_version: int
    digest: str
    changes: int

    @property
    def key(self) -> tuple[str, str]:
        return self.store_code, self.trade_no

    def precedes(self, platform_version: int, digest: str) -> bool:
        """Whether a content is news: two within the platform's grain of time differ by their digest."""
        return platform_version >= self.platform_version and digest != self.digest


@dataclass(frozen=True)
class MalformedTrade:
    """A trade the plugin could not read, kept with its raw body (sealed) until it can."""

    store_code: str
    trade_no: str
    reason: str
    sealed_raw: str
    seen_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        return self.store_code, self.trade_no


def mask_name(name: str) -> str:
    """The first character only; what a platform masked already stays as it is."""
    return name if "*" in name else f"{name[:1]}**"


def mask_phone(phone: str) -> str:
    """The first three and last four digits; what a platform masked already stays as it is."""
    return phone if "*" in phone or not phone else f"{phone[:3]}****{phone[-4:]}"
