"""The SFTP face over a real connection: who gets in, what is exchanged, and how the server can misbehave."""

import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest
from pydantic import SecretStr

from sim_kingdee import xml_codec
from sim_kingdee.api import create_app
from sim_kingdee.faces.folder import Folder
from sim_kingdee.faces.sftp import Sftp
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.settings import SftpExchange

Plan = Callable[..., None]

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
DELIVER = "Deliver_20261122100000.sh.xml"
SHIP = "SHIP-20261122152100.shupl.xml"


@pytest.fixture
def user_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
async def sftp(folder: Folder, tmp_path: Path, user_key: asyncssh.SSHKey) -> AsyncIterator[Sftp]:
    """A face that listens; `folder` has put the sample items on the shelf of the same ERP."""
    settings = SftpExchange(
        name="sftp",
        root=tmp_path / "sftp",
        port=0,
        user="lemai",
        password=SecretStr("secret"),
        authorized_key=user_key.export_public_key().decode(),
    )
    face = Sftp(settings, folder.erp, tmp_path / "store", trailer_patience_s=600)
    async with face.listening(lambda: NOW):
        yield face


@asynccontextmanager
async def connected(sftp: Sftp, **login: Any) -> AsyncIterator[asyncssh.SFTPClient]:
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{sftp.port} {sftp.host_key}")
    credentials: dict[str, Any] = {"username": "lemai", "client_keys": None, "agent_path": None, **login}
    async with (
        asyncssh.connect("127.0.0.1", sftp.port, known_hosts=known, config=None, **credentials) as connection,
        connection.start_sftp_client() as client,
    ):
        yield client


@pytest.fixture
async def client(sftp: Sftp) -> AsyncIterator[asyncssh.SFTPClient]:
    async with connected(sftp, password="secret") as client:
        yield client


async def upload(client: asyncssh.SFTPClient, name: str, data: bytes) -> None:
    async with client.open(f"outbox/.{name}.tmp", "wb") as file:
        await file.write(data)
    await client.rename(f"outbox/.{name}.tmp", f"outbox/{name}")


async def names(client: asyncssh.SFTPClient, folder: str) -> list[str]:
    return sorted(str(name) for name in await client.listdir(folder) if name not in (".", ".."))


async def test_an_order_uploaded_is_acknowledged_and_shipped(
    sftp: Sftp, client: asyncssh.SFTPClient, samples: Path
) -> None:
    await upload(client, DELIVER, (samples / DELIVER).read_bytes())

    sftp.take_outbox(NOW)
    sftp.write_actuals(NOW)

    async with client.open(f"ack/{DELIVER}.ack", "rb") as file:
        assert json.loads(await file.read())["status"] == "ACCEPTED"
    async with client.open(f"inbox/{SHIP}", "rb") as file:
        (document,) = xml_codec.read(await file.read(), INTERFACES["ship_result"]).documents
    assert [line.values["actual_qty"] for line in document.lines()] == ["1", "2"]
    assert document.findings == []


async def test_the_other_face_keeps_still(sftp: Sftp, folder: Folder, root: Path, client: asyncssh.SFTPClient) -> None:
    samples = Path(__file__).parent / "samples"
    await upload(client, DELIVER, (samples / DELIVER).read_bytes())
    sftp.take_outbox(NOW)

    folder.write_actuals(NOW)
    assert list((root / "inbox").iterdir()) == []
    sftp.write_actuals(NOW)
    assert await names(client, "inbox") == [SHIP]


@pytest.mark.parametrize("login", [{"password": "wrong"}, {"username": "root", "password": "secret"}])
async def test_a_stranger_is_not_let_in(sftp: Sftp, login: dict[str, str]) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with connected(sftp, **login):
            pass


async def test_the_authorised_key_opens_and_no_other(sftp: Sftp, user_key: asyncssh.SSHKey) -> None:
    async with connected(sftp, client_keys=[user_key]) as client:
        assert await names(client, "/") == ["ack", "archive", "inbox", "outbox", "quarantine"]
    with pytest.raises(asyncssh.PermissionDenied):
        async with connected(sftp, client_keys=[asyncssh.generate_private_key("ssh-ed25519")]):
            pass


async def test_nothing_outside_the_folder_is_reached(client: asyncssh.SFTPClient, tmp_path: Path) -> None:
    (tmp_path / "private").write_bytes(b"x")

    for path in ("../private", "/../private", str(tmp_path / "private")):
        assert not await client.exists(path)


async def test_the_host_key_is_kept_private_and_shown(sftp: Sftp, folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "store" / "sftp_host_key"
    transport = httpx.ASGITransport(create_app([folder, sftp], lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://kingdee") as http:
        shown = (await http.get("/sim/sftp")).json()

    assert shown == {"host": "127.0.0.1", "port": sftp.port, "user": "lemai", "host_key": sftp.host_key}
    assert sftp.host_key.startswith("ssh-ed25519 ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = SftpExchange(name="sftp", root=tmp_path / "again", port=0, user="lemai", host_key_file=file)
    assert Sftp(again, folder.erp, tmp_path, trailer_patience_s=600).host_key == sftp.host_key


async def test_an_upload_is_cut_after_so_many_bytes(sftp: Sftp, samples: Path, plan: Plan) -> None:
    plan(kind="cut_upload", after_bytes=700)

    with pytest.raises((asyncssh.SFTPError, asyncssh.DisconnectError)):
        async with connected(sftp, password="secret") as client:
            await upload(client, DELIVER, (samples / DELIVER).read_bytes())
    async with connected(sftp, password="secret") as client:
        assert await names(client, "outbox") == [f".{DELIVER}.tmp"]
        assert await client.getsize(f"outbox/.{DELIVER}.tmp") == 700
        await upload(client, DELIVER, (samples / DELIVER).read_bytes())
        assert await names(client, "outbox") == [DELIVER]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refuse_rename", asyncssh.SFTPFailure),
        ("disk_full", asyncssh.SFTPFailure),
        ("permission_denied", asyncssh.SFTPPermissionDenied),
    ],
)
async def test_a_step_is_refused_as_often_as_planned(
    sftp: Sftp, client: asyncssh.SFTPClient, samples: Path, kind: str, error: type[Exception], plan: Plan
) -> None:
    plan(kind=kind, count=2)

    for _ in range(2):
        with pytest.raises(error):
            await upload(client, DELIVER, (samples / DELIVER).read_bytes())
    await upload(client, DELIVER, (samples / DELIVER).read_bytes())

    assert await names(client, "outbox") == [DELIVER]


async def test_posix_rename_alone_is_refused(sftp: Sftp, client: asyncssh.SFTPClient, plan: Plan) -> None:
    plan(kind="refuse_posix_rename")
    async with client.open("outbox/.x.tmp", "wb") as file:
        await file.write(b"x")

    with pytest.raises(asyncssh.SFTPOpUnsupported):
        await client.posix_rename("outbox/.x.tmp", "outbox/x")
    await client.rename("outbox/.x.tmp", "outbox/x")

    assert await names(client, "outbox") == ["x"]


async def test_a_rename_never_replaces_a_file(client: asyncssh.SFTPClient) -> None:
    for name in ("a", "b"):
        async with client.open(f"outbox/{name}", "wb") as file:
            await file.write(name.encode())

    with pytest.raises(asyncssh.SFTPFailure):
        await client.rename("outbox/a", "outbox/b")


async def test_a_listing_is_ten_thousand_names_longer_once(sftp: Sftp, client: asyncssh.SFTPClient, plan: Plan) -> None:
    plan(kind="long_listing")

    assert [len(await names(client, "inbox")) for _ in range(2)] == [10_000, 0]


async def test_a_file_is_taken_before_its_writer_hears_of_the_rename(
    sftp: Sftp, client: asyncssh.SFTPClient, samples: Path, plan: Plan
) -> None:
    plan(kind="takes_before_marked")

    await upload(client, DELIVER, (samples / DELIVER).read_bytes())

    assert await names(client, "outbox") == []
    assert await names(client, "ack") == [f"{DELIVER}.ack"]
    await upload(client, "Deliver_20261122100001.sh.xml", (samples / DELIVER).read_bytes())
    assert await names(client, "outbox") == ["Deliver_20261122100001.sh.xml"]
