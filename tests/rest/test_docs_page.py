"""`/docs` as a person without Internet sees it, in a real Chromium."""

import asyncio
import os
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

APT = "DEBIAN_FRONTEND=noninteractive; apt-get update -q && apt-get install -qy --no-install-recommends chromium"
OFFLINE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No name is found, and no address but ours."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; root's Debian gets it by itself."""
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["sh", "-c", f"export {APT}"], check=True)
    return shutil.which("chromium") or pytest.skip("需要 chromium / the Debian package `chromium` is missing here")


async def look(chromium: str, folder: Path, url: str) -> str:
    """The page's DOM once it stands still; how it looked is in `folder/seen.png`."""
    quiet = ("quic", "gpu", "background-networking", "component-update", "sync", "dev-shm-usage")
    options = ["headless", "no-sandbox", "no-first-run", *(f"disable-{each}" for each in quiet)]
    options += [f"user-data-dir={folder / 'person'}", f"host-resolver-rules={OFFLINE}", "window-size=1200,1600"]
    options += ["virtual-time-budget=10000", "dump-dom", f"screenshot={folder / 'seen.png'}"]
    browser = await asyncio.create_subprocess_exec(
        chromium, *(f"--{option}" for option in options), url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            dom, said = await browser.communicate()
    finally:
        if browser.returncode is None:
            browser.kill()
            await browser.wait()
    assert browser.returncode == 0, said.decode()
    return dom.decode()


def rows(png: bytes) -> set[bytes]:
    """The lines of pixels that differ from each other, as PNG stores them: one or two where all is of one colour."""
    width, height, data, place = 0, 0, b"", 8
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        chunk = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", chunk)
        elif kind == b"IDAT":
            data += chunk
        place += length + 12
    pixels = zlib.decompress(data)
    line = len(pixels) // height
    assert line > width
    return {pixels[start : start + line] for start in range(0, len(pixels), line)}


@pytest.mark.timeout(600)
async def test_the_docs_of_a_service_are_seen_without_internet(catalog: str, chromium: str, tmp_path: Path) -> None:
    dom = await look(chromium, tmp_path, f"{catalog}/docs")

    shown = re.findall(r'id="operations-[^"]*-(\w+)"', dom)
    assert {"upload_item_sheet", "search_items", "put_listings", "search_parked_keys"} <= set(shown)
    assert len(rows((tmp_path / "seen.png").read_bytes())) > 200
    refers = re.findall(r'(?:src|href|action)="(?:https?:)?//([^/"]+)', dom)
    assert [host for host in refers if host != catalog.removeprefix("http://")] == []
