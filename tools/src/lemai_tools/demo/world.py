"""Who takes part in the demo, over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from lemai_tools.platform.processes import patience

T = TypeVar("T")
POLL_S = 0.2


class NotInTimeError(Exception):
    """Something that should have happened did not; the text says what, and what was seen last."""


class Api:
    """One program's HTTP interface. Every refusal is an error here."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http = http
        self.url = url

    async def get(self, path: str, **parameters: str | int) -> Any:
        return _answer(await self.http.get(self.url + path, params=parameters))

    async def find(self, path: str) -> Any:
        """What is there, None if there is nothing yet."""
        response = await self.http.get(self.url + path)
        return None if response.status_code == httpx.codes.NOT_FOUND else _answer(response)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> Any:
        return _answer(await self.http.post(self.url + path, json=body, **more))

    async def upload(self, path: str, name: str, content: bytes, **form: str) -> Any:
        return _answer(await self.http.post(self.url + path, files={"file": (name, content)}, data=form))

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return _answer(await self.http.put(self.url + path, json=body))

    async def pages(self, path: str, **parameters: str | int) -> list[Any]:
        """All items of a list, page after page."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, limit=200, **parameters, **cursor)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}


@dataclass(frozen=True)
class World:
    """The two outside systems and the six services."""

    tmall: Api
    kingdee: Api
    catalog: Api
    orders: Api
    stock: Api
    finance: Api
    documents: Api
    marketplaces: Api

    @classmethod
    def of(cls, http: httpx.AsyncClient, urls: Mapping[str, str]) -> "World":
        return cls(
            tmall=Api(http, urls["sim-tmall"]),
            kingdee=Api(http, urls["sim-kingdee"]),
            catalog=Api(http, urls["catalog-svc"]),
            orders=Api(http, urls["order-svc"]),
            stock=Api(http, urls["stock-svc"]),
            finance=Api(http, urls["finance-svc"]),
            documents=Api(http, urls["kingdee-adapter"]),
            marketplaces=Api(http, urls["marketplace-adapter"]),
        )


async def until(what: str, look: Callable[[], Awaitable[T]], good: Callable[[T], bool], timeout_s: float = 60) -> T:
    """Look until what is seen is good, for so long on a machine like ours. Raises NotInTimeError."""
    deadline = asyncio.get_running_loop().time() + timeout_s * patience()
    while True:
        seen = await look()
        if good(seen):
            return seen
        if asyncio.get_running_loop().time() > deadline:
            raise NotInTimeError(f"{what}: {str(seen)[:500]}")
        await asyncio.sleep(POLL_S)


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise NotInTimeError(
            f"{response.request.method} {response.request.url}: {response.status_code} {response.text[:500]}"
        )
    return response.json()
