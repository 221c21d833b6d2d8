"""Puts order-svc together."""

from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings
from order_svc import api, consumers, storage


def build(settings: Settings) -> Service:
    known = reference.read(settings.lemai_config)
    engine = Engine(
        connect(settings.database_url.get_secret_value()), "order-svc", storage.STORAGE, consumers.routes(known)
    )
    return Service("order-svc", engine, routers=[api.router(engine, known)], stuck=storage.STUCK)
