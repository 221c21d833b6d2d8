"""Listings over HTTP: search, put as JSON, put as a sheet."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog_svc import handlers, storage
from catalog_svc.api import uploads
from catalog_svc.api.fields import ByCatalog, Code, ItemCode, NoteView, OwnerCode, StoreCode, Viewer
from catalog_svc.api.uploads import SHEET_LIMIT, SheetFile
from catalog_svc.domain.listings import Listing, ListingLine, ListingsRefused, Stores, read_listings, with_owner
from catalog_svc.domain.sheets import ROWS_MAX
from lemai_chassis.access import Person
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import Page, Paged
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork
from lemai_chassis.web import Commands, FieldProblem, IdempotencyKey, Problem

OptionalCode = Annotated[str, Field(pattern=r"^([0-9A-Za-z][0-9A-Za-z_.-]*)?$", max_length=50)]


class ListingView(BaseModel):
    """Which item a store sells as which platform SKU."""

    model_config = ConfigDict(from_attributes=True)

    store_code: str = Field(examples=["TM-JFY-01"])
    platform_item_id: str = Field(examples=["653200000001"])
    platform_sku_id: str = Field(examples=["5201000000001"])
    owner_code: str = Field(examples=["JFY"])
    item_code: str = Field(examples=["GB-TS-001-R-90"])
    active: bool
    changed_at: datetime


class ListingBody(BaseModel):
    """A listing as it shall be."""

    model_config = ConfigDict(extra="forbid")

    store_code: Code = Field(examples=["TM-JFY-01"])
    platform_item_id: Code = Field(examples=["653200000001"])
    platform_sku_id: OptionalCode = Field(
        default="", description="无 SKU 的商品留空 / empty for an item without SKUs", examples=["5201000000001"]
    )
    owner_code: OptionalCode = Field(default="", description="默认为店铺的货主 / the store's owner by default")
    item_code: Code = Field(examples=["GB-TS-001-R-90"])
    active: bool = True


class ListingsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    listings: Annotated[list[ListingBody], Field(min_length=1, max_length=ROWS_MAX)]


class ListingsPutView(BaseModel):
    """How many listings are new, other than before, and as they were."""

    model_config = ConfigDict(from_attributes=True)

    added: int
    changed: int
    unchanged: int


class ListingSheetView(ListingsPutView):
    notes: list[NoteView] = Field(description="已导入、但请留意的行 / what to know of rows that were taken")


def router(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(tags=["listings"])
    http = Commands(engine)
    stores: Stores = {store.code: store.owners for store in reference.stores}

    def put(person: Person, lines: Sequence[ListingLine], uow: UnitOfWork) -> ListingsPutView:
        before = [listing.owner_code for line in lines if (listing := uow.get(Listing, *line.key))]
        after = [with_owner(line, stores).owner_code for line in lines if line.store_code in stores]
        person.check(*before, *after)
        return ListingsPutView.model_validate(handlers.put_listings(stores, lines, uow))

    @routes.get("/listings")
    async def search_listings(
        person: Viewer,
        paging: Paged,
        store_code: StoreCode | None = None,
        owner_code: OwnerCode | None = None,
        item_code: ItemCode | None = None,
    ) -> Page[ListingView]:
        """Listings in order of store, platform item and platform SKU."""
        wanted = {"store_code": store_code, "owner_code": person.narrowed(owner_code), "item_code": item_code}
        return await storage.LISTINGS_BY_SKU.page(engine.database, ListingView.model_validate, paging, **wanted)

    @routes.put("/listings", response_model=ListingsPutView, openapi_extra=SHEET_LIMIT)
    async def put_listings(
        request: Request, person: ByCatalog, body: ListingsBody, key: IdempotencyKey = None
    ) -> Response:
        """Map platform SKUs to items: all of them or, when one is refused, none."""
        lines = [ListingLine(row=row, **vars(listing)) for row, listing in enumerate(body.listings, 1)]
        try:
            return await http.run(request, key, partial(put, person), lines, handlers.listing_refs(stores, lines))
        except ListingsRefused as refused:
            raise _problem(refused) from None

    @routes.post("/listing-sheets", openapi_extra=SHEET_LIMIT)
    async def upload_listing_sheet(person: ByCatalog, file: SheetFile) -> ListingSheetView:
        """Map platform SKUs to items by a sheet: all of its rows or, when one is refused, none.

        Columns by Chinese head or English key, in any order; 平台SKUID, 货主 and 是否有效 may be left out.
        """
        try:
            lines, notes = await uploads.parsed(await file.read(), read_listings)
            done = await engine.execute(partial(put, person), lines, handlers.listing_refs(stores, lines))
            return ListingSheetView(**vars(done), notes=[NoteView.model_validate(note) for note in notes])
        except ListingsRefused as refused:
            raise _problem(refused) from None

    return routes


def _problem(refused: ListingsRefused) -> Problem:
    """Each refusal names its row: of the sheet, or the position in the request counted from 1."""
    errors = [
        FieldProblem(field=f"行 row {refusal.row} {refusal.column}", value=refusal.value, message=refusal.reason)
        for refusal in refused.refusals
    ]
    return Problem(422, "未保存任何映射 / no listing was kept", errors=errors)
