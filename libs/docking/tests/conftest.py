"""Sample files (the ten of the reference, byte for byte) and a way to change them and seal them again."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lemai_docking.profile import Profile, built_in

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


@pytest.fixture(scope="session")
def reseal() -> Callable[..., bytes]:
    """Compute the trailer's digest anew, and replace its counts if given as `(documents, lines, records, total)`."""

    def seal(data: bytes, counts: tuple[int, int, int, int] | None = None) -> bytes:
        at = data.rindex(b"\nTRL\t") + 1
        body, trailer = data[:at], data[at:].decode().split("\t")
        if counts:
            trailer[1:5] = map(str, counts)
        return body + "\t".join([*trailer[:6], hashlib.sha256(body).hexdigest()]).encode() + b"\n"

    return seal
