"""Puts finance-svc together."""

from finance_svc import api, consumers
from finance_svc.storage import STORAGE
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings


def build(settings: Settings) -> Service:
    engine = Engine(connect(settings.database_url.get_secret_value()), "finance-svc", STORAGE, consumers.routes())
    return Service("finance-svc", engine, routers=[api.router(engine)])
