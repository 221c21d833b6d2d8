"""Puts marketplace-adapter together."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.calls import CallKind
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.keyring import Keyring, MasterKey
from lemai_chassis.misconfigured import Misconfigured, Problems, fix
from lemai_chassis.reference import Reference, Store
from lemai_chassis.schedules import Schedule
from lemai_chassis.service import Service
from lemai_chassis.settings import DatabaseUrl, Settings
from lemai_marketplace.http import http_client
from lemai_marketplace.plugins import Credentials, Factory, UnknownPlatform, load
from lemai_marketplace.protocols import PullTrades
from marketplace_adapter import api, handlers
from marketplace_adapter.consumers import ROUTES
from marketplace_adapter.gateways import Publisher, Sealer, carrier_problems
from marketplace_adapter.pulling import SWEEP_EVERY, Puller
from marketplace_adapter.storage import STORAGE, STUCK

CALL_TIMEOUT = timedelta(seconds=8)
FIGURES_AT_ONCE = 100
PULL_FAILED = "pull_failed"


class AdapterSettings(Settings):
    """The adapter seals consignees and calls platforms, so it has the keys to both."""

    keyring_database_url: DatabaseUrl
    master_key_file: Path
    store_secrets_file: Path
    """JSON by store code: endpoint, app_key, app_secret, session."""


def build(settings: AdapterSettings) -> Service:
    known = reference.read(settings.lemai_config)
    problems = Problems()
    with problems.of(Misconfigured):
        credentials = _credentials(known, settings.store_secrets_file)
    with problems.of(Misconfigured):
        master = MasterKey.read(settings.master_key_file)
    problems.raise_any()
    database = connect(settings.database_url.get_secret_value())
    keyring_database = connect(settings.keyring_database_url.get_secret_value())
    http = http_client(CALL_TIMEOUT.total_seconds() - 1)
    resources = AsyncExitStack()
    for close in (database.dispose, keyring_database.dispose, http.aclose):
        resources.push_async_callback(close)

    engine = Engine(database, "marketplace-adapter", STORAGE, ROUTES)
    keyring = Keyring(keyring_database, master)
    sealer = Sealer(keyring, master)
    marketplaces = {code: create(own, http) for code, (create, own) in credentials.items()}
    problems = Problems()
    for code, marketplace in marketplaces.items():
        for problem in carrier_problems(known, known.store(code), marketplace):
            problems.append(f"{settings.lemai_config}: {problem}")
    problems.raise_any()
    pullers = {
        code: Puller(engine, marketplace, sealer, known.store(code))
        for code, marketplace in marketplaces.items()
        if isinstance(marketplace, PullTrades)
    }
    return Service(
        "marketplace-adapter",
        engine,
        routers=[api.router(engine, pullers)],
        calls=_calls(Publisher(marketplaces, known)),
        schedules=[schedule for store in known.stores for schedule in _schedules(store, pullers)],
        stuck=STUCK,
        on_start=[keyring.prepare],
        resources=resources,
    )


def _credentials(known: Reference, secrets_file: Path) -> Mapping[str, tuple[Factory, Credentials]]:
    """Every store's plugin and credentials, by store code. Raises Misconfigured for stores that lack one."""
    try:
        secrets = TypeAdapter(dict[str, Credentials]).validate_json(secrets_file.read_bytes())
    except OSError as error:
        raise Misconfigured(
            f"STORE_SECRETS_FILE = {secrets_file}: 无法读取 / cannot be read: {error.strerror}"
        ) from None
    except ValidationError as error:
        told = (f"{'.'.join(map(str, problem['loc']))}: {fix(problem)}" for problem in error.errors())
        raise Misconfigured(*(f"{secrets_file}: {problem}" for problem in told)) from None
    problems = Problems()
    found = {}
    for store in known.stores:
        with problems.of(UnknownPlatform):  # Nobody has credentials for a platform that cannot be spoken with.
            create = load(store.platform)
            if own := secrets.get(store.code):
                found[store.code] = create, own
            else:
                problems.append(f"{secrets_file}: {store.code}: 缺少此店铺的凭据，请添加 / no credentials, add them")
    problems.raise_any()
    return found


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
