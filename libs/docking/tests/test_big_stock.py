"""However many rows a stock file has, reading it takes little memory: a process of its own tells its peak."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lemai_docking.definitions.profile import load_profile
from lemai_docking.encodings.choice import codec_of

FOREIGN = Path(__file__).with_name("foreign") / "acme.yaml"
READER = Path(__file__).with_name("read_big_stock.py")
PEAK_MB = 300
"""Of the whole process, the file's bytes among it."""

Stock = tuple[str, str, Callable[[int], Iterator[bytes]]]


def fixed(rows: int) -> Iterator[bytes]:
    """The foreign profile's stock file: fixed width, GB18030, one file however big."""
    total = 0
    grade = "良品".encode("gb18030")
    for number in range(rows):
        free, locked = number % 900, number % 7
        total += free + locked
        yield b"WH01    ITEM-%-15d%s%010d%010d\n" % (number, grade, free, locked)
    yield b"99%012d%012d\n" % (rows, total)


def described(rows: int) -> Iterator[bytes]:
    """A page of the agreed frame."""
    head = (
        "HDR\t1.0\tinventory_balance\tUTF-8\tKINGDEE\tLEQEE\tKD1\t2026-11-22T02:05:00+08:00\tJFY\tN\n"
        "COL\tK\tsnapshot_id\tsnapshot_at\tscope\twarehouse_code\tpage\ttotal_page\tline_count\n"
        "COL\tB\twarehouse_code\towner_code\titem_code\tinventory_type\tqty\tlock_qty\ttotal_qty\tunit\n"
        f"K\tIB1\t2026-11-22 02:00:00\tFULL\tWH01\t1\t1\t{rows}\n"
    )
    digest = hashlib.sha256(head.encode())
    yield head.encode()
    total = 0
    for number in range(rows):
        total += number % 900
        line = b"B\tWH01\tJFY\tITEM-%d\tZP\t%d\t0\t%d\t\xe4\xbb\xb6\n" % (number, number % 900, number % 900)
        digest.update(line)
        yield line
    yield f"TRL\t1\t{rows}\t{rows + 3}\t{total}\tSHA256\t{digest.hexdigest()}\n".encode()


FIXED: Stock = (str(FOREIGN), "KC_20261122020000.txt", fixed)
DESCRIBED: Stock = ("kingdee-default", "IBAL-20261122020500.Ibupl", described)


def peak_mb(folder: Path, stock: Stock, rows: int) -> int:
    profile, name, lines = stock
    with (folder / name).open("wb") as file:
        file.writelines(lines(rows))
    done = subprocess.run(
        [sys.executable, str(READER), profile, str(folder / name)], capture_output=True, text=True, check=True
    )
    count, _, peak = map(int, done.stdout.split())
    assert count == rows
    return peak


@pytest.mark.parametrize("stock", [FIXED, DESCRIBED], ids=["fixed", "described"])
def test_rows_are_not_kept(tmp_path: Path, stock: Stock) -> None:
    few, many = (peak_mb(tmp_path, stock, rows) for rows in (100, 50_000))

    size_mb = (tmp_path / stock[1]).stat().st_size / 2**20
    assert many - few < 3 * size_mb + 10


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("stock", "rows"), [(FIXED, 1_000_000), (DESCRIBED, 100_000)], ids=["one foreign file", "a page"]
)
def test_a_million_rows_are_read_in_little_memory(tmp_path: Path, stock: Stock, rows: int) -> None:
    assert peak_mb(tmp_path, stock, rows) < PEAK_MB


def test_rows_are_read_again_each_time_and_by_position() -> None:
    codec = codec_of(load_profile(FOREIGN))

    (page,) = codec.decode("KC_20261122020000.txt", b"".join(fixed(3))).documents

    rows = page.records["B"]
    assert [row["item_code"] for row in rows] == [row["item_code"] for row in rows] == ["ITEM-0", "ITEM-1", "ITEM-2"]
    assert rows[-1] == rows[2] == list(rows)[2]
    assert rows[1:] == list(rows)[1:]
    assert rows[1]["warehouse_code"] == page.head["warehouse_code"] == "WH01"
    assert rows[1]["total_qty"] == 2
    with pytest.raises(IndexError):
        rows[3]
