"""Puts kingdee-adapter together."""

from functools import partial
from pathlib import Path

from pydantic import SecretStr

from kingdee_adapter import consumers
from kingdee_adapter.api.access import Access
from kingdee_adapter.api.router import router
from kingdee_adapter.channels import Secrets, channel_of
from kingdee_adapter.docking import Docking, enqueue
from kingdee_adapter.handlers import KIND, ToSend
from kingdee_adapter.upkeep import Upkeep
from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine, Storage
from lemai_chassis.keyring import Keyring, MasterKey, Seal
from lemai_chassis.schedules import Schedule
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings
from lemai_docking.profile import find_profile


class AdapterSettings(Settings):
    """The adapter reveals consignees when it writes a file, and keeps files sealed."""

    keyring_database_url: SecretStr
    master_key_file: Path
    docking_root: Path
    """Holds one exchange folder for each counterpart whose channel is one."""
    docking_secrets: Path | None = None
    """Holds the secrets of the channels, each a file `<counterpart code>.<secret>`."""
    access_file: Path | None = None
    """The people who may see raw bytes or decide: JSON list of `name`, `roles`, `token_sha256`. None: nobody."""


def build(settings: AdapterSettings) -> Service:
    known = reference.read(settings.lemai_config)
    master = MasterKey.read(settings.master_key_file)
    keyring = Keyring(connect(settings.keyring_database_url.get_secret_value()), master)
    dockings: dict[str, Docking] = {}
    schedules: list[Schedule] = []
    engine = Engine(
        connect(settings.database_url.get_secret_value()),
        "kingdee-adapter",
        Storage.of(sinks={ToSend: partial(enqueue, dockings)}),
        consumers.routes(known),
    )
    vault = Seal(master.derive("documents"))
    secrets = Secrets(settings.docking_secrets)
    for counterpart in known.counterparts:
        if counterpart.kind == KIND:
            profile = find_profile(counterpart.profile, settings.lemai_config.parent)
            channel = channel_of(counterpart, settings.docking_root, secrets)
            docking = Docking(engine, known, counterpart.code, profile, channel, keyring, vault)
            dockings[counterpart.code] = docking
            schedules += Upkeep(engine, docking, counterpart).schedules
    return Service(
        "kingdee-adapter",
        engine,
        routers=[router(engine, dockings, vault, Access.read(settings.access_file))],
        schedules=schedules,
        loops=[loop for docking in dockings.values() for loop in docking.loops],
        on_start=[keyring.prepare],
    )
