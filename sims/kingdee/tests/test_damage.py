"""Files that are spoilt on purpose, or dropped twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sim_kingdee import frame, reports
from sim_kingdee.damage import Damage
from sim_kingdee.domain import Behaviour
from sim_kingdee.faces.folder import Folder
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, FrameError

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
DELIVER = "Deliver_20261122100000.sh"

Orders = Callable[..., Document]
Deliver = Callable[..., bytes]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def only_document(root: Path, name: str) -> Document:
    (document,) = frame.read((root / "inbox" / name).read_bytes(), INTERFACES["ship_result"]).documents
    assert document.findings == []
    return document


def put(root: Path, name: str, data: bytes) -> None:
    (root / "outbox" / name).write_bytes(data)


@pytest.mark.parametrize("damage", [Damage.WRONG_TOTAL, Damage.WRONG_HASH, Damage.HALF_FILE])
def test_a_spoilt_file_is_unreadable_and_its_actuals_come_again(
    folder: Folder, root: Path, samples: Path, damage: Damage
) -> None:
    folder.damages.append(damage)
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)
    folder.write_actuals(NOW)
    folder.write_actuals(NOW)

    assert names(root / "inbox") == ["SHIP-20261122152100.shupl", "SHIP-20261122152101.shupl"]
    with pytest.raises(FrameError) as caught:
        only_document(root, "SHIP-20261122152100.shupl")
    assert caught.value.finding.code == "E_TRAILER"
    assert only_document(root, "SHIP-20261122152101.shupl").head.values["out_biz_code"] == "SHP-2611220001-1"
    assert [row["damage"] for row in reports.files(folder.store.db, direction="out")] == [damage, ""]


def test_a_half_temporary_file_never_gets_its_name(folder: Folder, root: Path, samples: Path) -> None:
    folder.damages.append(Damage.HALF_TEMPORARY)
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    assert names(root / "inbox") == [".SHIP-20261122152100.shupl.tmp"]


def test_a_bad_line_spoils_the_last_document_of_a_sound_file(
    folder: Folder, root: Path, order: Orders, deliver: Deliver
) -> None:
    folder.damages.append(Damage.BAD_LINE)
    put(root, DELIVER, deliver(order(), order(order_no="2611220002")))
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    data = (root / "inbox" / "SHIP-20261122152100.shupl").read_bytes()
    good, bad = frame.read(data, INTERFACES["ship_result"]).documents
    assert good.findings == []
    assert [(finding.code, finding.field) for finding in bad.findings] == [("E_FIELD", "line_no")]


def test_a_file_is_dropped_again_with_the_same_bytes_or_with_others(folder: Folder, root: Path, samples: Path) -> None:
    name = "SHIP-20261122152100.shupl"
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)
    folder.write_actuals(NOW)
    with pytest.raises(FileExistsError):
        folder.repeat_file(name, NOW, changed=False)
    first = (root / "inbox" / name).read_bytes()
    (root / "inbox" / name).unlink()

    folder.repeat_file(name, NOW, changed=False)
    same = (root / "inbox" / name).read_bytes()
    (root / "inbox" / name).unlink()
    folder.repeat_file(name, NOW, changed=True)

    assert same == first
    assert (root / "inbox" / name).read_bytes() != first
    assert only_document(root, name) == frame.read(first, INTERFACES["ship_result"]).documents[0]
    with pytest.raises(KeyError):
        folder.repeat_file("SHIP-20261122152109.shupl", NOW, changed=False)


def test_a_report_without_lines_is_spoilt_in_its_head(folder: Folder, root: Path, samples: Path) -> None:
    folder.damages.append(Damage.BAD_LINE)
    folder.store.save_scripts("default", {"": Behaviour.STATUS_ONLY})
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    data = (root / "inbox" / "SHIP-20261122152100.shupl").read_bytes()
    (bad,) = frame.read(data, INTERFACES["ship_result"]).documents
    assert [(finding.code, finding.field) for finding in bad.findings] == [("E_FIELD", "line_count")]
