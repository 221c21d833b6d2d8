"""Puts kingdee-adapter together."""

from functools import partial
from pathlib import Path

from pydantic import SecretStr

from kingdee_adapter import api, consumers
from kingdee_adapter.docking import Docking, enqueue
from kingdee_adapter.handlers import KIND, ToSend
from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine, Storage
from lemai_chassis.keyring import Keyring, MasterKey, Seal
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings


class AdapterSettings(Settings):
    """The adapter reveals consignees when it writes a file, and keeps files sealed."""

    keyring_database_url: SecretStr
    master_key_file: Path
    docking_root: Path
    """Holds one exchange folder for each counterpart."""


def build(settings: AdapterSettings) -> Service:
    known = reference.read(settings.lemai_config)
    master = MasterKey.read(settings.master_key_file)
    keyring = Keyring(connect(settings.keyring_database_url.get_secret_value()), master)
    dockings: dict[str, Docking] = {}
    engine = Engine(
        connect(settings.database_url.get_secret_value()),
        "kingdee-adapter",
        Storage.of(sinks={ToSend: partial(enqueue, dockings)}),
        consumers.routes(known),
    )
    vault = Seal(master.derive("documents"))
    for counterpart in known.counterparts:
        if counterpart.kind == KIND:
            docking = Docking(engine, known, counterpart, settings.docking_root, keyring, vault)
            dockings[counterpart.code] = docking
    return Service(
        "kingdee-adapter",
        engine,
        routers=[api.router(engine, dockings)],
        loops=[loop for docking in dockings.values() for loop in (docking.publisher.run, docking.reader.run)],
        on_start=[keyring.prepare],
    )
