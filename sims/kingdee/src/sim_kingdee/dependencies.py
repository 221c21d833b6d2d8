"""What the HTTP handlers work on. They are async so that the store stays on the event loop's thread."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Exchange

Exchanges = Mapping[str, Exchange]  # by face; the first one is the default


async def _exchanges(request: Request) -> Exchanges:
    return cast(Exchanges, request.app.state.exchanges)


async def _erp(request: Request) -> Erp:
    return cast(Erp, request.app.state.erp)


async def _now(request: Request) -> datetime:
    return cast(datetime, request.app.state.now())


TheExchanges = Annotated[Exchanges, Depends(_exchanges)]
TheErp = Annotated[Erp, Depends(_erp)]
Now = Annotated[datetime, Depends(_now)]
