"""Documents over HTTP: files in and out, their documents, acknowledgements, quarantine."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from kingdee_adapter import storage
from kingdee_adapter.docking import Docking
from kingdee_adapter.storage import Rows
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import PAGE_MAX, Page, decode_cursor, encode_cursor, not_found

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(description="上一页的 next / `next` of the page before")]


class FileView(BaseModel):
    """A file exchanged with a counterpart."""

    id: int
    counterpart: str
    direction: Literal["in", "out"]
    name: str = Field(examples=["Deliver_20261122100000.sh"])
    sha256: str
    interface: str
    state: str
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
    interface: str
    order_no: str
    leg: str
    revision: int
    state: str = Field(description="pending rendered published acknowledged rejected unknown")
    file_name: str | None
    line: int | None
    faults: list[dict[str, Any]] | None
    created_at: datetime
    changed_at: datetime


class IncomingView(BaseModel):
    """An actual we took: from which file and line."""

    id: int
    counterpart: str
    owner_code: str
    interface: str
    order_no: str
    leg: str
    out_biz_code: str
    file_name: str
    line: int
    received_at: datetime


Viewed = TypeVar("Viewed", bound=BaseModel)


def router(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["documents"])

    @routes.get("/files")
    async def files(
        direction: Literal["in", "out"] | None = None, name: str | None = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[FileView]:
        """Files in and out, newest first."""
        async with engine.database.connect() as connection:
            rows = await storage.files(connection, direction, name, _before(cursor), limit)
        return _page(FileView, rows, limit)

    @routes.get("/documents/outgoing")
    async def outgoing(
        order_no: str | None = None, state: str | None = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[OutgoingView]:
        """What we send, newest first; `order_no` is the item code of an item master."""
        async with engine.database.connect() as connection:
            rows = await storage.outgoing(connection, order_no, state, _before(cursor), limit)
        return _page(OutgoingView, rows, limit)

    @routes.get("/documents/incoming")
    async def incoming(order_no: str | None = None, cursor: Cursor = None, limit: Limit = 50) -> Page[IncomingView]:
        """Actuals we took, newest first."""
        async with engine.database.connect() as connection:
            rows = await storage.incoming(connection, order_no, _before(cursor), limit)
        return _page(IncomingView, rows, limit)

    @routes.get("/quarantine")
    async def quarantine(cursor: Cursor = None, limit: Limit = 50) -> Page[dict[str, Any]]:
        """Files and documents that were refused or are held, newest first: line, field, value and reason."""
        async with engine.database.connect() as connection:
            rows = await storage.quarantine(connection, _before(cursor), limit)
        following = encode_cursor(rows[-1]["id"]) if len(rows) == limit else None
        return Page(items=[dict(row) for row in rows], next=following)

    @routes.post("/counterparts/{counterpart_code}/files/{name}/resolve")
    async def resolve(counterpart_code: str, name: str, decision: Literal["rewrite", "done"]) -> Page[FileView]:
        """After a crash a person tells whether the counterpart has a file: write it again, or it is done."""
        if counterpart_code not in dockings:
            raise not_found("counterpart_code", counterpart_code)
        async with engine.database.begin() as connection:
            known = await dockings[counterpart_code].publisher.resolve(connection, name, decision)
        if not known:
            raise not_found("unknown file", name)
        return await files(name=name)

    return routes


def _before(cursor: str | None) -> int | None:
    return int(decode_cursor(cursor, 1)[0]) if cursor else None


def _page(view: type[Viewed], rows: Rows, limit: int) -> Page[Viewed]:
    items = [view.model_validate(row) for row in rows]
    following = encode_cursor(rows[-1]["id"]) if len(rows) == limit else None
    return Page(items=items, next=following)
