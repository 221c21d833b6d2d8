"""One SSH connection to a counterpart's SFTP server: opened when needed, given up when it fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncssh

from lemai_docking.channel import NotDone
from lemai_docking.faults import FencedOut

CONNECT_S = 15
STEP_S = 300
KEEPALIVE_S = 15


class Lost(NotDone):
    """The connection broke during a step: the server may have done it."""


@dataclass(frozen=True)
class SftpSite:
    """Where a server is and how to log in: by password, private key (OpenSSH or PEM text), or both.

    `host_key` is the server's public key as in `known_hosts`: `ssh-ed25519 AAAA…`; a server with another is refused.
    """

    host: str
    port: int
    user: str
    host_key: str
    root: str = "/"
    rename: bool = True
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)


class SftpSession:
    """A client that is connected whenever it is used."""

    def __init__(self, site: SftpSite) -> None:
        self._site = site
        self._opening = asyncio.Lock()
        self._client: asyncssh.SFTPClient | None = None
        self._connection: asyncssh.SSHClientConnection | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """A connected client. NotDone if there is none to be had or the server refuses, Lost if it breaks in between.

        Other errors of the body pass.
        """
        client = await self._connected()
        try:
            async with asyncio.timeout(STEP_S):
                yield client
        except (FencedOut, NotDone):
            raise
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, ConnectionError, TimeoutError) as error:
            await self.close()
            raise Lost(f"{self._site.host}: {str(error) or 'timed out'}") from error
        except asyncssh.SFTPError as error:
            raise NotDone(f"{self._site.host}: {error.reason}") from error
        except asyncssh.Error as error:
            await self.close()
            raise Lost(f"{self._site.host}: {error}") from error

    async def close(self) -> None:
        """Hang up."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()
            await connection.wait_closed()

    async def _connected(self) -> asyncssh.SFTPClient:
        async with self._opening:
            if self._client is None:
                try:
                    async with asyncio.timeout(CONNECT_S):
                        await self._open()
                except (OSError, asyncssh.Error, ValueError) as error:
                    raise NotDone(f"{self._site.host}: {str(error) or 'timed out'}") from error
            assert self._client is not None
            return self._client

    async def _open(self) -> None:
        site = self._site
        keys = [asyncssh.import_private_key(site.private_key)] if site.private_key else None
        async with AsyncExitStack() as stack:
            connection = await asyncssh.connect(
                site.host,
                site.port,
                username=site.user,
                password=site.password,
                client_keys=keys,
                known_hosts=([asyncssh.import_public_key(site.host_key)], [], []),
                config=None,
                agent_path=None,
                keepalive_interval=KEEPALIVE_S,
            )
            stack.callback(connection.abort)
            # Names whose bytes are no UTF-8 must not hide the others.
            self._client = await connection.start_sftp_client(path_errors="surrogateescape")
            self._connection = connection
            stack.pop_all()
