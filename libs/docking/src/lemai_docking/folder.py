"""The folder shared with a counterpart, and each step on it that must be whole or not at all. Blocking calls."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lemai_docking.faults import FencedOut
from lemai_docking.values import SHANGHAI

_FENCE = ".publisher"


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a directory; only regular files are ever opened."""

    name: str
    regular: bool
    changed_at: datetime


class Folder:
    """`root/{outbox,inbox,archive,quarantine,ack}`. Names are entries of these directories, never paths."""

    def __init__(self, root: Path) -> None:
        self.outbox = root / "outbox"
        self.inbox = root / "inbox"
        self.archive = root / "archive"
        self.quarantine = root / "quarantine"
        self.ack = root / "ack"

    def prepare(self) -> None:
        """Make the directories that are missing."""
        for directory in (self.outbox, self.inbox, self.archive, self.quarantine, self.ack):
            directory.mkdir(parents=True, exist_ok=True)

    def fence(self, token: int) -> None:
        """Leave the token of the publisher that may rename into the outbox."""
        _write(self.outbox, _FENCE, str(token).encode())

    def publish(self, name: str, data: bytes, token: int) -> None:
        """Write under a temporary name, then rename.

        Raises FileExistsError if the name is taken. That check and the token's are no locks; they need none,
        since a name and its bytes are bound in the journal: whoever else renames it has the same bytes.
        """
        temporary = self.outbox / f".{name}.tmp"
        _write_through(temporary, data)
        current = (self.outbox / _FENCE).read_text()
        if current != str(token):
            raise FencedOut(f"{self.outbox.name}: token {token} was replaced by {current}")
        if os.path.lexists(self.outbox / name):
            raise FileExistsError(name)
        os.rename(temporary, self.outbox / name)  # noqa: PTH104 - Path.rename says the same less plainly

    def sync_outbox(self) -> None:
        """Make renames durable."""
        _sync(self.outbox)

    def was_published(self, name: str, sha256: str) -> bool:
        """Whether a file of ours is, or has been, there for the counterpart to take.

        In the outbox or the archive it counts with the same bytes only; its acknowledgement counts by name.
        """
        days = [entry for entry in self.archive.iterdir() if entry.is_dir()]
        places = [self.outbox, self.archive, *days]
        return (self.ack / f"{name}.ack").is_file() or any(
            (place / name).is_file() and _sha256(place / name) == sha256 for place in places
        )

    def forget_temporary(self, name: str) -> None:
        """Remove what an interrupted write left behind."""
        (self.outbox / f".{name}.tmp").unlink(missing_ok=True)

    def entries(self, directory: Path) -> Iterator[Entry]:
        """What is in a directory, but subdirectories and names still being written."""
        with os.scandir(directory) as found:
            for entry in found:
                if entry.name.startswith(".") or entry.name.endswith(".tmp"):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    regular = stat.S_ISREG(status.st_mode) and _is_text(entry.name)
                    yield Entry(entry.name, regular, datetime.fromtimestamp(status.st_mtime, UTC))

    def read(self, directory: Path, name: str, bytes_max: int) -> bytes:
        """At most one byte more than allowed of a regular file; OSError for anything else."""
        handle = os.open(directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(f"{name!r} is not a regular file")
            return file.read(bytes_max + 1)

    def acknowledge(self, name: str, content: bytes) -> None:
        """Write our answer to a file of the counterpart, in place of an earlier one."""
        _write(self.ack, f"{name}.ack", content)

    def to_archive(self, directory: Path, name: str, now: datetime) -> None:
        """Move a file that is dealt with into the archive of the day; a file already gone is fine."""
        _move(directory / name, self.archive / now.astimezone(SHANGHAI).strftime("%Y%m%d") / name)

    def to_quarantine(self, directory: Path, name: str, sha256: str) -> None:
        """Move a refused file aside under a name its content makes unique."""
        _move(directory / name, self.quarantine / f"{name}.{sha256[:12]}")


def _is_text(name: str) -> bool:
    """Whether the bytes of a name are UTF-8, so that it can be stored and shown."""
    return os.fsencode(name).decode(errors="ignore") == name


def _write(directory: Path, name: str, data: bytes) -> None:
    """Two readers may answer a file at once, so each writes under a temporary name of its own."""
    temporary = directory / f".{name}.{secrets.token_hex(4)}.tmp"
    _write_through(temporary, data)
    temporary.replace(directory / name)
    _sync(directory)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    try:
        source.replace(target)
    except FileNotFoundError:
        return
    _sync(target.parent)
    _sync(source.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
