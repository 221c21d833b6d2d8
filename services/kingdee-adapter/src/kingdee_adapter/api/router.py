"""What people ask and decide, under one prefix."""

from collections.abc import Mapping

from fastapi import APIRouter

from kingdee_adapter.api import content, deciding, journal
from kingdee_adapter.docking import Docking
from lemai_chassis.delivery.engine import Engine
from lemai_docking.journal.tables import Vault


def router(engine: Engine, dockings: Mapping[str, Docking], vault: Vault) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["documents"])
    routes.include_router(journal.router(engine))
    routes.include_router(content.router(engine, vault))
    routes.include_router(deciding.router(engine, dockings))
    return routes
