"""Signed calls to a counterpart's HTTP server, each limited in time and size."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

import httpx

from lemai_docking.channel import NotDone, Undecided
from lemai_docking.channels.signing import Credentials, signed

TIMEOUT = httpx.Timeout(30, connect=10)
# Raised before a byte of the request has left.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Answer:
    """What came back; `content` is at most one byte longer than allowed."""

    status: int
    content: bytes

    @property
    def text(self) -> str:
        """The beginning, for people."""
        return self.content[:200].decode(errors="replace")


class HttpClient:
    """Calls paths under one URL."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        now: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._credentials = credentials
        self._now = now
        self._client = httpx.AsyncClient(timeout=TIMEOUT, transport=transport)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def call(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] = MappingProxyType({}),
        bytes_max: int,
    ) -> Answer:
        """Raises NotDone if the request did not get out, Undecided if no whole answer came."""
        own = signed(self._credentials, body, now=self._now(), nonce=secrets.token_hex(16))
        return await exchange(
            self._client, method, f"{self._url}{path}", body=body, headers={**headers, **own}, bytes_max=bytes_max
        )


async def exchange(
    client: httpx.AsyncClient,
    method: Literal["GET", "POST"],
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    bytes_max: int,
) -> Answer:
    """One request. Raises NotDone if it did not get out, Undecided if no whole answer came."""
    try:
        async with client.stream(method, url, content=body, headers=headers) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > bytes_max:
                    break
            return Answer(response.status_code, bytes(content[: bytes_max + 1]))
    except _UNSENT as error:
        raise NotDone(_told(error)) from error
    except httpx.HTTPError as error:
        raise Undecided(_told(error)) from error


def in_path(name: str) -> str:
    """A file's name as one segment of a path."""
    return quote(name, safe="")


def _told(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__} {error}".strip()
