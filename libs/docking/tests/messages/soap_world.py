"""Our SOAP face on a socket, taking messages into a list."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from lemai_docking.ack import Ack, Result
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.soap.envelope import Login
from lemai_docking.soap.server import MEDIA_TYPE, respond
from lemai_docking.soap.wsdl import served

from .docking_messages import STAMP, profile_of

LOGIN = Login("kingdee", "correct horse")


def _accepted(name: str) -> Ack:
    return Ack(message_id="", file_name=name, status="ACCEPTED", documents=1, accepted=1)


@dataclass
class Inbox:
    """Keeps what it takes, and answers what it is told to; a decoder's findings become the answer's."""

    profile: Profile = field(default_factory=lambda: profile_of("soap"))
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    answer: Callable[[str], Ack] = _accepted

    async def name_call(self, interface: str) -> str:
        return self.profile.file_name(interface, STAMP)

    async def receive(self, name: str, data: bytes) -> Ack:
        self.taken.append((name, data))
        decoded = codec_of(self.profile).decode(name, data)
        if not decoded.rejected:
            return self.answer(name).model_copy(update={"message_id": decoded.header.message_id})
        results = tuple(
            Result(order_no=one.order_no, line_no=fault.line, code=fault.code, field=fault.field, message=fault.message)
            for one in decoded.rejected
            for fault in one.faults
        )
        return Ack(file_name=name, status="REJECTED", documents=1, rejected=1, results=results)


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[str]:
    """An ASGI application on a free port of loopback; yields its URL."""
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def face(inbox: Inbox, login: Login = LOGIN) -> Any:
    """`POST /soap` and `GET /soap?wsdl`, as any web framework would do them."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if scope["method"] == "GET":
            await reply(send, 200, served(f"http://{headers['host']}/soap"))
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part["body"], part["more_body"]
        content_type, action = headers.get("content-type", ""), headers.get("soapaction", "")
        answered = await respond(inbox, login, action=action, content_type=content_type, body=body)
        await reply(send, answered.status, answered.body)

    return application


async def reply(send: Any, status: int, body: bytes) -> None:
    """A whole HTTP answer."""
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
