"""A docking in a process of its own: publishes an order, or reads its inbox, in two rounds; for tests that stop it.

All file work is in one thread, so that whoever counts its system calls knows which is which.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine

from lemai_docking.channel import NotDone, Undecided
from lemai_docking.definitions.profile import built_in
from lemai_docking.encodings.choice import codec_of
from lemai_docking.testing.docking import Docking

NAME = "Deliver_20261122100000.sh"


async def main(url: str, root: Path, action: str) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    docking = Docking(create_async_engine(url), root, built_in("kingdee-default"))
    docking.clock.forward(seconds=1)
    data = Path(__file__).with_name("samples").joinpath(NAME).read_bytes()
    (order,) = codec_of(docking.profile).decode(NAME, data).documents
    docking.owner.documents["2611220001/1"] = order
    publisher, reader = docking.publisher(), docking.reader()
    async with publisher.active():
        for _ in range(2):
            try:
                await (publisher.round() if action == "publish" else reader.scan())
            except (NotDone, Undecided) as failure:
                sys.stdout.write(f"{type(failure).__name__}\n")


asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
