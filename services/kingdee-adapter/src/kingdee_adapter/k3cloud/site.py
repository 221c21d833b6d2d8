"""What differs from one K/3 Cloud site to another; forms and their keys are in `forms.yaml`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from lemai_docking.definitions.layout import Definition

GOOD = "ZP"
DEFECTIVE = "CC"


class Site(Definition):
    """Options of one site. Code maps are from our code to K/3's; a code that is not in one is the same in both."""

    org: str
    """The organisation that sells, buys and stores."""
    owners: Mapping[str, str] = {}
    """Organisations of owners that have one of their own."""
    item_org: str = ""
    """The organisation that looks after items, if it is another one."""
    use_orgs: tuple[str, ...] = ()
    """Organisations an approved item is allocated to; none means `org`, where items belong to another one."""
    warehouses: Mapping[str, str] = {}
    """Its numbers of our warehouses."""
    carriers: Mapping[str, str] = {}
    """Its numbers of our carriers."""
    customers: Mapping[str, str] = {}
    """By store code."""
    stores: Mapping[str, str] = {}
    """Store codes by the names of shops: a return names its shop by name only."""
    good_status: str = "KCZT01_SYS"
    """The stock status of what can be sold."""
    defective_status: str = "KCZT08_SYS"
    """The stock status of what cannot."""
    statuses: Mapping[str, str] = {}
    """Inventory types by further stock statuses, such as frozen ones."""
    unit: str = "Pcs"
    """Of lines that name none."""
    tax_rate: str = "13"
    """In percent, of lines that name none."""
    currency: str = "PRE001"
    """Its number of the currency of bills."""
    return_mode: str = "A"
    """FMRMODE of supplier returns: A or B, by site."""
    negative_stock: bool = False
    """Whether bills may drive stock below zero."""
    confirm_type_key: str = ""
    """The head key of results that says 0 (the end) or 1 (more will come); without one, complete rows are the end."""
    number_max: Mapping[str, int] = {}
    """Lengths of bill numbers, by form."""
    forms: Mapping[str, Any] = {}
    """Overrides of `forms.yaml`, merged key by key; null takes a key out."""
    poll_every_s: float = Field(default=15, gt=0)
    """So often results are asked for."""
    overlap_minutes: int = Field(default=10, ge=0)
    """Bills approved this long before the newest one seen are read again: approvals do not become visible in order."""
    page_rows: int = Field(default=2000, ge=1, le=2000)
    """Servers were seen to give no more, whatever they are asked for."""
    stock_every_hours: int = Field(default=24, ge=1)
    """So often a full snapshot is taken."""

    @property
    def overlap(self) -> timedelta:
        return timedelta(minutes=self.overlap_minutes)

    @property
    def allocated_to(self) -> tuple[str, ...]:
        """Organisations an approved item is allocated to, none if it is at home already."""
        return self.use_orgs or ((self.org,) if self.item_org not in {"", self.org} else ())

    def org_of(self, owner_code: str) -> str:
        """The organisation whose goods an owner's are."""
        return self.owners.get(owner_code, self.org)

    def stock_status(self, inventory_type: str) -> str | None:
        """The stock status of an inventory type, None if the site has none for it."""
        named = {GOOD: self.good_status, DEFECTIVE: self.defective_status}
        named |= {ours: theirs for theirs, ours in self.statuses.items() if ours not in named}
        return named.get(inventory_type)

    def inventory_type(self, stock_status: str) -> str:
        """The inventory type of a stock status. What is unknown or blank becomes no type, least of all the good one."""
        known = {**self.statuses, self.good_status: GOOD, self.defective_status: DEFECTIVE}
        return known.get(stock_status, stock_status or "?")


def ours(codes: Mapping[str, str], theirs: str) -> str:
    """Our code for one of theirs."""
    return next((our for our, their in codes.items() if their == theirs), theirs)
