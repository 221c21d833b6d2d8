"""Bytes as they were exchanged, for those who may see them; each look says what for, and is kept."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from kingdee_adapter import storage
from kingdee_adapter.storage import Deed
from lemai_chassis.access import Person, Role, needs
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.web import Problem, not_found
from lemai_docking.journal.tables import Vault

Purpose = Annotated[
    str, Query(min_length=2, max_length=500, description="用途，留档 / what for; kept", examples=["对账 2611220001"])
]
FileId = Annotated[int, Path(description="文件编号 / id of the file", examples=[1])]
QuarantineId = Annotated[int, Path(description="隔离编号 / id in quarantine", examples=[1])]
BySeeing = Annotated[Person, needs(Role.CONTENT)]


def router(engine: Engine, vault: Vault) -> APIRouter:
    routes = APIRouter()

    async def content(person: Person, purpose: str, kind: storage.Kept, row_id: int) -> Response:
        async with engine.database.begin() as connection:
            place = await storage.place(connection, kind, row_id)
            if place is None:
                raise not_found(kind, str(row_id))
            sealed = await storage.sealed_content(connection, kind, row_id)
            if sealed is None:
                raise Problem(410, "内容已按保留期删除 / the bytes are past their retention", place.about)
            await storage.keep(connection, Deed(person.name, "download", kind, row_id, place.about, purpose))
        disposition = f"attachment; filename*=UTF-8''{quote(place.name)}"
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        return Response(vault.unseal(sealed), media_type="application/octet-stream", headers=headers)

    @routes.get("/files/{file_id}/content", response_class=Response)
    async def get_file_content(file_id: FileId, purpose: Purpose, person: BySeeing) -> Response:
        """A file as it was exchanged, byte for byte. Role `content`."""
        return await content(person, purpose, "file", file_id)

    @routes.get("/quarantine/{quarantine_id}/content", response_class=Response)
    async def get_quarantined_content(quarantine_id: QuarantineId, purpose: Purpose, person: BySeeing) -> Response:
        """A refused file, or a refused document as a file of its own, that can be mended. Role `content`."""
        return await content(person, purpose, "quarantine", quarantine_id)

    return routes
