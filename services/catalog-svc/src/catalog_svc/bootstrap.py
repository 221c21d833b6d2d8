"""Puts catalog-svc together."""

from catalog_svc import api
from catalog_svc.storage import STORAGE, STUCK
from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings


def build(settings: Settings) -> Service:
    engine = Engine(connect(settings.database_url.get_secret_value()), "catalog-svc", STORAGE)
    routers = [api.router(engine, reference.read(settings.lemai_config))]
    return Service("catalog-svc", engine, routers=routers, stuck=STUCK)
