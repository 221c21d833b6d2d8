"""The HTTP face: control, inspection, refusals, and the program as a whole."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from sim_kingdee import frame
from sim_kingdee.api import create_app
from sim_kingdee.faces.folder import Folder
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document

NOW = datetime(2026, 11, 22, 7, 21, 0, tzinfo=UTC)
DELIVER = "Deliver_20261122100000.sh"
SHIP = "SHIP-20261122152100.shupl"
DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"


@pytest.fixture
async def client(folder: Folder) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app([folder], lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://kingdee") as client:
        yield client


@pytest.fixture
def run(folder: Folder) -> Callable[[], None]:
    """One turn of both folder loops."""

    def turn() -> None:
        folder.take_outbox(NOW)
        folder.write_actuals(NOW)

    return turn


def read(root: Path, name: str, interface: str) -> Document:
    (document,) = frame.read((root / "inbox" / name).read_bytes(), INTERFACES[interface]).documents
    assert document.findings == []
    return document


async def test_an_order_can_be_followed_from_file_to_waybill(
    client: httpx.AsyncClient, root: Path, samples: Path, run: Callable[[], None]
) -> None:
    (root / "outbox" / DELIVER).write_bytes((samples / DELIVER).read_bytes())
    run()

    order = (await client.get("/sim/orders/JFY/2611220001")).json()

    (instruction,) = order["instructions"]
    assert (instruction["leg"], instruction["state"], instruction["behaviour"]) == ("OUT", "DONE", "full")
    assert (instruction["file_name"], instruction["file_line"]) == (DELIVER, 4)
    assert instruction["head"]["receiver_city"] == "杭州市"
    assert [(n["line_no"], n["plan_qty"], n["done_qty"], n["file_line"]) for n in instruction["lines"]] == [
        (1, 1, 1, 5),
        (2, 2, 2, 6),
    ]
    (actual,) = order["actuals"]
    document = read(root, SHIP, "ship_result")
    assert actual == {
        "leg": "OUT",
        "face": "folder",
        "interface": "ship_result",
        "out_biz_code": "SHP-2611220001-1",
        "confirm_type": 0,
        "status": "DELIVERED",
        "booked_at": "2026-11-22T07:21:00.000+00:00",
        "file_name": SHIP,
        "file_line": 6,
        "waybills": [{"logistics_code": "SF", "express_no": document.head.values["express_no"]}],
        "lines": [
            {"line_no": 1, "item_code": DRESS, "inventory_type": "ZP", "actual_qty": 1},
            {"line_no": 2, "item_code": SHOES, "inventory_type": "ZP", "actual_qty": 2},
        ],
    }


async def test_orders_are_listed_page_by_page(
    client: httpx.AsyncClient,
    root: Path,
    order: Callable[..., Document],
    deliver: Callable[..., bytes],
    run: Callable[[], None],
) -> None:
    documents = [order(order_no=f"261122000{n}", platform_order_no=f"30{n}") for n in range(3)]
    (root / "outbox" / DELIVER).write_bytes(deliver(*documents))
    run()

    first = (await client.get("/sim/orders", params={"limit": 2})).json()
    second = (await client.get("/sim/orders", params={"limit": 2, "after": first["next_after"]})).json()
    trade = (await client.get("/sim/orders", params={"platform_order_no": "301"})).json()

    assert [row["order_no"] for row in first["orders"]] == ["2611220000", "2611220001"]
    assert ([row["order_no"] for row in second["orders"]], second["next_after"]) == (["2611220002"], None)
    assert [row["order_no"] for row in trade["orders"]] == ["2611220001"]


async def test_stock_is_set_shown_and_snapshot(client: httpx.AsyncClient, root: Path) -> None:
    balance = {"warehouse_code": "WH02", "owner_code": "JFY", "item_code": DRESS, "on_hand": 7}

    assert (await client.post("/sim/stock", json={"stock": [balance]})).json() == {"rows": 1}
    shown = (await client.get("/sim/stock", params={"warehouse_code": "WH02"})).json()
    written = (await client.post("/sim/snapshot", json={"warehouse_code": "WH02", "owner_code": "JFY"})).json()

    assert shown["stock"] == [
        {**balance, "inventory_type": "ZP", "locked": 0, "available": 7, "unit": "Pcs"},
    ]
    assert written == {"files": ["IBAL-20261122152100.Ibupl"]}
    document = read(root, "IBAL-20261122152100.Ibupl", "inventory_balance")
    assert document.children[0].values["total_qty"] == "7"


async def test_a_script_is_obeyed(
    client: httpx.AsyncClient, root: Path, samples: Path, run: Callable[[], None]
) -> None:
    body = {"default": "silent", "platform_order_no": {"3021456789012345678": "short"}}
    assert (await client.post("/sim/scripts", json=body)).json() == {"scripts": 2}
    (root / "outbox" / DELIVER).write_bytes((samples / DELIVER).read_bytes())
    run()

    order = (await client.get("/sim/orders/JFY/2611220001")).json()

    assert order["instructions"][0]["behaviour"] == "short"
    assert [line["actual_qty"] for line in order["actuals"][0]["lines"]] == [1, 1]


async def test_goods_received_by_hand_answer_a_silent_purchase(
    client: httpx.AsyncClient, root: Path, samples: Path, run: Callable[[], None]
) -> None:
    await client.post("/sim/scripts", json={"default": "silent"})
    receipt = "Receipt_20261122101000.rc"
    (root / "outbox" / receipt).write_bytes((samples / receipt).read_bytes())
    run()

    body = {
        "order_no": "2611220002-c",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "is_final": False,
        "lines": [
            {"item_code": DRESS, "qty": 190},
            {"item_code": DRESS, "qty": 5, "inventory_type": "CC", "remark": "外箱破损"},
        ],
    }
    assert (await client.post("/sim/receipts", json=body)).json() == {"out_biz_code": "RCV-2611220002-c-1"}
    run()

    document = read(root, "RECV-20261122152100.rcupl", "receipt_result")
    assert (document.head.values["confirm_type"], document.head.values["status"]) == ("1", "PARTFULFILLED")
    lines = [record.values for record in document.lines()]
    assert [(n["line_no"], n["plan_qty"], n["actual_qty"], n["inventory_type"], n["line_remark"]) for n in lines] == [
        ("1", "200", "190", "ZP", ""),
        ("1", "200", "5", "CC", "外箱破损"),
    ]
    stock = (await client.get("/sim/stock", params={"item_code": DRESS})).json()["stock"]
    assert [(row["inventory_type"], row["on_hand"]) for row in stock] == [("ZP", 290), ("CC", 5)]
    order = (await client.get("/sim/orders/JFY/2611220002-c")).json()
    assert (order["instructions"][0]["state"], order["instructions"][0]["lines"][0]["done_qty"]) == ("PART_DONE", 195)


async def test_an_unannounced_return_is_reported(
    client: httpx.AsyncClient, root: Path, run: Callable[[], None]
) -> None:
    body = {
        "order_no": "2611220099-t",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "lines": [{"item_code": DRESS, "qty": 1, "inventory_type": "CC"}],
        "logistics_code": "YTO",
        "express_no": "YT8812345678901",
    }
    await client.post("/sim/receipts", json=body)
    run()

    document = read(root, "RECV-20261122152100.rcupl", "sales_return_result")
    assert document.head.values["order_type"] == "RETURN"
    assert document.head.values["express_no"] == "YT8812345678901"
    assert document.lines()[0].values["defect_reason"] == "残次"


async def test_an_unknown_order_is_shipped_on_demand(
    client: httpx.AsyncClient, root: Path, run: Callable[[], None]
) -> None:
    body = {
        "kind": "unknown_order",
        "order_no": "9900000001",
        "warehouse_code": "WH01",
        "owner_code": "JFY",
        "item_code": DRESS,
    }
    assert (await client.post("/sim/misbehave", json=body)).json() == {"kind": "unknown_order"}
    run()

    assert read(root, SHIP, "ship_result").head.values["order_no"] == "9900000001"
    order = (await client.get("/sim/orders/JFY/9900000001")).json()
    assert (order["instructions"], len(order["actuals"])) == ([], 1)


async def test_misbehaviour_spoils_the_next_file_and_repeats_an_old_one(
    client: httpx.AsyncClient, root: Path, samples: Path, run: Callable[[], None]
) -> None:
    await client.post("/sim/misbehave", json={"kind": "wrong_total"})
    (root / "outbox" / DELIVER).write_bytes((samples / DELIVER).read_bytes())
    run()

    files = (await client.get("/sim/files", params={"direction": "out"})).json()["files"]
    assert [(row["name"], row["damage"], row["in_inbox"], row["ack"]) for row in files] == [
        (SHIP, "wrong_total", True, None)
    ]
    lying = await client.post("/sim/misbehave", json={"kind": "duplicate", "file_name": SHIP})
    assert (lying.status_code, lying.headers["content-type"]) == (409, "application/problem+json")
    (root / "inbox" / SHIP).unlink()
    (root / "ack" / f"{SHIP}.ack").write_text(json.dumps({"status": "REJECTED"}))
    await client.post("/sim/misbehave", json={"kind": "duplicate", "file_name": SHIP})
    files = (await client.get("/sim/files", params={"direction": "out"})).json()["files"]
    assert [(row["damage"], row["in_inbox"], row["ack"]) for row in files] == [
        ("wrong_total", True, {"status": "REJECTED"}),
        ("duplicate", True, {"status": "REJECTED"}),
    ]


async def test_files_items_and_duplicates_are_shown(
    client: httpx.AsyncClient, root: Path, samples: Path, run: Callable[[], None]
) -> None:
    (root / "outbox" / DELIVER).write_bytes((samples / DELIVER).read_bytes())
    run()

    (file,) = (await client.get("/sim/files", params={"direction": "in"})).json()["files"]
    items = (await client.get("/sim/items", params={"owner_code": "JFY"})).json()["items"]

    assert (file["name"], file["status"], file["ack"]["status"]) == (DELIVER, "ARCHIVED", "ACCEPTED")
    assert [(item["item_code"], item["record"]["bar_code"]) for item in items] == [
        (SHOES, "6901234567908"),
        (DRESS, "6901234567892"),
    ]
    assert (await client.get("/sim/duplicates")).json() == {
        "changed": [],
        "repeated": [],
        "over_shipped": [],
        "trade_lines_twice": [],
        "bills_repeated": [],
    }
    assert (await client.get("/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/sim/stock", {"stock": [{"warehouse_code": "WH01"}]}, "body.stock.0.owner_code"),
        ("/sim/scripts", {"default": "sulk"}, "body.default"),
        ("/sim/scripts", {"order": {}}, "body.order"),
        ("/sim/misbehave", {"kind": "sulk"}, "body"),
        (
            "/sim/receipts",
            {"order_no": "1", "warehouse_code": "W", "owner_code": "J", "lines": [{"item_code": "A", "qty": 1}]},
            "body.order_no",
        ),
    ],
)
async def test_a_bad_body_is_a_problem_that_names_the_field(
    client: httpx.AsyncClient, path: str, body: dict[str, object], field: str
) -> None:
    answer = await client.post(path, json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == field


async def test_an_order_nobody_knows_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/sim/orders/JFY/1")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_program_answers_files_until_it_is_told_to_stop(tmp_path: Path, samples: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = tmp_path / "exchange"
    environment = {
        **os.environ,
        "HTTP_PORT": str(port),
        "SIM_KINGDEE_ROOT": str(root),
        "SIM_KINGDEE_DIR": str(tmp_path / "store"),
        "SIM_KINGDEE_POLL_MS": "20",
        "SIM_KINGDEE_FLUSH_MS": "20",
        "SIM_KINGDEE_WAREHOUSES": '["WH01"]',
    }
    program = subprocess.Popen([sys.executable, "-m", "sim_kingdee"], env=environment)
    try:
        until((root / "outbox").exists)
        for name in ("Item_20261122090000.im", DELIVER):
            temporary = root / "outbox" / f".{name}.tmp"
            temporary.write_bytes((samples / name).read_bytes())
            temporary.rename(root / "outbox" / name)
        until(lambda: any((root / "inbox").glob("SHIP-*.shupl")))
        order = httpx.get(f"http://127.0.0.1:{port}/sim/orders/JFY/2611220001").json()
        assert order["instructions"][0]["file_name"] == DELIVER
        assert order["actuals"][0]["status"] == "CLOSED"
    finally:
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=20) in (0, -signal.SIGTERM)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.prove
def test_five_hundred_documents_are_handled_in_under_300_ms(
    folder: Folder, root: Path, order: Callable[..., Document], deliver: Callable[..., bytes], run: Callable[[], None]
) -> None:
    documents = [order(order_no=str(2_611_220_000 + number)) for number in range(500)]
    (root / "outbox" / DELIVER).write_bytes(deliver(*documents))

    started = time.process_time()
    run()

    assert time.process_time() - started < 0.3
