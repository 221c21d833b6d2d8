"""For tests of this library and its users: a counterpart's HTTP server that can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

LINE_MAX = 1 << 16


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Respond = Callable[[Asked], Awaitable[tuple[int, bytes]]]


@dataclass
class FaultyHttp:
    """The server. `misdeed`: cut before the body is read, after it is dealt with, or hang then."""

    respond: Respond
    port: int = 0
    misdeed: Literal["", "cut before", "cut after", "hang"] = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request to a connection."""
        try:
            await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = (await reader.readline()).decode().split(" ")
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if self.misdeed == "cut before":
            return
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        asked = Asked(method, path, headers, body)
        self.asked.append(asked)
        status, content = await self.respond(asked)
        if self.misdeed == "cut after":
            return
        if self.misdeed == "hang":
            await reader.read()
            return
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content
        )
        await writer.drain()


@asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[FaultyHttp]:
    partner = FaultyHttp(respond)
    listening = await asyncio.start_server(partner.serve, "127.0.0.1", 0)
    partner.port = listening.sockets[0].getsockname()[1]
    try:
        yield partner
    finally:
        listening.close()
        await listening.wait_closed()
