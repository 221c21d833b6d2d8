"""The SFTP face: the folder face behind an SFTP server of the ERP's own, which can be told to misbehave."""

import hmac
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

import asyncssh
from asyncssh import FXF_WRITE, SFTPAttrs, SFTPName, SSHServerChannel
from fastapi import APIRouter

from sim_kingdee.encodings import ENCODINGS
from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Pace
from sim_kingdee.faces.folder import Folder
from sim_kingdee.misdeeds import CutUpload, LongListing, SftpRefusal, TakesBeforeMarked
from sim_kingdee.settings import SftpExchange


class Sftp(Folder):
    """One exchange folder that Lemai reaches by SFTP only."""

    def __init__(self, settings: SftpExchange, erp: Erp, store_dir: Path, *, trailer_patience_s: float) -> None:
        super().__init__(
            settings.root,
            erp,
            trailer_patience_s=trailer_patience_s,
            face="sftp",
            encoding=ENCODINGS[settings.encoding],
        )
        self.port = settings.port
        self._settings = settings
        self._host_key = _host_key(settings.host_key_file or store_dir / "sftp_host_key")

    @property
    def host_key(self) -> str:
        """The public host key as a line of known_hosts has it."""
        return self._host_key.export_public_key().decode().strip()

    def routes(self, now: Callable[[], datetime]) -> APIRouter:
        """`/sim/sftp`: where the server listens and by which key it is known."""
        router = APIRouter()

        @router.get("/sim/sftp")
        async def address() -> dict[str, str | int]:
            """Where the SFTP server listens, and the host key to pin."""
            return {
                "host": self._settings.host,
                "port": self.port,
                "user": self._settings.user,
                "host_key": self.host_key,
            }

        return router

    async def serve(self, pace: Pace) -> None:
        """Serve SFTP and do what a folder does."""
        async with self.listening(pace.now):
            await super().serve(pace)

    @asynccontextmanager
    async def listening(self, now: Callable[[], datetime]) -> AsyncIterator[None]:
        """Take SFTP connections; `port` is then the one listened on."""
        server = await asyncssh.listen(
            self._settings.host,
            self._settings.port,
            server_factory=lambda: _Login(self._settings),
            server_host_keys=[self._host_key],
            sftp_factory=lambda channel: _Session(channel, self, self._settings.root, now),
        )
        self.port = server.get_port()
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()


def _host_key(path: Path) -> asyncssh.SSHKey:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return asyncssh.read_private_key(path)


class _Login(asyncssh.SSHServer):
    """Lets the one user in, by password or key."""

    def __init__(self, settings: SftpExchange) -> None:
        self._settings = settings

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._settings.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        expected = self._settings.password
        is_right = expected is not None and hmac.compare_digest(password.encode(), expected.get_secret_value().encode())
        return is_right and username == self._settings.user

    def public_key_auth_supported(self) -> bool:
        return bool(self._settings.authorized_key)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._settings.user and key == asyncssh.import_public_key(self._settings.authorized_key)


class _Session(asyncssh.SFTPServer):
    """Plain SFTP inside the exchange folder, but for what was planned to go wrong."""

    def __init__(self, channel: SSHServerChannel[bytes], face: Sftp, root: Path, now: Callable[[], datetime]) -> None:
        super().__init__(channel, chroot=os.fsencode(root))
        self._face = face
        self._misdeeds = face.erp.misdeeds
        self._now = now
        self._written = 0

    def _refuses(self, kind: str) -> bool:
        return self._misdeeds.take(SftpRefusal, self._face.face, kind=kind) is not None

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        if pflags & FXF_WRITE and self._refuses("permission_denied"):
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        self._written = 0
        return super().open(path, pflags, attrs)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self._refuses("disk_full"):
            raise asyncssh.SFTPNoSpaceOnFilesystem("No space left on device")
        cut = self._misdeeds.next(CutUpload, self._face.face)
        if cut and self._written + len(data) >= cut.after_bytes:
            self._misdeeds.take(CutUpload, self._face.face)
            super().write(file_obj, offset, data[: cut.after_bytes - self._written])
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("cut")
        self._written += len(data)
        return cast(int, super().write(file_obj, offset, data))

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._refuses("refuse_rename"):
            raise asyncssh.SFTPFailure("Rename is not allowed")
        super().rename(oldpath, newpath)
        self._after_rename()

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._refuses("refuse_posix_rename"):
            raise asyncssh.SFTPOpUnsupported("posix-rename is not known")
        if self._refuses("refuse_rename"):
            raise asyncssh.SFTPFailure("Rename is not allowed")
        super().posix_rename(oldpath, newpath)
        self._after_rename()

    def _after_rename(self) -> None:
        """The file may be gone before its writer hears that it has its name."""
        if self._misdeeds.next(TakesBeforeMarked, self._face.face):
            self._face.take_outbox(self._now())

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        is_inbox = path.rstrip(b"/").endswith(b"inbox")
        listing = self._misdeeds.take(LongListing, self._face.face) if is_inbox else None
        attributes = SFTPAttrs(permissions=0o100644, size=0, mtime=0, atime=0)
        for number in range(listing.names if listing else 0):
            yield SFTPName(f".old-{number:05}".encode(), attrs=attributes)
        async for name in super().scandir(path):
            yield name
