"""A client that a generator makes from a service's own description does what the page about REST says it does."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "integrators" / "rest.md"
LOCK = Path(__file__).parent / "client-requirements.lock"
ITEMS = "item_code,item_name,barcodes,unit\nCAP,帽,0690001,顶\nCOAT,大衣,0690002,件\nSHOE,学步鞋,0690003,双\n"


def block(language: str) -> str:
    """The page's one block in that language, `yaml` or `sh` or `python`."""
    (text,) = re.findall(rf"^```{language}\b[^\n]*\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the generator, and nothing of ours."""
    uv, place = Path(sys.executable).parent / "uv", tmp_path_factory.mktemp("client")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, place], check=True)
    locked = ("--require-hashes", "-r", LOCK)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", place, *locked], check=True)
    return place / "bin"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the client is made: holds what its maker has at hand."""
    (tmp_path / "client.yaml").write_text(block("yaml"), encoding="utf-8")
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    return tmp_path


def ran(tools: Path, folder: Path, *command: str, **variables: str) -> str:
    """All that a command of that environment prints; it must succeed."""
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


async def test_a_generated_client_uploads_searches_pages_and_fails(catalog: str, tools: Path, folder: Path) -> None:
    async def follow(*command: str) -> str:
        return await asyncio.to_thread(ran, tools, folder, *command, CATALOG_URL=catalog, LEMAI_TOKEN="tester")

    await follow("sh", "-e", "-c", block("sh"))
    printed = await follow("python", "-c", block("python"))

    assert printed.splitlines() == ["CAP COAT SHOE", "404 urn:lemai:problem:not-found"]


def test_a_client_of_every_service_is_generated_whole(
    openapi: Mapping[str, dict[str, Any]], tools: Path, folder: Path
) -> None:
    told = {}
    for name, document in openapi.items():
        (folder / "openapi.json").write_bytes(orjson.dumps(document))
        generate = block("sh").replace('--url "$CATALOG_URL/openapi.json"', "--path openapi.json --overwrite")
        told[name] = ran(tools, folder, "sh", "-e", "-c", generate)

    assert {name: text for name, text in told.items() if text != "Generating catalog\n"} == {}
