"""Puts marketplace-adapter together."""

from collections.abc import Mapping
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
from lemai_chassis.reference import InvalidReference, Reference, Store
from lemai_chassis.schedules import Schedule
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings
from lemai_marketplace.http import http_client
from lemai_marketplace.plugins import Credentials, load
from lemai_marketplace.protocols import PullTrades
from marketplace_adapter import api, handlers
from marketplace_adapter.consumers import ROUTES
from marketplace_adapter.gateways import Publisher, Sealer
from marketplace_adapter.pulling import SWEEP_EVERY, Puller
from marketplace_adapter.storage import STORAGE

CALL_TIMEOUT = timedelta(seconds=8)
FIGURES_AT_ONCE = 100
PULL_FAILED = "pull_failed"


class AdapterSettings(Settings):
    """The adapter seals consignees and calls platforms, so it has the keys to both."""

    keyring_database_url: SecretStr
    master_key_file: Path
    store_secrets_file: Path
    """JSON by store code: endpoint, app_key, app_secret, session."""


def build(settings: AdapterSettings) -> Service:
    known = reference.read(settings.lemai_config)
    credentials = _credentials(known, settings.store_secrets_file)
    database = connect(settings.database_url.get_secret_value())
    keyring_database = connect(settings.keyring_database_url.get_secret_value())
    http = http_client(CALL_TIMEOUT.total_seconds() - 1)
    resources = AsyncExitStack()
    for close in (database.dispose, keyring_database.dispose, http.aclose):
        resources.push_async_callback(close)

    engine = Engine(database, "marketplace-adapter", STORAGE, ROUTES)
    master = MasterKey.read(settings.master_key_file)
    keyring = Keyring(keyring_database, master)
    sealer = Sealer(keyring, master)
    marketplaces = {store.code: load(store.platform)(credentials[store.code], http) for store in known.stores}
    pullers = {
        code: Puller(engine, marketplace, sealer, known.store(code))
        for code, marketplace in marketplaces.items()
        if isinstance(marketplace, PullTrades)
    }
    return Service(
        "marketplace-adapter",
        engine,
        routers=[api.router(engine, pullers)],
        calls=_calls(Publisher(marketplaces)),
        schedules=[schedule for store in known.stores for schedule in _schedules(store, pullers)],
        on_start=[keyring.prepare],
        resources=resources,
    )


def _credentials(known: Reference, secrets_file: Path) -> Mapping[str, Credentials]:
    """Every store's credentials, by store code. Raises InvalidReference for stores that have none."""
    secrets = orjson.loads(secrets_file.read_bytes())
    problems = [
        f"缺少店铺 {store.code} 的凭据，请添加 / no credentials for store {store.code}, add them"
        for store in known.stores
        if store.code not in secrets
    ]
    if problems:
        raise InvalidReference(secrets_file, problems)
    return {store.code: Credentials(**secrets[store.code]) for store in known.stores}


def _schedules(store: Store, pullers: Mapping[str, Puller]) -> list[Schedule]:
    puller = pullers.get(store.code)
    if puller is None:
        return []
    return [
        Schedule(f"pull:{store.code}", store.pull_every, puller.pull, PULL_FAILED),
        Schedule(f"sweep:{store.code}", SWEEP_EVERY, puller.sweep, PULL_FAILED),
    ]


def _calls(publisher: Publisher) -> list[CallKind]:
    return [
        CallKind(handlers.PUBLISH_SHIPMENT, publisher.shipment, handlers.on_shipment_published, timeout=CALL_TIMEOUT),
        CallKind(
            handlers.PUBLISH_STOCK,
            publisher.stock,
            handlers.on_stock_published,
            concurrency=FIGURES_AT_ONCE,
            timeout=CALL_TIMEOUT,
        ),
    ]
