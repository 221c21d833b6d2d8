"""The application: the gateway, the inspection API, and the store that lives as long as they do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from sim_tmall import admin, problems
from sim_tmall.gateway import Gateway
from sim_tmall.market import Market
from sim_tmall.settings import Settings

ALL_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(settings: Settings) -> FastAPI:
    """A simulator on the given directory. Everything runs in the event loop's thread, as SQLite wants it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.market = Market(settings)
        app.state.gateway = Gateway(app.state.market)
        yield
        app.state.market.database.close()

    app = FastAPI(title="Tmall simulator", lifespan=lifespan)

    async def router_rest(request: Request) -> Response:
        gateway: Gateway = app.state.gateway
        return await gateway.handle(request)

    app.add_route("/router/rest", router_rest, methods=ALL_VERBS, include_in_schema=False)
    app.include_router(admin.router)
    problems.install(app)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Alive."""
        return {"status": "ok"}

    return app
