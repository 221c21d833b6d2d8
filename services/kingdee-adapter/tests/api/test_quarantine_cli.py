"""`lemai quarantine` on a served adapter: a refused document is found, fetched, mended and posted from a shell."""

import asyncio
import json
import socket
from pathlib import Path

import uvicorn
from kingdee_world import SHIP, World, a_shipment_file
from typer.testing import CliRunner

from lemai_chassis.service import Process
from lemai_contracts.fulfilment import ActualReportedV1
from lemai_docking.testing.docking import reseal
from lemai_tools.quarantine import app

BAD, GOOD = b"\t-1\tZP", b"\t1\tZP"


async def test_a_refused_document_is_mended_from_a_shell(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.drop(SHIP, reseal(a_shipment_file("2611220001").replace(GOOD, BAD)))
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(Process(world.service, world.settings).app(), log_config=None))
    serving = asyncio.create_task(server.serve([listener]))

    async def lemai(*words: str) -> tuple[int, str]:
        typed = [*words, "--url", url]
        result = await asyncio.to_thread(CliRunner().invoke, app, typed, env={"LEMAI_TOKEN": "li.na"})
        return result.exit_code, result.output

    try:
        (held,) = json.loads((await lemai("list", "--json"))[1])
        assert (held["order_no"], held["value"]) == ("2611220001", "-1")
        number, file = str(held["id"]), tmp_path / "mended"
        assert "actual_qty" in (await lemai("show", number))[1]
        assert (await lemai("fetch", number, str(file), "--purpose", "修改"))[0] == 0

        status, told = await lemai("mend", number, str(file), "--reason", "对方来电更正")
        assert (status, "actual_qty" in told) == (1, True)
        file.write_bytes(file.read_bytes().replace(BAD, GOOD))
        status, told = await lemai("mend", number, str(file), "--reason", "对方来电更正")

        assert (status, told.strip()) == (0, "已入账 posted: 1")
        assert json.loads((await lemai("list", "--json"))[1]) == []
        assert (await lemai("discard", number, "--reason", "重复"))[0] == 1
    finally:
        server.should_exit = True
        await serving
    assert [actual.order_no for actual in await world.told(ActualReportedV1)] == ["2611220001"]
