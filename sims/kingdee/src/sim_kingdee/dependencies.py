"""What the HTTP handlers work on. They are async so that the store stays on the event loop's thread."""

from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from sim_kingdee.folder import Folder


async def _folder(request: Request) -> Folder:
    return cast(Folder, request.app.state.folder)


async def _now(request: Request) -> datetime:
    return cast(datetime, request.app.state.now())


TheFolder = Annotated[Folder, Depends(_folder)]
Now = Annotated[datetime, Depends(_now)]
