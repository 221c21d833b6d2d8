"""Which faces the environment asks for, and a store from before there were any."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncssh
import httpx
import pytest
from pydantic import ValidationError

from sim_kingdee.settings import FolderExchange, Settings
from sim_kingdee.storage import Store


def test_the_folder_alone_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIM_KINGDEE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("SIM_KINGDEE_ROOT", str(tmp_path / "exchange"))

    assert Settings().exchanges == [FolderExchange(name="folder", root=tmp_path / "exchange", encoding="text")]


@pytest.mark.parametrize(
    "exchanges",
    [
        [],
        [{"name": "telex"}],
        [{"name": "folder", "root": "a", "face": "x"}, {"name": "folder", "root": "b", "face": "x"}],
        [{"name": "folder", "root": "a"}, {"name": "folder", "root": "b"}],
        [{"name": "folder", "root": "a", "encoding": "csv"}],
        [{"name": "sftp", "root": "a", "port": 0}],
        [{"name": "soap", "user": "u", "password": "p"}],
        [{"name": "http", "app_key": "a", "app_secret": "s", "password": "p"}],
    ],
)
def test_settings_that_make_no_sense_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exchanges: list[Mapping[str, object]]
) -> None:
    monkeypatch.setenv("SIM_KINGDEE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("SIM_KINGDEE_EXCHANGES", json.dumps(exchanges))

    with pytest.raises(ValidationError):
        Settings()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def test_the_program_serves_every_face_at_once(tmp_path: Path, samples: Path) -> None:
    port, sftp_port = free_port(), free_port()
    exchanges = [
        {"name": "folder", "root": str(tmp_path / "folder")},
        {"name": "folder", "face": "second", "root": str(tmp_path / "second")},
        {"name": "sftp", "root": str(tmp_path / "sftp"), "port": sftp_port, "user": "lemai", "password": "pw"},
        {"name": "http", "app_key": "a", "app_secret": "s"},
        {"name": "soap", "user": "u", "password": "p", "url": "http://127.0.0.1:9/soap", "lemai_user": "k"}
        | {"lemai_password": "p"},
    ]
    environment = {
        "SIM_KINGDEE_EXCHANGES": json.dumps(exchanges),
        "SIM_KINGDEE_DIR": str(tmp_path / "store"),
        "SIM_KINGDEE_POLL_MS": "20",
        "SIM_KINGDEE_FLUSH_MS": "20",
        "HTTP_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim_kingdee", env={**os.environ, **environment}
    )
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            shown = await _answer(http, "/sim/sftp")
            known = asyncssh.import_known_hosts(f"[127.0.0.1]:{sftp_port} {shown['host_key']}")
            async with (
                asyncssh.connect(
                    "127.0.0.1", sftp_port, username="lemai", password="pw", known_hosts=known, config=None
                ) as connection,
                connection.start_sftp_client() as client,
            ):
                await client.put(samples / "Item_20261122090000.im", "outbox/x.tmp")
                await client.rename("outbox/x.tmp", "outbox/Item_20261122090000.im")
                while not await client.exists("ack/Item_20261122090000.im.ack"):
                    await asyncio.sleep(0.02)
            assert (tmp_path / "second" / "outbox").is_dir()
            assert (await http.get("/v1/files")).status_code == 401
            assert (await http.post("/soap", content=b"<x/>")).status_code == 500
            process.send_signal(signal.SIGTERM)
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answer(http: httpx.AsyncClient, path: str) -> dict[str, object]:
    while True:
        try:
            return dict((await http.get(path)).json())
        except httpx.ConnectError:
            await asyncio.sleep(0.02)


def test_a_store_from_before_there_were_faces_is_brought_up_to_date(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "erp.sqlite3")
    old.execute(
        "CREATE TABLE file (id INTEGER PRIMARY KEY, direction TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,"
        " status TEXT NOT NULL, handled_at TEXT NOT NULL, damage TEXT NOT NULL DEFAULT '', ack TEXT, content BLOB)"
    )
    old.execute("INSERT INTO file VALUES (1, 'out', 'SHIP-1.shupl', '', 'DROPPED', '', '', NULL, x'00')")
    old.commit()
    old.close()

    store = Store(tmp_path)

    assert [tuple(row) for row in store.db.execute("SELECT face, interface, name FROM file")] == [
        ("folder", "", "SHIP-1.shupl")
    ]
    store.close()
