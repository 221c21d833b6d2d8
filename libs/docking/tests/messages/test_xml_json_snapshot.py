"""The rows of a snapshot are read again on each walk, so that a page takes hardly more than its bytes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lemai_docking.encodings.choice import codec_of

from .docking_messages import converted, profile_of

ALONE = Path(__file__).parent / "alone.py"
IBAL = "IBAL-20261122020500.Ibupl"


@pytest.mark.parametrize(
    ("names", "lines", "megabytes_max"),
    [
        ("xml", 20_000, 20),
        ("json", 20_000, 40),
        pytest.param("xml", 100_000, 20, marks=pytest.mark.prove),
        pytest.param("json", 100_000, 100, marks=pytest.mark.prove),
    ],
)
def test_a_big_page_is_read_in_little_memory(names: str, lines: int, megabytes_max: int) -> None:
    """JSON is scanned as a text, of two bytes a character here, while it is walked."""
    ran = subprocess.run([sys.executable, ALONE, names, str(lines)], capture_output=True, check=True)
    counted, first, second, megabytes = json.loads(ran.stdout)

    assert counted == lines
    assert first == second == sum(number % 7 for number in range(lines))
    assert megabytes < megabytes_max


@pytest.mark.parametrize("names", ["xml", "json"])
def test_rows_can_be_walked_indexed_and_compared(names: str) -> None:
    codec = codec_of(profile_of(names))
    (page,) = codec.decode(f"{IBAL}.{names}", converted(IBAL, names)).documents
    rows = page.records["B"]

    assert [row["qty"] for row in rows] == [row["qty"] for row in rows] == [120, 5, 48]
    assert (rows[0], rows[-1]["qty"], rows[1:]) == (next(iter(rows)), 48, list(rows)[1:])
    assert rows == list(rows)
    with pytest.raises(IndexError):
        rows[3]


@pytest.mark.parametrize("names", ["xml", "json"])
def test_a_line_for_another_warehouse_refuses_the_page(names: str) -> None:
    data = converted(IBAL, names)
    at = data.rindex(b"WH01")

    (refused,) = codec_of(profile_of(names)).decode(f"{IBAL}.{names}", data[:at] + b"WH02" + data[at + 4 :]).rejected

    assert [(fault.code, fault.field, fault.value) for fault in refused.faults] == [
        ("E_FIELD", "warehouse_code", "WH02")
    ]
