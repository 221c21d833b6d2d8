"""Pages that can be followed: links lead somewhere, marked commands run, what they print is what the page shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)(?: (\S[^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what its first line says besides, and its text."""

    language: str
    mark: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(*found.groups(default="")) for found in FENCE.finditer(page)]


def broken_links(pages: Mapping[Path, str]) -> Iterator[str]:
    """Links to files or headings that are not there, as `page: link`."""
    for page, text in pages.items():
        for link in LINK.findall(FENCE.sub("", text)):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in _anchors(target.read_text(encoding="utf-8"))):
                yield f"{page.name}: {link}"


def follow(page: str, folder: Path) -> Iterator[str]:
    """Do what a page says; what a command printed otherwise than the page shows, or that it failed.

    A page that makes files is followed in a folder of its own, others in the repository.
    """
    makes_files = any(block.mark.startswith("file=") for block in blocks(page))
    place = folder if makes_files else REPOSITORY
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LEMAI_HOME": str(folder),
    }
    printed = ""
    for block in blocks(page):
        if block.mark.startswith("file="):
            (place / block.mark.removeprefix("file=")).write_text(block.text, encoding="utf-8")
        elif block.mark == "run":
            done = subprocess.run(
                ["sh", "-e"], input=block.text, cwd=place, env=environment, capture_output=True, text=True, check=False
            )
            printed = done.stdout
            if done.returncode:
                yield f"{block.text}: exit code {done.returncode}: {done.stderr}"
        elif block.mark == "output" and block.text != printed:
            yield f"printed {printed}"


def _anchors(page: str) -> set[str]:
    """Headings as GitHub names them."""
    headings = HEADING.findall(FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(pages: Mapping[Path, str]) -> None:
    assert list(broken_links(pages)) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# 一 · One\n[a](page.md#一--one) [b](page.md#two) [c](gone.md)", encoding="utf-8")

    assert list(broken_links({page: page.read_text(encoding="utf-8")})) == ["page.md: page.md#two", "page.md: gone.md"]


def test_marked_commands_run_and_print_what_the_page_shows(pages: Mapping[Path, str], tmp_path: Path) -> None:
    for page, text in pages.items():
        folder = tmp_path / page.relative_to(REPOSITORY).as_posix().replace("/", "-")
        folder.mkdir()
        assert list(follow(text, folder)) == [], page


@pytest.mark.parametrize("language", ["python", "sh", "yaml"])
def test_pages_mark_something_of_each_language_to_run(pages: Mapping[Path, str], language: str) -> None:
    assert any(block.language == language and block.mark for text in pages.values() for block in blocks(text))


def test_a_failing_command_and_another_output_are_seen(tmp_path: Path) -> None:
    page = "```sh run\nfalse\n```\n```sh run\necho a\n```\n```text output\nb\n```\n"

    assert list(follow(page, tmp_path)) == ["false\n: exit code 1: ", "printed a\n"]
