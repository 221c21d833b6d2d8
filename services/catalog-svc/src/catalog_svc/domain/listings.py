"""Listings: which item a store sells as which platform SKU."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from catalog_svc.domain import cells
from catalog_svc.domain.cells import code
from catalog_svc.domain.sheets import Column, Line, Note, Refusal, read_sheet, repeats

STORE = Column("store_code", "店铺", code(50), required=True, synonyms=("店铺编码", "店铺代码"))
PLATFORM_ITEM = Column(
    "platform_item_id", "平台商品ID", code(50, 15), required=True, synonyms=("商品ID", "宝贝ID", "num_iid")
)
PLATFORM_SKU = Column("platform_sku_id", "平台SKUID", code(50, 15), synonyms=("SKUID", "sku_id"))
OWNER = Column("owner_code", "货主", code(50), synonyms=("货主编码",))
ITEM = Column("item_code", "商品编码", code(50), required=True, synonyms=("商家编码", "outer_id"))
COLUMNS = (STORE, PLATFORM_ITEM, PLATFORM_SKU, OWNER, ITEM, Column("active", "是否有效", cells.FLAG, blank=True))
"""A platform item without SKUs has a blank SKU id; a blank owner is the store's default one."""


class ListingsRefused(Exception):
    """Some listings cannot be kept, so none is."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} listings refused")
        self.refusals = refusals


@dataclass(frozen=True)
class Listing:
    """A platform SKU of a store and the item behind it."""

    store_code: str
    platform_item_id: str
    platform_sku_id: str
    owner_code: str
    item_code: str
    active: bool
    changed_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return self.store_code, self.platform_item_id, self.platform_sku_id


@dataclass(frozen=True)
class ListingLine:
    """A listing as somebody asks for it; `row` says where in the request it stands."""

    row: int
    store_code: str
    platform_item_id: str
    item_code: str
    platform_sku_id: str = ""
    owner_code: str = ""
    active: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        return self.store_code, self.platform_item_id, self.platform_sku_id


Stores = Mapping[str, Sequence[str]]
"""Whose goods a store sells, by store; the first owner is its default."""


def read_listings(lines: Sequence[Line]) -> tuple[Sequence[ListingLine], Sequence[Note]]:
    """Read a sheet of listings; what to know of its rows. Raises SheetRefused; ListingsRefused for a bad cell."""
    reading = read_sheet(lines, COLUMNS, [column.key for column in COLUMNS if column.required])
    if reading.refusals:
        raise ListingsRefused(reading.refusals)
    return [ListingLine(row.number, **row.values) for row in reading.rows], reading.notes


def with_owner(line: ListingLine, stores: Stores) -> ListingLine:
    """The line with its store's default owner where it names none."""
    return line if line.owner_code else replace(line, owner_code=next(iter(stores.get(line.store_code, ())), ""))


def resolve(
    lines: Sequence[ListingLine], stores: Stores, items: Collection[tuple[str, str]], now: datetime
) -> Sequence[Listing]:
    """The listings that are asked for; `items` are the (owner, item) that exist. Raises ListingsRefused."""
    refusals = [refusal for line in lines for refusal in _refusals(line, stores, items)]
    refusals += [
        Refusal(row, PLATFORM_SKU.label, "/".join(key), reason)
        for row, key, reason in repeats((line.row, line.key) for line in lines)
    ]
    if refusals:
        raise ListingsRefused(sorted(refusals, key=lambda refusal: refusal.row))
    return [Listing(*line.key, line.owner_code, line.item_code, line.active, now) for line in lines]


def _refusals(line: ListingLine, stores: Stores, items: Collection[tuple[str, str]]) -> Iterator[Refusal]:
    owners = stores.get(line.store_code)
    if owners is None:
        yield Refusal(
            line.row, STORE.label, line.store_code, f"没有此店铺，应为 / no such store; expected {'、'.join(stores)}"
        )
    elif line.owner_code not in owners:
        reason = f"店铺不售此货主的商品，应为 / not an owner of this store; expected {'、'.join(owners)}"
        yield Refusal(line.row, OWNER.label, line.owner_code, reason)
    elif (line.owner_code, line.item_code) not in items:
        reason = f"货主 {line.owner_code} 没有此商品，请先导入 / {line.owner_code} has no such item; import it first"
        yield Refusal(line.row, ITEM.label, line.item_code, reason)
