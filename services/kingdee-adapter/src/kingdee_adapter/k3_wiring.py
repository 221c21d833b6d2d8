"""A counterpart on K/3 Cloud: the site that the reference data describes, and what runs for it."""

from contextlib import AsyncExitStack

from kingdee_adapter import storage
from kingdee_adapter.channels import Secrets
from kingdee_adapter.docking import Docking
from kingdee_adapter.k3cloud import channel as k3cloud
from kingdee_adapter.k3cloud.client import K3Client, http_client
from kingdee_adapter.k3cloud.files import ResultCodec
from kingdee_adapter.k3cloud.forms import Forms, load
from kingdee_adapter.k3cloud.signing import Account
from kingdee_adapter.k3cloud.site import Site
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.reference import Counterpart, K3CloudChannel, Reference
from lemai_docking.definitions.layout import validated
from lemai_docking.journal.tables import Vault


class K3Site:
    """One site as data: its options and forms, checked. Raises DefinitionError naming what is wrong."""

    def __init__(self, counterpart: Counterpart, channel: K3CloudChannel) -> None:
        place = f"lemai.yaml counterparts[{counterpart.code}].channel"
        self.site: Site = validated(Site, channel.model_extra, place)
        self.forms: Forms = load(self.site)
        self.codec = ResultCodec(self.forms, self.site)
        self._code = counterpart.code
        self._channel = channel

    def connect(
        self,
        engine: Engine,
        reference: Reference,
        docking: Docking,
        vault: Vault,
        secrets: Secrets,
        resources: AsyncExitStack,
    ) -> k3cloud.K3Docking:
        """What posts its bills and reads its results."""
        stores = {store.name or store.code: store.code for store in reference.stores}
        http = http_client()
        resources.push_async_callback(http.aclose)
        return k3cloud.K3Docking(
            engine,
            self._counterpart(reference),
            self.forms,
            self.site.model_copy(update={"stores": stores}),
            K3Client(self._account(secrets), http, engine.clock, self._channel.login),
            k3cloud.Journal(storage.JOURNAL, storage.BILLS, docking.outgoing, vault),
            docking,
            docking.receiver,
        )

    def _account(self, secrets: Secrets) -> Account:
        channel = self._channel
        return Account(
            url=channel.url,
            acct_id=channel.acct_id,
            user=channel.user,
            app_id=channel.app_id,
            app_secret=secrets.of(self._code, "app_secret"),
            org=self.site.org,
            lcid=channel.lcid,
        )

    def _counterpart(self, reference: Reference) -> k3cloud.Counterpart:
        """Goods of no other organisation belong to the default owner of the first store that sells from there."""
        warehouses = [one.code for one in reference.warehouses if one.counterpart == self._code]
        owners = [store.owners[0] for store in reference.stores if store.warehouse in warehouses]
        return k3cloud.Counterpart(self._code, (owners or [reference.owners[0].code])[0], warehouses)
