"""The pages people read."""

from collections.abc import Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def pages() -> Mapping[Path, str]:
    """The text of every page people read."""
    found = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("deploy/**/*.md")]
    found += [page for folder in ("libs", "services", "sims", "tools") for page in REPOSITORY.glob(f"{folder}/*/*.md")]
    return {page: page.read_text(encoding="utf-8") for page in sorted(found)}
