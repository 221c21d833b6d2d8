"""Reads a stock file as the receiver does, walks its rows twice, and prints how many there are and the peak memory."""

import resource
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
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{len(rows)} {total} {peak_kb // 1024}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
