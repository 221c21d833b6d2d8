"""What people do to the catalog: preview a sheet, confirm it, put listings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from catalog_svc.domain.item_sheets import ItemSheet, Known, compare
from catalog_svc.domain.items import CURRENCY, Catalog, Item
from catalog_svc.domain.listings import Listing, ListingLine, Stores, resolve, with_owner
from catalog_svc.domain.sheets import Reading
from lemai_chassis.state.unit_of_work import Ref, UnitOfWork, ref
from lemai_contracts.catalog import ItemChangedV1, ListingChangedV1
from lemai_contracts.values import Money


class SheetNotFound(Exception):
    """There is no such sheet."""


@dataclass(frozen=True)
class Upload:
    """A sheet that was read, for the catalog of an owner."""

    sheet_id: str
    owner_code: str
    file_name: str
    sha256: str
    reading: Reading


@dataclass(frozen=True)
class Confirmation:
    """Somebody wants what the preview of a sheet shows."""

    sheet_id: str
    accept_refused: bool = False


@dataclass(frozen=True)
class ListingsPut:
    """How many listings are new, other than before, and as they were."""

    added: int
    changed: int
    unchanged: int


def preview_sheet(known: Known, upload: Upload, uow: UnitOfWork) -> ItemSheet:
    """Keep a sheet with what it would change. Nothing of it is applied."""
    uow.get(ItemSheet, upload.sheet_id)
    sheet = ItemSheet(
        sheet_id=upload.sheet_id,
        owner_code=upload.owner_code,
        file_name=upload.file_name,
        sha256=upload.sha256,
        uploaded_at=uow.now,
        revision=_catalog(upload.owner_code, uow).revision,
        preview=compare(upload.reading, upload.owner_code, known, uow.now),
    )
    uow.put(sheet)
    return sheet


def confirm_sheet(command: Confirmation, uow: UnitOfWork) -> ItemSheet:
    """Take over what the preview shows, once. Raises SheetNotFound, CatalogMoved, RowsRefused."""
    sheet = uow.get(ItemSheet, command.sheet_id)
    if sheet is None:
        raise SheetNotFound(command.sheet_id)
    if sheet.confirmed_at:
        return sheet
    catalog = _catalog(sheet.owner_code, uow)
    confirmed = sheet.confirm(catalog.revision, uow.now, accept_refused=command.accept_refused)
    uow.put(confirmed)
    if sheet.preview.to_publish:
        uow.put(replace(catalog, revision=catalog.revision + 1))
    for item in sheet.preview.to_publish:
        _publish(replace(item, changed_at=uow.now), uow)
    return confirmed


def sheet_refs(sheet: ItemSheet) -> Iterable[Ref]:
    """What confirming the sheet changes."""
    yield ref(ItemSheet, sheet.sheet_id)
    yield ref(Catalog, sheet.owner_code)
    for item in sheet.preview.to_publish:
        yield ref(Item, item.owner_code, item.item_code)


def put_listings(stores: Stores, lines: Sequence[ListingLine], uow: UnitOfWork) -> ListingsPut:
    """Map platform SKUs to items: all of them or, when one is refused, none. Raises ListingsRefused."""
    owned = [with_owner(line, stores) for line in lines]
    named = {(line.owner_code, line.item_code) for line in owned}
    existing = {key for key in named if uow.get(Item, *key)}
    before = {line.key: uow.get(Listing, *line.key) for line in owned}
    listings = resolve(owned, stores, existing, uow.now)
    changed = [listing for listing in listings if not _same(listing, before[listing.key])]
    for listing in changed:
        uow.put(listing)
        uow.emit(ListingChangedV1.model_validate(vars(listing)), listing)
    added = sum(before[listing.key] is None for listing in changed)
    return ListingsPut(added=added, changed=len(changed) - added, unchanged=len(listings) - len(changed))


def listing_refs(stores: Stores, lines: Sequence[ListingLine]) -> Iterable[Ref]:
    """What `put_listings` reads and changes."""
    for line in lines:
        yield ref(Listing, *line.key)
        yield ref(Item, with_owner(line, stores).owner_code, line.item_code)


def item_changed(item: Item) -> ItemChangedV1:
    """The item as it is published."""
    return ItemChangedV1.model_validate(
        vars(item)
        | {
            "tag_price": _money(item.tag_price_minor),
            "retail_price": _money(item.retail_price_minor),
            "purchase_price": None
            if item.purchase_price is None
            else Money(amount=item.purchase_price, currency=CURRENCY),
            "components": [vars(component) for component in item.components],
        }
    )


def _publish(item: Item, uow: UnitOfWork) -> None:
    uow.get(Item, item.owner_code, item.item_code)
    uow.put(item)
    uow.emit(item_changed(item), item)


def _catalog(owner_code: str, uow: UnitOfWork) -> Catalog:
    return uow.get(Catalog, owner_code) or Catalog(owner_code)


def _money(minor: int | None) -> Money | None:
    return None if minor is None else Money.of(minor, CURRENCY)


def _same(listing: Listing, before: Listing | None) -> bool:
    return before is not None and replace(before, changed_at=listing.changed_at) == listing
