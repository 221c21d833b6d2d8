"""A bad connection, a bad server: nothing lost, nothing twice, what is unknown shown as unknown; from both ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lemai_docking.channel import NotDone, Undecided
from lemai_docking.channels import sftp_session
from lemai_docking.channels.sftp import SftpFolder
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.publisher import Publisher
from lemai_docking.testing.docking import Docking
from lemai_docking.testing.sftp import FaultySftp

Sample = Callable[[str], bytes]
Order = Callable[[str], Document]
FIRST = "Deliver_20261122100001.sh"
SHIP = "SHIP-20261122152100.shupl"
FULL = "No space left on device"


@pytest.fixture
def order(profile: Profile, sample: Sample) -> Order:
    name = "Deliver_20261122100000.sh"
    (document,) = codec_of(profile).decode(name, sample(name)).documents
    return lambda order_no: replace(document, head={**document.head, "order_no": order_no})


@asynccontextmanager
async def publishing(
    docking: Docking, server: FaultySftp, order: Order, **site: Any
) -> AsyncIterator[tuple[Publisher, Path]]:
    """A publisher that has sent nothing yet, one order to send, and the partner's outbox."""
    channel = SftpFolder(server.site(**site), docking.clock)
    publisher = docking.publisher(outlet=channel)
    try:
        async with publisher.active():
            await publisher.round()
            await docking.enqueue(order("1"))
            docking.clock.forward(seconds=1)
            yield publisher, server.root / "outbox"
    finally:
        await channel.close()


def visible(outbox: Path) -> list[str]:
    return sorted(path.name for path in outbox.iterdir() if not path.name.startswith("."))


async def is_out_once(docking: Docking, outbox: Path) -> None:
    """One whole file at the partner, told once, and the journal says so."""
    assert visible(outbox) == [FIRST]
    found = codec_of(docking.profile).decode(FIRST, (outbox / FIRST).read_bytes())
    assert [document.order_no for document in found.documents] == ["1"]
    assert await docking.told() == [f"published {FIRST}:4 1"]
    assert await docking.states() == ["published"]


def cut_mid_upload(server: FaultySftp) -> None:
    server.faults.cut_after.add("write")


def disk_full(server: FaultySftp) -> None:
    server.faults.room = 100


def bytes_swallowed(server: FaultySftp) -> None:
    server.faults.keep = 100


def permission_denied(server: FaultySftp) -> None:
    server.faults.refuse["open"] = asyncssh.SFTPPermissionDenied("not here")


def rename_refused(server: FaultySftp) -> None:
    server.faults.refuse["rename"] = asyncssh.SFTPPermissionDenied("no rename")


def upload_hangs(server: FaultySftp) -> None:
    server.faults.hang.add("open")


def size_refused(server: FaultySftp) -> None:
    server.faults.refuse["stat"] = asyncssh.SFTPFailure("busy")


@pytest.mark.parametrize(
    "fault",
    [
        cut_mid_upload,
        disk_full,
        bytes_swallowed,
        permission_denied,
        rename_refused,
        upload_hangs,
        size_refused,
    ],
)
async def test_what_fails_before_the_rename_is_surely_not_done_and_is_done_again(
    docking: Docking,
    server: FaultySftp,
    order: Order,
    fault: Callable[[FaultySftp], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with publishing(docking, server, order) as (publisher, outbox):
        fault(server)
        monkeypatch.setattr(sftp_session, "STEP_S", 1)
        for _ in range(2):
            with pytest.raises(NotDone):
                await publisher.round()
            assert visible(outbox) == []
            assert await docking.states() == ["rendered"]
        server.faults.heal()

        await publisher.round()

        await is_out_once(docking, outbox)


@pytest.mark.parametrize("fault", ["cut_after", "hang"])
async def test_a_rename_whose_answer_is_lost_is_found_out(
    docking: Docking, server: FaultySftp, order: Order, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with publishing(docking, server, order) as (publisher, outbox):
        monkeypatch.setattr(sftp_session, "STEP_S", 1)
        if fault == "hang":
            server.faults.hang.add("stat")
            with pytest.raises(NotDone):
                await publisher.round()
        else:
            server.faults.cut_after.add("rename")
            with pytest.raises(Undecided):
                await publisher.round()
        server.faults.heal()

        await publisher.round()

        await is_out_once(docking, outbox)


@pytest.mark.parametrize("after_crash", ["ask", "rewrite"])
async def test_a_rename_that_never_came_is_unknown_until_somebody_decides(
    docking: Docking, server: FaultySftp, order: Order, after_crash: Any
) -> None:
    docking.profile = docking.profile.model_copy(update={"after_crash": after_crash})
    async with publishing(docking, server, order) as (publisher, outbox):
        server.faults.cut_before.add("rename")
        with pytest.raises(Undecided):
            await publisher.round()
        server.faults.heal()
        await publisher.round()
        if after_crash == "rewrite":
            await is_out_once(docking, outbox)
            return

        assert await docking.states() == ["unknown"]
        assert await docking.told() == [f"alert E_UNKNOWN {FIRST}"]
        assert visible(outbox) == []
        async with docking.engine.begin() as connection:
            await publisher.resolve(connection, FIRST, "rewrite")
        await publisher.round()

        assert visible(outbox) == [FIRST]
        assert (await docking.told())[1:] == [f"published {FIRST}:4 1"]


@pytest.mark.parametrize("taken_to", ["archive", "ack", ""])
async def test_a_file_taken_between_rename_and_commit(
    docking: Docking, server: FaultySftp, order: Order, taken_to: str
) -> None:
    async with publishing(docking, server, order) as (publisher, outbox):
        docking.owner.fail = "published"
        with pytest.raises(ConnectionError):
            await publisher.round()
        docking.owner.fail = ""
        taken = (outbox / FIRST).read_bytes()
        (outbox / FIRST).unlink()
        if taken_to == "archive":
            (server.root / "archive" / FIRST).write_bytes(taken)
        elif taken_to == "ack":
            (server.root / "ack" / f"{FIRST}.ack").write_bytes(b'{"file_name": "%s", "stat' % FIRST.encode())

        await publisher.round()
        await publisher.round()

        assert visible(outbox) == []
        if taken_to:
            assert await docking.told() == [f"published {FIRST}:4 1"]
        else:
            assert await docking.told() == [f"alert E_UNKNOWN {FIRST}"]
            assert await docking.states() == ["unknown"]


async def test_without_rename_a_file_counts_when_its_mark_is_there(
    docking: Docking, server: FaultySftp, order: Order
) -> None:
    async with publishing(docking, server, order, rename=False) as (publisher, outbox):
        server.faults.cut_after.add("write")
        with pytest.raises(NotDone):
            await publisher.round()
        assert f"{FIRST}.ok" not in visible(outbox)
        server.faults.heal()

        await publisher.round()

        assert visible(outbox) == [FIRST, f"{FIRST}.ok"]
        assert await docking.told() == [f"published {FIRST}:4 1"]


@pytest.mark.parametrize("when", ["cut_before", "cut_after", "refuse"])
@pytest.mark.parametrize(
    "operation", ["open", "read", "close", "write", "posix_rename", "rename", "lstat", "stat", "mkdir"]
)
async def test_whatever_breaks_while_a_file_is_read_it_is_taken_once(
    docking: Docking, server: FaultySftp, channel: SftpFolder, sample: Sample, operation: str, when: str
) -> None:
    await channel.prepare()
    (server.root / "inbox" / SHIP).write_bytes(sample(SHIP))
    reader = docking.reader(channel)
    if when == "refuse":
        server.faults.refuse[operation] = asyncssh.SFTPFailure("busy")
    else:
        getattr(server.faults, when).add(operation)
    for _ in range(2):
        try:
            await reader.scan()
        except NotDone:
            assert len(await docking.told()) <= 1
    server.faults.heal()

    await reader.scan()
    await reader.scan()

    assert [word for word in await docking.told() if "E_SPECIAL" not in word] == [f"received {SHIP}:6 2611220001"]
    assert list((server.root / "inbox").iterdir()) == []
    assert (server.root / "archive" / "20261122" / SHIP).read_bytes() == sample(SHIP)
    assert b'"ACCEPTED"' in (server.root / "ack" / f"{SHIP}.ack").read_bytes()


async def test_a_server_that_goes_away_stops_only_its_own_counterpart(
    docking: Docking, server: FaultySftp, order: Order, tmp_path: Path, sample: Sample
) -> None:
    async with publishing(docking, server, order) as (publisher, outbox):
        await server.stop()
        with pytest.raises(NotDone):
            await publisher.round()
        docking.drop(SHIP, sample(SHIP))
        await docking.reader().scan()
        assert await docking.told() == [f"received {SHIP}:6 2611220001"]
        await server.start()
        await publisher.round()

        assert visible(outbox) == [FIRST]


async def test_half_files_in_a_long_listing_are_read_once_and_the_whole_one_is_taken(
    docking: Docking, server: FaultySftp, channel: SftpFolder, sample: Sample
) -> None:
    await channel.prepare()
    inbox = server.root / "inbox"
    for number in range(300):
        (inbox / f"SHIP-{20261122100000 + number}.shupl").write_bytes(sample(SHIP)[:50])
    (inbox / SHIP).write_bytes(sample(SHIP))
    reader = docking.reader(channel)
    await reader.scan()
    assert await docking.told() == [f"received {SHIP}:6 2611220001"]
    server.faults.done.clear()

    await reader.scan()

    assert server.faults.done["open"] == 0
    assert len(list(inbox.iterdir())) == 300
