"""Reading stored files again, mending what was refused, forgetting bytes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypedDict

import pytest
from sqlalchemy import text

from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import FileRejected
from lemai_docking.journal.retention import forget
from lemai_docking.replay import Replayed, Replayer, StillRefused
from lemai_docking.testing.docking import TABLES, Docking, reseal

Sample = Callable[[str], bytes]
SHIP = "SHIP-20261122152100.shupl"
IBAL = "IBAL-20261122020500.Ibupl"
LATER = "IBAL-20261122020501.Ibupl"
DAY = date(2026, 11, 22)


class Who(TypedDict):
    by: str
    why: str


WHO: Who = {"by": "wang.fang", "why": "档案已改 / profile put right"}


def replayer(docking: Docking) -> Replayer:
    return Replayer(docking.receiver())


async def quarantine(docking: Docking, *columns: str) -> list[tuple[Any, ...]]:
    async with docking.engine.connect() as connection:
        rows = await connection.execute(text(f"SELECT {', '.join(columns)} FROM docking_quarantine ORDER BY id"))
        return [tuple(row) for row in rows]


async def content(docking: Docking, quarantine_id: int) -> bytes:
    async with docking.engine.connect() as connection:
        row = await docking.incoming.quarantine.lock(connection, quarantine_id)
    assert row is not None
    return row.content


@pytest.fixture
def bad(sample: Sample) -> bytes:
    """One good shipment, and one with half a piece."""
    data = sample(SHIP)
    document = data[data.index(b"\nO\t") + 1 : data.rindex(b"TRL")]
    other = document.replace(b"2611220001", b"2611220009").replace(b"\t2\t1\tZP", b"\t2\t1.5\tZP")
    assert other.count(b"1.5") == 1
    records = data.count(b"\n") - 2 + document.count(b"\n")
    total = int(data[data.rindex(b"TRL") :].split(b"\t")[4])
    return reseal(data.replace(b"\nTRL", b"\n" + other + b"TRL"), (2, 2 * document.count(b"\nL\t"), records, 2 * total))


@pytest.fixture
def stranger(docking: Docking, profile: Profile) -> Docking:
    """A docking whose profile expects another sender than the samples have."""
    return replace(docking, profile=profile.model_copy(update={"them": "K3CLOUD"}))


async def test_a_file_refused_for_its_profile_is_posted_once_that_is_put_right(
    docking: Docking, stranger: Docking, sample: Sample
) -> None:
    await stranger.receiver().receive(SHIP, sample(SHIP))
    assert (await docking.told())[0].startswith("alert E_HEADER")

    assert await replayer(stranger).replay_quarantined(**WHO) == Replayed(files=1, rejected_files=1)
    assert await replayer(docking).replay_quarantined(code="E_HEADER", **WHO) == Replayed(files=1, documents=1)
    assert await replayer(docking).replay_quarantined(**WHO) == Replayed()

    assert (await docking.told())[1:] == [f"received {SHIP}:6 2611220001"]
    assert await docking.states("file") == ["received"]
    assert await quarantine(docking, "state", "decided_by", "decided_why") == [("replayed", WHO["by"], WHO["why"])]
    assert (await docking.receiver().receive(SHIP, sample(SHIP))).status == "ACCEPTED"


async def test_a_filter_names_code_interface_and_moment(docking: Docking, sample: Sample, bad: bytes) -> None:
    await docking.receiver().receive(SHIP, bad)
    since = docking.clock()

    assert await replayer(docking).replay_quarantined(code="E_FIELD", **WHO) == Replayed()
    assert await replayer(docking).replay_quarantined(interface="receipt_result", **WHO) == Replayed()
    assert await replayer(docking).replay_quarantined(since=since + timedelta(seconds=1), **WHO) == Replayed()
    found = await replayer(docking).replay_quarantined(code="E_QTY", interface="ship_result", since=since, **WHO)

    assert found == Replayed(files=1, documents=1, rejected_documents=1)
    assert await quarantine(docking, "state") == [("open",)]


async def test_replaying_a_day_posts_nothing_twice(docking: Docking, sample: Sample, bad: bytes) -> None:
    await docking.receiver().receive(SHIP, bad)
    await docking.receiver().receive(IBAL, sample(IBAL))
    told = await docking.told()

    replayed = await replayer(docking).replay_day(DAY, **WHO)

    assert replayed == Replayed(files=2, documents=2, rejected_documents=1)
    assert await replayer(docking).replay_day(DAY + timedelta(days=1), **WHO) == Replayed()
    assert await docking.told() == told


async def test_one_document_of_a_file_is_read_again(docking: Docking, bad: bytes) -> None:
    docking.owner.instructed[("JFY", "2611220001", "OUT")] = {"supplier_return_result"}
    await docking.receiver().receive(SHIP, bad)
    lines = {code: line for line, code in await quarantine(docking, "document_line", "code")}
    docking.owner.instructed.clear()

    ack = await replayer(docking).replay(1, line=lines["E_ROUTE"], **WHO)

    assert ack is not None
    assert (ack.status, ack.accepted) == ("ACCEPTED", 1)
    assert (await docking.told())[-1] == f"received {SHIP}:{lines['E_ROUTE']} 2611220001"
    assert dict(await quarantine(docking, "code", "state")) == {"E_QTY": "open", "E_ROUTE": "replayed"}
    assert await replayer(docking).replay(1, line=3, **WHO) is None
    assert await replayer(docking).replay(7, **WHO) is None


async def test_a_mended_document_is_posted_and_its_history_kept(docking: Docking, bad: bytes) -> None:
    await docking.receiver().receive(SHIP, bad)
    before = await content(docking, 1)
    assert before.count(b"\nO\t") == 1

    ack = await replayer(docking).mend(1, before.replace(b"\t1.5\t", b"\t1\t"), by="wang.fang", why="与仓库核对")

    assert ack is not None
    assert (ack.status, ack.documents) == ("ACCEPTED", 1)
    assert (await docking.told())[-1].startswith(f"received {SHIP}#1:")
    assert docking.owner.received[-1].order_no == "2611220009"
    ((state, by, why, old, new),) = await quarantine(
        docking, "state", "decided_by", "decided_why", "before_sha256", "after_sha256"
    )
    assert (state, by, why) == ("replayed", "wang.fang", "与仓库核对")
    assert old != new
    assert new == ack.sha256
    assert await replayer(docking).mend(1, before, **WHO) is None
    again = await replayer(docking).replay(2, **WHO)
    assert again is not None
    assert again.results[0].code == "I_SAME"


async def test_what_is_mended_badly_changes_nothing(docking: Docking, bad: bytes) -> None:
    await docking.receiver().receive(SHIP, bad)
    before, told = await content(docking, 1), await docking.told()

    with pytest.raises(StillRefused) as refused:
        await replayer(docking).mend(1, before, **WHO)
    with pytest.raises(FileRejected, match="文件尾"):
        await replayer(docking).mend(1, b"", **WHO)

    assert [fault.code for fault in refused.value.faults] == ["E_QTY"]
    assert await docking.told() == told
    assert await docking.states("file") == ["received"]
    assert await quarantine(docking, "state") == [("open",)]


async def test_a_file_with_a_wrong_name_is_mended_by_a_right_one(docking: Docking, sample: Sample) -> None:
    await docking.receiver().receive("SHIP-2026.shupl", sample(SHIP))

    ack = await replayer(docking).mend(1, sample(SHIP), name=SHIP, **WHO)

    assert ack is not None
    assert (await docking.told())[1:] == ["received SHIP-2026.shupl#1:6 2611220001"]


async def test_a_discarded_document_stays_out(docking: Docking, bad: bytes) -> None:
    await docking.receiver().receive(SHIP, bad)

    assert await replayer(docking).discard(1, by="wang.fang", why="重复")
    assert not await replayer(docking).discard(1, by="wang.fang", why="重复")

    assert await quarantine(docking, "state", "decided_why") == [("discarded", "重复")]
    assert await replayer(docking).replay_quarantined(**WHO) == Replayed()


async def test_a_mended_page_completes_its_snapshot(docking: Docking, sample: Sample) -> None:
    first = reseal(sample(IBAL).replace(b"WH01\t1\t1\t3", b"WH01\t1\t2\t3").replace(b"\t48\t2\t50", b"\t4x\t2\t50"))
    second = (
        sample(IBAL).replace(b"WH01\t1\t1\t3", b"WH01\t2\t2\t3").replace(b"KD2026112202050000", b"KD2026112202050100")
    )
    await docking.receiver().receive(IBAL, first)
    await docking.receiver().receive(LATER, reseal(second))
    assert docking.owner.snapshots == []

    mended = (await content(docking, 1)).replace(b"\t4x\t", b"\t48\t")
    await replayer(docking).mend(1, mended, **WHO)

    (pages,) = docking.owner.snapshots
    assert [page.head["page"] for page in pages] == [1, 2]
    await replayer(docking).replay_day(DAY, **WHO)
    assert len(docking.owner.snapshots) == 1


async def test_another_content_under_a_known_message_number_is_a_conflict(docking: Docking, sample: Sample) -> None:
    later = "SHIP-20261122152200.shupl"
    await docking.receiver().receive(SHIP, sample(SHIP))

    ack = await docking.receiver().receive(later, reseal(sample(SHIP).replace(b"0.450", b"0.460")))

    assert (ack.status, ack.results[0].code, ack.results[0].field) == ("REJECTED", "E_DUP_CONFLICT", "message_id")
    assert await docking.told() == [f"received {SHIP}:6 2611220001", "alert E_DUP_CONFLICT KD20261122152100000001"]
    assert docking.owner.alerted_files == [later]
    assert await replayer(docking).replay_day(DAY, **WHO) == Replayed(files=2, documents=1, rejected_files=1)


async def test_an_actual_without_a_business_code_is_known_by_its_content(
    docking: Docking, profile: Profile, sample: Sample
) -> None:
    (shipment,) = codec_of(profile).decode(SHIP, sample(SHIP)).documents
    bare = replace(shipment, head={k: v for k, v in shipment.head.items() if k != "out_biz_code"})
    later = replace(bare, head={**bare.head, "shipped_at": docking.clock()})
    await docking.receiver().receive(IBAL, sample(IBAL))

    async with docking.engine.begin() as connection:
        file = await docking.incoming.lock(connection, 1)
        claimed = await docking.incoming.claim(connection, file, [bare, bare, later], docking.clock())

    assert (claimed.new, claimed.same, claimed.conflicting) == ([bare, later], [bare], [])


async def test_bytes_are_forgotten_after_their_time_but_not_what_is_open(
    docking: Docking, sample: Sample, bad: bytes
) -> None:
    await docking.receiver().receive(SHIP, bad)
    docking.clock.forward(days=180)
    await docking.receiver().receive(IBAL, sample(IBAL))

    async def forgotten() -> int:
        async with docking.engine.begin() as connection:
            return await forget(connection, TABLES, "JFY-K3", docking.clock() - timedelta(days=180) + timedelta(1))

    assert (await forgotten(), await forgotten()) == (1, 0)

    async with docking.engine.connect() as connection:
        rows = await connection.execute(text("SELECT content IS NULL FROM docking_file ORDER BY id"))
        assert [row[0] for row in rows] == [True, False]
    assert await replayer(docking).replay(1, **WHO) is None
    assert await content(docking, 1)
    assert (await docking.receiver().receive(SHIP, bad)).status == "PARTIAL"
    await replayer(docking).discard(1, **WHO)
    docking.clock.forward(days=181)
    await forgotten()
    assert await quarantine(docking, "content") == [(None,)]
