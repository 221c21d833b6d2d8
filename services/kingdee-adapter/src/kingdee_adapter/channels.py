"""The channel of each counterpart, as the reference data names it, and its secrets."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lemai_chassis.reference import Counterpart, FolderChannel
from lemai_docking.channel import Inlet, Outlet
from lemai_docking.folder import Folder


@dataclass(frozen=True)
class Channel:
    """Where our files go, and where the counterpart's come from; no inlet where it calls us."""

    outlet: Outlet
    inlet: Inlet | None
    purge: Callable[[datetime], Awaitable[None]] | None = None
    """Removes what has lain there since before a moment."""


@dataclass(frozen=True)
class Secrets:
    """Files `<counterpart code>.<secret>` in a directory outside the repository."""

    directory: Path | None

    def of(self, counterpart_code: str, name: str) -> str:
        """Raises LookupError naming the file that is missing."""
        if found := self.find(counterpart_code, name):
            return found
        raise LookupError(
            f"DOCKING_SECRETS {counterpart_code}.{name}: 缺少此文件，请添加 / this file is missing, add it"
        )

    def find(self, counterpart_code: str, name: str) -> str:
        """Empty if there is no such file. A last line end is no part of a secret."""
        file = self.directory / f"{counterpart_code}.{name}" if self.directory else None
        return file.read_text(encoding="utf-8").rstrip("\r\n") if file and file.exists() else ""


def channel_of(counterpart: Counterpart, root: Path, secrets: Secrets) -> Channel:
    """The channel of a counterpart. `root` holds the exchange folders."""
    match counterpart.channel:
        case FolderChannel(folder=folder):
            shared = Folder(root / folder)
            return Channel(shared, shared, shared.purge)
        case other:
            raise LookupError(f"{counterpart.code}: channel {other.kind}")
