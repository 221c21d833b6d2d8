"""Only the locked jars run."""

from pathlib import Path

import pytest

from lemai_tools.platform.kafka import LOCK, JarMismatchError, resolve, verify


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    path = tmp_path / "kafka-9.jar"
    path.write_bytes(b"class files")
    return path


def test_the_committed_lock_names_the_jars_that_are_resolved() -> None:
    verify(resolve(), LOCK)


def test_a_changed_jar_is_refused(jar: Path, tmp_path: Path) -> None:
    lock = tmp_path / "kafka.lock"
    lock.write_text(f"{'0' * 64}  {jar.name}\n")

    with pytest.raises(JarMismatchError, match=r"kafka-9\.jar"):
        verify([jar], lock)


@pytest.mark.parametrize("jars", [[], ["extra.jar"]], ids=["missing", "extra"])
def test_a_missing_or_additional_jar_is_refused(jars: list[str], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in jars]
    for path in paths:
        path.touch()
    lock = tmp_path / "kafka.lock"
    lock.write_text("" if jars else f"{'0' * 64}  kafka-9.jar\n")

    with pytest.raises(JarMismatchError):
        verify(paths, lock)
