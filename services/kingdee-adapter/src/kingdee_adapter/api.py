"""Documents over HTTP: files in and out, their documents, acknowledgements, quarantine."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from kingdee_adapter import storage
from kingdee_adapter.docking import Docking
from kingdee_adapter.storage import Rows
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import PAGE_MAX, Page, Problem, ProblemDocument, decode_cursor, encode_cursor, not_found

Direction = Literal["in", "out"]
FileState = Literal["rendered", "published", "acknowledged", "unknown", "rewrite", "received", "rejected"]
DocumentState = Literal["pending", "rendered", "published", "acknowledged", "rejected", "unknown"]
Counterpart = Annotated[str | None, Query(description="对接方编码 / code of the counterpart", examples=["KINGDEE-JFY"])]
OrderNo = Annotated[str | None, Query(description="单号或商品编码 / order number, or item code of an item master")]
FileName = Annotated[str | None, Query(description="文件名 / name of the file", examples=["Deliver_20261122100000.sh"])]
Cursor = Annotated[str | None, Query(description="上一页的 next / `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


class FileView(BaseModel):
    """A file exchanged with a counterpart."""

    id: int
    counterpart: str
    direction: Direction
    name: str = Field(examples=["Deliver_20261122100000.sh"])
    sha256: str
    interface: str = Field(description="空为无法识别 / empty where the file could not be read")
    state: FileState
    documents: int
    ack: dict[str, Any] | None = Field(description="回执 / the acknowledgement given or received")
    created_at: datetime
    published_at: datetime | None
    acknowledged_at: datetime | None


class OutgoingView(BaseModel):
    """A document of ours: where it stands, in which file and line."""

    id: int
    counterpart: str
    owner_code: str
    interface: str = Field(examples=["deliver_order"])
    order_no: str
    leg: str
    revision: int
    state: DocumentState
    file_name: str | None
    line: int | None
    faults: list[dict[str, Any]] | None = Field(description="未能发出或被拒的原因 / why it was refused")
    created_at: datetime
    changed_at: datetime


class IncomingView(BaseModel):
    """An actual we took: from which file and line."""

    id: int
    counterpart: str
    owner_code: str
    interface: str = Field(examples=["ship_result"])
    order_no: str
    leg: str
    out_biz_code: str
    file_name: str
    line: int
    received_at: datetime


class QuarantineView(BaseModel):
    """A file or document that was refused or is held. `line`, `field` and `value` are of the first fault."""

    id: int
    counterpart: str
    kind: Literal["file", "document"]
    file_name: str
    sha256: str
    interface: str
    owner_code: str
    order_no: str
    document_line: int = Field(description="单据起始行，0 为整个文件 / where the document begins, 0 is the whole file")
    line: int
    code: str = Field(examples=["E_FIELD"])
    field: str
    value: str
    message: str
    faults: list[dict[str, Any]]
    quarantined_at: datetime


View = TypeVar("View", bound=BaseModel)


def router(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["documents"])
    routes.include_router(_reading(engine))
    routes.include_router(_deciding(engine, dockings))
    return routes


def _reading(engine: Engine) -> APIRouter:
    routes = APIRouter()

    @routes.get("/files")
    async def files(
        counterpart: Counterpart = None,
        direction: Direction | None = None,
        state: FileState | None = None,
        name: FileName = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[FileView]:
        """Files in and out, newest first."""
        equal = {"counterpart": counterpart, "direction": direction, "state": state, "name": name}
        async with engine.database.connect() as connection:
            return _page(FileView, await storage.files(connection, equal, _before(cursor), limit), limit)

    @routes.get("/documents/outgoing")
    async def outgoing(
        counterpart: Counterpart = None,
        order_no: OrderNo = None,
        state: DocumentState | None = None,
        file_name: FileName = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[OutgoingView]:
        """What we send, newest first: where it stands, in which file and line."""
        equal = {"counterpart": counterpart, "order_no": order_no, "state": state, "file_name": file_name}
        async with engine.database.connect() as connection:
            return _page(OutgoingView, await storage.outgoing(connection, equal, _before(cursor), limit), limit)

    @routes.get("/documents/incoming")
    async def incoming(
        counterpart: Counterpart = None,
        order_no: OrderNo = None,
        file_name: FileName = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[IncomingView]:
        """Actuals we took, newest first, with file and line."""
        equal = {"counterpart": counterpart, "order_no": order_no, "file_name": file_name}
        async with engine.database.connect() as connection:
            return _page(IncomingView, await storage.incoming(connection, equal, _before(cursor), limit), limit)

    @routes.get("/quarantine")
    async def quarantine(
        counterpart: Counterpart = None,
        order_no: OrderNo = None,
        file_name: FileName = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[QuarantineView]:
        """Files and documents that were refused or are held, newest first: line, field, value and reason."""
        equal = {"counterpart": counterpart, "order_no": order_no, "file_name": file_name}
        async with engine.database.connect() as connection:
            return _page(QuarantineView, await storage.quarantine(connection, equal, _before(cursor), limit), limit)

    return routes


def _deciding(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter()

    @routes.post(
        "/counterparts/{counterpart}/files/{name}/resolve",
        responses={404: {"model": ProblemDocument}, 409: {"model": ProblemDocument}},
    )
    async def resolve(
        counterpart: Annotated[str, Path(examples=["KINGDEE-JFY"])],
        name: Annotated[str, Path(examples=["Deliver_20261122100000.sh"])],
        decision: Annotated[
            Literal["rewrite", "done"],
            Query(description="rewrite：对方没有，重写；done：对方已有 / write it again, or they have it"),
        ],
    ) -> FileView:
        """After a crash a person tells whether the counterpart has a file that is `unknown`."""
        if counterpart not in dockings:
            raise not_found("counterpart", counterpart)
        equal = {"counterpart": counterpart, "direction": "out", "name": name}
        async with engine.database.begin() as connection:
            resolved = await dockings[counterpart].publisher.resolve(connection, name, decision)
            found = await storage.files(connection, equal, storage.NEWEST, 1)
        if not found:
            raise not_found("name", name)
        file = FileView.model_validate(found[0])
        if not resolved:
            raise Problem(409, "文件状态已明确，无需决定 / nothing to decide", f"{name}: {file.state}")
        return file

    return routes


def _before(cursor: str | None) -> int:
    return decode_cursor(cursor, int)[0] if cursor else storage.NEWEST


def _page(view: type[View], rows: Rows, limit: int) -> Page[View]:
    items = [view.model_validate(row) for row in rows]
    return Page(items=items, next=encode_cursor(rows[-1]["id"]) if len(rows) == limit else None)
