"""`python -m sim_kingdee`: every configured face and the inspection API in one process, until it is told to stop."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import uvicorn

from sim_kingdee.api import create_app
from sim_kingdee.encodings import ENCODINGS
from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Exchange, Pace
from sim_kingdee.faces.folder import Folder
from sim_kingdee.faces.sftp import Sftp
from sim_kingdee.settings import ExchangeSettings, FolderExchange, Settings, SftpExchange
from sim_kingdee.storage import Store


def _now() -> datetime:
    return datetime.now(UTC)


def build_erp(settings: Settings) -> Erp:
    """The ERP behind every face."""
    store = Store(settings.sim_kingdee_dir)
    store.add_warehouses(settings.sim_kingdee_warehouses)
    return Erp(
        store,
        seed=settings.sim_kingdee_seed,
        ship_delay=timedelta(milliseconds=settings.sim_kingdee_ship_delay_ms),
        parcel_gap=timedelta(milliseconds=settings.sim_kingdee_flush_ms),
    )


def build_exchange(exchange: ExchangeSettings, erp: Erp, settings: Settings) -> Exchange:
    """One face, as its settings say."""
    match exchange:
        case FolderExchange():
            return Folder(
                exchange.root,
                erp,
                trailer_patience_s=settings.sim_kingdee_trailer_patience_s,
                encoding=ENCODINGS[exchange.encoding],
            )
        case SftpExchange():
            patience_s = settings.sim_kingdee_trailer_patience_s
            return Sftp(exchange, erp, settings.sim_kingdee_dir, trailer_patience_s=patience_s)
        case _:
            raise NotImplementedError(exchange.name)


async def serve(settings: Settings, exchanges: Sequence[Exchange]) -> None:
    """Serve until a signal. An error in a face ends the program: a simulator must not look alive when it is not."""
    pace = Pace(_now, settings.sim_kingdee_poll_ms / 1000, settings.sim_kingdee_flush_ms / 1000)
    config = uvicorn.Config(
        create_app(exchanges, _now),
        host=settings.http_host,
        port=settings.http_port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    async with asyncio.TaskGroup() as group:
        faces = [group.create_task(exchange.serve(pace)) for exchange in exchanges]
        await uvicorn.Server(config).serve()
        for face in faces:
            face.cancel()


def main() -> None:
    """Build everything the environment asks for, and serve it."""
    settings = Settings()
    erp = build_erp(settings)
    asyncio.run(serve(settings, [build_exchange(exchange, erp, settings) for exchange in settings.exchanges]))


if __name__ == "__main__":
    main()
