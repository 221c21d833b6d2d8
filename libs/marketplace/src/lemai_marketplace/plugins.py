"""Finding a platform's plugin by its name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points

import httpx

from lemai_marketplace.protocols import Marketplace

GROUP = "lemai.marketplace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one store's calls are made with; `calls_per_s` is the app's quota for each method."""

    endpoint: str
    app_key: str
    app_secret: str = field(repr=False)
    session: str = field(repr=False)
    calls_per_s: int = 400


Factory = Callable[[Credentials, httpx.AsyncClient], Marketplace]


class UnknownPlatform(LookupError):
    """No installed plugin carries this name."""


def load(platform: str) -> Factory:
    """The factory `create(credentials, http)` of the plugin installed for `platform`."""
    installed = entry_points(group=GROUP)
    if platform not in installed.names:
        known = ", ".join(sorted(installed.names))
        raise UnknownPlatform(
            f"没有平台插件 {platform!r}，已安装：{known} / no plugin for platform {platform!r}, installed: {known}"
        )
    factory: Factory = installed[platform].load()
    return factory
