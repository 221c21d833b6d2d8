"""What the publisher makes of channels that answer, fail, or leave it in the dark."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from lemai_docking.ack import Ack, Result
from lemai_docking.channel import CallOutlet, NotDone, Undecided
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.publisher import FAILURES_MAX, Publisher
from lemai_docking.testing.docking import TABLES, Docking

Sample = Callable[[str], bytes]
FIRST = "Deliver_20261122100001.sh"


@dataclass
class Counter(CallOutlet):
    """A counterpart that is called: keeps what it got, and fails as told, before or after it has got it."""

    got: list[tuple[str, bytes]] = field(default_factory=list)
    before: Exception | None = None
    after: Exception | None = None
    status: Any = "ACCEPTED"
    results: tuple[Result, ...] = ()

    async def put(self, name: str, data: bytes, token: int) -> Ack | None:
        if self.before:
            raise self.before
        known = (name, data) in self.got
        self.got.append((name, data))
        if self.after:
            raise self.after
        status: Any = "DUPLICATE" if known else self.status
        documents = 1 if self.results else 0
        return Ack(
            file_name=name,
            sha256=hashlib.sha256(data).hexdigest(),
            status=status,
            documents=documents,
            rejected=documents,
            results=self.results,
        )


@pytest.fixture
def order(profile: Profile, sample: Sample) -> Callable[[str], Document]:
    name = "Deliver_20261122100000.sh"
    (document,) = codec_of(profile).decode(name, sample(name)).documents
    return lambda order_no: replace(document, head={**document.head, "order_no": order_no})


@pytest.fixture
def item(profile: Profile, sample: Sample) -> Document:
    name = "Item_20261122090000.im"
    return codec_of(profile).decode(name, sample(name)).documents[0]


@pytest.fixture
def counter() -> Counter:
    return Counter()


@asynccontextmanager
async def publishing(docking: Docking, counter: Counter, after_crash: str = "ask") -> AsyncIterator[Publisher]:
    docking.clock.forward(seconds=1)
    profile = docking.profile.model_copy(update={"after_crash": after_crash, "acknowledge": "answer"})
    publisher = docking.publisher(profile, counter)
    async with publisher.active():
        yield publisher


async def test_an_answer_settles_the_call(docking: Docking, counter: Counter, order: Callable[[str], Document]) -> None:
    await docking.enqueue(order("1"))
    async with publishing(docking, counter) as publisher:
        await publisher.round()
        await publisher.round()

    assert [name for name, _ in counter.got] == [FIRST]
    assert await docking.told() == [f"published {FIRST}:4 1", f"acknowledged {FIRST}:4 1"]
    assert await docking.states("file") == ["acknowledged"]


async def test_a_refusal_in_the_answer_is_told_with_its_file(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    counter.status, counter.results = "PARTIAL", (Result(order_no="1", code="9001"),)
    await docking.enqueue(order("1"))
    async with publishing(docking, counter) as publisher:
        await publisher.round()

    assert (await docking.told())[1:] == [f"rejected 1 of {FIRST} E_PARTNER 9001"]


async def test_a_call_that_surely_failed_is_made_again_and_order_is_kept(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    counter.before = NotDone("connection refused")
    async with publishing(docking, counter) as publisher:
        for _ in range(2):
            with pytest.raises(NotDone):
                await publisher.round()
            await docking.enqueue(order("2"), urgent=True)
        counter.before = None
        await publisher.round()

    assert [name for name, _ in counter.got] == [FIRST, "Deliver_20261122100002.sh"]
    assert await docking.states() == ["acknowledged", "acknowledged"]


PAGE = "HTTP 200 <html>您访问的内容被防火墙拦截\x00</html>"


async def tried(publisher: Publisher, times: int) -> None:
    for _ in range(times):
        with pytest.raises((NotDone, Undecided)):
            await publisher.round()


async def test_what_is_never_answered_readably_is_told_once_and_not_sent_for_ever(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    counter.after = Undecided(PAGE)
    async with publishing(docking, counter, "rewrite") as publisher:
        await tried(publisher, FAILURES_MAX)
        await docking.enqueue(order("2"), urgent=True)
        counter.after = None
        await publisher.round()
        await publisher.round()

        assert [name for name, _ in counter.got] == [FIRST] * FAILURES_MAX + ["Deliver_20261122100002.sh"]
        assert await docking.states("file") == ["unknown", "acknowledged"]
        async with docking.engine.begin() as connection:
            [trouble, _] = await connection.scalars(select(TABLES.file.c.trouble).order_by(TABLES.file.c.id))
        assert trouble == PAGE.replace("\x00", "")
        alerts = [told for told in await docking.told() if told.startswith("alert")]
        assert alerts == [f"alert E_UNREAD {trouble}"]

        async with docking.engine.begin() as connection:
            assert await publisher.resolve(connection, FIRST, "rewrite")
        await publisher.round()
    assert await docking.states("file") == ["acknowledged", "acknowledged"]


async def test_a_channel_that_refuses_is_told_once_and_tried_until_it_takes(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    counter.before = NotDone("HTTP 403")
    async with publishing(docking, counter) as publisher:
        await tried(publisher, FAILURES_MAX + 2)
        counter.before = None
        await publisher.round()

    assert [told for told in await docking.told() if told.startswith("alert")] == ["alert E_CHANNEL HTTP 403"]
    assert await docking.states("file") == ["acknowledged"]


async def test_a_call_that_may_have_been_taken_is_unknown_and_told(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    counter.after = Undecided("read timed out")
    async with publishing(docking, counter) as publisher:
        with pytest.raises(Undecided):
            await publisher.round()
        await publisher.round()
        await publisher.round()

    assert len(counter.got) == 1
    assert await docking.told() == [f"alert E_UNKNOWN {FIRST}"]
    assert docking.owner.alerted_files == [FIRST]
    assert await docking.states("file") == ["unknown"]


async def test_where_the_profile_says_so_the_same_bytes_are_sent_again_until_answered(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    counter.after = Undecided("read timed out")
    async with publishing(docking, counter, "rewrite") as publisher:
        for _ in range(3):
            with pytest.raises(Undecided):
                await publisher.round()
        counter.after = None
        await publisher.round()

    assert len(counter.got) == 4
    assert len(set(counter.got)) == 1
    assert await docking.told() == [f"published {FIRST}:4 1", f"acknowledged {FIRST}:4 1"]


async def test_what_was_refused_before_the_answer_was_lost_is_refused_in_the_second(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    counter.results = (Result(order_no="1", code="9001"),)
    await docking.enqueue(order("1"))
    counter.after = Undecided("read timed out")
    async with publishing(docking, counter, "rewrite") as publisher:
        with pytest.raises(Undecided):
            await publisher.round()
        counter.after = None
        await publisher.round()

    assert (await docking.told())[1:] == [f"rejected 1 of {FIRST} E_PARTNER 9001"]


async def test_orders_wait_for_an_item_that_is_not_out_and_go_once_it_is(
    docking: Docking, counter: Counter, order: Callable[[str], Document], item: Document
) -> None:
    await docking.enqueue(item)
    await docking.enqueue(order("1"), urgent=True)
    counter.after = Undecided("read timed out")
    async with publishing(docking, counter) as publisher:
        with pytest.raises(Undecided):
            await publisher.round()
        counter.after = None
        await publisher.round()
        assert await docking.told() == ["alert E_UNKNOWN Item_20261122100001.im"]

        async with docking.engine.begin() as connection:
            await publisher.resolve(connection, "Item_20261122100001.im", "rewrite")
        await publisher.round()

    assert [name for name, _ in counter.got][1:] == ["Item_20261122100001.im", FIRST]


async def test_the_interface_that_has_waited_longest_goes_first(
    docking: Docking, counter: Counter, order: Callable[[str], Document], profile: Profile, sample: Sample
) -> None:
    name = "ReturnNote_20261122100500.sh"
    await docking.enqueue(*codec_of(profile).decode(name, sample(name)).documents)
    await docking.enqueue(order("1"))
    async with publishing(docking, counter) as publisher:
        await publisher.round()

    assert [name.partition("_")[0] for name, _ in counter.got] == ["ReturnNote", "Deliver"]


async def test_a_file_is_sent_again_as_it_was(
    docking: Docking, counter: Counter, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    async with publishing(docking, counter) as publisher:
        await publisher.round()
        told = await docking.told()
        async with docking.engine.begin() as connection:
            assert await docking.outgoing.resend(connection, FIRST)
            assert not await docking.outgoing.resend(connection, "Deliver_20261122100009.sh")
        await publisher.round()
        await publisher.round()

    assert len(counter.got) == 2
    assert len(set(counter.got)) == 1
    assert await docking.told() == told
    assert await docking.states("file") == ["acknowledged"]


async def test_a_file_to_be_sent_again_that_still_lies_there_is_left(
    docking: Docking, order: Callable[[str], Document]
) -> None:
    await docking.enqueue(order("1"))
    docking.clock.forward(seconds=1)
    publisher = docking.publisher()
    async with publisher.active():
        await publisher.round()
        for taken in (False, True):
            if taken:
                (docking.folder.outbox / FIRST).unlink()
            async with docking.engine.begin() as connection:
                await docking.outgoing.resend(connection, FIRST)
            await publisher.round()
            assert (docking.folder.outbox / FIRST).exists()

    assert await docking.told() == [f"published {FIRST}:4 1"]
    assert await docking.states("file") == ["published"]


async def test_a_channel_that_fails_for_a_while_is_told_once_and_stops_no_other(
    docking: Docking, counter: Counter, order: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def hasten(seconds: float) -> None:
        waits.append(seconds)
        docking.clock.forward(seconds=seconds)
        await sleep(0)

    monkeypatch.setattr("lemai_docking.publisher.asyncio.sleep", hasten)
    await docking.enqueue(order("1"))
    counter.before = NotDone("connection refused")
    async with publishing(docking, counter):
        pass
    profile = docking.profile.model_copy(update={"acknowledge": "answer"})
    running = asyncio.create_task(docking.publisher(profile, counter).run())
    async with asyncio.timeout(20):
        while len(waits) < 15:
            await sleep(0.01)
        counter.before = None
        while len(await docking.told()) < 3:
            await sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert waits[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert await docking.told() == [
        "alert E_CHANNEL connection refused",
        f"published {counter.got[0][0]}:4 1",
        f"acknowledged {counter.got[0][0]}:4 1",
    ]


async def test_what_is_not_answered_in_time_is_told_once(
    docking: Docking, order: Callable[[str], Document], sample: Sample
) -> None:
    await docking.enqueue(order("2611220001"), order("2"))
    await docking.enqueue(order("2"), revision=2)
    docking.clock.forward(seconds=1)
    publisher = docking.publisher()
    async with publisher.active():
        await publisher.round()

    async def overdue(awaiting: Any, age: timedelta) -> list[tuple[str, int]]:
        async with docking.engine.begin() as connection:
            found = await docking.outgoing.overdue(connection, awaiting, docking.clock() - age, docking.clock())
        return [(one.document.order_no, one.document.revision) for one in found]

    docking.clock.forward(minutes=30)
    assert await overdue("acknowledgement", timedelta(minutes=31)) == []
    assert sorted(await overdue("acknowledgement", timedelta(minutes=29))) == [("2", 2), ("2611220001", 1)]
    assert await overdue("acknowledgement", timedelta(minutes=29)) == []

    await docking.receiver().receive("SHIP-20261122152100.shupl", sample("SHIP-20261122152100.shupl"))
    assert await overdue("actual", timedelta(minutes=29)) == [("2", 2)]
    assert await overdue("actual", timedelta(minutes=29)) == []
