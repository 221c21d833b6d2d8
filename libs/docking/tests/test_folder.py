import os
from pathlib import Path

import pytest

from lemai_docking.channels.folder import Folder


@pytest.fixture
async def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "kingdee")
    await folder.prepare()
    return folder


async def test_a_link_or_pipe_put_in_the_place_of_a_file_is_not_read(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (folder.inbox / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder.inbox / "pipe")

    with pytest.raises(OSError, match="symbolic links"):
        await folder.read("link", 10)
    with pytest.raises(OSError, match="regular file"):
        await folder.read("pipe", 10)


async def test_no_more_is_read_than_tells_that_a_file_is_too_long(folder: Folder) -> None:
    (folder.inbox / "long").write_bytes(b"0123456789")

    assert await folder.read("long", 4) == b"01234"


async def test_an_answer_takes_the_place_of_an_earlier_one_as_a_whole(folder: Folder) -> None:
    await folder.acknowledge("SHIP-20261122152100.shupl", b"first")
    await folder.acknowledge("SHIP-20261122152100.shupl", b"second")

    (answer,) = folder.ack.iterdir()
    assert answer.read_bytes() == b"second"


async def test_a_foreign_file_under_our_name_is_not_taken_for_ours(folder: Folder) -> None:
    (folder.outbox / "Deliver_20261122100000.sh").write_bytes(b"theirs")

    assert not await folder.has("Deliver_20261122100000.sh", "0" * 64)
