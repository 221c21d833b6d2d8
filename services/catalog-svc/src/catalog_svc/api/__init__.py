"""The catalog over HTTP: items, the sheets they come in, listings."""

from fastapi import APIRouter

from catalog_svc.api import item_sheets, items, listings
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.reference import Reference


def router(engine: Engine, reference: Reference) -> APIRouter:
    routes = APIRouter(prefix="/v1")
    routes.include_router(items.router(engine))
    routes.include_router(item_sheets.router(engine, reference))
    routes.include_router(listings.router(engine, reference))
    return routes
