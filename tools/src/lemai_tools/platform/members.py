"""The services and simulators of the platform as processes: what each is started with."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import httpx

from lemai_chassis import reference
from lemai_chassis.misconfigured import Misconfigured, Problems
from lemai_chassis.reference import (
    FolderChannel,
    HttpChannel,
    K3CloudChannel,
    Reference,
    SftpChannel,
    SoapChannel,
)
from lemai_docking.definitions.layout import DefinitionError
from lemai_docking.definitions.profile import find_profile
from lemai_tools.platform.home import Home
from lemai_tools.platform.people import access_file
from lemai_tools.platform.processes import Process

SERVICES = ("catalog-svc", "order-svc", "stock-svc", "finance-svc", "kingdee-adapter", "marketplace-adapter")
SIMULATORS = ("sim-tmall", "sim-kingdee")
KEYRING = "keyring"
DATABASES = (*(name.replace("-", "_") for name in SERVICES), KEYRING)


def configured(config: Path, others: Iterable[str] = ()) -> Reference:
    """The reference data; the profiles they name can be used too. Raises Misconfigured with all problems and others."""
    problems = Problems(others)
    with problems.of(Misconfigured):
        known = reference.read(config, partial(_wrong_profiles, config.parent))
    problems.raise_any()
    return known


def _wrong_profiles(folder: Path, known: Reference) -> Iterator[reference.Problem]:
    for number, counterpart in enumerate(known.counterparts):
        try:
            find_profile(counterpart.profile, folder)
        except DefinitionError as error:
            place = f"counterparts[{counterpart.code}].profile = {counterpart.profile!r}"
            yield from ((("counterparts", number, "profile"), f"{place}: {problem}") for problem in error.problems)


def members(
    home: Home,
    http: httpx.AsyncClient,
    *,
    config: Path,
    known: Reference,
    databases: Mapping[str, str],
    bootstrap_servers: str,
) -> dict[str, Process]:
    """Every service and simulator by name. `known` is what `config` holds; `databases` has a URL per DATABASES."""
    addresses = {name: f"http://127.0.0.1:{home.port(name)}" for name in SERVICES + SIMULATORS}
    seller = _seller(home)
    store_secrets = _store_secrets(home, known, seller, addresses["sim-tmall"])
    service_env = {
        "LEMAI_CONFIG": str(config),
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "KEYRING_DATABASE_URL": databases[KEYRING],
        "MASTER_KEY_FILE": str(home.secret("master-key")),
        "ACCESS_FILE": str(access_file(home)),
    }
    own_env = {
        "kingdee-adapter": {
            "DOCKING_ROOT": str(home.folder("kingdee")),
            "DOCKING_SECRETS": str(home.folder("secrets")),
        },
        "marketplace-adapter": {"STORE_SECRETS_FILE": str(store_secrets)},
        "sim-tmall": {"SIM_TMALL_DIR": str(home.folder("sim-tmall")), **seller},
        "sim-kingdee": {
            "SIM_KINGDEE_DIR": str(home.folder("sim-kingdee")),
            **_kingdee(home, config, known, addresses["kingdee-adapter"]),
        },
    }
    services = {
        name: _process(
            name,
            http,
            addresses[name],
            {**service_env, "DATABASE_URL": databases[_package(name)], **own_env.get(name, {})},
        )
        for name in SERVICES
    }
    return services | {name: _process(name, http, addresses[name], own_env[name]) for name in SIMULATORS}


def _process(name: str, http: httpx.AsyncClient, url: str, env: Mapping[str, str]) -> Process:
    program = (sys.executable, "-m", _package(name))
    is_service = name in SERVICES
    health_url = f"{url}/readyz" if is_service else f"{url}/healthz"
    address = httpx.URL(url)

    async def is_ready() -> bool:
        try:
            return (await http.get(health_url)).is_success
        except httpx.TransportError:
            return False

    return Process(
        name=name,
        argv=program,
        prepare=(*program, "migrate") if is_service else (),
        ready=is_ready,
        env={**env, "HTTP_HOST": address.host, "HTTP_PORT": str(address.port), "PYTHONUNBUFFERED": "1"},
        url=url,
        health_url=health_url,
    )


def _package(name: str) -> str:
    return name.replace("-", "_")


def _seller(home: Home) -> dict[str, str]:
    """The shop that the Tmall simulator opens with, under secrets of this state folder."""
    return {
        "SIM_TMALL_NICK": "乐麦旗舰店",
        "SIM_TMALL_APP_KEY": "12345678",
        "SIM_TMALL_APP_SECRET": home.secret("sim-tmall-app").read_text(),
        "SIM_TMALL_SESSION": home.secret("sim-tmall-session").read_text(),
    }


def _store_secrets(home: Home, known: Reference, seller: Mapping[str, str], simulator: str) -> Path:
    """What the marketplace adapter needs to call the simulator as that shop, for every Tmall store."""
    secrets = {
        store.code: {
            "endpoint": f"{simulator}/router/rest",
            "app_key": seller["SIM_TMALL_APP_KEY"],
            "app_secret": seller["SIM_TMALL_APP_SECRET"],
            "session": seller["SIM_TMALL_SESSION"],
        }
        for store in known.stores
        if store.platform == "tmall"
    }
    return home.private("store-secrets.json", json.dumps(secrets, indent=1))


def _kingdee(home: Home, config: Path, known: Reference, adapter: str) -> dict[str, str]:
    """The simulator is every counterpart: it has a face for the channel of each, and all warehouses."""
    env = {"SIM_KINGDEE_WAREHOUSES": json.dumps([warehouse.code for warehouse in known.warehouses])}
    faces = []
    for counterpart in known.counterparts:
        if isinstance(counterpart.channel, K3CloudChannel):
            env |= _webapi(home, known, counterpart.code, counterpart.channel)
        else:
            encoding = find_profile(counterpart.profile, config.parent).encoding
            faces.append(_face(home, counterpart.code, counterpart.channel, encoding, adapter))
    # Of several folders the first is the simulator's `folder`, the others are called as the reference data calls them.
    for face in [face for face in faces if face["name"] == "folder"][1:]:
        face["face"] = Path(str(face["root"])).name
    return env | {"SIM_KINGDEE_EXCHANGES": json.dumps(faces)}


def _face(
    home: Home,
    code: str,
    channel: FolderChannel | SftpChannel | HttpChannel | SoapChannel,
    encoding: str,
    adapter: str,
) -> dict[str, object]:
    """The other end of a channel that carries messages, under secrets that the adapter is given too."""
    face: dict[str, object] = {"name": channel.kind, "encoding": encoding}
    match channel:
        case FolderChannel():
            return face | {"root": str(home.folder(f"kingdee/{channel.folder}"))}
        case SftpChannel():
            place = {"host": channel.host, "port": channel.port, "root": str(home.folder("sim-kingdee/sftp"))}
            return face | place | {"user": channel.user, "password": _secret(home, code, "password")}
        case HttpChannel():
            url = "" if channel.pull else f"{adapter}/v1/docking/{code}"
            return face | {"app_key": channel.app_key, "app_secret": _secret(home, code, "app_secret"), "url": url}
        case SoapChannel():
            ours = {"lemai_user": channel.partner_user, "lemai_password": _secret(home, code, "partner_password")}
            theirs = {"user": channel.user, "password": _secret(home, code, "password")}
            return {"name": "soap", "url": f"{adapter}/soap/{code}", **ours, **theirs}


def _webapi(home: Home, known: Reference, code: str, channel: K3CloudChannel) -> dict[str, str]:
    """The other end of a K/3 Cloud: one organisation, for the owner whose store its warehouse serves."""
    store = next(store for store in known.stores if known.counterpart_of(store.warehouse).code == code)
    return {
        "SIM_KINGDEE_K3_ACCT_ID": channel.acct_id,
        "SIM_KINGDEE_K3_USER": channel.user,
        "SIM_KINGDEE_K3_APP_ID": channel.app_id,
        "SIM_KINGDEE_K3_APP_SECRET": _secret(home, code, "app_secret"),
        "SIM_KINGDEE_K3_ORG": channel.model_dump()["org"],
        "SIM_KINGDEE_K3_OWNER": store.owners[0],
    }


def _secret(home: Home, counterpart_code: str, name: str) -> str:
    return home.secret(f"{counterpart_code}.{name}").read_text()
