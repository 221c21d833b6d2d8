"""`python -m sim_kingdee`: the exchange folder and the inspection API in one process, until it is told to stop."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import uvicorn

from sim_kingdee.api import create_app
from sim_kingdee.erp import Erp
from sim_kingdee.folder import Folder
from sim_kingdee.settings import Settings
from sim_kingdee.storage import Store


def _now() -> datetime:
    return datetime.now(UTC)


def build_folder(settings: Settings) -> Folder:
    """The ERP and its file face, as the settings say."""
    store = Store(settings.sim_kingdee_dir)
    store.add_warehouses(settings.sim_kingdee_warehouses)
    erp = Erp(
        store,
        seed=settings.sim_kingdee_seed,
        ship_delay=timedelta(milliseconds=settings.sim_kingdee_ship_delay_ms),
        parcel_gap=timedelta(milliseconds=settings.sim_kingdee_flush_ms),
    )
    return Folder(settings.sim_kingdee_root, erp, trailer_patience_s=settings.sim_kingdee_trailer_patience_s)


async def _every(interval_ms: int, step: Callable[[datetime], None]) -> None:
    while True:
        step(_now())
        await asyncio.sleep(interval_ms / 1000)


async def serve(settings: Settings) -> None:
    """Serve until a signal. An error in the folder ends the program: a simulator must not look alive when it is not."""
    folder = build_folder(settings)
    config = uvicorn.Config(
        create_app(folder, _now), host=settings.http_host, port=settings.http_port, log_level="warning"
    )
    async with asyncio.TaskGroup() as group:
        loops = [
            group.create_task(_every(settings.sim_kingdee_poll_ms, folder.take_outbox)),
            group.create_task(_every(settings.sim_kingdee_flush_ms, folder.write_actuals)),
        ]
        await uvicorn.Server(config).serve()
        for loop in loops:
            loop.cancel()


if __name__ == "__main__":
    asyncio.run(serve(Settings()))
