"""Puts kingdee-adapter together."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from kingdee_adapter import consumers, storage
from kingdee_adapter.api.calls import Signer, SoapCaller, signed_router, soap_router
from kingdee_adapter.api.router import router
from kingdee_adapter.channels import Channels, Secrets
from kingdee_adapter.docking import Docking, enqueue
from kingdee_adapter.handlers import KIND, ToSend
from kingdee_adapter.k3_wiring import K3Site
from kingdee_adapter.k3cloud.handlers import Settled
from kingdee_adapter.k3cloud.posting import Poster, settle
from kingdee_adapter.storage import BILLS, JOURNAL
from kingdee_adapter.upkeep import Upkeep
from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.calls import CallKind
from lemai_chassis.delivery.engine import Engine, Storage
from lemai_chassis.keyring import Keyring, MasterKey, Seal
from lemai_chassis.misconfigured import Misconfigured, Problems
from lemai_chassis.reference import Counterpart, HttpChannel, K3CloudChannel, Reference, SoapChannel
from lemai_chassis.schedules import Schedule
from lemai_chassis.service import Service
from lemai_chassis.settings import DatabaseUrl, Settings
from lemai_docking.channels.http_server import NonceTable
from lemai_docking.codec import Codec
from lemai_docking.definitions.layout import DefinitionError
from lemai_docking.definitions.profile import Profile, find_profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.journal.tables import Vault


class AdapterSettings(Settings):
    """The adapter reveals consignees when it writes a file, and keeps files sealed."""

    keyring_database_url: DatabaseUrl
    master_key_file: Path
    docking_root: Path
    """Holds one exchange folder for each counterpart whose channel is one."""
    docking_secrets: Path | None = None
    """Holds the secrets of the channels, each a file `<counterpart code>.<secret>`."""


def build(settings: AdapterSettings) -> Service:
    problems = Problems()
    with problems.of(Misconfigured):
        known = reference.read(settings.lemai_config)
    with problems.of(Misconfigured):
        master = MasterKey.read(settings.master_key_file)
    problems.raise_any()
    keyring = Keyring(connect(settings.keyring_database_url.get_secret_value()), master)
    dockings: dict[str, Docking] = {}
    posters: dict[str, Poster] = {}
    engine = Engine(
        connect(settings.database_url.get_secret_value(), held=len(known.counterparts)),
        "kingdee-adapter",
        Storage.of(BILLS.bills, sinks={ToSend: partial(enqueue, dockings), Settled: partial(settle, posters)}),
        consumers.routes(known),
    )
    vault = Seal(master.derive("documents"))
    members = Members(engine, known, settings, keyring, vault)
    for counterpart in known.counterparts:
        if counterpart.kind == KIND:
            with problems.of(Misconfigured):
                members.add(counterpart)
    problems.raise_any()
    dockings |= members.dockings
    posters |= members.posters
    return Service(
        "kingdee-adapter",
        engine,
        routers=[
            router(engine, dockings, vault),
            signed_router(members.signers),
            soap_router(members.soap_callers),
        ],
        stuck=storage.STUCK,
        calls=members.calls,
        schedules=members.schedules,
        loops=members.loops,
        on_start=[keyring.prepare],
        resources=members.resources,
    )


class Members:
    """Every counterpart's part of the service."""

    def __init__(
        self, engine: Engine, known: Reference, settings: AdapterSettings, keyring: Keyring, vault: Vault
    ) -> None:
        self._engine = engine
        self._known = known
        self._config = settings.lemai_config.parent
        self._keyring = keyring
        self._vault = vault
        self._secrets = Secrets(settings.docking_secrets)
        self.resources = AsyncExitStack()
        self._channels = Channels(settings.docking_root, self._secrets, engine.database, engine.clock, self.resources)
        self.dockings: dict[str, Docking] = {}
        self.posters: dict[str, Poster] = {}
        self.signers: dict[str, Signer] = {}
        self.soap_callers: dict[str, SoapCaller] = {}
        self.calls: list[CallKind] = []
        self.schedules: list[Schedule] = []
        self.loops: list[Callable[[], Awaitable[None]]] = []

    def add(self, counterpart: Counterpart) -> None:
        """One more. Raises Misconfigured naming what is wrong with its profile, its options or its secrets."""
        place = f"lemai.yaml counterparts[{counterpart.code}]"
        try:
            self._add(counterpart, find_profile(counterpart.profile, self._config))
        except DefinitionError as error:
            raise Misconfigured(*(f"{place}: {error.file}: {problem}" for problem in error.problems)) from error
        except (LookupError, ValueError) as error:
            raise Misconfigured(f"{place}: {error}") from error

    def _add(self, counterpart: Counterpart, profile: Profile) -> None:
        code = counterpart.code
        match counterpart.channel:
            case K3CloudChannel() as channel:
                docking = self._add_k3(counterpart, channel, profile)
            case HttpChannel() as channel:
                docking = self._docking(counterpart, profile, codec_of(profile))
                nonces = NonceTable(self._engine.database, JOURNAL.nonce, code)
                self.signers[code] = Signer(docking, self._channels.credentials(code, channel), nonces)
            case SoapChannel() as channel:
                docking = self._docking(counterpart, profile, codec_of(profile))
                self.soap_callers[code] = SoapCaller(docking, self._channels.partner_login(code, channel))
            case _:
                docking = self._docking(counterpart, profile, codec_of(profile))
        self.dockings[code] = docking
        self.loops += docking.loops
        self.schedules += Upkeep(self._engine, docking, counterpart).schedules

    def _add_k3(self, counterpart: Counterpart, channel: K3CloudChannel, profile: Profile) -> Docking:
        site = K3Site(counterpart, channel)
        docking = self._docking(counterpart, profile, site.codec)
        k3 = site.connect(self._engine, self._known, docking, self._vault, self._secrets, self.resources)
        self.posters[counterpart.code] = k3.poster
        self.calls += k3.calls
        self.loops += k3.loops
        self.schedules += k3.schedules
        return docking

    def _docking(self, counterpart: Counterpart, profile: Profile, codec: Codec) -> Docking:
        channel = self._channels.open(counterpart, profile)
        return Docking(self._engine, self._known, counterpart.code, profile, codec, channel, self._keyring, self._vault)
