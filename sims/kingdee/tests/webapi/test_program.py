"""The program with this face, from its environment to a result bill."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
from k3_client import ACCOUNT, K3, ORG, order


async def test_the_program_serves_the_webapi_that_its_environment_names_and_nothing_else(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HTTP_PORT": str(port),
        "SIM_KINGDEE_EXCHANGES": "[]",
        "SIM_KINGDEE_DIR": str(tmp_path / "store"),
        "SIM_KINGDEE_FLUSH_MS": "20",
        "SIM_KINGDEE_K3_ACCT_ID": ACCOUNT.acct_id,
        "SIM_KINGDEE_K3_USER": ACCOUNT.user,
        "SIM_KINGDEE_K3_APP_ID": ACCOUNT.app_id,
        "SIM_KINGDEE_K3_APP_SECRET": ACCOUNT.app_secret,
        "SIM_KINGDEE_K3_ORG": "100",
        "SIM_KINGDEE_K3_OWNER": "JFY",
    }
    program = await asyncio.create_subprocess_exec(sys.executable, "-m", "sim_kingdee", env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            deadline = time.monotonic() + 20
            await _until_healthy(http, deadline)
            k3 = K3(http)
            await k3.login()
            number = await _buy(k3)
            while not (rows := await k3.query("STK_InStock", "FPOOrderNo,FRealQty", f"FPOOrderNo='{number}'")):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            assert rows == [["1-c", 3]]
            snapshot = await http.post("/sim/snapshot", json={"warehouse_code": "WH01", "owner_code": "JFY"})
            assert (snapshot.status_code, "文件或调用" in snapshot.text) == (404, True)
    finally:
        program.send_signal(signal.SIGTERM)
        await program.wait()


async def _until_healthy(http: httpx.AsyncClient, deadline: float) -> None:
    while True:
        try:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            return


async def _buy(k3: K3) -> str:
    """Make an item known and order three of it; the number of the order."""
    item = {"FNumber": "A", "FName": "A", "FCreateOrgId": ORG, "FUseOrgId": ORG}
    await k3.approve("BD_MATERIAL", {**item, "SubHeadEntity": {"FBaseUnitId": {"FNumber": "Pcs"}}})
    return await k3.approve("PUR_PurchaseOrder", order("PUR_PurchaseOrder", "1-c", ("A", 3)))
