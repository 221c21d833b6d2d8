"""A publisher in a process of its own that kills itself before or after it renames a file into the outbox."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from lemai_docking.definitions.profile import built_in
from lemai_docking.encodings.choice import codec_of
from lemai_docking.testing.docking import Docking


async def main(url: str, root: Path, moment: str) -> None:
    rename = os.rename

    def die(source: Path, target: Path) -> None:
        if moment == "after":
            rename(source, target)
        os.kill(os.getpid(), signal.SIGKILL)

    docking = Docking(create_async_engine(url), root, built_in("kingdee-default"))
    docking.clock.forward(seconds=1)
    name = "Deliver_20261122100000.sh"
    (order,) = (
        codec_of(docking.profile)
        .decode(name, Path(__file__).with_name("samples").joinpath(name).read_bytes())
        .documents
    )
    docking.owner.documents["1/1"] = order
    os.rename = die  # type: ignore[assignment]
    publisher = docking.publisher()
    async with publisher.active():
        await publisher.round()


asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
