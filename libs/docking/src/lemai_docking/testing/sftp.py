"""For tests of this library and its users: an SFTP server on a directory, that can be told to misbehave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh

from lemai_docking.channels.sftp_session import SftpSite

PASSWORD = "correct horse"  # noqa: S105 - opens nothing but this server
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class Faults:
    """What goes wrong from now on; each operation is named as in SFTP. `done` counts what was asked."""

    refuse: dict[str, Exception] = field(default_factory=dict)
    cut_before: set[str] = field(default_factory=set)
    cut_after: set[str] = field(default_factory=set)
    room: int | None = None
    """So many bytes fit, then the disk is full."""
    keep: int | None = None
    """So many bytes of a file are kept; the rest is accepted and lost."""
    hang: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def heal(self) -> None:
        self.__init__()  # type: ignore[misc]


@dataclass
class FaultySftp:
    """The server; its files are under `root`."""

    root: Path
    faults: Faults = field(default_factory=Faults)
    port: int = 0
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    _acceptor: asyncssh.SSHAcceptor | None = None

    def site(self, **changes: Any) -> SftpSite:
        host_key = HOST_KEY.export_public_key().decode().strip()
        return replace(SftpSite("127.0.0.1", self.port, "lemai", host_key, password=PASSWORD), **changes)

    async def start(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Login(self),
            server_host_keys=[HOST_KEY],
            sftp_factory=lambda channel: _Server(channel, self),
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        if self._acceptor:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        for connection in self.connections:
            connection.abort()
            await connection.wait_closed()
        self.connections.clear()


@asynccontextmanager
async def serving(root: Path) -> AsyncIterator[FaultySftp]:
    server = FaultySftp(root)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class _Login(asyncssh.SSHServer):
    def __init__(self, server: FaultySftp) -> None:
        self._server = server

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        self._server.connections.append(connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("lemai", PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.public_data == CLIENT_KEY.public_data


def _faulty(operation: str) -> Any:
    async def faulty(self: "_Server", *arguments: Any) -> Any:
        faults = self.faults
        faults.done[operation] += 1
        if operation == "close":
            arguments[0].close()  # Whatever the client is told, the server leaks no file.
        if operation in faults.hang:
            await asyncio.Event().wait()
        if operation in faults.cut_before:
            self.cut()
        if operation in faults.refuse:
            raise faults.refuse[operation]
        result = getattr(asyncssh.SFTPServer, operation)(self, *arguments)
        if asyncio.iscoroutine(result):
            result = await result
        if operation in faults.cut_after:
            if operation == "open":
                result.close()
            self.cut()
        return result

    return faulty


class _Server(asyncssh.SFTPServer):
    def __init__(self, channel: Any, server: FaultySftp) -> None:
        super().__init__(channel, chroot=str(server.root).encode())
        self.faults = server.faults

    def cut(self) -> None:
        self.channel.get_connection().abort()
        raise asyncssh.SFTPConnectionLost("cut")

    open = _faulty("open")
    rename = _faulty("rename")
    posix_rename = _faulty("posix_rename")
    mkdir = _faulty("mkdir")
    remove = _faulty("remove")
    stat = _faulty("stat")
    lstat = _faulty("lstat")
    read = _faulty("read")
    close = _faulty("close")

    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        faults = self.faults
        faults.done["write"] += 1
        kept = data
        for limit in (faults.room, faults.keep):
            if limit is not None:
                kept = kept[: max(limit - offset, 0)]
        super().write(file_obj, offset, kept)
        if "write" in faults.cut_after:
            file_obj.flush()
            self.cut()
        if faults.room is not None and len(kept) < len(data):
            raise asyncssh.SFTPFailure("No space left on device")
        return len(data)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        self.faults.done["scandir"] += 1
        async for entry in super().scandir(path):
            yield entry
