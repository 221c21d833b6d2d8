"""Reads a stock file as the receiver does, walks its rows twice, and prints how many there are and the peak memory."""

import re
import sys
from pathlib import Path

from lemai_docking.definitions.profile import find_profile
from lemai_docking.encodings.choice import codec_of


def main(profile: str, file: Path) -> None:
    codec = codec_of(find_profile(profile, Path()))
    decoded = codec.decode(file.name, file.read_bytes())
    (page,) = decoded.documents
    rows = page.records["B"]
    total = sum(int(str(row["total_qty"])) for row in rows)
    assert total == sum(int(str(row["total_qty"])) for row in rows)
    # Not getrusage: a process inherits the maximum of the one that began it, here a test run of hundreds of megabytes.
    peak_kb = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text("ascii"))
    assert peak_kb
    sys.stdout.write(f"{len(rows)} {total} {int(peak_kb[1]) // 1024}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
