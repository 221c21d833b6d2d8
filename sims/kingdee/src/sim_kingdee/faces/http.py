"""The HTTP face: signed calls with instructions, and actuals that Lemai pulls, or is called with where a URL is set."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, cast

import httpx
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from sim_kingdee import xml_tree
from sim_kingdee.ack import Ack, Arrival, ack_node, ack_values
from sim_kingdee.encodings import ENCODINGS, Encoding
from sim_kingdee.erp import Erp
from sim_kingdee.faces.calls import Calls, NoAck, instruction_named
from sim_kingdee.faces.signature import Signatures, signed
from sim_kingdee.journal import Outgoing
from sim_kingdee.layouts import Interface, instruction_of
from sim_kingdee.message import FrameError, Message
from sim_kingdee.misdeeds import Fault
from sim_kingdee.settings import HttpExchange
from sim_kingdee.xml_tree import XmlError

_PAGE = 100


class Http(Calls):
    """Signed HTTP in both directions."""

    def __init__(self, settings: HttpExchange, erp: Erp) -> None:
        encoding = ENCODINGS[settings.encoding]
        super().__init__("http", erp, encoding, timeout_s=settings.timeout_s, retry_s=settings.retry_s)
        self._settings = settings
        self._secret = settings.app_secret.get_secret_value()
        self._signatures = Signatures(settings.app_key, self._secret)

    def routes(self, now: Callable[[], datetime]) -> APIRouter:
        """`/v1`: every request is signed."""

        async def signed_body(request: Request) -> bytes:
            body = await request.body()
            if complaint := self._signatures.complaint(request.headers, body, now()):
                raise HTTPException(401, complaint)
            return body

        router = APIRouter(prefix="/v1", dependencies=[Depends(signed_body)])
        body_of = Annotated[bytes, Depends(signed_body)]

        @router.get("/files")
        async def files(after: Annotated[int, Query(ge=0)] = 0) -> dict[str, object]:
            """Files for Lemai after a cursor, oldest first; `next` is the cursor for the following page."""
            found = self.journal.listed_after(after, _PAGE)
            return {"files": found, "next": found[-1]["cursor"] if found else str(after)}

        @router.get("/files/{name}")
        async def content(name: str) -> Response:
            """The bytes of a file."""
            return Response(self._latest(name).content, media_type="application/octet-stream")

        @router.post("/files/{name}/ack", status_code=204)
        async def acknowledge(name: str, body: body_of) -> None:
            """Lemai's acknowledgement of a file, which may be empty."""
            self.journal.set_ack(self._latest(name).id, "ACKNOWLEDGED", _ack_in(body) if body else None)

        @router.post("/{interface}")
        async def call(interface: str, request: Request, body: body_of) -> Response:
            """Take a message of interface 1, 3, 5, 7 or 9."""
            known = instruction_named(interface)
            if known is None:
                raise HTTPException(404, f"没有接口 {interface} / no such interface")
            return await self._answer(known, body, request.headers.get("x-lk-file-name", ""), now())

        return router

    async def _answer(self, interface: Interface, body: bytes, file_name: str, now: datetime) -> Response:
        if self.erp.misdeeds.take(Fault, self.face):
            raise HTTPException(503, "服务暂不可用 / the service is not available")
        is_xml = body.lstrip().startswith(b"<")
        message = _read(body, interface, ENCODINGS["xml" if is_xml else "json"], file_name)
        digest = hashlib.sha256(body).hexdigest()
        message_id = message.header["message_id"] if isinstance(message, Message) else digest
        ack = await self.answer(Arrival(file_name or message_id, digest, now), message)
        ack = cast(Ack, {**ack, "file_name": file_name})
        if is_xml:
            return Response(xml_tree.write(ack_node(ack)), media_type="application/xml")
        return Response(json.dumps(ack, ensure_ascii=False), media_type="application/json")

    def _latest(self, name: str) -> Outgoing:
        try:
            return self.journal.latest(name)
        except KeyError as error:
            raise HTTPException(404, f"没有文件 {name} / no such file") from error

    def _send(self, file: Outgoing) -> None:
        """Lemai is called with it, or finds it in the list."""
        if self._settings.url:
            super()._send(file)
        else:
            self.journal.set_status(file.id, "OFFERED")

    async def _call(self, http: httpx.AsyncClient, file: Outgoing) -> dict[str, object]:
        headers = signed(self._settings.app_key, self._secret, file.content, datetime.now(UTC))
        headers |= {"Content-Type": f"application/{self._settings.encoding}", "X-LK-File-Name": file.name}
        answer = await http.post(f"{self._settings.url}/{file.interface}", content=file.content, headers=headers)
        if answer.is_client_error:
            raise NoAck(answer.text, is_refused=True)
        answer.raise_for_status()
        try:
            return _ack_in(answer.content)
        except HTTPException as error:
            raise NoAck(error.detail, is_refused=False) from error


def _read(body: bytes, interface: Interface, encoding: Encoding, file_name: str) -> Message | FrameError:
    if file_name and instruction_of(file_name, encoding.SUFFIX) is not interface:
        return FrameError("E_NAME", "文件名不属于该接口 / the file name is of another interface")
    try:
        return encoding.read(body, interface)
    except FrameError as error:
        return error


def _ack_in(body: bytes) -> dict[str, object]:
    try:
        ack = ack_values(xml_tree.parse(body)) if body.lstrip().startswith(b"<") else json.loads(body)
    except (XmlError, ValueError) as error:
        raise HTTPException(422, f"回执不可读 / no acknowledgement: {error}") from error
    if not isinstance(ack, dict) or not ack.get("status"):
        raise HTTPException(422, "回执缺 status / the acknowledgement lacks its status")
    return ack
