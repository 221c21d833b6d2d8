"""A folder whose disk, rights, clock or process fail at an exact step: nothing lost, nothing twice; from both ends.

`strace` makes a system call fail, or kills the process at it.
"""

import asyncio
import errno
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lemai_docking.channel import NotDone
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.testing.docking import Docking

Sample = Callable[[str], bytes]
FIRST = "Deliver_20261122100001.sh"
SHIP = "SHIP-20261122152100.shupl"
SCRIPT = Path(__file__).with_name("act_until_stopped.py")
STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(not STRACE, reason="strace is not installed")


@pytest.fixture
def order(profile: Profile, sample: Sample) -> Document:
    name = "Deliver_20261122100000.sh"
    (document,) = codec_of(profile).decode(name, sample(name)).documents
    return document


async def act(docking: Docking, url: str, action: str, *injected: str) -> subprocess.CompletedProcess[str]:
    """Publish or read in a process of its own, with these options of strace."""
    options = [STRACE or "strace", "-f", "-qq", "-o", "/dev/null", *injected]
    command = [*options, sys.executable, str(SCRIPT), url, str(docking.root), action]
    return await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True, text=True)


def visible(outbox: Path) -> list[str]:
    return sorted(path.name for path in outbox.iterdir() if not path.name.startswith("."))


async def round_of_another(docking: Docking) -> None:
    """A publisher that starts after the first has gone."""
    docking.clock.forward(seconds=1)
    publisher = docking.publisher()
    async with publisher.active():
        await publisher.round()


async def is_out_once(docking: Docking, order: Document) -> None:
    """One whole file at the partner, told once, and the journal says so."""
    (name,) = visible(docking.folder.outbox)
    data = (docking.folder.outbox / name).read_bytes()
    assert list(codec_of(docking.profile).decode(name, data).documents) == [order]
    assert (await docking.told())[-1] == f"published {name}:4 2611220001"
    assert sum(word.startswith("published") for word in await docking.told()) == 1
    assert await docking.states() == ["published"]


# The fence is written by fsyncs 1 and 2 and rename 1, the file by fsync 3, rename 2, and fsync 4 of its directory.
@needs_strace
@pytest.mark.parametrize(
    ("call", "count"),
    [("fsync", 1), ("/^rename", 1), ("fsync", 2), ("fsync", 3), ("/^rename", 2), ("fsync", 4)],
)
async def test_kill_9_at_any_step_of_publishing(
    docking: Docking, order: Document, database_url: str, call: str, count: int
) -> None:
    await docking.enqueue(order)

    killed = await act(docking, database_url, "publish", "-e", f"inject={call}:signal=KILL:when={count}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    renamed = visible(docking.folder.outbox) == [FIRST]
    stored = await docking.states() == ["rendered"]
    await round_of_another(docking)

    if stored and not renamed:
        assert await docking.states() == ["unknown"]
        assert await docking.told() == [f"alert E_UNKNOWN {FIRST}"]
        assert visible(docking.folder.outbox) == []
        async with docking.engine.begin() as connection:
            await docking.publisher().resolve(connection, FIRST, "rewrite")
        await round_of_another(docking)
    await is_out_once(docking, order)
    assert renamed == ((call, count) == ("fsync", 4))


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "path", "count"),
    [
        ("openat", "EACCES", f".{FIRST}.tmp", 1),
        ("write", "ENOSPC", f".{FIRST}.tmp", 1),
        ("fsync", "EIO", f".{FIRST}.tmp", 1),
        ("/^rename", "EACCES", f".{FIRST}.tmp", 1),
        ("fsync", "EIO", "", 2),
    ],
)
async def test_a_step_of_publishing_that_fails_once_is_made_good_in_the_next_round(
    docking: Docking, order: Document, database_url: str, call: str, error: str, path: str, count: int
) -> None:
    await docking.enqueue(order)
    target = str(docking.folder.outbox / path).rstrip("/")

    acted = await act(docking, database_url, "publish", "-P", target, "-e", f"inject={call}:error={error}:when={count}")

    assert acted.returncode == 0, acted.stderr
    assert acted.stdout.split() == ["NotDone" if path else "Undecided"]
    await is_out_once(docking, order)


async def is_taken_once(docking: Docking, sample: Sample) -> None:
    """The partner's file is archived, answered and told once."""
    assert [word for word in await docking.told() if "E_SPECIAL" not in word] == [f"received {SHIP}:6 2611220001"]
    assert list(docking.folder.inbox.iterdir()) == []
    assert (docking.folder.archived / "20261122" / SHIP).read_bytes() == sample(SHIP)
    assert b'"ACCEPTED"' in (docking.folder.ack / f"{SHIP}.ack").read_bytes()


# The answer is written by fsync 1, rename 1 and fsync 2, the file archived by rename 2 and fsyncs 3 and 4.
@needs_strace
@pytest.mark.parametrize(
    ("call", "count"),
    [("fsync", 1), ("/^rename", 1), ("fsync", 2), ("/^rename", 2), ("fsync", 3), ("fsync", 4)],
)
async def test_kill_9_at_any_step_of_reading(
    docking: Docking, sample: Sample, database_url: str, call: str, count: int
) -> None:
    docking.drop(SHIP, sample(SHIP))

    killed = await act(docking, database_url, "read", "-e", f"inject={call}:signal=KILL:when={count}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    await docking.reader().scan()
    await docking.reader().scan()

    await is_taken_once(docking, sample)


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "path", "is_the_file"),
    [
        ("openat", "EACCES", f"inbox/{SHIP}", True),
        ("read", "EIO", f"inbox/{SHIP}", True),
        ("openat", "EACCES", "inbox", False),
        ("fsync", "ENOSPC", "ack", False),
        ("/^rename", "EACCES", f"inbox/{SHIP}", False),
        ("/^mkdir", "ENOSPC", "archive/20261122", False),
    ],
)
async def test_a_step_of_reading_that_fails_once_is_made_good_in_the_next_round(
    docking: Docking, sample: Sample, database_url: str, call: str, error: str, path: str, is_the_file: bool
) -> None:
    """A file that cannot be opened or read is told, a directory that fails is the channel's."""
    docking.drop(SHIP, sample(SHIP))

    acted = await act(
        docking, database_url, "read", "-P", str(docking.root / path), "-e", f"inject={call}:error={error}:when=1"
    )

    assert acted.returncode == 0, acted.stderr
    assert acted.stdout.split() == ([] if is_the_file else ["NotDone"])
    assert ("alert E_SPECIAL " + SHIP in await docking.told()) == is_the_file
    await is_taken_once(docking, sample)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk: a write beyond this size fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_disk_that_stays_full_shows_the_partner_nothing_half(docking: Docking, order: Document) -> None:
    await docking.enqueue(order)
    docking.clock.forward(seconds=1)
    publisher = docking.publisher()
    async with publisher.active():
        with files_of_at_most(100):
            for _ in range(3):
                with pytest.raises(NotDone) as failure:
                    await publisher.round()
                assert failure.value.errno == errno.EFBIG
        assert visible(docking.folder.outbox) == []

        await publisher.round()

    await is_out_once(docking, order)


async def test_a_partner_that_takes_files_as_soon_as_they_appear_gets_each_once(
    docking: Docking, order: Document
) -> None:
    """Every other commit that follows a rename fails; the partner has the file by then and archives it."""
    numbers = [str(number) for number in range(20)]
    for number in numbers:
        await docking.enqueue(replace(order, head={**order.head, "order_no": number}), urgent=True)
        docking.owner.fail = "published" if int(number) % 2 else ""
        publisher = docking.publisher()
        try:
            async with publisher.active():
                await publisher.round()
        except ConnectionError:
            assert docking.owner.fail
        for name in visible(docking.folder.outbox):
            (docking.folder.outbox / name).rename(docking.folder.archived / name)
        docking.owner.fail = ""

    await round_of_another(docking)

    taken = [
        document.order_no
        for path in sorted(docking.folder.archived.iterdir())
        for document in codec_of(docking.profile).decode(path.name, path.read_bytes()).documents
    ]
    assert taken == numbers
    assert [word.rpartition(" ")[2] for word in await docking.told()] == numbers
    assert visible(docking.folder.outbox) == []


async def test_clocks_that_jump_back_and_forth_lose_and_repeat_nothing(
    docking: Docking, order: Document, sample: Sample
) -> None:
    jumps: list[dict[str, Any]] = [{}, {"hours": -2}, {"days": 30}, {"days": -31}, {"seconds": 1}]
    for number, jump in enumerate(jumps):
        docking.clock.forward(**jump)
        await docking.enqueue(replace(order, head={**order.head, "order_no": str(number)}), urgent=True)
        await round_of_another(docking)
        await docking.reader().scan()
        if number == 2:
            docking.drop(SHIP, sample(SHIP))  # Its date is a month ahead of every later clock.

    names = visible(docking.folder.outbox)
    assert len(names) == len(jumps)
    sent = [word.split(" ")[1].split(":")[0] for word in await docking.told() if word.startswith("published")]
    assert sent == sorted(names)
    assert [word for word in await docking.told() if word.startswith("received")] == [f"received {SHIP}:6 2611220001"]


async def test_no_half_of_a_file_is_ever_taken(docking: Docking, sample: Sample) -> None:
    reader = docking.reader()
    for length in range(0, len(sample(SHIP)) - 1, 37):
        docking.clock.forward(seconds=1)
        docking.drop(SHIP, sample(SHIP)[:length])
        await reader.scan()
        assert await docking.told() == []
        assert list(docking.folder.ack.iterdir()) == []
    docking.clock.forward(seconds=1)
    docking.drop(SHIP, sample(SHIP))

    await reader.scan()

    await is_taken_once(docking, sample)


async def test_ten_thousand_files_do_not_keep_a_whole_one_waiting(docking: Docking, sample: Sample) -> None:
    for number in range(10_000):
        docking.drop(f"SHIP-{20261122000000 + number}.shupl", b"HDR\t1.0")
    docking.drop("RECV-20261126141200.rcupl", sample("RECV-20261126141200.rcupl"))
    reader = docking.reader()

    async with asyncio.timeout(60):
        await reader.scan()
        docking.drop(SHIP, sample(SHIP))
        await reader.scan()

    assert [word.split(":")[0] for word in await docking.told()] == [
        "received RECV-20261126141200.rcupl",
        f"received {SHIP}",
    ]
    assert len(list(docking.folder.inbox.iterdir())) == 10_000


async def test_one_file_that_cannot_be_put_away_does_not_hold_up_the_others(docking: Docking, sample: Sample) -> None:
    later = "SHIP-20261125110300.shupl"
    (docking.folder.archived / "20261122" / SHIP / "in the way").mkdir(parents=True)
    docking.drop(SHIP, sample(SHIP))
    docking.drop(later, sample(later))

    with pytest.raises(NotDone):
        await docking.reader().scan()
    shutil.rmtree(docking.folder.archived / "20261122" / SHIP)
    await docking.reader().scan()

    assert len(await docking.told()) == 2
    assert list(docking.folder.inbox.iterdir()) == []
