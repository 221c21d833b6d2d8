"""Puts marketplace-adapter together."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import orjson
from pydantic import SecretStr

from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.calls import CallKind
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.keyring import Keyring, MasterKey
from lemai_chassis.schedules import Schedule
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings
from lemai_marketplace.http import http_client
from lemai_marketplace.plugins import Credentials
from marketplace_adapter import api, handlers
from marketplace_adapter.consumers import ROUTES
from marketplace_adapter.gateways import Publisher, Sealer, Stores
from marketplace_adapter.pulling import SWEEP_EVERY, Puller
from marketplace_adapter.storage import STORAGE

CALL_TIMEOUT = timedelta(seconds=8)


class AdapterSettings(Settings):
    """The adapter seals consignees and calls platforms, so it has the keys to both."""

    keyring_database_url: SecretStr
    master_key_file: Path
    store_secrets_file: Path
    """JSON by store code: endpoint, app_key, app_secret, session."""


def build(settings: AdapterSettings) -> Service:
    known = reference.read(settings.lemai_config)
    engine = Engine(connect(settings.database_url.get_secret_value()), "marketplace-adapter", STORAGE, ROUTES)
    master = MasterKey.read(settings.master_key_file)
    keyring = Keyring(connect(settings.keyring_database_url.get_secret_value()), master)
    secrets = orjson.loads(settings.store_secrets_file.read_bytes())
    http = http_client(CALL_TIMEOUT.total_seconds() - 1)
    stores = Stores(known, {code: Credentials(**values) for code, values in secrets.items()}, http)
    sealer = Sealer(keyring, master)
    pullers = {code: Puller(engine, stores, sealer, known.store(code)) for code in stores.codes}
    publisher = Publisher(stores)
    resources = AsyncExitStack()
    resources.push_async_callback(http.aclose)
    return Service(
        "marketplace-adapter",
        engine,
        routers=[api.router(engine, pullers)],
        calls=[
            CallKind(
                handlers.PUBLISH_SHIPMENT, publisher.shipment, handlers.on_shipment_published, timeout=CALL_TIMEOUT
            ),
            CallKind(handlers.PUBLISH_STOCK, publisher.stock, handlers.on_stock_published, timeout=CALL_TIMEOUT),
        ],
        schedules=[
            schedule
            for code, puller in pullers.items()
            for schedule in (
                Schedule(f"pull:{code}", known.store(code).pull_every, puller.pull),
                Schedule(f"sweep:{code}", SWEEP_EVERY, puller.sweep),
            )
        ],
        on_start=[keyring.prepare],
        resources=resources,
    )
