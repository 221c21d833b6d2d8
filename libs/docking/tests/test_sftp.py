"""The SFTP channel against a server on a directory."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lemai_docking.channel import NotDone
from lemai_docking.channels.sftp import SftpFolder
from lemai_docking.faults import FencedOut
from lemai_docking.testing.docking import Clock, Docking
from lemai_docking.testing.sftp import CLIENT_KEY, FaultySftp

Sample = Callable[[str], bytes]
NAME = "Deliver_20261122100000.sh"
SHIP = "SHIP-20261122152100.shupl"
DATA = b"HDR\n" * 20_000
DIGEST = sha256(DATA).hexdigest()


@asynccontextmanager
async def connected(server: FaultySftp, **changes: Any) -> AsyncIterator[SftpFolder]:
    channel = SftpFolder(server.site(**changes), Clock())
    try:
        yield channel
    finally:
        await channel.close()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_a_file_is_uploaded_whole_and_never_over_another(server: FaultySftp, channel: SftpFolder) -> None:
    await channel.fence(7)

    await channel.put(NAME, DATA, 7)
    with pytest.raises(FileExistsError):
        await channel.put(NAME, b"other", 7)
    with pytest.raises(FencedOut):
        await channel.put("Deliver_20261122100001.sh", DATA, 6)

    assert (server.root / "outbox" / NAME).read_bytes() == DATA
    assert await channel.has(NAME, DIGEST)
    assert not await channel.has(NAME, "0" * 64)
    await channel.discard("Deliver_20261122100001.sh")
    assert names(server.root / "outbox") == [".publisher", NAME]


@pytest.mark.parametrize("place", ["archive", "archive/20261122", "ack"])
async def test_a_file_the_partner_has_taken_is_found(server: FaultySftp, channel: SftpFolder, place: str) -> None:
    await channel.fence(1)
    await channel.put(NAME, DATA, 1)
    taken = server.root / place
    taken.mkdir(exist_ok=True)

    (server.root / "outbox" / NAME).rename(taken / (f"{NAME}.ack" if place == "ack" else NAME))

    assert await channel.has(NAME, DIGEST)
    assert not await channel.has("Deliver_20261122100001.sh", DIGEST)


async def test_a_server_that_has_only_the_posix_rename_will_do(server: FaultySftp, channel: SftpFolder) -> None:
    server.faults.refuse["rename"] = asyncssh.SFTPOpUnsupported("no")
    await channel.fence(1)

    await channel.put(NAME, DATA, 1)

    assert (server.root / "outbox" / NAME).read_bytes() == DATA


async def test_an_answer_takes_the_place_of_an_earlier_one_also_without_the_posix_rename(
    server: FaultySftp, channel: SftpFolder
) -> None:
    server.faults.refuse["posix_rename"] = asyncssh.SFTPOpUnsupported("no")
    await channel.prepare()

    await channel.acknowledge(SHIP, b"first")
    await channel.acknowledge(SHIP, b"second")

    assert names(server.root / "ack") == [f"{SHIP}.ack"]
    assert (server.root / "ack" / f"{SHIP}.ack").read_bytes() == b"second"


async def test_a_server_that_cannot_rename_gets_a_mark_last(server: FaultySftp) -> None:
    refused = asyncssh.SFTPPermissionDenied("no rename here")
    server.faults.refuse |= {"rename": refused, "posix_rename": refused}
    async with connected(server, rename=False) as channel:
        await channel.fence(1)
        server.faults.keep = 100
        with pytest.raises(NotDone, match="100 of 80000 bytes"):
            await channel.put(NAME, DATA, 1)
        server.faults.keep = None
        assert names(server.root / "outbox") == [".publisher", NAME]
        assert not await channel.has(NAME, DIGEST)

        await channel.put(NAME, DATA, 1)

        assert (server.root / "outbox" / NAME).read_bytes() == DATA
        assert (server.root / "outbox" / f"{NAME}.ok").read_text() == DIGEST
        (server.root / "outbox" / NAME).unlink()
        assert await channel.has(NAME, DIGEST)
        with pytest.raises(FileExistsError):
            await channel.put(NAME, DATA, 1)


async def test_files_of_the_partner_are_read_answered_and_put_away(
    docking: Docking, server: FaultySftp, channel: SftpFolder, sample: Sample
) -> None:
    await channel.prepare()
    (server.root / "inbox" / SHIP).write_bytes(sample(SHIP))
    (server.root / "inbox" / "SHIP-2026.shupl").write_bytes(sample(SHIP)[:-1])
    reader = docking.reader(channel)

    await reader.scan()
    docking.clock.forward(minutes=10)
    await reader.scan()

    assert names(server.root / "inbox") == []
    assert names(server.root / "archive" / "20261122") == [SHIP]
    assert [name.rpartition(".")[0] for name in names(server.root / "quarantine")] == ["SHIP-2026.shupl"]
    assert names(server.root / "ack") == ["SHIP-2026.shupl.ack", f"{SHIP}.ack"]
    assert (await docking.told())[0] == f"received {SHIP}:6 2611220001"


async def test_where_no_archive_may_be_made_files_are_removed(
    docking: Docking, server: FaultySftp, sample: Sample
) -> None:
    for directory in ("outbox", "inbox", "ack"):
        (server.root / directory).mkdir()
    server.faults.refuse["mkdir"] = asyncssh.SFTPPermissionDenied("no")
    (server.root / "inbox" / SHIP).write_bytes(sample(SHIP))
    async with connected(server) as channel:
        await docking.reader(channel).scan()

    assert names(server.root) == ["ack", "inbox", "outbox"]
    assert names(server.root / "inbox") == []
    assert names(server.root / "ack") == [f"{SHIP}.ack"]


async def test_the_age_of_a_half_written_file_is_measured_by_our_own_clock(
    docking: Docking, server: FaultySftp, channel: SftpFolder, sample: Sample
) -> None:
    await channel.prepare()
    path = server.root / "inbox" / SHIP
    reader = docking.reader(channel)
    path.write_bytes(sample(SHIP)[:-20])
    os.utime(path, (0, 0))

    await reader.scan()
    docking.clock.forward(minutes=9)
    path.write_bytes(sample(SHIP)[:-10])
    await reader.scan()
    docking.clock.forward(minutes=9)
    await reader.scan()
    assert await docking.told() == []
    docking.clock.forward(minutes=1)
    await reader.scan()

    assert (await docking.told())[0].startswith("alert E_TRAILER")


async def test_ten_thousand_files_are_one_listing(server: FaultySftp, channel: SftpFolder) -> None:
    await channel.prepare()
    for number in range(10_000):
        (server.root / "inbox" / f"SHIP-{20261122000000 + number}.shupl").touch()
    server.faults.done.clear()

    entries = await channel.entries()

    assert len(entries) == 10_000
    assert all(entry.regular for entry in entries)
    # The server itself looks at the directory and at the one above.
    assert server.faults.done == {"scandir": 1, "lstat": 2}


async def test_what_is_no_regular_file_of_a_plain_name_is_never_opened(
    docking: Docking, server: FaultySftp, channel: SftpFolder, tmp_path: Path
) -> None:
    await channel.prepare()
    inbox = server.root / "inbox"
    (tmp_path / "secret").write_bytes(b"secret")
    (inbox / "SHIP-20261122152101.shupl").symlink_to(tmp_path / "secret")
    os.mkfifo(inbox / "SHIP-20261122152102.shupl")
    (inbox / os.fsdecode(b"SHIP-\xff.shupl")).touch()
    (inbox / "a\\SHIP-20261122152103.shupl").touch()
    (inbox / ".SHIP-20261122152104.shupl.tmp").touch()
    (inbox / "older").mkdir()
    reader = docking.reader(channel)

    await reader.scan()
    await reader.scan()

    told = await docking.told()
    assert len(told) == 4
    assert {word.split(" ")[1] for word in told} == {"E_SPECIAL"}
    with pytest.raises(OSError, match="no file name"):
        await channel.read("../secret", 10)


async def test_no_more_is_read_than_tells_that_a_file_is_too_long(server: FaultySftp, channel: SftpFolder) -> None:
    await channel.prepare()
    (server.root / "inbox" / "long").write_bytes(b"0123456789")

    assert await channel.read("long", 4) == b"01234"
    with pytest.raises(FileNotFoundError):
        await channel.read("gone", 4)


async def test_a_server_with_another_host_key_is_refused(server: FaultySftp) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    async with connected(server, host_key=stranger) as channel:
        with pytest.raises(NotDone, match=r"[Hh]ost key"):
            await channel.prepare()


async def test_login_is_by_password_or_by_key(server: FaultySftp) -> None:
    key = CLIENT_KEY.export_private_key().decode()
    async with connected(server, password=None, private_key=key) as channel:
        await channel.prepare()
    async with connected(server, password="wrong") as channel:
        with pytest.raises(NotDone, match="Permission denied"):
            await channel.prepare()
    assert "correct horse" not in repr(server.site())


async def test_a_server_that_comes_back_is_used_again(server: FaultySftp, channel: SftpFolder) -> None:
    await channel.prepare()
    server.faults.cut_before.add("stat")
    with pytest.raises(NotDone):
        await channel.prepare()
    await server.stop()
    with pytest.raises(NotDone):
        await channel.prepare()

    server.faults.heal()
    await server.start()
    await channel.prepare()


async def test_old_days_and_answers_are_purged(server: FaultySftp, channel: SftpFolder) -> None:
    await channel.prepare()
    clock = Clock()
    for day in ("20261121", "20261122"):
        (server.root / "archive" / day).mkdir()
        (server.root / "archive" / day / SHIP).touch()
    for name, age in (("old.ack", 1), ("new.ack", -1)):
        (server.root / "ack" / name).touch()
        moment = (clock() - timedelta(hours=age)).timestamp()
        os.utime(server.root / "ack" / name, (moment, moment))

    await channel.purge(clock())

    assert names(server.root / "archive") == ["20261122"]
    assert names(server.root / "ack") == ["new.ack"]
