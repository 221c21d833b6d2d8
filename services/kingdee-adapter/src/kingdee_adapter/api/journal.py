"""Search in what was exchanged, newest first: files, documents either way, quarantine."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from kingdee_adapter import storage
from lemai_chassis.access import Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.listing import PAGE_MAX, Page, Paging, Search

Direction = Literal["in", "out"]
FileState = Literal["rendered", "published", "acknowledged", "unknown", "rewrite", "resend", "received", "rejected"]
DocumentState = Literal["pending", "rendered", "published", "acknowledged", "rejected", "unknown"]
DeedName = Literal["download", "replay", "resend", "mend", "discard", "resolve"]
QuarantineState = Literal["open", "replayed", "discarded", "superseded"]


class Asked(BaseModel):
    """What every list can be asked for. Days are China's, both included."""

    model_config = ConfigDict(extra="forbid")

    since: date | None = Field(None, description="从这一天起 / from this day on", examples=["2026-11-22"])
    until: date | None = Field(None, description="到这一天为止 / up to this day")
    cursor: str | None = Field(None, description="上一页的 next / `next` of the page before")
    limit: int = Field(50, ge=1, le=PAGE_MAX, description="每页条数 / items of a page")


class AskedExchanged(Asked):
    """What all that was exchanged can be asked for."""

    counterpart: str | None = Field(None, description="对接方编码 / its code", examples=["KINGDEE-JFY"])
    interface: str | None = Field(None, description="接口标识 / id of the interface", examples=["deliver_order"])
    sha256: str | None = Field(None, description="文件内容的 SHA-256 / of the bytes of the file")


class AskedFiles(AskedExchanged):
    direction: Direction | None = Field(None, description="in：收；out：发 / received, or sent")
    state: FileState | None = Field(None, description="状态 / state")
    name: str | None = Field(None, description="文件名 / name of the file", examples=["Deliver_20261122100000.sh"])


class AskedDocuments(AskedExchanged):
    order_no: str | None = Field(None, description="单号或商品编码 / order number, or item code of an item master")
    leg: Literal["OUT", "IN"] | None = Field(None, description="OUT：出库；IN：入库 / out of the warehouse, or in")
    file_name: str | None = Field(None, description="文件名 / name of the file", examples=["Deliver_20261122100000.sh"])


class AskedOutgoing(AskedDocuments):
    revision: int | None = Field(None, description="第几次下发 / which time the order was told")
    state: DocumentState | None = Field(None, description="状态 / state")
    code: str | None = Field(None, description="错误代码 / one of its error codes", examples=["E_PARTNER"])


class AskedDeeds(Asked):
    person: str | None = Field(None, description="姓名 / name of the person")
    deed: DeedName | None = Field(None, description="做了什么 / what was done")
    about: str | None = Field(None, description="对接方/文件名 / counterpart and file")


class AskedQuarantine(AskedDocuments):
    id: int | None = Field(None, description="隔离编号 / id in quarantine")
    kind: Literal["file", "document"] | None = Field(
        None, description="整个文件或其中一单 / a whole file, or a document"
    )
    state: QuarantineState | None = Field(None, description="状态 / state")
    code: str | None = Field(None, description="错误代码 / one of its error codes", examples=["E_FIELD"])


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
    failures: int = Field(description="连续失败次数 / tries in a row that failed")
    trouble: str | None = Field(description="最近一次失败时对方所说 / what was said to the last try that failed")
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
    notes: list[str] | None = Field(description="文本清理与截短 / what its texts for people lost on the way")
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
    file_id: int | None = Field(description="空为同名不同内容的文件 / null for other bytes under a used name")
    file_name: str
    sha256: str
    interface: str
    owner_code: str
    order_no: str
    leg: str
    out_biz_code: str
    document_line: int = Field(description="单据起始行，0 为整个文件 / where the document begins, 0 is the whole file")
    line: int
    code: str = Field(examples=["E_FIELD"])
    field: str
    value: str
    message: str
    faults: list[dict[str, Any]]
    quarantined_at: datetime
    state: QuarantineState
    decided_by: str | None = Field(description="处理人 / who mended, replayed or discarded it")
    decided_why: str | None
    decided_at: datetime | None
    before_sha256: str | None = Field(description="修改前后的散列 / digests before and after it was mended")
    after_sha256: str | None


class DeedView(BaseModel):
    """Somebody saw raw bytes, or decided something."""

    id: int
    person: str
    deed: DeedName
    kind: Literal["file", "quarantine", "counterpart"]
    subject: int = Field(description="编号，0 为对接方 / the id of what it was done to; 0 for a counterpart")
    about: str = Field(examples=["KINGDEE-JFY/SHIP-20261122152100.shupl"])
    reason: str
    done_at: datetime


View = TypeVar("View", bound=BaseModel)


def router(engine: Engine) -> APIRouter:
    routes = APIRouter(dependencies=[needs(Role.VIEW)])

    async def page(view: type[View], search: Search, asked: Asked) -> Page[View]:
        paging = Paging(asked.cursor, asked.limit)
        wanted = asked.model_dump(exclude={"cursor", "limit"})
        return await search.page(engine.database, view.model_validate, paging, **wanted)

    @routes.get("/files")
    async def search_files(asked: Annotated[AskedFiles, Query()]) -> Page[FileView]:
        """Files in and out, newest first."""
        return await page(FileView, storage.FILES, asked)

    @routes.get("/documents/outgoing")
    async def search_outgoing(asked: Annotated[AskedOutgoing, Query()]) -> Page[OutgoingView]:
        """What we send, newest first: where it stands, in which file and line."""
        return await page(OutgoingView, storage.OUTGOING, asked)

    @routes.get("/documents/incoming")
    async def search_incoming(asked: Annotated[AskedDocuments, Query()]) -> Page[IncomingView]:
        """Actuals we took, newest first, with file and line."""
        return await page(IncomingView, storage.INCOMING, asked)

    @routes.get("/quarantine")
    async def search_quarantine(asked: Annotated[AskedQuarantine, Query()]) -> Page[QuarantineView]:
        """Files and documents that were refused or are held, newest first: line, field, value and reason."""
        return await page(QuarantineView, storage.QUARANTINE, asked)

    @routes.get("/deeds")
    async def search_deeds(asked: Annotated[AskedDeeds, Query()]) -> Page[DeedView]:
        """Who saw raw bytes or decided something, newest first, and why."""
        return await page(DeedView, storage.DEEDS, asked)

    return routes
