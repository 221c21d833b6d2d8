"""The program itself: started, killed, started again."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sims.tmall.tests.conftest import Tmall

import httpx
import pytest

SELLER = {
    "SIM_TMALL_APP_KEY": "12345678",
    "SIM_TMALL_APP_SECRET": "sandbox0123456789abcdef0123456789",
    "SIM_TMALL_SESSION": "6100test0000session",
    "SIM_TMALL_NICK": "旗舰店",
}
ITEM = {"num_iid": 1000, "title": "商品", "skus": [{"sku_id": 10001, "price": "9.90", "quantity": 50}]}
ORDER = {"lines": [{"sku_id": 10001, "quantity": 2}]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    port = free_port()
    environment = os.environ | SELLER | {"SIM_TMALL_DIR": str(directory), "HTTP_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "sim_tmall"], env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            deadline = time.monotonic() + 20
            while not is_up(http):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process, http
    finally:
        process.kill()
        process.wait()


def is_up(http: httpx.Client) -> bool:
    try:
        return http.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_a_killed_simulator_knows_everything_again(tmp_path: Path) -> None:
    with running(tmp_path) as (process, http):
        http.post("/sim/items", json=ITEM).raise_for_status()
        first = http.post("/sim/trades", json=ORDER).raise_for_status().json()
        process.kill()
    with running(tmp_path) as (_, http):
        assert http.get(f"/sim/trades/{first['tid']}").json() == first
        assert http.get("/sim/stock").json()["stock"][0]["quantity"] == 48
        second = http.post("/sim/trades", json=ORDER).raise_for_status().json()
        assert int(second["tid"]) > int(first["tid"])


def test_a_dropped_reply_was_applied(tmp_path: Path, tmall: "Tmall") -> None:
    with running(tmp_path) as (_, http):
        http.post("/sim/items", json=ITEM).raise_for_status()
        tid = http.post("/sim/trades", json=ORDER).raise_for_status().json()["tid"]
        fault = {"kind": "drop_reply", "method": "taobao.logistics.offline.send", "seconds": 1}
        http.post("/sim/faults", json=fault).raise_for_status()
        parcel = {"tid": tid, "company_code": "SF", "out_sid": "SF1400123456789"}
        call = tmall.sign(tmall.system("taobao.logistics.offline.send", **parcel))
        started = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("/router/rest", data=call)
        assert time.monotonic() - started >= 1
        assert http.get(f"/sim/trades/{tid}").json()["status"] == "WAIT_BUYER_CONFIRM_GOODS"
        again = http.post("/router/rest", data=call).json()
        assert again["error_response"]["sub_code"] == "isv.logistics-offline-service-error:B04"


def test_an_incomplete_seller_is_named_at_start(tmp_path: Path) -> None:
    environment = {**os.environ, "SIM_TMALL_DIR": str(tmp_path), "SIM_TMALL_APP_KEY": "1"}
    done = subprocess.run([sys.executable, "-m", "sim_tmall"], env=environment, capture_output=True, check=False)
    assert done.returncode != 0
    assert "SIM_TMALL_SESSION" in done.stderr.decode()
