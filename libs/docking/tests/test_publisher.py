import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from lemai_docking.ack import Ack, Result
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FencedOut
from lemai_docking.testing.docking import TABLES, Docking

Sample = Callable[[str], bytes]
FIRST = "Deliver_20261122100001.sh"


@pytest.fixture
def order(profile: Profile, sample: Sample) -> Callable[[str], Document]:
    name = "Deliver_20261122100000.sh"
    (document,) = codec_of(profile).decode(name, sample(name)).documents
    return lambda order_no: replace(document, head={**document.head, "order_no": order_no})


@pytest.fixture
def item(profile: Profile, sample: Sample) -> Document:
    name = "Item_20261122090000.im"
    return codec_of(profile).decode(name, sample(name)).documents[0]


def outbox(docking: Docking) -> list[str]:
    return sorted(path.name for path in docking.folder.outbox.iterdir() if not path.name.startswith("."))


async def publish(docking: Docking, **clock: float) -> None:
    """One round of a publisher that starts and stops again."""
    docking.clock.forward(**clock)
    publisher = docking.publisher()
    async with publisher.active():
        await publisher.round()


async def test_documents_wait_one_second_and_go_out_in_one_file(
    docking: Docking, profile: Profile, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"), order("2"))

    await publish(docking, seconds=0.9)
    assert outbox(docking) == []

    await publish(docking, seconds=0.1)
    assert outbox(docking) == [FIRST]
    assert await docking.told() == [f"published {FIRST}:4 1", f"published {FIRST}:7 2"]
    assert await docking.states() == ["published", "published"]
    published = codec_of(profile).decode(FIRST, (docking.folder.outbox / FIRST).read_bytes())
    assert list(published.documents) == [order("1"), order("2")]
    assert published.header.message_id == "LQ20261122100001000001"


async def test_nothing_is_published_twice(docking: Docking, order: Callable[[str], Document]) -> None:
    await docking.enqueue(order("1"))
    await publish(docking, seconds=1)

    again = await docking.enqueue(order("1"))
    await publish(docking, seconds=1)

    assert len(again) == 1
    assert outbox(docking) == [FIRST]
    assert await docking.told() == [f"published {FIRST}:4 1"]


async def test_an_urgent_document_goes_at_once(docking: Docking, order: Callable[[str], Document]) -> None:
    await docking.enqueue(order("1"))
    await docking.enqueue(order("2"), urgent=True)

    await publish(docking)

    assert await docking.told() == [
        "published Deliver_20261122100000.sh:4 1",
        "published Deliver_20261122100000.sh:7 2",
    ]


async def test_five_hundred_documents_fill_a_file(docking: Docking, order: Callable[[str], Document]) -> None:
    await docking.enqueue(*[order(str(number)) for number in range(501)])

    await publish(docking)
    assert (await docking.states()).count("published") == 500

    await publish(docking, seconds=1)
    assert (await docking.states()).count("published") == 501
    assert len(outbox(docking)) == 2


async def test_a_stamp_is_used_once_and_grows_even_if_the_clock_goes_back(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    for number, seconds in enumerate([0, 0, -3600]):
        docking.clock.forward(seconds=seconds)
        await docking.enqueue(order(str(number)), urgent=True)
        await publish(docking)
    await publish(docking, seconds=1)

    assert outbox(docking) == [f"Deliver_2026112210000{second}.sh" for second in range(3)]


async def test_documents_from_before_the_clock_went_back_do_not_wait_for_it(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))

    await publish(docking, hours=-1)

    assert outbox(docking) == ["Deliver_20261122090000.sh"]


async def test_urgent_documents_wait_for_company_when_stamps_run_ahead(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    async with docking.engine.begin() as connection:
        pattern = docking.profile.interfaces["deliver_order"].file
        await docking.outgoing.next_stamp(connection, pattern, docking.clock() + timedelta(seconds=62))
    await docking.enqueue(*[order(str(number)) for number in range(600)], urgent=True)

    await publish(docking)
    assert outbox(docking) == []

    await publish(docking, seconds=1)
    assert outbox(docking) == ["Deliver_20261122100103.sh"]
    assert await docking.states() == ["published"] * 600


async def test_items_go_before_the_orders_that_need_them(
    docking: Docking, order: Callable[[str], Document], item: Document
) -> None:
    await docking.enqueue(order("1"))
    docking.clock.forward(seconds=0.9)
    await docking.enqueue(item)

    await publish(docking, seconds=0.1)

    assert [word.split(":")[0] for word in await docking.told()] == [
        "published Item_20261122100001.im",
        f"published {FIRST}",
    ]


async def test_a_document_that_cannot_be_written_is_rejected_alone(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    good, bad = order("1"), order("2")
    await docking.enqueue(good, replace(bad, head={**bad.head, "shop_code": "店" * 51}), order("3"))
    del docking.owner.documents["3/1"]

    await publish(docking, seconds=1)

    assert await docking.states() == ["published", "rejected", "rejected"]
    assert await docking.told() == [
        f"rejected 2 E_FIELD {'店' * 51}",
        "rejected 3 E_FIELD",
        f"published {FIRST}:4 1",
    ]


async def test_documents_refused_together_keep_their_own_reasons(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    one, two = order("1"), order("2")
    city = {name: value for name, value in one.head.items() if name != "receiver_city"}
    neither = {name: value for name, value in two.head.items() if name not in {"receiver_city", "receiver_address"}}
    await docking.enqueue(replace(one, head=city), replace(two, head=neither))

    await publish(docking, seconds=1)

    async with docking.engine.connect() as connection:
        rows = await connection.execute(select(TABLES.outgoing.c.faults).order_by(TABLES.outgoing.c.id))
        reasons = [{fault["field"] for fault in faults} for faults in rows.scalars()]
    assert reasons == [{"receiver_city"}, {"receiver_city", "receiver_address"}]


async def test_another_content_under_a_known_revision_is_told(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    (first,) = await docking.enqueue(order("1"))
    other = replace(first, content_hash="other")

    async with docking.engine.begin() as connection:
        claimed = await docking.outgoing.enqueue(
            connection, [other, first, replace(first, revision=2)], docking.clock()
        )

    assert [claimed.new, claimed.same, claimed.conflicting] == [[replace(first, revision=2)], [first], [other]]


async def test_a_document_is_taken_once_however_many_come_between(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    (first,) = await docking.enqueue(order("0"))
    many = [replace(first, order_no=str(number)) for number in range(6000)]

    async with docking.engine.begin() as connection:
        claimed = await docking.outgoing.enqueue(connection, [*many, many[5999]], docking.clock())

    assert (claimed.new, claimed.same, claimed.conflicting) == (many[1:], [many[0], many[5999]], [])


async def test_stored_bytes_are_sealed(docking: Docking, order: Callable[[str], Document]) -> None:
    await docking.enqueue(order("1"))
    await publish(docking, seconds=1)

    async with docking.engine.connect() as connection:
        contents = (await connection.execute(text("SELECT content FROM docking_file"))).scalars().all()
        payloads = (await connection.execute(text("SELECT payload FROM docking_outgoing"))).scalars().all()

    assert [content.startswith(b"sealed:") for content in (*contents, *payloads)] == [True, True]


def stop_at(monkeypatch: pytest.MonkeyPatch, docking: Docking, step: str) -> None:
    """The process ends right before or right after the rename, or before the transaction that follows it."""
    rename = os.rename

    def ending(source: Path, target: Path) -> None:
        if step == "after":
            rename(source, target)
        raise asyncio.CancelledError

    if step == "unrecorded":
        docking.owner.fail = "published"
    else:
        monkeypatch.setattr(os, "rename", ending)


async def stop_while_publishing(docking: Docking, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, docking, step)
        with pytest.raises((asyncio.CancelledError, ConnectionError)):
            await publish(docking, seconds=1)
    docking.owner.fail = ""
    assert await docking.told() == []
    assert await docking.states() == ["rendered"]


@pytest.mark.parametrize("step", ["after", "unrecorded"])
@pytest.mark.parametrize("taken", ["outbox", "archive", "archive/20261122", "ack"])
async def test_a_file_found_after_a_crash_is_done(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch, step: str, taken: str
) -> None:
    await docking.enqueue(order("1"))
    await stop_while_publishing(docking, monkeypatch, step)
    published = docking.folder.outbox / FIRST
    if taken == "ack":
        published.unlink()
        (docking.root / "ack" / f"{FIRST}.ack").write_text("{")
    elif taken != "outbox":
        (docking.root / taken).mkdir(exist_ok=True)
        published.rename(docking.root / taken / FIRST)

    await publish(docking)

    assert await docking.told() == [f"published {FIRST}:4 1"]
    assert await docking.states() == ["published"]


@pytest.mark.parametrize("step", ["before", "after"])
async def test_a_file_not_found_after_a_crash_is_unknown_and_blocks_nothing(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await docking.enqueue(order("1"))
    await stop_while_publishing(docking, monkeypatch, step)
    (docking.folder.outbox / FIRST).unlink(missing_ok=True)
    await docking.enqueue(order("2"))

    await publish(docking, seconds=1)
    await publish(docking, seconds=1)

    second = "Deliver_20261122100002.sh"
    assert await docking.told() == [f"alert E_UNKNOWN {FIRST}", f"published {second}:4 2"]
    assert await docking.states() == ["unknown", "published"]
    assert [path.name for path in docking.folder.outbox.iterdir() if path.suffix == ".tmp"] == []


async def test_a_person_has_an_unknown_file_written_again_with_the_same_bytes(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    await docking.enqueue(order("1"))
    await stop_while_publishing(docking, monkeypatch, "after")
    content = (docking.folder.outbox / FIRST).read_bytes()
    (docking.folder.outbox / FIRST).unlink()
    await publish(docking)

    async with docking.engine.begin() as connection:
        assert await docking.publisher().resolve(connection, FIRST, "rewrite")
        assert not await docking.publisher().resolve(connection, FIRST, "done")
    await publish(docking, seconds=5)

    assert (docking.folder.outbox / FIRST).read_bytes() == content
    assert await docking.told() == [f"alert E_UNKNOWN {FIRST}", f"published {FIRST}:4 1"]
    assert await docking.states() == ["published"]


async def test_a_person_knows_that_an_unknown_file_was_taken(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    await docking.enqueue(order("1"))
    await stop_while_publishing(docking, monkeypatch, "before")
    await publish(docking)

    async with docking.engine.begin() as connection:
        assert await docking.publisher().resolve(connection, FIRST, "done")
        assert not await docking.publisher().resolve(connection, "Deliver_20261122100009.sh", "done")
    await publish(docking, seconds=5)

    assert outbox(docking) == []
    assert await docking.told() == [f"alert E_UNKNOWN {FIRST}", f"published {FIRST}:4 1"]


async def test_a_profile_may_have_files_rewritten_without_asking(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    await docking.enqueue(order("1"))
    await stop_while_publishing(docking, monkeypatch, "before")

    publisher = docking.publisher(docking.profile.model_copy(update={"after_crash": "rewrite"}))
    async with publisher.active():
        await publisher.round()

    assert outbox(docking) == [FIRST]
    assert await docking.told() == [f"published {FIRST}:4 1"]


@pytest.mark.parametrize("step", ["write", "rename"])
async def test_a_refused_write_is_tried_again_under_the_same_name(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    await docking.enqueue(order("1"))
    docking.clock.forward(seconds=1)
    publisher = docking.publisher()
    async with publisher.active():
        monkeypatch.setattr(os, "rename" if step == "rename" else "fsync", refused)
        with pytest.raises(OSError, match="No space"):
            await publisher.round()
    monkeypatch.undo()

    async with publisher.active():
        await publisher.round()

    assert outbox(docking) == [FIRST]
    assert await docking.told() == [f"published {FIRST}:4 1"]


async def test_a_foreign_file_under_our_name_is_never_overwritten(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    (docking.folder.outbox / FIRST).write_bytes(b"theirs")
    await docking.enqueue(order("1"))

    await publish(docking, seconds=1)

    assert (docking.folder.outbox / FIRST).read_bytes() == b"theirs"
    assert await docking.told() == [f"alert E_FILE_CHANGED {FIRST}"]
    assert await docking.states() == ["unknown"]


async def test_a_second_publisher_stands_by_until_the_first_ends(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    docking.clock.forward(seconds=1)
    first = docking.publisher()
    async with first.active():
        second = asyncio.create_task(docking.publisher().run())
        await first.round()
        assert await docking.told() == [f"published {FIRST}:4 1"]
        assert not second.done()
    await docking.enqueue(order("2"), urgent=True)

    async with asyncio.timeout(10):
        while len(await docking.told()) < 2:
            await asyncio.sleep(0.02)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second

    assert await docking.told() == [f"published {FIRST}:4 1", "published Deliver_20261122100002.sh:4 2"]


async def test_a_publisher_that_lost_its_lock_unknowingly_writes_nothing(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    docking.clock.forward(seconds=1)
    paused = docking.publisher()
    async with paused.active() as lock:
        # Its session ends at the server, as when the network between them is cut; the new one takes over.
        pid = await lock.scalar(text("SELECT pg_backend_pid()"))
        async with docking.engine.begin() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        successor = docking.publisher()
        async with successor.active():
            with pytest.raises(FencedOut):
                await paused.round()
            assert outbox(docking) == []
            assert await docking.states() == ["pending"]
            await successor.round()
            with pytest.raises(FencedOut):
                await docking.folder.put("Deliver_20261122100002.sh", b"late", 1)

    assert outbox(docking) == [FIRST]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_kill_9_around_the_rename_loses_nothing_and_does_nothing_twice(
    docking: Docking, order: Callable[[str], Document], database_url: str, moment: str
) -> None:
    await docking.enqueue(order("1"))
    script = Path(__file__).with_name("publish_and_die.py")
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, str(script), database_url, str(docking.root), moment], check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert await docking.states() == ["rendered"]
    assert await docking.told() == []

    await publish(docking, seconds=1)

    if moment == "after":
        assert outbox(docking) == [FIRST]
        assert await docking.told() == [f"published {FIRST}:4 1"]
    else:
        assert outbox(docking) == []
        assert await docking.told() == [f"alert E_UNKNOWN {FIRST}"]


async def answer(docking: Docking, status: Any, name: str = FIRST, **more: Any) -> Path:
    """The counterpart's acknowledgement of a file, and the round in which we find it."""
    path = docking.folder.ack / f"{name}.ack"
    path.write_bytes(Ack(file_name=name, status=status, **more).json_bytes())
    docking.touch(path)
    await publish(docking)
    return path


async def test_an_acknowledgement_marks_its_documents_once(docking: Docking, order: Callable[[str], Document]) -> None:
    await docking.enqueue(order("1"), order("2"))
    await publish(docking, seconds=1)

    ack = await answer(docking, "ACCEPTED")
    await answer(docking, "ACCEPTED")

    assert not ack.exists()
    assert (docking.folder.archived / "20261122" / ack.name).exists()
    assert (await docking.told())[2:] == [f"acknowledged {FIRST}:4 1", f"acknowledged {FIRST}:7 2"]
    assert await docking.states() == ["acknowledged", "acknowledged"]
    assert await docking.states("file") == ["acknowledged"]


async def test_an_acknowledgement_may_tell_the_digest_in_upper_case(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    await publish(docking, seconds=1)
    digest = hashlib.sha256((docking.folder.outbox / FIRST).read_bytes()).hexdigest()

    await answer(docking, "ACCEPTED", sha256=digest.upper())

    assert await docking.states() == ["acknowledged"]


async def test_a_partial_acknowledgement_rejects_what_it_names(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"), order("2"), order("3"))
    await publish(docking, seconds=1)
    results = (
        Result(order_no="2", leg="OUT", line_no=8, code="9001", message="商品不存在"),
        Result(order_no="3", level="WARN", code="9002"),
        Result(order_no="1", leg="IN", code="9003"),
    )

    await answer(docking, "PARTIAL", results=results)

    assert (await docking.told())[3:] == [
        f"rejected 2 of {FIRST} E_PARTNER 9001 商品不存在",
        f"acknowledged {FIRST}:4 1",
        f"acknowledged {FIRST}:10 3",
    ]
    assert await docking.states() == ["acknowledged", "rejected", "acknowledged"]


async def test_a_rejected_file_rejects_all_its_documents(docking: Docking, order: Callable[[str], Document]) -> None:
    await docking.enqueue(order("1"), order("2"))
    await publish(docking, seconds=1)

    await answer(docking, "REJECTED")

    assert (await docking.told())[2:] == [
        f"rejected 1 of {FIRST} E_PARTNER",
        f"rejected 2 of {FIRST} E_PARTNER",
    ]
    assert await docking.states() == ["rejected", "rejected"]


async def test_an_acknowledgement_settles_an_unknown_file(
    docking: Docking, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    await docking.enqueue(order("1"))
    await stop_while_publishing(docking, monkeypatch, "before")
    await publish(docking)

    await answer(docking, "ACCEPTED")

    assert await docking.told() == [
        f"alert E_UNKNOWN {FIRST}",
        f"published {FIRST}:4 1",
        f"acknowledged {FIRST}:4 1",
    ]


async def test_an_acknowledgement_we_cannot_use_is_put_aside_and_told(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    await publish(docking, seconds=1)

    stranger = await answer(docking, "ACCEPTED", "Deliver_20261122110000.sh")
    altered = await answer(docking, "ACCEPTED", sha256="0" * 64)

    told = (await docking.told())[1:]
    assert told[0] == f"alert E_ACK {stranger.name}"
    assert told[1] == f"alert E_CHECKSUM {altered.name}: {'0' * 64}"
    assert sorted(path.name.rpartition(".")[0] for path in docking.folder.quarantined.iterdir()) == [
        altered.name,
        stranger.name,
    ]
    assert await docking.states() == ["published"]


async def test_a_half_written_acknowledgement_is_left_for_ten_minutes(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    await publish(docking, seconds=1)
    path = docking.folder.ack / f"{FIRST}.ack"
    path.write_text(json.dumps({"file_name": FIRST, "status": "ACCEPTED"})[:-5])
    docking.touch(path)

    await publish(docking, minutes=9)
    assert path.exists()
    assert len(await docking.told()) == 1

    await publish(docking, minutes=2)
    assert not path.exists()
    assert (await docking.told())[1:] == [f"alert E_ACK {path.name}"]


async def test_our_own_answers_in_the_same_directory_are_left_alone(docking: Docking) -> None:
    await docking.folder.acknowledge("SHIP-20261122152100.shupl", b"{}")

    await publish(docking, hours=1)

    assert (docking.folder.ack / "SHIP-20261122152100.shupl.ack").exists()
    assert await docking.told() == []
