"""What `lemai` prints loses no character: on terminals of every width, through a pipe, as JSON."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

PROGRAM = """
from lemai_tools.output import show
rows = [
    {"order": "TM2600000000001000003", "file": ["Deliver_20261122231000.sh:13", "SHIP-20261122231001.shupl:22"],
     "note": "送货前请电联[red]，百分之百纯棉对吗？\\x1b[31m", "waybill": "SF2264116605584", "state": None},
    {"order": "TM2600000000003000009", "file": [], "note": "", "waybill": "SF6524755036513", "state": "shipped"},
]
heads = {"order": "订单 order", "file": "文件 file", "note": "留言 note", "waybill": "运单 waybill", "state": "状态"}
show(rows, heads, as_json=AS_JSON, title="销售 sales", note="两张 two")
"""
SHOWN = (
    "TM2600000000001000003",
    "Deliver_20261122231000.sh:13",
    "SHIP-20261122231001.shupl:22",
    "送货前请电联[red]，百分之百纯棉对吗？\\x1b[31m",
    "SF2264116605584",
    "SF6524755036513",
)


ELSEWHERE = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}


def _program(*, as_json: bool = False) -> list[str]:
    return [sys.executable, "-c", PROGRAM.replace("AS_JSON", str(as_json))]


def _on_a_terminal(columns: int) -> str:
    """What the program writes to a terminal so wide, without colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(_program(), stdout=slave, env=ELSEWHERE | {"TERM": "xterm"}) as child:
        os.close(slave)
        written = b""
        try:
            while piece := os.read(master, 65536):
                written += piece
        except OSError:  # Linux says so when the other end is closed.
            pass
    os.close(master)
    assert child.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", written.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_no_identifier_is_broken_or_cut_on_a_terminal(columns: int) -> None:
    told = _on_a_terminal(columns)

    assert [text for text in SHOWN if text not in told] == []
    assert ("┏" in told) == (columns == 200)


def test_a_pipe_gets_a_whole_table() -> None:
    told = subprocess.run(_program(), capture_output=True, text=True, check=True, env=ELSEWHERE).stdout

    assert [text for text in SHOWN if text not in told] == []
    assert "┏" in told


def test_json_has_every_field_as_it_is() -> None:
    told = json.loads(subprocess.run(_program(as_json=True), capture_output=True, text=True, check=True).stdout)

    assert [row["state"] for row in told] == [None, "shipped"]
    assert told[0]["note"].endswith("\x1b[31m")
