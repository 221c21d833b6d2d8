"""The channel of each counterpart, as the reference data names it, and its secrets."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from kingdee_adapter.storage import JOURNAL
from lemai_chassis.reference import Counterpart, FolderChannel, HttpChannel, SftpChannel, SoapChannel
from lemai_docking.channel import Inlet, Outlet
from lemai_docking.channels.folder import Folder
from lemai_docking.channels.http_client import HttpClient
from lemai_docking.channels.http_pull import Cursor, HttpInlet
from lemai_docking.channels.http_push import HttpOutlet
from lemai_docking.channels.sftp import SftpFolder
from lemai_docking.channels.sftp_session import SftpSite
from lemai_docking.channels.signing import Credentials
from lemai_docking.definitions.profile import Profile
from lemai_docking.soap.client import SoapOutlet
from lemai_docking.soap.envelope import Login


@dataclass(frozen=True)
class Channel:
    """Where our files go, and where the counterpart's come from; no inlet where it calls us."""

    outlet: Outlet
    inlet: Inlet | None = None
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
        file = f"{counterpart_code}.{name}"
        raise LookupError(f"DOCKING_SECRETS: {file} 缺少此文件，请添加 / is missing, add this file")

    def find(self, counterpart_code: str, name: str) -> str | None:
        """None if there is no such file, or it is empty. A last line end is no part of a secret."""
        file = self.directory / f"{counterpart_code}.{name}" if self.directory else None
        return file.read_text(encoding="utf-8").rstrip("\r\n") or None if file and file.exists() else None


@dataclass(frozen=True)
class Channels:
    """Opens channels. `root` holds the exchange folders; `resources` closes what was opened."""

    root: Path
    secrets: Secrets
    database: AsyncEngine
    now: Callable[[], datetime]
    resources: AsyncExitStack

    def open(self, counterpart: Counterpart, profile: Profile) -> Channel | None:
        """The channel of files and calls; None for K/3 Cloud, which takes bills. Raises LookupError for a secret."""
        match counterpart.channel:
            case FolderChannel() as folder:
                shared = Folder(self.root / folder.folder)
                return Channel(shared, shared, shared.purge)
            case SftpChannel() as site:
                return self._sftp(counterpart.code, site)
            case HttpChannel() as http:
                return self._http(counterpart.code, http, profile)
            case SoapChannel() as soap:
                return self._soap(counterpart.code, soap, profile)
            case _:
                return None

    def _sftp(self, code: str, site: SftpChannel) -> Channel:
        password, private_key = (self.secrets.find(code, name) for name in ("password", "private_key"))
        if private_key is None:
            password = self.secrets.of(code, "password")
        named = site.model_dump(exclude={"kind"})
        folder = SftpFolder(SftpSite(**named, password=password, private_key=private_key), self.now)
        self.resources.push_async_callback(folder.close)
        return Channel(folder, folder, folder.purge)

    def _http(self, code: str, channel: HttpChannel, profile: Profile) -> Channel:
        client = HttpClient(channel.url, self.credentials(code, channel), self.now)
        self.resources.push_async_callback(client.close)
        inlet = HttpInlet(client, Cursor(self.database, JOURNAL.cursor, code)) if channel.pull else None
        return Channel(HttpOutlet(client, profile), inlet)

    def _soap(self, code: str, channel: SoapChannel, profile: Profile) -> Channel:
        outlet = SoapOutlet(channel.url, Login(channel.user, self.secrets.of(code, "password")), profile)
        self.resources.push_async_callback(outlet.close)
        return Channel(outlet)

    def partner_login(self, code: str, channel: SoapChannel) -> Login:
        """What a counterpart that calls us by SOAP has to say."""
        return Login(channel.partner_user, self.secrets.of(code, "partner_password"))

    def credentials(self, code: str, channel: HttpChannel) -> Credentials:
        """What both sides of signed calls know."""
        return Credentials(channel.app_key, self.secrets.of(code, "app_secret"))
