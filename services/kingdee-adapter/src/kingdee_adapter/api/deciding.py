"""What people decide about documents: replay, mend, discard, send again, and what became of a file after a crash.

Each says why; who it was is kept with it, in the transaction that does it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Path, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from kingdee_adapter import storage
from kingdee_adapter.api.calls import CounterpartCode
from kingdee_adapter.api.content import FileId, QuarantineId
from kingdee_adapter.api.journal import FileView
from kingdee_adapter.docking import Docking
from kingdee_adapter.storage import Deed, Place
from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import FieldProblem, Problem, not_found
from lemai_docking.ack import Ack
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.replay import Replayed, StillRefused

ByDeciding = Annotated[Person, needs(Role.DECIDE)]


class Decision(BaseModel):
    """Why a person decides so."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=500, description="原因，留档 / why; kept", examples=["对接方补发"])


class FileReplay(Decision):
    line: int | None = Field(
        None, ge=1, description="只重放起始于此行的单据 / only the document that begins on this line"
    )


class DayReplay(Decision):
    day: date = Field(description="中国时间 / in China", examples=["2026-11-22"])


class QuarantineReplay(Decision):
    code: str | None = Field(None, description="错误代码 / its error code", examples=["E_FIELD"])
    interface: str | None = Field(None, description="接口标识 / id of the interface", examples=["ship_result"])
    since: datetime | None = Field(None, description="从此时起隔离的 / quarantined from then on")


def router(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter()
    routes.include_router(_replaying(engine, dockings))
    routes.include_router(_mending(engine, dockings))
    routes.include_router(_sending(engine, dockings))
    return routes


def _replaying(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter()

    @routes.post("/files/{file_id}/replay")
    async def replay_file(file_id: FileId, asked: FileReplay, person: ByDeciding) -> Ack:
        """Read a file from a counterpart again, or one document of it. What was taken before is ignored."""
        place = await _place(engine, "file", file_id)
        keep = partial(storage.keep, deed=Deed(person.name, "replay", "file", file_id, place.about, asked.reason))
        replayer = dockings[place.counterpart].replayer
        try:
            ack = await replayer.replay(file_id, line=asked.line, by=person.name, why=asked.reason, keep=keep)
        except FileRejected as rejection:
            raise _refused([rejection.fault]) from rejection
        if ack is None:
            raise Problem(409, "没有可重放的内容 / nothing to replay", place.about)
        return ack

    @routes.post("/counterparts/{counterpart}/replay")
    async def replay_day(counterpart: CounterpartCode, asked: DayReplay, person: ByDeciding) -> Replayed:
        """Read all files of a day again. What was taken before is ignored."""
        replayer = _docking(dockings, counterpart).replayer
        await _keep(engine, Deed(person.name, "replay", "counterpart", 0, f"{counterpart}/{asked.day}", asked.reason))
        return await replayer.replay_day(asked.day, by=person.name, why=asked.reason)

    @routes.post("/counterparts/{counterpart}/quarantine/replay")
    async def replay_quarantined(counterpart: CounterpartCode, asked: QuarantineReplay, person: ByDeciding) -> Replayed:
        """After a profile was put right: read all files again of which something like this is in quarantine."""
        replayer = _docking(dockings, counterpart).replayer
        what = asked.model_dump(exclude={"reason"})
        about = "/".join([counterpart, *(str(value) for value in what.values() if value is not None)])
        await _keep(engine, Deed(person.name, "replay", "counterpart", 0, about, asked.reason))
        return await replayer.replay_quarantined(**what, by=person.name, why=asked.reason)

    return routes


def _mending(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter()

    @routes.post("/quarantine/{quarantine_id}/mend")
    async def mend_quarantined(
        quarantine_id: QuarantineId,
        file: Annotated[UploadFile, File(description="修改后的整个文件 / the whole mended file")],
        reason: Annotated[str, Form(min_length=2, max_length=500, description="原因，留档 / why; kept")],
        person: ByDeciding,
        name: Annotated[str, Form(description="文件名有误时的正确文件名 / the right name, where it was wrong")] = "",
    ) -> Ack:
        """Post what was made of a refused file or document; its digest and counts are not compared.

        The digests before and after are kept with who, when and why.
        """
        place = await _place(engine, "quarantine", quarantine_id)
        keep = partial(storage.keep, deed=Deed(person.name, "mend", "quarantine", quarantine_id, place.about, reason))
        docking = dockings[place.counterpart]
        content = await file.read(docking.profile.limits.bytes + 1)
        try:
            ack = await docking.replayer.mend(quarantine_id, content, by=person.name, why=reason, name=name, keep=keep)
        except FileRejected as rejection:
            raise _refused([rejection.fault]) from rejection
        except StillRefused as refusal:
            raise _refused(refusal.faults) from refusal
        if ack is None:
            raise _decided(place)
        return ack

    @routes.post("/quarantine/{quarantine_id}/discard", status_code=204)
    async def discard_quarantined(quarantine_id: QuarantineId, asked: Decision, person: ByDeciding) -> None:
        """Give up what was refused. It stays for the record, and is never posted."""
        place = await _place(engine, "quarantine", quarantine_id)
        keep = partial(
            storage.keep, deed=Deed(person.name, "discard", "quarantine", quarantine_id, place.about, asked.reason)
        )
        replayer = dockings[place.counterpart].replayer
        if not await replayer.discard(quarantine_id, by=person.name, why=asked.reason, keep=keep):
            raise _decided(place)

    return routes


def _sending(engine: Engine, dockings: Mapping[str, Docking]) -> APIRouter:
    routes = APIRouter()

    @routes.post("/files/{file_id}/resend")
    async def resend_file(file_id: FileId, asked: Decision, person: ByDeciding) -> FileView:
        """Put a file of ours that the counterpart lost there again: same name, same bytes."""
        place = await _place(engine, "file", file_id)
        async with engine.database.begin() as connection:
            deed = Deed(person.name, "resend", "file", file_id, place.about, asked.reason)
            await storage.keep(connection, deed)
            if not await dockings[place.counterpart].outgoing.resend(connection, place.name):
                raise Problem(409, "不是已发出的文件，或内容已删除 / not sent, or its bytes are gone", place.about)
            (file,) = await storage.FILES.rows(connection, 1, id=file_id)
        return FileView.model_validate(file)

    @routes.post("/counterparts/{counterpart}/files/{name}/resolve")
    async def resolve_file(
        person: ByDeciding,
        counterpart: CounterpartCode,
        name: Annotated[str, Path(description="文件名 / name of the file", examples=["Deliver_20261122100000.sh"])],
        decision: Annotated[
            Literal["rewrite", "done"],
            Query(description="rewrite：对方没有，重写；done：对方已有 / write it again, or they have it"),
        ],
        asked: Decision,
    ) -> FileView:
        """After a crash a person tells whether the counterpart has a file that is `unknown`."""
        docking = _docking(dockings, counterpart)
        equal = {"counterpart": counterpart, "direction": "out", "name": name}
        async with engine.database.begin() as connection:
            resolved = docking.publisher and await docking.publisher.resolve(connection, name, decision)
            found = await storage.FILES.rows(connection, 1, **equal)
            if not found:
                raise not_found("name", name)
            file = FileView.model_validate(found[0])
            if not resolved:
                raise Problem(409, "文件状态已明确，无需决定 / nothing to decide", f"{name}: {file.state}")
            about = f"{counterpart}/{name}: {decision}"
            await storage.keep(connection, Deed(person.name, "resolve", "file", file.id, about, asked.reason))
        return file

    return routes


def _docking(dockings: Mapping[str, Docking], counterpart: str) -> Docking:
    if counterpart not in dockings:
        raise not_found("counterpart", counterpart)
    return dockings[counterpart]


async def _place(engine: Engine, kind: storage.Kept, row_id: int) -> Place:
    async with engine.database.connect() as connection:
        place = await storage.place(connection, kind, row_id)
    if place is None:
        raise not_found(kind, str(row_id))
    return place


async def _keep(engine: Engine, deed: Deed) -> None:
    async with engine.database.begin() as connection:
        await storage.keep(connection, deed)


def _decided(place: Place) -> Problem:
    return Problem(409, "已处理过，无需决定 / decided already", place.about)


def _refused(faults: Sequence[Fault]) -> Problem:
    errors = [
        FieldProblem(field=f"line {fault.line} {fault.field}".strip(), value=fault.value, message=fault.message)
        for fault in faults
    ]
    return Problem(422, "仍不合规定，未处理 / still refused, nothing was done", errors=errors)
