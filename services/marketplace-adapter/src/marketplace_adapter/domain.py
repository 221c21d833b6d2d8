"""What the adapter remembers of a platform, and how a consignee is shown."""

from dataclasses import dataclass
from datetime import datetime

PHONE_SHOWN = 7


@dataclass(frozen=True)
class Cursor:
    """How far a store's trades have been pulled: every change before `until`."""

    store_code: str
    until: datetime

    @property
    def key(self) -> tuple[str]:
        return (self.store_code,)


@dataclass(frozen=True)
class SeenTrade:
    """The content of a trade that was published last. `changes` counts contents, `platform_version` dates them."""

    store_code: str
    trade_no: str
    platform_version: int
    digest: str
    changes: int
    traceparent: str = ""
    """The trace that began when it was first pulled: every later content of it goes on in that."""

    @property
    def key(self) -> tuple[str, str]:
        return self.store_code, self.trade_no

    @property
    def content_version(self) -> str:
        """Grows with each published content, compared as text."""
        return f"{self.platform_version:020}-{self.changes:06}"

    def precedes(self, platform_version: int, digest: str) -> bool:
        """Whether a content is news: two within the platform's grain of time differ by their digest."""
        return platform_version >= self.platform_version and digest != self.digest


@dataclass(frozen=True)
class MalformedTrade:
    """A trade the plugin could not read, kept with its raw body (sealed); resolved when it could be read after all."""

    store_code: str
    trade_no: str
    reason: str
    sealed_raw: str
    seen_at: datetime
    resolved_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.store_code, self.trade_no


def mask_name(name: str) -> str:
    """The first character only; what a platform masked already stays as it is."""
    return name if "*" in name or not name else f"{name[0]}**"


def mask_phone(phone: str) -> str:
    """The first three and last four digits, none of a short number; what a platform masked already stays as it is."""
    if "*" in phone or not phone:
        return phone
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > PHONE_SHOWN else "****"
