"""The file face: what is taken, what is answered, and what a crash leaves behind."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sim_kingdee import frame, reports
from sim_kingdee.ack import Ack
from sim_kingdee.domain import Behaviour
from sim_kingdee.erp import Erp
from sim_kingdee.faces.folder import Folder
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, Values

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
DELIVER = "Deliver_20261122100000.sh"
DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"

Orders = Callable[..., Document]
Deliver = Callable[..., bytes]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ack_of(root: Path, name: str) -> Ack:
    ack: Ack = json.loads((root / "ack" / f"{name}.ack").read_bytes())
    return ack


def only_document(root: Path, name: str, interface: str = "ship_result") -> Document:
    (document,) = frame.read((root / "inbox" / name).read_bytes(), INTERFACES[interface]).documents
    assert document.findings == []
    return document


def quantities(document: Document) -> dict[str, str]:
    return {line.values["line_no"]: line.values["actual_qty"] for line in document.lines()}


def put(root: Path, name: str, data: bytes) -> None:
    (root / "outbox" / name).write_bytes(data)


def test_a_file_is_acknowledged_and_archived(folder: Folder, root: Path, samples: Path) -> None:
    data = (samples / DELIVER).read_bytes()
    put(root, DELIVER, data)

    folder.take_outbox(NOW)

    expected: Ack = {
        "message_id": "LQ20261122100000000001",
        "file_name": DELIVER,
        "sha256": hashlib.sha256(data).hexdigest(),
        "status": "ACCEPTED",
        "received_at": "2026-11-22T15:21:00+08:00",
        "documents": 1,
        "accepted": 1,
        "held": 0,
        "rejected": 0,
        "results": [],
    }
    assert ack_of(root, DELIVER) == expected
    assert names(root / "outbox") == []
    assert (root / "archive" / "20261122" / DELIVER).read_bytes() == data


def test_the_archive_day_is_the_one_in_shanghai(folder: Folder, root: Path, samples: Path) -> None:
    put(root, DELIVER, (samples / DELIVER).read_bytes())

    folder.take_outbox(datetime(2026, 11, 22, 16, 0, tzinfo=UTC))

    assert names(root / "archive") == ["20261123"]


def test_items_are_taken_before_older_orders(root: Path, samples: Path, folder: Folder) -> None:
    folder.store.db.execute("DELETE FROM item")
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    put(root, "Item_20261122110000.im", (samples / "Item_20261122090000.im").read_bytes())

    folder.take_outbox(NOW)

    assert ack_of(root, DELIVER)["status"] == "ACCEPTED"


def test_hidden_temporary_and_unfinished_files_are_left_alone(folder: Folder, root: Path, samples: Path) -> None:
    data = (samples / DELIVER).read_bytes()
    put(root, f".{DELIVER}.tmp", data)
    put(root, "Deliver_20261122100001.sh.tmp", data)
    put(root, "Deliver_20261122100002.sh", data[:700])
    before = names(root / "outbox")

    folder.take_outbox(datetime.now(UTC))

    assert names(root / "outbox") == before
    assert names(root / "ack") == []


def test_a_file_unfinished_for_ten_minutes_is_refused(folder: Folder, root: Path, samples: Path) -> None:
    put(root, DELIVER, (samples / DELIVER).read_bytes()[:700])
    os.utime(root / "outbox" / DELIVER, (NOW.timestamp() - 601,) * 2)

    folder.take_outbox(NOW)

    ack = ack_of(root, DELIVER)
    assert (ack["status"], [result["code"] for result in ack["results"]]) == ("REJECTED", ["E_TRAILER"])
    assert names(root / "quarantine") == [f"{DELIVER}.{ack['sha256'][:8]}"]


def test_a_foreign_name_is_refused_at_once(folder: Folder, root: Path) -> None:
    put(root, "orders.csv", b"1,2,3")

    folder.take_outbox(NOW)

    assert [result["code"] for result in ack_of(root, "orders.csv")["results"]] == ["E_NAME"]
    assert names(root / "outbox") == []


def test_the_same_bytes_again_are_a_duplicate_under_any_name(folder: Folder, root: Path, samples: Path) -> None:
    data = (samples / DELIVER).read_bytes()
    again = "Deliver_20261122100005.sh"
    for name in (DELIVER, DELIVER, again):
        put(root, name, data)
        folder.take_outbox(NOW)

    assert [(ack_of(root, n)["status"], ack_of(root, n)["file_name"]) for n in (DELIVER, again)] == [
        ("DUPLICATE", DELIVER),
        ("DUPLICATE", again),
    ]
    assert ack_of(root, again)["accepted"] == 1
    assert len(reports.orders(folder.store.db, limit=10)) == 1
    assert [row["status"] for row in reports.files(folder.store.db)] == ["ARCHIVED"] * 3


def test_other_bytes_under_a_used_name_are_refused(folder: Folder, root: Path, order: Orders, deliver: Deliver) -> None:
    put(root, DELIVER, deliver(order()))
    folder.take_outbox(NOW)
    put(root, DELIVER, deliver(order(order_no="2611220009")))
    folder.take_outbox(NOW)

    ack = ack_of(root, DELIVER)
    assert (ack["status"], [result["code"] for result in ack["results"]]) == ("REJECTED", ["E_FILE_CHANGED"])
    assert names(root / "quarantine") == [f"{DELIVER}.{ack['sha256'][:8]}"]
    assert [row["order_no"] for row in reports.orders(folder.store.db, limit=10)] == ["2611220001"]


def test_a_crash_before_the_acknowledgement_is_made_good(folder: Folder, root: Path, samples: Path) -> None:
    data = (samples / DELIVER).read_bytes()
    put(root, DELIVER, data)
    shutil.rmtree(root / "ack")
    with pytest.raises(FileNotFoundError):
        folder.take_outbox(NOW)
    (root / "ack").mkdir()

    folder.take_outbox(NOW)

    assert ack_of(root, DELIVER)["status"] == "ACCEPTED"
    assert names(root / "outbox") == []
    assert reports.duplicates(folder.store.db)["repeated"] == []


def test_a_crash_before_a_file_is_dropped_is_made_good(folder: Folder, root: Path, samples: Path) -> None:
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)
    shutil.rmtree(root / "inbox")
    with pytest.raises(FileNotFoundError):
        folder.write_actuals(NOW)

    Folder(root, folder.erp, trailer_patience_s=600)

    assert quantities(only_document(root, "SHIP-20261122152100.shupl")) == {"1": "1", "2": "2"}


def test_an_error_in_the_middle_of_a_file_leaves_nothing_of_it(
    folder: Folder, root: Path, order: Orders, deliver: Deliver
) -> None:
    folder.store.db.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON instruction WHEN new.order_no = '2611220002'"
        " BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    put(root, DELIVER, deliver(order(), order(order_no="2611220002")))
    with pytest.raises(sqlite3.IntegrityError):
        folder.take_outbox(NOW)

    assert reports.orders(folder.store.db, limit=10) == []
    folder.store.db.execute("DROP TRIGGER fail")
    folder.take_outbox(NOW)
    assert ack_of(root, DELIVER)["accepted"] == 2


def test_an_order_ships_after_the_delay(root: Path, folder: Folder, samples: Path) -> None:
    slow = Erp(folder.store, seed=1, ship_delay=timedelta(seconds=5), parcel_gap=timedelta(seconds=1))
    folder = Folder(root, slow, trailer_patience_s=600)
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW + timedelta(milliseconds=4999))
    assert names(root / "inbox") == []
    folder.write_actuals(NOW + timedelta(seconds=5))
    assert names(root / "inbox") == ["SHIP-20261122152105.shupl"]


def test_an_order_is_shipped_in_full(folder: Folder, root: Path, samples: Path) -> None:
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    document = only_document(root, "SHIP-20261122152100.shupl")
    (parcel,) = (record.values for record in document.children if record.tag == "P")
    assert {name: value for name, value in document.head.values.items() if name != "express_no"} == {
        "order_no": "2611220001",
        "wms_order_no": "WMS8800001",
        "order_type": "SALE",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "out_biz_code": "SHP-2611220001-1",
        "confirm_type": "0",
        "status": "DELIVERED",
        "shipped_at": "2026-11-22 15:21:00",
        "logistics_code": "SF",
        "package_count": "1",
        "line_count": "2",
    }
    assert quantities(document) == {"1": "1", "2": "2"}
    assert parcel["express_no"] == document.head.values["express_no"]
    contents = [(r.values["line_no"], r.values["qty"]) for r in document.children if r.tag == "Q"]
    assert contents == [("1", "1"), ("2", "2")]
    stock = reports.stock(folder.store.db, item_code=SHOES)
    assert [(row["on_hand"], row["locked"]) for row in stock] == [(98, 0)]
    (instruction,) = reports.orders(folder.store.db, limit=10)
    assert isinstance(instruction["actuals"], list)
    (actual,) = instruction["actuals"]
    assert (actual["file_name"], actual["file_line"]) == ("SHIP-20261122152100.shupl", document.head.line)


def test_two_parcels_go_in_two_files_with_two_waybills(folder: Folder, root: Path, samples: Path) -> None:
    folder.store.save_scripts("order_no", {"2611220001": Behaviour.TWO_PARCELS})
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)
    folder.write_actuals(NOW + timedelta(milliseconds=999))
    folder.write_actuals(NOW + timedelta(seconds=1))

    assert names(root / "inbox") == ["SHIP-20261122152100.shupl", "SHIP-20261122152101.shupl"]
    first, second = (only_document(root, name) for name in names(root / "inbox"))
    assert [d.head.values["out_biz_code"] for d in (first, second)] == ["SHP-2611220001-1", "SHP-2611220001-2"]
    assert [(d.head.values["confirm_type"], d.head.values["status"]) for d in (first, second)] == [
        ("1", "PARTDELIVERED"),
        ("0", "DELIVERED"),
    ]
    assert [quantities(d) for d in (first, second)] == [{"1": "1", "2": "1"}, {"2": "1"}]
    assert first.head.values["express_no"] != second.head.values["express_no"]


def test_an_empty_shelf_closes_the_order_without_a_parcel(folder: Folder, root: Path, samples: Path) -> None:
    folder.store.set_stock({("WH01", "JFY", DRESS, "ZP"): 0, ("WH01", "JFY", SHOES, "ZP"): 0})
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    document = only_document(root, "SHIP-20261122152100.shupl")
    assert (document.head.values["status"], document.head.values["confirm_type"]) == ("CLOSED", "0")
    assert quantities(document) == {"1": "0", "2": "0"}
    assert [record.tag for record in document.children] == ["L", "L"]
    assert [row["on_hand"] for row in reports.stock(folder.store.db)] == [0, 0]


@pytest.mark.parametrize(
    ("behaviour", "state", "locked"),
    [(Behaviour.SILENT, "NEW", 2), (Behaviour.REJECT, "REJECTED", 0), (Behaviour.SHORT, "DONE_SHORT", 0)],
)
def test_only_open_instructions_lock_stock(
    folder: Folder, root: Path, samples: Path, behaviour: Behaviour, state: str, locked: int
) -> None:
    folder.store.save_scripts("default", {"": behaviour})
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    assert [row["state"] for row in reports.orders(folder.store.db, limit=10)] == [state]
    assert [row["locked"] for row in reports.stock(folder.store.db, item_code=SHOES)] == [locked]


@pytest.mark.parametrize(
    ("scripts", "state"),
    [
        ({}, "DONE"),
        ({"default": ""}, "REJECTED"),
        ({"item_code": SHOES}, "REJECTED"),
        ({"platform_order_no": "3021456789012345678"}, "REJECTED"),
        ({"item_code": "ANOTHER"}, "DONE"),
    ],
)
def test_a_script_is_found_by_order_trade_item_or_default(
    folder: Folder, root: Path, samples: Path, scripts: dict[str, str], state: str
) -> None:
    for scope, code in scripts.items():
        folder.store.save_scripts(scope, {code: Behaviour.REJECT})
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    assert [row["state"] for row in reports.orders(folder.store.db, limit=10)] == [state]


@pytest.mark.parametrize(
    ("source", "answer", "interface", "head"),
    [
        (
            "ReturnNote_20261122100500.sh",
            "SHIP-20261122152100.shupl",
            "supplier_return_result",
            {"supplier_code": "VEN0007", "logistics_code": "DBL", "status": "DELIVERED"},
        ),
        (
            "Receipt_20261122101000.rc",
            "RECV-20261122152100.rcupl",
            "receipt_result",
            {"purchase_order_no": "2611220002-c", "status": "FULFILLED"},
        ),
        (
            "Deliver_20261128100000.rc",
            "RECV-20261122152100.rcupl",
            "sales_return_result",
            {"logistics_code": "YTO", "express_no": "YT8812345678901", "status": "FULFILLED"},
        ),
    ],
)
def test_each_instruction_is_answered_by_its_own_interface(
    folder: Folder, root: Path, samples: Path, source: str, answer: str, interface: str, head: Values
) -> None:
    folder.store.set_stock({("WH01", "JFY", SHOES, "CC"): 4})
    put(root, source, (samples / source).read_bytes())
    folder.take_outbox(NOW)

    folder.write_actuals(NOW)

    document = only_document(root, answer, interface)
    assert {name: document.head.values[name] for name in head} == head
    for line in document.lines():
        assert line.values["actual_qty"] == line.values["plan_qty"]


def test_stamps_grow_by_a_second_when_files_come_faster(
    folder: Folder, root: Path, order: Orders, deliver: Deliver
) -> None:
    for number in range(3):
        put(root, f"Deliver_2026112210000{number}.sh", deliver(order(order_no=f"261122000{number}")))
        folder.take_outbox(NOW)
        folder.write_actuals(NOW)

    assert names(root / "inbox") == [f"SHIP-2026112215210{second}.shupl" for second in range(3)]


def test_a_snapshot_comes_in_pages_and_adds_up(folder: Folder, root: Path, samples: Path) -> None:
    folder.store.save_scripts("default", {"": Behaviour.SILENT})
    folder.store.set_stock({("WH01", "JFY", DRESS, "CC"): 5, ("WH02", "JFY", DRESS, "ZP"): 7})
    put(root, DELIVER, (samples / DELIVER).read_bytes())
    folder.take_outbox(NOW)

    folder.write_snapshot("WH01", "JFY", 2, NOW)

    assert names(root / "inbox") == ["IBAL-20261122152100.Ibupl", "IBAL-20261122152101.Ibupl"]
    pages = [only_document(root, name, "inventory_balance") for name in names(root / "inbox")]
    assert [(p.head.values["page"], p.head.values["total_page"]) for p in pages] == [("1", "2"), ("2", "2")]
    assert len({p.head.values["snapshot_id"] for p in pages}) == 1
    rows = [record.values for page in pages for record in page.children]
    assert [(r["item_code"], r["inventory_type"], r["qty"], r["lock_qty"], r["total_qty"]) for r in rows] == [
        (SHOES, "ZP", "98", "2", "100"),
        (DRESS, "ZP", "99", "1", "100"),
        (DRESS, "CC", "5", "0", "5"),
    ]
