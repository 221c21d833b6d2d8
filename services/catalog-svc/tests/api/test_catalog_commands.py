"""`lemai items` and `lemai listings` against the service on a real socket."""

import asyncio
import csv
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from lemai_chassis.testing import token
from lemai_tools import catalog

Run = Callable[..., Awaitable[Result]]
HEAD = ("item_code", "item_name", "barcodes", "unit", "retail_price")
HAT = ("HAT", "帽子[red]", "0690001", "顶", "79")
BAD = ("COAT", "大衣", "0690003", "米", "199")


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
def lemai(url: str) -> Run:
    async def run(*arguments: str, typed: str = "") -> Result:
        environment = {"LEMAI_URL": url, "LEMAI_TOKEN": "tester"}
        return await asyncio.to_thread(CliRunner().invoke, catalog.app, arguments, input=typed, env=environment)

    return run


def written(path: Path, *rows: tuple[str, ...], head: tuple[str, ...] = HEAD) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([head, *rows])
    path.write_text(buffer.getvalue(), encoding="utf-8")
    return str(path)


async def item_codes(url: str) -> list[str]:
    async with httpx.AsyncClient(base_url=url, headers=token()) as http:
        return [item["item_code"] for item in (await http.get("/v1/items")).json()["items"]]


async def test_a_sheet_is_shown_and_imported_on_consent(lemai: Run, url: str, tmp_path: Path) -> None:
    sheet = written(tmp_path / "items.csv", HAT, BAD)

    result = await lemai("items", "import", sheet, "--owner", "JFY", typed="y\n")

    assert result.exit_code == 0, result.output
    for shown in ("新增 added: 1", "帽子[red]", "拒绝行 refused rows: 1", "单位 unit", "米", "已导入 imported: 1"):
        assert shown in result.output
    assert "导入 1 个商品，跳过 1 行 import 1 items, skip 1 rows?" in result.output
    assert await item_codes(url) == ["HAT"]


async def test_a_change_is_shown_old_and_new(lemai: Run, tmp_path: Path) -> None:
    await lemai("items", "import", written(tmp_path / "items.csv", HAT), "--owner", "JFY", "--yes")
    prices = written(tmp_path / "prices.csv", ("HAT", "69"), head=("商品编码", "零售价"))

    result = await lemai("items", "import", prices, "--owner", "JFY", "--yes")

    row = next(line for line in result.output.splitlines() if "零售价 retail_price" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "HAT",
        "帽子[red]",
        "零售价 retail_price",
        "79.00",
        "69.00",
    ]


async def test_nothing_is_imported_without_consent(lemai: Run, url: str, tmp_path: Path) -> None:
    result = await lemai("items", "import", written(tmp_path / "items.csv", HAT), "--owner", "JFY", typed="n\n")

    assert result.exit_code == 1
    assert await item_codes(url) == []


async def test_yes_does_not_accept_refused_rows(lemai: Run, url: str, tmp_path: Path) -> None:
    arguments = ("items", "import", written(tmp_path / "items.csv", HAT, BAD), "--owner", "JFY", "--yes")

    refused = await lemai(*arguments)
    assert (refused.exit_code, await item_codes(url)) == (1, [])
    assert "有被拒绝的行，未导入 rows are refused, nothing was imported" in refused.output

    accepted = await lemai(*arguments, "--accept-refused")
    assert (accepted.exit_code, await item_codes(url)) == (0, ["HAT"])


async def test_a_sheet_that_changes_nothing_asks_nothing(lemai: Run, tmp_path: Path) -> None:
    sheet = written(tmp_path / "items.csv", HAT)
    await lemai("items", "import", sheet, "--owner", "JFY", "--yes")

    result = await lemai("items", "import", sheet, "--owner", "JFY")

    assert result.exit_code == 0
    assert "不变 unchanged: 1" in result.output
    assert "没有需要导入的商品 nothing to import" in result.output


async def test_listings_are_imported_or_their_faults_are_shown(lemai: Run, tmp_path: Path) -> None:
    await lemai("items", "import", written(tmp_path / "items.csv", HAT), "--owner", "JFY", "--yes")
    head = ("店铺", "平台商品ID", "商品编码")

    good = await lemai("listings", "import", written(tmp_path / "good.csv", ("TM-JFY-01", "1", "HAT"), head=head))
    bad = await lemai("listings", "import", written(tmp_path / "bad.csv", ("TM-JFY-01", "2", "COAT"), head=head))

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "新增 added 1，变更 changed 0，不变 unchanged 0" in good.output
    assert "未保存任何映射 / no listing was kept" in bad.output
    assert "货主 JFY 没有此商品，请先导入" in bad.output


async def test_a_problem_is_shown_with_its_errors(lemai: Run, tmp_path: Path) -> None:
    result = await lemai("items", "import", written(tmp_path / "items.csv", HAT), "--owner", "XX")

    assert result.exit_code == 1
    assert "没有此货主 / no such owner" in result.output
    assert "应为其中之一 / expected one of: JFY、NB" in result.output


async def test_a_service_that_is_away_is_named(lemai: Run, tmp_path: Path) -> None:
    sheet = written(tmp_path / "items.csv", HAT)

    result = await lemai("items", "import", sheet, "--owner", "JFY", "--url", "http://127.0.0.1:9")

    assert result.exit_code == 1
    assert "catalog-svc 无法访问 cannot be reached: http://127.0.0.1:9" in result.output


async def test_an_empty_sheet_is_saved_and_overwrites_nothing(lemai: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "items.xlsx"

    assert (await lemai("items", "template", str(sheet))).exit_code == 0
    assert sheet.read_bytes().startswith(b"PK")
    assert (await lemai("items", "template", str(sheet))).exit_code == 1
