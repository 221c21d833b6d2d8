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
from sim_kingdee.faces.http import Http
from sim_kingdee.faces.sftp import Sftp
from sim_kingdee.faces.soap import Soap
from sim_kingdee.settings import ExchangeSettings, FolderExchange, HttpExchange, Settings, SftpExchange, SoapExchange
from sim_kingdee.storage import Store
from sim_kingdee.webapi.approval import Site
from sim_kingdee.webapi.server import Server
from sim_kingdee.webapi.signature import Account


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
                face=exchange.face,
                encoding=ENCODINGS[exchange.encoding],
            )
        case SftpExchange():
            patience_s = settings.sim_kingdee_trailer_patience_s
            return Sftp(exchange, erp, settings.sim_kingdee_dir, trailer_patience_s=patience_s)
        case SoapExchange():
            return Soap(exchange, erp)
        case HttpExchange():
            return Http(exchange, erp)


def build_webapi(erp: Erp, settings: Settings) -> Server | None:
    """The K/3 Cloud WebAPI, when the settings name its data centre."""
    if not settings.sim_kingdee_k3_acct_id:
        return None
    account = Account(
        acct_id=settings.sim_kingdee_k3_acct_id,
        user=settings.sim_kingdee_k3_user,
        app_id=settings.sim_kingdee_k3_app_id,
        app_secret=settings.sim_kingdee_k3_app_secret.get_secret_value(),
    )
    site = Site(
        org=settings.sim_kingdee_k3_org,
        item_org=settings.sim_kingdee_k3_item_org or settings.sim_kingdee_k3_org,
        owner_code=settings.sim_kingdee_k3_owner,
        warehouse_code=settings.sim_kingdee_warehouses[0],
    )
    return Server(erp, account, site)


async def serve(settings: Settings, erp: Erp, exchanges: Sequence[Exchange], webapi: Server | None) -> None:
    """Serve until a signal. An error in a face ends the program: a simulator must not look alive when it is not."""
    pace = Pace(_now, settings.sim_kingdee_poll_ms / 1000, settings.sim_kingdee_flush_ms / 1000)
    config = uvicorn.Config(
        create_app(exchanges, _now, webapi, erp=erp),
        host=settings.http_host,
        port=settings.http_port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    async with asyncio.TaskGroup() as group:
        faces = [group.create_task(exchange.serve(pace)) for exchange in exchanges]
        if webapi:
            faces.append(group.create_task(webapi.serve(pace)))
        await uvicorn.Server(config).serve()
        for face in faces:
            face.cancel()


def main() -> None:
    """Build everything the environment asks for, and serve it."""
    settings = Settings()
    erp = build_erp(settings)
    exchanges = [build_exchange(exchange, erp, settings) for exchange in settings.exchanges]
    asyncio.run(serve(settings, erp, exchanges, build_webapi(erp, settings)))


if __name__ == "__main__":
    main()
