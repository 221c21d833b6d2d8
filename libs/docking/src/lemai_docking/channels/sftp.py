"""A counterpart's SFTP server as a channel, with the directories of a shared folder.

A real partner's server offers what its administrator allows. `outbox`, `inbox` and `ack` must be there or makable;
`archive` and `quarantine` are welcome: where they cannot be made, what is dealt with is removed, since the journal
keeps its bytes.

Publishing is an upload under a temporary name and a rename that never overwrites. For a server that cannot rename
(`rename: false`) the file is uploaded under its own name, read back and compared, and only then marked by
`<name>.ok`, which holds its SHA-256; the counterpart takes nothing without its mark.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

from lemai_docking.channel import Entry, NotDone, Undecided
from lemai_docking.channels.sftp_session import Lost, SftpSession, SftpSite
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import FencedOut

_FENCE = ".publisher"
_MARK_MAX = 100
Seen = tuple[tuple[int | None, int | None], datetime]


class SftpFolder:
    """Outlet and inlet. One connection serves both; names are entries of its directories, never paths."""

    poll_s = 1.0

    def __init__(self, site: SftpSite, now: Callable[[], datetime]) -> None:
        self._session = SftpSession(site)
        self._root = site.root.rstrip("/")
        self._rename = site.rename
        self._now = now
        self._seen: dict[str, Mapping[str, Seen]] = {}
        self._kept: dict[str, bool] = {}

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def prepare(self) -> None:
        """Make the directories that are missing, and see which of the optional ones there are."""
        async with self._session.use() as sftp:
            for directory in ("outbox", "inbox", "ack"):
                await _make(sftp, self._path(directory))
            for directory in ("archive", "quarantine"):
                try:
                    await _make(sftp, self._path(directory))
                except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure, asyncssh.SFTPOpUnsupported):
                    self._kept[directory] = False
                else:
                    self._kept[directory] = True

    async def fence(self, token: int) -> None:
        """Leave the token of the publisher that may rename into the outbox."""
        await self.prepare()
        async with self._session.use() as sftp:
            await self._replace(sftp, "outbox", _FENCE, str(token).encode())

    async def put(self, name: str, data: bytes, token: int) -> None:
        """Upload, then rename or mark. Undecided if the connection breaks during that last step."""
        path = self._path("outbox", name)
        uploaded = self._temporary(name) if self._rename else path
        async with self._session.use() as sftp:
            if await sftp.lexists(path if self._rename else f"{path}.ok"):
                raise FileExistsError(name)
            await _upload(sftp, uploaded, data)
            if not self._rename and await _digest(sftp, path) != hashlib.sha256(data).hexdigest():
                raise NotDone(f"{name}: what arrived is not what was sent")
            current = (await _download(sftp, self._path("outbox", _FENCE), _MARK_MAX)).decode()
            if current != str(token):
                raise FencedOut(f"outbox: token {token} was replaced by {current}")
        try:
            async with self._session.use() as sftp:
                if self._rename:
                    await _rename(sftp, uploaded, path)
                else:
                    await _upload(sftp, f"{path}.ok", hashlib.sha256(data).hexdigest().encode())
        except Lost as lost:
            raise Undecided(f"{name}: {lost}") from lost

    async def has(self, name: str, sha256: str) -> bool:
        """In outbox or archive it counts with the same bytes only; its mark or acknowledgement speaks for itself."""
        async with self._session.use() as sftp:
            if await sftp.isfile(self._path("ack", f"{name}.ack")):
                return True
            places = ["outbox"] if self._rename else []
            if self._kept.get("archive"):
                places.append("archive")
                listed = sftp.scandir(self._path("archive"))
                places += [
                    f"archive/{_text(day.filename)}"
                    async for day in listed
                    if day.attrs.type == FILEXFER_TYPE_DIRECTORY and _text(day.filename).isdigit()
                ]
            paths = [self._path(place, name) for place in places]
            found = await asyncio.gather(*map(sftp.isfile, paths))
            digests = [await _digest(sftp, path) for path, there in zip(paths, found, strict=True) if there]
            mark = self._path("outbox", f"{name}.ok")
            if not self._rename and await sftp.isfile(mark):
                digests.append((await _download(sftp, mark, _MARK_MAX)).decode(errors="replace"))
            return sha256 in digests

    async def discard(self, name: str) -> None:
        """Remove the temporary file, or the file without a mark."""
        path = self._path("outbox", name)
        async with self._session.use() as sftp:
            if self._rename:
                await _remove(sftp, self._temporary(name))
            elif not await sftp.lexists(f"{path}.ok"):
                await _remove(sftp, path)

    async def answers(self) -> Sequence[Entry]:
        """What is in `ack`: theirs, and ours to them."""
        return await self._entries("ack")

    async def read_answer(self, name: str, bytes_max: int) -> bytes:
        """As `read`, from `ack`."""
        return await self._read("ack", name, bytes_max)

    async def settle_answer(self, name: str, now: datetime, *, refused_sha256: str = "") -> None:
        """Move it to the archive of the day, or to quarantine."""
        if refused_sha256:
            await self._put_away("ack", name, "quarantine", "", f"{name}.{refused_sha256[:12]}")
        else:
            await self._put_away("ack", name, "archive", _day(now), name)

    async def entries(self) -> Sequence[Entry]:
        """What is in the inbox. `changed_at` is when we first saw it so: the server's clock may be any."""
        return await self._entries("inbox")

    async def read(self, name: str, bytes_max: int) -> bytes:
        """Only regular files are opened."""
        return await self._read("inbox", name, bytes_max)

    async def acknowledge(self, name: str, content: bytes) -> None:
        """Write `ack/<name>.ack`."""
        async with self._session.use() as sftp:
            await self._replace(sftp, "ack", f"{name}.ack", content)

    async def archive(self, name: str, now: datetime) -> None:
        """Move a file into the archive of the day."""
        await self._put_away("inbox", name, "archive", _day(now), name)

    async def quarantine(self, name: str, sha256: str) -> None:
        """Move a refused file aside."""
        await self._put_away("inbox", name, "quarantine", "", f"{name}.{sha256[:12]}")

    async def purge(self, before: datetime) -> None:
        """Remove archived days before this one, and what has lain in `ack` since before this moment."""
        async with self._session.use() as sftp:
            if self._kept.get("archive"):
                for name in [_text(day.filename) async for day in sftp.scandir(self._path("archive"))]:
                    if name.isdigit() and name < _day(before):
                        await sftp.rmtree(self._path("archive", name))
            async for entry in sftp.scandir(self._path("ack")):
                if entry.attrs.type == FILEXFER_TYPE_REGULAR and (entry.attrs.mtime or 0) < before.timestamp():
                    await _remove(sftp, self._path("ack", _text(entry.filename)))

    def _path(self, directory: str, name: str = "") -> str:
        if "/" in name or "\0" in name or name in {".", ".."}:
            raise OSError(f"{name!r} is no file name")
        return f"{self._root}/{directory}/{name}".rstrip("/")

    def _temporary(self, name: str) -> str:
        return self._path("outbox", f".{name}.tmp")

    async def _entries(self, directory: str) -> list[Entry]:
        """One listing, no look at single files; its order is the reader's business."""
        now, before = self._now(), self._seen.get(directory, {})
        seen: dict[str, Seen] = {}
        entries = []
        async with self._session.use() as sftp:
            async for found in sftp.scandir(self._path(directory)):
                name, attributes = _text(found.filename), found.attrs
                if name.startswith(".") or name.endswith(".tmp") or attributes.type == FILEXFER_TYPE_DIRECTORY:
                    continue
                state = attributes.size, attributes.mtime
                known = before.get(name)
                seen[name] = known if known and known[0] == state else (state, now)
                regular = attributes.type == FILEXFER_TYPE_REGULAR and _is_name(name)
                entries.append(Entry(name, regular, seen[name][1], attributes.size or 0))
        self._seen[directory] = seen
        return entries

    async def _read(self, directory: str, name: str, bytes_max: int) -> bytes:
        async with self._session.use() as sftp:
            path = self._path(directory, name)
            try:
                status = await sftp.lstat(path)
                if status.type != FILEXFER_TYPE_REGULAR:
                    raise OSError(f"{name!r} is not a regular file")
                return await _download(sftp, path, min(status.size or 0, bytes_max + 1))
            except asyncssh.SFTPNoSuchFile as error:
                raise FileNotFoundError(name) from error
            except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure) as error:
                raise OSError(f"{name!r}: {error.reason}") from error

    async def _replace(self, sftp: asyncssh.SFTPClient, directory: str, name: str, data: bytes) -> None:
        """Write a small file in place of an earlier one, whole if the server can rename."""
        path = self._path(directory, name)
        if not self._rename:
            await _upload(sftp, path, data)
            return
        temporary = self._path(directory, f".{name}.{secrets.token_hex(4)}.tmp")
        await _upload(sftp, temporary, data)
        try:
            await sftp.posix_rename(temporary, path)
        except asyncssh.SFTPOpUnsupported:
            await _remove(sftp, path)
            await sftp.rename(temporary, path)

    async def _put_away(self, directory: str, name: str, place: str, day: str, new_name: str) -> None:
        """Move a file, or remove it where it cannot be kept; one already gone is fine."""
        async with self._session.use() as sftp:
            source = self._path(directory, name)
            if not (self._rename and self._kept.get(place)):
                await _remove(sftp, source)
                return
            target = self._path(f"{place}/{day}".rstrip("/"))
            await _make(sftp, target)
            target = f"{target}/{new_name}"
            if not await sftp.lexists(source):
                return
            await _remove(sftp, target)
            await _rename(sftp, source, target)


async def _make(sftp: asyncssh.SFTPClient, path: str) -> None:
    if not await sftp.isdir(path):
        await sftp.mkdir(path)


async def _remove(sftp: asyncssh.SFTPClient, path: str) -> None:
    with suppress(asyncssh.SFTPNoSuchFile):
        await sftp.remove(path)


async def _rename(sftp: asyncssh.SFTPClient, source: str, target: str) -> None:
    """The plain rename of SFTP does not overwrite; some servers only have the POSIX one."""
    try:
        await sftp.rename(source, target)
    except asyncssh.SFTPOpUnsupported:
        await sftp.posix_rename(source, target)


async def _upload(sftp: asyncssh.SFTPClient, path: str, data: bytes) -> None:
    """Write all of a file; what a server accepts but does not keep is found by its length."""
    async with sftp.open(path, "wb") as file:
        await file.write(data)
        with suppress(asyncssh.SFTPOpUnsupported):
            await file.fsync()
    size = await sftp.getsize(path)
    if size != len(data):
        raise NotDone(f"{path.rpartition('/')[2]}: {size} of {len(data)} bytes arrived")


async def _download(sftp: asyncssh.SFTPClient, path: str, size: int) -> bytes:
    """Read as much of a file as is known to be there: asyncssh asks for all blocks at once."""
    async with sftp.open(path, "rb") as file:
        return cast(bytes, await file.read(size))


async def _digest(sftp: asyncssh.SFTPClient, path: str) -> str:
    return hashlib.sha256(await _download(sftp, path, await sftp.getsize(path) or 0)).hexdigest()


def _day(now: datetime) -> str:
    return now.astimezone(SHANGHAI).strftime("%Y%m%d")


def _text(name: bytes | str) -> str:
    return name if isinstance(name, str) else name.decode(errors="surrogateescape")


def _is_name(name: str) -> bool:
    """Whether a server's entry is a name that can be stored and shown, and no path."""
    return "/" not in name and "\\" not in name and "\0" not in name and name.isprintable()
