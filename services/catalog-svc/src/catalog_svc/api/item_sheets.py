"""Item sheets over HTTP: upload and preview, look again, confirm."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog_svc import handlers, spreadsheets, storage
from catalog_svc.api import uploads
from catalog_svc.api.fields import ByCatalog, Code, NoteView, OwnerCode, RefusalView, Viewer
from catalog_svc.api.items import ItemView, view
from catalog_svc.api.uploads import SHEET_LIMIT, SheetFile
from catalog_svc.domain import item_sheets
from catalog_svc.domain.item_sheets import CatalogMoved, ItemSheet, RowsRefused
from catalog_svc.domain.items import Catalog
from catalog_svc.domain.sheets import Line, Reading, read_sheet
from catalog_svc.handlers import Confirmation, Upload
from lemai_chassis.access import Person
from lemai_chassis.delivery.engine import Engine, Transaction
from lemai_chassis.reference import Reference
from lemai_chassis.state.unit_of_work import UnitOfWork, ref
from lemai_chassis.web import Commands, FieldProblem, IdempotencyKey, Problem, not_found

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEMPLATE: dict[str, Any] = {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}
log = logging.getLogger(__name__)
SheetId = Annotated[Code, Path(description="表格编号，见上传的答复 / as the upload was answered")]


class SheetState(StrEnum):
    PREVIEWED = "previewed"
    CONFIRMED = "confirmed"


class FieldChangeView(BaseModel):
    """A field before and after, as a sheet would show it."""

    column: str = Field(examples=["零售价 retail_price"])
    old: str = Field(examples=["79.00"])
    new: str = Field(examples=["69.00"])


class ItemChangeView(BaseModel):
    item_code: str
    item_name: str
    fields: list[FieldChangeView]


class ItemSheetView(BaseModel):
    """A sheet and what it changes: all of it or nothing, once it is confirmed."""

    sheet_id: str
    owner_code: str
    file_name: str
    sha256: str = Field(description="文件的 SHA-256 / of the file")
    state: SheetState
    uploaded_at: datetime
    confirmed_at: datetime | None
    added: list[ItemView]
    changed: list[ItemChangeView]
    unchanged: list[str] = Field(description="商品编码 / item codes")
    refused: list[RefusalView] = Field(description="不会导入的行，一行可有多条 / rows that are not taken")
    notes: list[NoteView] = Field(description="会导入、但请留意的行 / what to know of rows that are taken")


class Confirm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accept_refused: bool = Field(
        default=False, description="有被拒绝的行时，仍导入其余行 / take the other rows although some are refused"
    )


def router(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/item-sheets", tags=["item sheets"])
    http = Commands(engine)

    @routes.post("", status_code=201, openapi_extra=SHEET_LIMIT)
    async def upload_item_sheet(
        person: ByCatalog, file: SheetFile, owner_code: Annotated[OwnerCode, Form()]
    ) -> ItemSheetView:
        """Upload a sheet and preview what it would change. Nothing is applied.

        Columns by Chinese head or English key, in any order. A column that is not in the sheet leaves its field as
        it is; a blank cell empties it.
        """
        _check_owner(reference, owner_code)
        person.check(owner_code)
        content = await file.read()
        reading = await uploads.parsed(content, _read)
        upload = Upload(str(uuid4()), owner_code, uploads.file_name(file), hashlib.sha256(content).hexdigest(), reading)
        return _view(await _preview(engine, upload))

    @routes.get("/template", response_class=Response, responses={200: TEMPLATE})
    async def get_item_sheet_template(_: ByCatalog) -> Response:
        """An empty product sheet to fill in, as xlsx; its second worksheet explains the heads."""
        named = {"content-disposition": 'attachment; filename="items.xlsx"'}
        return Response(spreadsheets.template(item_sheets.COLUMNS), media_type=XLSX, headers=named)

    @routes.get("/{sheet_id}")
    async def get_item_sheet(person: Viewer, sheet_id: SheetId) -> ItemSheetView:
        """A sheet as it was previewed, and whether it was confirmed."""
        return _view(await _find(engine, person, sheet_id))

    @routes.post("/{sheet_id}/confirm", response_model=ItemSheetView)
    async def confirm_item_sheet(
        request: Request, person: ByCatalog, sheet_id: SheetId, confirm: Confirm, key: IdempotencyKey = None
    ) -> Response:
        """Apply what the preview shows. 409 if items of the owner changed since, or if rows are refused."""

        def confirmed(command: Confirmation, uow: UnitOfWork) -> ItemSheetView:
            return _view(handlers.confirm_sheet(command, uow))

        command = Confirmation(sheet_id, confirm.accept_refused)
        sheet = await _find(engine, person, sheet_id)
        try:
            answer = await http.run(request, key, confirmed, command, handlers.sheet_refs(sheet))
        except CatalogMoved:
            raise Problem(
                409,
                "预览之后商品有变动 / items changed since the preview",
                "请重新上传并预览 / upload the sheet again and look at its preview",
            ) from None
        except RowsRefused:
            raise Problem(
                409,
                "有被拒绝的行 / rows are refused",
                "请改正后重新上传，或以 accept_refused=true 只导入其余行 / correct and upload again, or accept",
            ) from None
        counts = {"added": len(sheet.preview.added), "changed": len(sheet.preview.changed)}
        log.info("import confirmed", extra={"owner_code": sheet.owner_code, "key": sheet.sheet_id, **counts})
        return answer

    return routes


def _read(lines: Sequence[Line]) -> Reading:
    return read_sheet(lines, item_sheets.COLUMNS, [item_sheets.ITEM_CODE.key])


def _check_owner(reference: Reference, owner_code: str) -> None:
    codes = [owner.code for owner in reference.owners]
    if owner_code not in codes:
        expected = f"应为其中之一 / expected one of: {'、'.join(codes)}"
        problem = FieldProblem(field="owner_code", value=owner_code, message=expected)
        raise Problem(422, "没有此货主 / no such owner", errors=[problem])


async def _preview(engine: Engine, upload: Upload) -> ItemSheet:
    codes, barcodes = item_sheets.named_codes(upload.reading), item_sheets.named_barcodes(upload.reading)

    async def work(transaction: Transaction) -> ItemSheet:
        # The catalog is locked first, so that its revision and its items are those of one moment.
        await transaction.load([ref(Catalog, upload.owner_code), ref(ItemSheet, upload.sheet_id)])
        known = await storage.known(transaction.connection, upload.owner_code, codes, barcodes)
        return await transaction.run(partial(handlers.preview_sheet, known), upload)

    return await engine.transact(work)


async def _find(engine: Engine, person: Person, sheet_id: str) -> ItemSheet:
    async with engine.database.connect() as connection:
        sheet = await storage.item_sheet(connection, sheet_id)
    if sheet is None or not person.sees(sheet.owner_code):
        raise not_found("sheet_id", sheet_id)
    return sheet


def _view(sheet: ItemSheet) -> ItemSheetView:
    preview = sheet.preview
    return ItemSheetView(
        sheet_id=sheet.sheet_id,
        owner_code=sheet.owner_code,
        file_name=sheet.file_name,
        sha256=sheet.sha256,
        state=SheetState.CONFIRMED if sheet.confirmed_at else SheetState.PREVIEWED,
        uploaded_at=sheet.uploaded_at,
        confirmed_at=sheet.confirmed_at,
        added=[view(item) for item in preview.added],
        changed=[
            ItemChangeView(
                item_code=change.item.item_code,
                item_name=change.item.item_name,
                fields=[FieldChangeView.model_validate(vars(field)) for field in change.fields],
            )
            for change in preview.changed
        ],
        unchanged=list(preview.unchanged),
        refused=[RefusalView.model_validate(vars(refusal)) for refusal in preview.refused],
        notes=[NoteView.model_validate(note) for note in preview.notes],
    )
