"""A folder shared with a counterpart as a channel, each step on it whole or not at all."""

import asyncio
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from lemai_docking.channel import Entry, NotDone, Undecided
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import FencedOut

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_FENCE = ".publisher"


class Folder:
    """`root/{outbox,inbox,archive,quarantine,ack}`: outlet and inlet. Names are entries of these, never paths."""

    poll_s = 0.2

    def __init__(self, root: Path) -> None:
        self.outbox = root / "outbox"
        self.inbox = root / "inbox"
        self.archived = root / "archive"
        self.quarantined = root / "quarantine"
        self.ack = root / "ack"

    async def prepare(self) -> None:
        """Make the directories that are missing."""
        await _step(self._make)

    async def fence(self, token: int) -> None:
        """Leave the token of the publisher that may rename into the outbox."""
        await _step(self._make)
        await _step(_write, self.outbox, _FENCE, str(token).encode())

    async def put(self, name: str, data: bytes, token: int) -> None:
        """Write under a temporary name, then rename.

        The checks of name and token are no locks; they need none, since a name and its bytes are bound in the
        journal: whoever else renames it has the same bytes.
        """
        await _step(self._publish, name, data, token)
        try:
            await asyncio.to_thread(_sync, self.outbox)
        except OSError as error:
            raise Undecided(f"{name}: {error}") from error

    async def has(self, name: str, sha256: str) -> bool:
        """In outbox or archive it counts with the same bytes only; its acknowledgement counts by name."""
        return await _step(self._has, name, sha256)

    async def discard(self, name: str) -> None:
        """Remove the temporary file."""
        await _step((self.outbox / f".{name}.tmp").unlink, True)

    async def answers(self) -> Sequence[Entry]:
        """What is in `ack`: theirs, and ours to them."""
        return await _step(_entries, self.ack)

    async def read_answer(self, name: str, bytes_max: int) -> bytes:
        """As `read`, from `ack`."""
        return await asyncio.to_thread(_read, self.ack / name, bytes_max)

    async def settle_answer(self, name: str, now: datetime, *, refused_sha256: str = "") -> None:
        """Move it to the archive of the day, or to quarantine."""
        target = self._aside(name, refused_sha256) if refused_sha256 else self._day(now) / name
        await _step(_move, self.ack / name, target)

    async def entries(self) -> Sequence[Entry]:
        """What is in the inbox."""
        return await _step(_entries, self.inbox)

    async def read(self, name: str, bytes_max: int) -> bytes:
        """Neither links nor pipes are followed."""
        return await asyncio.to_thread(_read, self.inbox / name, bytes_max)

    async def acknowledge(self, name: str, content: bytes) -> None:
        """Write `ack/<name>.ack`."""
        await _step(_write, self.ack, f"{name}.ack", content)

    async def archive(self, name: str, now: datetime) -> None:
        """Move a file into the archive of the day."""
        await _step(_move, self.inbox / name, self._day(now) / name)

    async def quarantine(self, name: str, sha256: str) -> None:
        """Move a refused file aside."""
        await _step(_move, self.inbox / name, self._aside(name, sha256))

    async def purge(self, before: datetime) -> None:
        """Remove archived days before this one, and what has lain in `ack` since before this moment."""
        await _step(self._purge, before)

    def _make(self) -> None:
        for directory in (self.outbox, self.inbox, self.archived, self.quarantined, self.ack):
            directory.mkdir(parents=True, exist_ok=True)

    def _publish(self, name: str, data: bytes, token: int) -> None:
        temporary = self.outbox / f".{name}.tmp"
        _write_through(temporary, data)
        current = (self.outbox / _FENCE).read_text()
        if current != str(token):
            raise FencedOut(f"{self.outbox.name}: token {token} was replaced by {current}")
        if os.path.lexists(self.outbox / name):
            raise FileExistsError(name)
        os.rename(temporary, self.outbox / name)  # noqa: PTH104 - Path.rename says the same less plainly

    def _has(self, name: str, sha256: str) -> bool:
        days = [entry for entry in self.archived.iterdir() if entry.is_dir()]
        places = [self.outbox, self.archived, *days]
        found = (self.ack / f"{name}.ack").is_file() or any(
            (place / name).is_file() and _sha256(place / name) == sha256 for place in places
        )
        _sync(self.outbox)
        return found

    def _purge(self, before: datetime) -> None:
        for day in self.archived.iterdir():
            if day.is_dir() and day.name < before.astimezone(SHANGHAI).strftime("%Y%m%d"):
                shutil.rmtree(day)
        for entry in _entries(self.ack):
            if entry.regular and entry.changed_at < before:
                (self.ack / entry.name).unlink(missing_ok=True)

    def _day(self, now: datetime) -> Path:
        return self.archived / now.astimezone(SHANGHAI).strftime("%Y%m%d")

    def _aside(self, name: str, sha256: str) -> Path:
        return self.quarantined / f"{name}.{sha256[:12]}"


async def _step(act: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Do it in a thread. What the outlet's contract does not name is NotDone."""
    try:
        return await asyncio.to_thread(act, *arguments)
    except (FileExistsError, FencedOut):
        raise
    except OSError as error:
        raise NotDone(*error.args) from error


def _entries(directory: Path) -> list[Entry]:
    return list(_scan(directory))


def _scan(directory: Path) -> Iterator[Entry]:
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
                yield Entry(entry.name, regular, datetime.fromtimestamp(status.st_mtime, UTC), status.st_size)


def _read(path: Path, bytes_max: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path.name!r} is not a regular file")
        return file.read(bytes_max + 1)


def _is_text(name: str) -> bool:
    """Whether the bytes of a name are UTF-8, so that it can be stored and shown."""
    return os.fsencode(name).decode(errors="ignore") == name


def _write(directory: Path, name: str, data: bytes) -> None:
    """Two readers may answer a file at once, so each writes under a temporary name of its own."""
    temporary = directory / f".{name}.{secrets.token_hex(4)}.tmp"
    try:
        _write_through(temporary, data)
        temporary.replace(directory / name)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
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
