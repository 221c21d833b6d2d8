"""Puts stock-svc together."""

from datetime import timedelta
from functools import partial

from lemai_chassis import reference
from lemai_chassis.database import connect
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.schedules import Schedule
from lemai_chassis.service import Service
from lemai_chassis.settings import Settings
from stock_svc import api, consumers, settling
from stock_svc.storage import search
from stock_svc.storage.rows import STORAGE


def build(settings: Settings) -> Service:
    known = reference.read(settings.lemai_config)
    engine = Engine(connect(settings.database_url.get_secret_value()), "stock-svc", STORAGE, consumers.routes(known))
    return Service(
        "stock-svc",
        engine,
        routers=[api.router(engine, known)],
        stuck=[search.WAITING_SNAPSHOTS],
        on_start=[partial(settling.follow_rules, engine, known)],
        schedules=[Schedule("check ledger", timedelta(days=1), partial(settling.check_ledger, engine))],
        loops=[
            settling.Repeated(engine, settling.following_up(known), pause_s=0.1).run,
            settling.Repeated(engine, [settling.count], pause_s=1).run,
        ],
    )
