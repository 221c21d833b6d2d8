"""Which instructions the ERP takes, told by the acknowledgement of the file they came in."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sim_kingdee import frame, reports
from sim_kingdee.ack import Ack
from sim_kingdee.faces.folder import Folder
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document, Record, Values

NOW = datetime(2026, 11, 22, 2, 0, 1, tzinfo=UTC)

Orders = Callable[..., Document]
Deliver = Callable[..., bytes]


@pytest.fixture
def send(folder: Folder, root: Path) -> Callable[[str, bytes], Ack]:
    """Put a file in the outbox, let the ERP take it, return its acknowledgement."""

    def put(name: str, data: bytes) -> Ack:
        (root / "outbox" / name).write_bytes(data)
        folder.take_outbox(NOW)
        ack: Ack = json.loads((root / "ack" / f"{name}.ack").read_bytes())
        return ack

    return put


Send = Callable[[str, bytes], Ack]


def counts(ack: Ack) -> dict[str, int]:
    names = ("documents", "accepted", "held", "rejected")
    return {name: count for name, count in ack.items() if name in names and isinstance(count, int)}


def findings(ack: Ack) -> list[tuple[str, str, int]]:
    return [(result["code"], result["field"], result["line_no"]) for result in ack["results"]]


@pytest.mark.parametrize(
    "name",
    [
        "Deliver_20261122100000.sh",
        "ReturnNote_20261122100500.sh",
        "Receipt_20261122101000.rc",
        "Deliver_20261128100000.rc",
        "Item_20261122090000.im",
    ],
)
def test_every_sample_from_lemai_is_accepted(send: Send, samples: Path, name: str) -> None:
    ack = send(name, (samples / name).read_bytes())

    assert (ack["status"], ack["results"]) == ("ACCEPTED", [])


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ({"order_type": "RESEND"}, [("E_FIELD", "original_order_no", 0), ("E_ROUTE", "order_type", 0)]),
        ({"order_no": "2611220001-t"}, [("E_ROUTE", "order_type", 0)]),
        ({"order_no": "-c"}, [("E_FIELD", "order_no", 0)]),
        ({"platform_order_no": "", "paid_at": ""}, [("E_FIELD", n, 0) for n in ("platform_order_no", "paid_at")]),
        ({"is_cod": "Y", "paid_at": ""}, [("E_FIELD", "receivable_amount", 0)]),
        (
            {"invoice_flag": "Y"},
            [("E_FIELD", n, 0) for n in ("invoice_type", "invoice_title", "invoice_amount")],
        ),
        ({"receiver_mobile": ""}, [("E_FIELD", "receiver_mobile", 0)]),
        ({"receiver_mobile": "", "receiver_tel": "0571-88888888"}, []),
        ({"receiver_name": "张*"}, [("E_FIELD", "receiver_oaid", 0)]),
        ({"receiver_name": "张*", "receiver_oaid": "1T6iXg"}, []),
        ({"line_count": "3"}, [("E_FIELD", "line_count", 0)]),
        ({"total_amount": "129.02"}, [("W_ROUND", "total_amount", 0)]),
        ({"total_amount": "129.03"}, [("E_AMOUNT", "total_amount", 0)]),
        ({"warehouse_code": "WH99"}, [("E_WAREHOUSE", "warehouse_code", 0)]),
        ({"owner_code": "XXX"}, [("E_OWNER", "owner_code", 0), ("E_SKU", "item_code", 1), ("E_SKU", "item_code", 2)]),
    ],
)
def test_the_head_is_checked(
    send: Send, order: Orders, deliver: Deliver, head: dict[str, str], found: list[tuple[str, str, int]]
) -> None:
    ack = send("Deliver_20261122100000.sh", deliver(order(**head)))

    assert findings(ack) == found
    is_rejected = any(code.startswith("E") for code, _, _ in found)
    assert ack["rejected"] == int(is_rejected)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ({"2": {"line_no": "1"}}, [("E_FIELD", "line_no", 1)]),
        ({"1": {"line_no": "0"}}, [("E_FIELD", "line_no", 0)]),
        ({"2": {"plan_qty": "0"}}, [("E_QTY", "plan_qty", 2)]),
        ({"2": {"item_code": "NOBODY"}}, [("E_SKU", "item_code", 2)]),
        ({"2": {"line_amount": "71.00"}}, [("E_AMOUNT", "item_amount", 0)]),
    ],
)
def test_the_lines_are_checked(
    send: Send, order: Orders, deliver: Deliver, lines: dict[str, Values], found: list[tuple[str, str, int]]
) -> None:
    assert findings(send("Deliver_20261122100000.sh", deliver(order(lines)))) == found


def test_one_bad_line_rejects_its_document_and_no_other(
    folder: Folder, send: Send, order: Orders, deliver: Deliver
) -> None:
    bad = order({"2": {"inventory_type": "XX"}}, order_no="2611220002")

    ack = send("Deliver_20261122100000.sh", deliver(order(), bad, order(order_no="2611220003")))

    assert ack["status"] == "PARTIAL"
    assert counts(ack) == {"documents": 3, "accepted": 2, "held": 0, "rejected": 1}
    assert [(r["order_no"], r["leg"], r["line_no"], r["level"], r["code"]) for r in ack["results"]] == [
        ("2611220002", "OUT", 2, "ERROR", "E_INVTYPE")
    ]
    stored = reports.orders(folder.store.db, limit=10)
    assert [(row["order_no"], row["file_name"], row["file_line"]) for row in stored] == [
        ("2611220001", "Deliver_20261122100000.sh", 4),
        ("2611220003", "Deliver_20261122100000.sh", 10),
    ]


def test_a_test_message_is_judged_and_leaves_no_trace(
    folder: Folder, send: Send, order: Orders, deliver: Deliver
) -> None:
    ack = send("Deliver_20261122100000.sh", deliver(order(), order(order_no="X-"), test_flag="Y"))

    assert counts(ack) == {"documents": 2, "accepted": 1, "held": 0, "rejected": 1}
    assert reports.orders(folder.store.db, limit=10) == []


def test_the_same_instruction_again_changes_nothing(
    folder: Folder, send: Send, order: Orders, deliver: Deliver
) -> None:
    send("Deliver_20261122100000.sh", deliver(order()))

    ack = send("Deliver_20261122100001.sh", deliver(order(), message_id="LQ2"))

    assert (ack["status"], findings(ack)) == ("ACCEPTED", [("I_SAME", "", 0)])
    duplicates = reports.duplicates(folder.store.db)
    assert [row["file_name"] for row in duplicates["repeated"]] == ["Deliver_20261122100001.sh"]
    assert duplicates["changed"] == []


def test_another_content_replaces_an_instruction_until_it_is_worked_on(
    folder: Folder, send: Send, order: Orders, deliver: Deliver
) -> None:
    send("Deliver_20261122100000.sh", deliver(order()))
    replaced = send("Deliver_20261122100001.sh", deliver(order(logistics_code="YTO")))
    folder.write_actuals(NOW)
    refused = send("Deliver_20261122100002.sh", deliver(order(logistics_code="ZTO")))

    assert (replaced["status"], findings(replaced)) == ("ACCEPTED", [])
    assert (refused["status"], findings(refused)) == ("REJECTED", [("E_STATE", "order_no", 0)])
    kinds = [row["kind"] for row in reports.duplicates(folder.store.db)["changed"]]
    assert kinds == ["changed", "refused"]
    (instruction,) = reports.orders(folder.store.db, limit=10)
    assert (instruction["file_name"], instruction["state"]) == ("Deliver_20261122100001.sh", "DONE")


def test_the_two_legs_of_an_exchange_are_two_instructions(
    folder: Folder, send: Send, order: Orders, deliver: Deliver, samples: Path
) -> None:
    returned = frame.read((samples / "Deliver_20261128100000.rc").read_bytes(), INTERFACES["sales_return_order"])
    (document,) = returned.documents
    head = {**document.head.values, "order_no": "2611220001-h", "order_type": "EXCHANGE"}
    inbound = frame.write(returned.header, [Document(Record("O", head), document.children)]).data
    outbound = deliver(order(order_no="2611220001-h", order_type="EXCHANGE", original_order_no="2611220001"))

    acks = [send("Deliver_20261128100000.rc", inbound), send("Deliver_20261128100001.sh", outbound)]

    assert [ack["results"] for ack in acks] == [[], []]
    assert [row["leg"] for row in reports.orders(folder.store.db, limit=10)] == ["IN", "OUT"]


def test_one_trade_line_in_two_orders_is_reported(folder: Folder, send: Send, order: Orders, deliver: Deliver) -> None:
    send("Deliver_20261122100000.sh", deliver(order(), order(order_no="2611220009")))

    twice = reports.duplicates(folder.store.db)["trade_lines_twice"]

    assert [(row["platform_sub_order_no"], row["order_nos"]) for row in twice] == [
        ("3021456789012345679", "2611220001,2611220009"),
        ("3021456789012345680", "2611220001,2611220009"),
    ]


@pytest.fixture
def item_file(samples: Path) -> Callable[..., bytes]:
    message = frame.read((samples / "Item_20261122090000.im").read_bytes(), INTERFACES["item_master"])

    def build(**changed: str) -> bytes:
        return frame.write(
            message.header, [Document(Record("I", {**message.documents[0].head.values, **changed}))]
        ).data

    return build


def test_an_item_is_updated_and_an_older_update_is_ignored(
    folder: Folder, send: Send, item_file: Callable[..., bytes]
) -> None:
    newer = item_file(action_type="UPDATE", item_name="新名", updated_at="2026-11-23 09:00:00")
    send("Item_20261123090000.im", newer)

    ack = send("Item_20261123090001.im", item_file(item_name="旧名"))

    assert findings(ack) == [("W_STALE", "updated_at", 0)]
    (item,) = reports.items(folder.store.db, item_code="GB-TS-001-R-90")
    assert isinstance(item["record"], dict)
    assert item["record"]["item_name"] == "新名"


def test_a_bad_item_is_rejected_alone(send: Send, samples: Path) -> None:
    message = frame.read((samples / "Item_20261122090000.im").read_bytes(), INTERFACES["item_master"])
    first, second = message.documents
    bad = Document(Record("I", {**second.head.values, "item_type": "??"}))

    ack = send("Item_20261122090000.im", frame.write(message.header, [first, bad]).data)

    assert counts(ack) == {"documents": 2, "accepted": 1, "held": 0, "rejected": 1}
    assert [(r["order_no"], r["code"]) for r in ack["results"]] == [("GB-SH-014-B-22", "E_FIELD")]


def test_a_disabled_item_cannot_be_ordered(
    send: Send, item_file: Callable[..., bytes], order: Orders, deliver: Deliver
) -> None:
    send("Item_20261123090000.im", item_file(action_type="DISABLE", updated_at="2026-11-23 09:00:00"))

    ack = send("Deliver_20261122100000.sh", deliver(order()))

    assert findings(ack) == [("E_SKU", "item_code", 1)]


def test_a_lot_managed_item_needs_its_lot_to_leave(
    send: Send, item_file: Callable[..., bytes], order: Orders, deliver: Deliver
) -> None:
    send("Item_20261123090000.im", item_file(is_batch_mgmt="Y", updated_at="2026-11-23 09:00:00"))

    without = send("Deliver_20261122100000.sh", deliver(order()))
    with_lot = send("Deliver_20261122100001.sh", deliver(order({"1": {"batch_code": "B1"}})))

    assert findings(without) == [("E_LOT", "batch_code", 1)]
    assert findings(with_lot) == []


def test_a_loss_needs_nothing_a_sale_has(send: Send, order: Orders, deliver: Deliver) -> None:
    sale = dict.fromkeys(order().head.values, "")
    said = {"order_type": "ADJUST", "warehouse_code": "WH01", "owner_code": "JFY", "line_count": "2"}
    head = {**sale, **said, "order_no": "2611220007-v", "created_at": "2026-11-22 09:58:10"}
    loss = order({"1": {"actual_price": "", "line_amount": ""}, "2": {"actual_price": "", "line_amount": ""}}, **head)

    assert send("Deliver_20261122100000.sh", deliver(loss))["results"] == []
    assert [code for code, _, _ in findings(send("Deliver_20261122100001.sh", deliver(order(shop_name=""))))] == [
        "E_FIELD"
    ]
