"""Sample files of the reference, and a docking with the journal in a database of its own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from lemai_docking.channels.sftp import SftpFolder
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.testing.docking import Docking, create_tables
from lemai_docking.testing.sftp import FaultySftp, serving

SAMPLES = Path(__file__).parent / "samples"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample_name" in metafunc.fixturenames:
        metafunc.parametrize("sample_name", sorted(path.name for path in SAMPLES.iterdir()))


@pytest.fixture(scope="session")
def profile() -> Profile:
    return built_in("kingdee-default")


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    return lambda name: (SAMPLES / name).read_bytes()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    await create_tables(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
def docking(engine: AsyncEngine, tmp_path: Path, profile: Profile) -> Docking:
    return Docking(engine, tmp_path / "kingdee", profile)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FaultySftp]:
    (tmp_path / "partner").mkdir()
    async with serving(tmp_path / "partner") as server:
        yield server


@pytest.fixture
async def channel(docking: Docking, server: FaultySftp) -> AsyncIterator[SftpFolder]:
    channel = SftpFolder(server.site(), docking.clock)
    yield channel
    await channel.close()
