import asyncio
import itertools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lemai_docking.channels.folder import Folder
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Decoded
from lemai_docking.encodings.choice import codec_of
from lemai_docking.encodings.text.codec import TextCodec
from lemai_docking.faults import Fault
from lemai_docking.receiver import Receiver
from lemai_docking.testing.docking import Docking, reseal

Sample = Callable[[str], bytes]
SHIP = "SHIP-20261122152100.shupl"
LATER = "SHIP-20261122152200.shupl"
SUPPLIER = "SHIP-20261125110300.shupl"
IBAL = "IBAL-20261122020500.Ibupl"
DAY = "20261122"
_NUMBERS = itertools.count(1)


def ack(docking: Docking, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((docking.folder.ack / f"{name}.ack").read_bytes())
    return content


def inbox(docking: Docking) -> list[str]:
    return sorted(path.name for path in docking.folder.inbox.iterdir())


def another(data: bytes) -> bytes:
    """A changed file as a message of its own."""
    return reseal(re.sub(rb"\tKD\d{20}\t", b"\tKD%020d\t" % next(_NUMBERS), data, count=1))


async def quarantined(docking: Docking) -> list[tuple[str, str, int, str]]:
    async with docking.engine.connect() as connection:
        rows = await connection.execute(text("SELECT kind, name, line, code FROM docking_quarantine ORDER BY id"))
        return [(row.kind, row.name, row.line, row.code) for row in rows]


async def test_a_file_is_stored_told_answered_and_archived(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, sample(SHIP))

    await docking.reader().scan()

    assert await docking.told() == [f"received {SHIP}:6 2611220001"]
    assert docking.owner.received[0].head["express_no"] == "SF1400123456789"
    assert inbox(docking) == []
    assert (docking.folder.archived / DAY / SHIP).read_bytes() == sample(SHIP)
    answer = ack(docking, SHIP)
    assert (answer["status"], answer["documents"], answer["accepted"]) == ("ACCEPTED", 1, 1)
    assert answer["message_id"] == "KD20261122152100000001"
    assert answer["received_at"] == "2026-11-22T10:00:00+08:00"


async def test_stored_files_are_sealed(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, sample(SHIP))
    await docking.reader().scan()

    async with docking.engine.connect() as connection:
        (content,) = (await connection.execute(text("SELECT content FROM docking_file"))).scalars()

    assert content == b"sealed:" + sample(SHIP)[::-1]


async def test_files_are_taken_by_the_stamp_in_their_name(docking: Docking, sample: Sample) -> None:
    second = sample(SHIP).replace(b"SHP-2611220001-1", b"SHP-2611220001-2")
    docking.drop(LATER, another(second))
    docking.drop(SHIP, sample(SHIP))
    docking.drop("IBAL-20261122020500.Ibupl", sample(IBAL))

    await docking.reader().scan()

    assert [word.split(" ")[1].split(":")[0] for word in await docking.told()] == [IBAL, SHIP, LATER]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["acknowledge", "archive"])
async def test_a_crash_around_a_step_on_the_folder_is_made_good_by_running_again(
    docking: Docking, sample: Sample, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    docking.drop(SHIP, sample(SHIP))
    original = getattr(Folder, step)

    async def crash(self: Folder, *arguments: Any) -> None:
        if moment == "after":
            await original(self, *arguments)
        raise ConnectionError

    monkeypatch.setattr(Folder, step, crash)
    with pytest.raises(ConnectionError):
        await docking.reader().scan()
    monkeypatch.undo()
    assert inbox(docking) == ([] if (step, moment) == ("archive", "after") else [SHIP])

    await docking.reader().scan()
    await docking.reader().scan()

    assert await docking.told() == [f"received {SHIP}:6 2611220001"]
    assert inbox(docking) == []
    assert (docking.folder.archived / DAY / SHIP).exists()
    assert ack(docking, SHIP)["status"] == "ACCEPTED"


async def test_a_crash_before_the_commit_leaves_no_trace_but_the_file(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, sample(SHIP))
    docking.owner.fail = "received"
    with pytest.raises(ConnectionError):
        await docking.reader().scan()
    assert await docking.states("file") == []
    assert inbox(docking) == [SHIP]
    assert list(docking.folder.ack.iterdir()) == []
    docking.owner.fail = ""

    await docking.reader().scan()

    assert await docking.told() == [f"received {SHIP}:6 2611220001"]


async def test_the_same_file_again_is_answered_as_the_first_time(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, sample(SHIP))
    await docking.reader().scan()
    first = (docking.folder.ack / f"{SHIP}.ack").read_bytes()
    (docking.folder.ack / f"{SHIP}.ack").unlink()
    docking.clock.forward(hours=1)

    docking.drop(SHIP, sample(SHIP))
    await docking.reader().scan()

    assert (docking.folder.ack / f"{SHIP}.ack").read_bytes() == first
    assert await docking.told() == [f"received {SHIP}:6 2611220001"]
    assert inbox(docking) == []


async def test_the_same_bytes_under_another_name_are_a_duplicate(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, sample(SHIP))
    docking.drop(LATER, sample(SHIP))

    await docking.reader().scan()

    assert ack(docking, LATER)["status"] == "DUPLICATE"
    assert ack(docking, LATER)["file_name"] == LATER
    assert await docking.told() == [f"received {SHIP}:6 2611220001"]
    assert sorted(path.name for path in (docking.folder.archived / DAY).iterdir()) == [SHIP, LATER]


async def test_other_bytes_under_a_known_name_are_quarantined_and_told_once(
    docking: Docking, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    docking.drop(SHIP, sample(SHIP))
    await docking.reader().scan()
    changed = reseal(sample(SHIP).replace(b"0.450", b"0.460"))
    docking.drop(SHIP, changed)

    async def crash(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(Folder, "quarantine", crash)
    with pytest.raises(ConnectionError):
        await docking.reader().scan()
    monkeypatch.undo()
    await docking.reader().scan()

    assert await docking.told() == [f"received {SHIP}:6 2611220001", f"alert E_FILE_CHANGED {SHIP}"]
    assert await quarantined(docking) == [("file", SHIP, 0, "E_FILE_CHANGED")]
    (kept,) = docking.folder.quarantined.iterdir()
    assert kept.read_bytes() == changed
    assert (docking.folder.archived / DAY / SHIP).read_bytes() == sample(SHIP)
    assert ack(docking, SHIP)["results"][0]["code"] == "E_FILE_CHANGED"


async def test_a_half_written_file_is_left_until_it_is_whole(docking: Docking, sample: Sample) -> None:
    data = sample(SHIP)
    docking.drop(SHIP, data[:-10])
    docking.clock.forward(minutes=9)
    await docking.reader().scan()
    assert await docking.told() == []

    docking.drop(SHIP, data)
    await docking.reader().scan()

    assert await docking.told() == [f"received {SHIP}:6 2611220001"]


async def test_a_file_without_a_trailer_is_refused_after_ten_minutes(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, sample(SHIP)[:-10])
    docking.clock.forward(minutes=10)

    await docking.reader().scan()

    assert await quarantined(docking) == [("file", SHIP, 12, "E_TRAILER")]
    assert (await docking.told())[0].startswith("alert E_TRAILER")
    assert ack(docking, SHIP)["status"] == "REJECTED"
    assert inbox(docking) == []
    assert [path.name.startswith(SHIP) for path in docking.folder.quarantined.iterdir()] == [True]


async def test_a_refused_file_is_answered_again_and_its_bytes_may_come_under_a_right_name(
    docking: Docking, sample: Sample
) -> None:
    docking.drop("SHIP-2026.shupl", sample(SHIP))
    docking.clock.forward(minutes=10)
    await docking.reader().scan()
    docking.drop("SHIP-2026.shupl", sample(SHIP))
    docking.drop(SHIP, sample(SHIP))
    docking.clock.forward(minutes=10)

    await docking.reader().scan()

    assert [word.split(" ")[:2] for word in await docking.told()] == [
        ["alert", "E_NAME"],
        ["received", f"{SHIP}:6"],
    ]
    assert ack(docking, "SHIP-2026.shupl")["status"] == "REJECTED"
    assert ack(docking, SHIP)["status"] == "ACCEPTED"


async def test_a_name_still_being_written_is_left_alone(docking: Docking, sample: Sample) -> None:
    names = [f".{SHIP}.tmp", f"{SHIP}.tmp", ".hidden", f"{SHIP}.part"]
    for name in names:
        docking.drop(name, sample(SHIP))
    (docking.folder.inbox / "older").mkdir()

    await docking.reader().scan()

    assert inbox(docking) == sorted([*names, "older"])
    assert await docking.told() == []


async def test_what_is_no_regular_file_is_never_opened_and_told_once(
    docking: Docking, sample: Sample, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(sample(SHIP))
    (docking.folder.inbox / SHIP).symlink_to(tmp_path / "secret")
    os.mkfifo(docking.folder.inbox / LATER)
    docking.drop(os.fsdecode(b"SHIP-\xff.shupl"), sample(SHIP))
    docking.clock.forward(hours=1)
    reader = docking.reader()

    await reader.scan()
    await reader.scan()

    assert sorted(await docking.told()) == sorted(
        [f"alert E_SPECIAL {SHIP}", f"alert E_SPECIAL {LATER}", "alert E_SPECIAL SHIP-\\udcff.shupl"]
    )
    assert len(inbox(docking)) == 3


async def test_one_bad_document_is_quarantined_and_the_others_go_through(docking: Docking, sample: Sample) -> None:
    data = sample(SUPPLIER)
    document = data[data.index(b"\nO\t") + 1 : data.rindex(b"TRL")]
    bad = document.replace(b"2611220005-gt", b"2611220006-gt").replace(b"\t18\tZP", b"\t1.5\tZP")
    docking.drop(SUPPLIER, reseal(data.replace(b"\nTRL", b"\n" + bad + b"TRL"), (2, 4, 8, 0)))

    await docking.reader().scan()

    assert await docking.told() == [f"received {SUPPLIER}:4 2611220005-gt", f"refused {SUPPLIER}:7 E_QTY"]
    assert await quarantined(docking) == [("document", SUPPLIER, 8, "E_QTY")]
    answer = ack(docking, SUPPLIER)
    assert [answer[name] for name in ("status", "documents", "accepted", "held", "rejected")] == ["PARTIAL", 2, 1, 0, 1]
    (result,) = answer["results"]
    assert (result["order_no"], result["leg"], result["line_no"], result["level"]) == (
        "2611220006-gt",
        "OUT",
        8,
        "ERROR",
    )
    async with docking.engine.connect() as connection:
        (content,) = (await connection.execute(text("SELECT content FROM docking_quarantine"))).scalars()
    assert content.startswith(b"sealed:")
    assert content.removeprefix(b"sealed:")[::-1].partition(b"\nO\t")[2].partition(b"TRL")[0] == bad.removeprefix(
        b"O\t"
    )


async def test_an_actual_is_taken_once_whatever_file_it_comes_in(docking: Docking, sample: Sample) -> None:
    again = another(sample(SHIP).replace(b"\t0.450", b"\t0.45"))
    other = another(sample(SHIP).replace(b"\t0.450", b"\t0.500"))
    docking.drop(SHIP, sample(SHIP))
    docking.drop(LATER, again)
    docking.drop("SHIP-20261122152300.shupl", other)

    await docking.reader().scan()

    assert await docking.told() == [
        f"received {SHIP}:6 2611220001",
        "refused SHIP-20261122152300.shupl:6 E_DUP_CONFLICT",
    ]
    same, conflict = ack(docking, LATER), ack(docking, "SHIP-20261122152300.shupl")
    assert (same["status"], same["results"][0]["code"]) == ("ACCEPTED", "I_SAME")
    assert (conflict["status"], conflict["held"]) == ("HELD", 1)
    assert docking.owner.rejected[0].held


async def test_an_actual_repeated_inside_a_file_is_taken_once(docking: Docking, sample: Sample) -> None:
    data = sample(SUPPLIER)
    document = data[data.index(b"\nO\t") + 1 : data.rindex(b"TRL")]
    other = document.replace(b"\t18\tZP", b"\t17\tZP")
    docking.drop(SUPPLIER, reseal(data.replace(b"\nTRL", b"\n" + document + other + b"TRL"), (3, 6, 11, 65)))

    await docking.reader().scan()

    assert await docking.told() == [
        f"received {SUPPLIER}:4 2611220005-gt",
        f"refused {SUPPLIER}:10 E_DUP_CONFLICT",
    ]


async def test_an_actual_that_contradicts_our_instruction_is_held(docking: Docking, sample: Sample) -> None:
    docking.owner.instructed[("JFY", "2611220001", "OUT")] = {"supplier_return_result"}
    docking.drop(SHIP, sample(SHIP))

    await docking.reader().scan()

    assert await docking.told() == [f"refused {SHIP}:6 E_ROUTE"]
    assert ack(docking, SHIP)["status"] == "HELD"


async def test_a_test_message_is_answered_and_nothing_more(docking: Docking, sample: Sample) -> None:
    docking.drop(SHIP, another(sample(SHIP).replace(b"\tJFY\tN\n", b"\tJFY\tY\n")))
    await docking.reader().scan()
    docking.drop(LATER, sample(SHIP))
    await docking.reader().scan()

    assert ack(docking, SHIP)["status"] == "ACCEPTED"
    assert await docking.told() == [f"received {LATER}:6 2611220001"]


async def test_two_readers_take_a_file_once(docking: Docking, sample: Sample) -> None:
    for number in range(10):
        data = sample(SHIP).replace(b"SHP-2611220001-1", b"SHP-2611220001-%d" % number)
        docking.drop(f"SHIP-2026112215210{number}.shupl", another(data))

    await asyncio.gather(docking.reader().scan(), docking.reader().scan())
    await docking.reader().scan()

    assert sorted(await docking.told()) == [
        f"received SHIP-2026112215210{number}.shupl:6 2611220001" for number in range(10)
    ]
    assert inbox(docking) == []


def a_page(sample: Sample, page: int, total: int, **changes: bytes) -> bytes:
    data = sample(IBAL).replace(b"WH01\t1\t1\t3", b"WH01\t%d\t%d\t3" % (page, total))
    for old, new in changes.items():
        assert old.encode() in data
        data = data.replace(old.encode(), new)
    return another(data)


async def test_a_snapshot_is_handed_over_when_its_last_page_has_come(docking: Docking, sample: Sample) -> None:
    reader = docking.reader()
    for second, page in enumerate([3, 1, 2]):
        assert docking.owner.snapshots == []
        docking.drop(f"IBAL-2026112202050{second}.Ibupl", a_page(sample, page, 3))
        await reader.scan()

    assert await docking.told() == ["snapshot IBAL-20261122020502.Ibupl IB20261122-WH01 3 pages"]
    (pages,) = docking.owner.snapshots
    assert [page.head["page"] for page in pages] == [1, 2, 3]
    assert [row["qty"] for row in pages[0].records["B"]] == [120, 5, 48]


async def test_pages_of_a_snapshot_are_read_again_only_out_of_other_files(docking: Docking, sample: Sample) -> None:
    def pages(*numbers: int) -> bytes:
        data = sample(IBAL)
        document = data[data.index(b"\nK\t") + 1 : data.rindex(b"TRL")]
        several = b"".join(document.replace(b"WH01\t1\t1\t3", b"WH01\t%d\t4\t3" % number) for number in numbers)
        records = data.count(b"\n") - 2 + (len(numbers) - 1) * document.count(b"\n")
        counts = (len(numbers), 3 * len(numbers), records, 178 * len(numbers))
        return reseal(
            re.sub(rb"\tKD\d{20}\t", b"\tKD%020d\t" % next(_NUMBERS), data.replace(document, several)), counts
        )

    read: list[str] = []

    class Reading(TextCodec):
        def decode(self, name: str, data: bytes, *, vouched: bool = False) -> Decoded:
            read.append(name)
            return super().decode(name, data, vouched=vouched)

    codec = Reading(docking.profile)
    receiver = Receiver(docking.engine, docking.incoming, codec, docking.profile, docking.owner, docking.clock)
    await receiver.receive(IBAL, pages(1, 2))
    await receiver.receive("IBAL-20261122020501.Ibupl", pages(4, 3))

    assert [[page.head["page"] for page in pages] for pages in docking.owner.snapshots] == [[1, 2, 3, 4]]
    assert read == [IBAL, "IBAL-20261122020501.Ibupl", IBAL]


async def test_a_broken_page_keeps_the_snapshot_back_until_it_comes_right(docking: Docking, sample: Sample) -> None:
    docking.drop("IBAL-20261122020500.Ibupl", a_page(sample, 1, 2))
    docking.drop("IBAL-20261122020501.Ibupl", a_page(sample, 2, 2, **{"\t48\t2\t50": b"\t48.5\t2\t50"}))
    await docking.reader().scan()
    assert await docking.told() == ["refused IBAL-20261122020501.Ibupl:4 E_QTY"]

    docking.drop("IBAL-20261122020502.Ibupl", a_page(sample, 2, 2))
    await docking.reader().scan()

    assert (await docking.told())[1:] == ["snapshot IBAL-20261122020502.Ibupl IB20261122-WH01 2 pages"]


@pytest.mark.parametrize(
    ("page", "total", "changes"),
    [
        (1, 2, {"\t48\t2\t50": b"\t47\t3\t50"}),
        (2, 3, {}),
        (3, 2, {}),
        (2, 2, {"\tFULL\t": b"\tPARTIAL\t"}),
        (2, 2, {"2026-11-22 02:00:00": b"2026-11-22 02:00:01"}),
    ],
)
async def test_a_page_that_contradicts_the_others_is_held(
    docking: Docking, sample: Sample, page: int, total: int, changes: dict[str, bytes]
) -> None:
    docking.drop("IBAL-20261122020500.Ibupl", a_page(sample, 1, 2))
    docking.drop("IBAL-20261122020501.Ibupl", a_page(sample, page, total, **changes))

    await docking.reader().scan()

    assert await docking.told() == ["refused IBAL-20261122020501.Ibupl:4 E_DUP_CONFLICT"]
    assert docking.owner.snapshots == []


async def test_what_its_owner_does_not_know_is_refused_document_by_document(docking: Docking, sample: Sample) -> None:
    docking.owner.strangers["JFY"] = Fault("E_OWNER", 6, "owner_code", "JFY", "NB")
    docking.drop(SHIP, sample(SHIP))

    await docking.reader().scan()

    assert await docking.told() == [f"refused {SHIP}:6 E_OWNER"]
    assert ack(docking, SHIP)["status"] == "REJECTED"


async def test_a_page_its_owner_does_not_know_makes_no_snapshot(docking: Docking, sample: Sample) -> None:
    docking.owner.strangers[""] = Fault("E_WAREHOUSE", 4, "warehouse_code", "WH01", "WH02")
    docking.drop("IBAL-20261122020500.Ibupl", sample("IBAL-20261122020500.Ibupl"))

    await docking.reader().scan()

    assert await docking.told() == ["refused IBAL-20261122020500.Ibupl:4 E_WAREHOUSE"]
    assert docking.owner.snapshots == []


async def test_the_journal_knows_which_interface_answers_an_order(
    docking: Docking, sample: Sample, profile: Profile
) -> None:
    name = "Deliver_20261122100000.sh"
    await docking.enqueue(*codec_of(profile).decode(name, sample(name)).documents)
    async with docking.engine.connect() as connection:
        found = await docking.outgoing.interfaces_by_order(
            connection, [("JFY", "2611220001", "OUT"), ("JFY", "2611220001", "IN"), ("GB", "2611220001", "OUT")]
        )

    assert found == {("JFY", "2611220001", "OUT"): {"ship_result"}}


async def test_a_running_reader_takes_files_until_it_is_stopped(docking: Docking, sample: Sample) -> None:
    running = asyncio.create_task(docking.reader().run())
    docking.drop(SHIP, sample(SHIP))

    async with asyncio.timeout(10):
        while not (docking.folder.archived / DAY / SHIP).exists():
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await docking.told() == [f"received {SHIP}:6 2611220001"]


async def test_a_file_our_own_program_fails_on_keeps_no_other_waiting(
    docking: Docking, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = docking.reader()
    codec = reader._receiver.codec
    decode = codec.decode

    def fails(name: str, data: bytes, *, vouched: bool = False) -> Decoded:
        if name == SHIP:
            raise ZeroDivisionError("of our own")
        return decode(name, data, vouched=vouched)

    monkeypatch.setattr(codec, "decode", fails)
    docking.drop(SHIP, sample(SHIP))
    docking.drop(SUPPLIER, sample(SUPPLIER))

    await reader.scan()

    assert await quarantined(docking) == [("file", SHIP, 0, "E_READ")]
    assert [told for told in await docking.told() if told.startswith("alert")] == [
        "alert E_READ ZeroDivisionError of our own"
    ]
    assert inbox(docking) == []
