"""One counterpart on K/3 Cloud: all that its owner has to run."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kingdee_adapter.k3cloud.calling import Calls
from kingdee_adapter.k3cloud.client import K3Client
from kingdee_adapter.k3cloud.forms import Forms
from kingdee_adapter.k3cloud.polling import Receiving, Results, Stock
from kingdee_adapter.k3cloud.posting import Poster
from kingdee_adapter.k3cloud.site import Site
from kingdee_adapter.k3cloud.tables import K3Tables
from kingdee_adapter.k3cloud.trouble import Trouble
from lemai_chassis.delivery.calls import CallKind
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.schedules import Schedule
from lemai_docking.journal.outgoing import OutgoingJournal
from lemai_docking.journal.tables import Tables, Vault
from lemai_docking.publisher import SenderPorts


@dataclass(frozen=True)
class Counterpart:
    """Who it is: its code, the owner of goods that name no organisation of another, and its warehouses by our codes."""

    code: str
    owner_code: str
    warehouse_codes: Sequence[str]


@dataclass(frozen=True)
class Journal:
    """Where documents and bills are kept."""

    tables: Tables
    bills: K3Tables
    outgoing: OutgoingJournal
    vault: Vault


class K3Docking:
    """Posts to one K/3 Cloud, and reads results and stock from it.

    Documents come in by `OutgoingJournal.enqueue`, as for every channel. `poster` belongs into the sink of `Settled`
    (see `posting.settle`), `calls`, `schedules` and `loops` into the service.
    """

    def __init__(
        self,
        engine: Engine,
        counterpart: Counterpart,
        forms: Forms,
        site: Site,
        client: K3Client,
        journal: Journal,
        ports: SenderPorts,
        receiver: Receiving,
    ) -> None:
        code, owner_code = counterpart.code, counterpart.owner_code
        self.poster = Poster(engine, code, forms, site, journal.outgoing, journal.tables, ports)
        self.results = Results(
            engine, code, owner_code, forms, site, client, journal.bills, receiver, Trouble(engine, ports)
        )
        self.stock = Stock(engine, owner_code, forms, site, client, receiver, counterpart.warehouse_codes)
        trouble = Trouble(engine, ports)
        calls = Calls(engine, code, forms, site, client, journal.outgoing, journal.tables, journal.vault, trouble)
        self.calls: Sequence[CallKind] = [calls.kind()]
        self.loops: Sequence[Callable[[], Awaitable[None]]] = [self.poster.run]
        self.schedules: Sequence[Schedule] = [
            Schedule(f"k3cloud results {code}", timedelta(seconds=site.poll_every_s), self.results.poll),
            Schedule(f"k3cloud stock {code}", timedelta(hours=site.stock_every_hours), self.stock.read_all),
        ]
