"""The SOAP face: a server for instructions, and a client that calls Lemai with what it has not acknowledged yet."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

import httpx
from fastapi import APIRouter, Request, Response

from sim_kingdee import xml_codec, xml_tree
from sim_kingdee.ack import Arrival, ack_node, ack_values
from sim_kingdee.checks import check_size
from sim_kingdee.damage import Damage
from sim_kingdee.erp import Erp
from sim_kingdee.faces.calls import Calls, NoAck, instruction_named
from sim_kingdee.faces.envelope import (
    OPERATIONS,
    Call,
    FaultReceived,
    SoapFault,
    ack_envelope,
    call_envelope,
    fault_envelope,
    opened,
    soap_action,
)
from sim_kingdee.journal import Outgoing
from sim_kingdee.layouts import INTERFACES, Interface
from sim_kingdee.message import Document, FrameError, Message, Record
from sim_kingdee.misdeeds import Fault
from sim_kingdee.settings import SoapExchange
from sim_kingdee.xml_tree import Node, XmlError

_INTERFACES = {operation: name for name, operation in OPERATIONS.items()}
_XML = "text/xml; charset=utf-8"


class Soap(Calls):
    """SOAP in both directions."""

    def __init__(self, settings: SoapExchange, erp: Erp) -> None:
        super().__init__("soap", erp, xml_codec, timeout_s=settings.timeout_s, retry_s=settings.retry_s)
        self._settings = settings

    def routes(self, now: Callable[[], datetime]) -> APIRouter:
        """`/soap`, where Lemai calls us."""
        router = APIRouter()

        @router.post("/soap")
        async def call(request: Request) -> Response:
            """Take a message of interface 1, 3, 5, 7 or 9."""
            try:
                action = request.headers.get("soapaction", "")
                return Response(await self._answer(await request.body(), action, now()), media_type=_XML)
            except SoapFault as error:
                return Response(fault_envelope(error), status_code=500, media_type=_XML)

        return router

    async def _answer(self, data: bytes, action: str, now: datetime) -> bytes:
        call, interface = self._checked(data, action)
        digest = hashlib.sha256(xml_tree.write(call.parameter)).hexdigest()
        message_id = call.parameter.at("header", "messageId")
        # A call has no file name: its message_id is what must not come twice with other content.
        arrival = Arrival(message_id.text if message_id else digest, digest, now)
        if self.erp.misdeeds.take(Fault, self.face):
            raise SoapFault("Server", "E_SERVER", "服务暂不可用 / the service is not available")
        ack = await self.answer(arrival, _read(call.parameter, interface))
        # The digest is of the message inside the envelope, which its sender cannot compare with anything.
        return ack_envelope(call.operation, ack_node({**ack, "file_name": "", "sha256": ""}))

    def _checked(self, data: bytes, action: str) -> tuple[Call, Interface]:
        try:
            check_size(data)
        except FrameError as error:
            raise SoapFault("Client", error.finding.code, str(error)) from error
        call = opened(data, "message")
        expected = (self._settings.user, self._settings.password.get_secret_value())
        if not hmac.compare_digest("\n".join(expected).encode(), f"{call.user}\n{call.password}".encode()):
            raise SoapFault("Client", "E_AUTH", "用户名或密码不对 / wrong user name or password")
        interface = instruction_named(_INTERFACES.get(call.operation, ""))
        if interface is None:
            raise SoapFault("Client", "E_OPERATION", f"没有操作 {call.operation} / no such operation")
        if action != soap_action(call.operation):
            raise SoapFault("Client", "E_OPERATION", "SOAPAction 与操作不符 / SOAPAction is of another operation")
        return call, interface

    async def _call(self, http: httpx.AsyncClient, file: Outgoing) -> dict[str, object]:
        operation = OPERATIONS[file.interface]
        settings = self._settings
        content = file.content.decode(errors="replace").partition("?>\n")[2]
        sent = await http.post(
            settings.url,
            content=call_envelope(operation, content, settings.lemai_user, settings.lemai_password.get_secret_value()),
            headers={"Content-Type": _XML, "SOAPAction": soap_action(operation)},
        )
        if sent.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
            sent.raise_for_status()
        try:
            answer = opened(sent.content, "ack")
        except SoapFault as error:
            is_refused = isinstance(error, FaultReceived) and error.side == "Client"
            raise NoAck(str(error), is_refused=is_refused) from error
        message_id = answer.parameter.at("messageId") or Node("")
        if answer.operation != f"{operation}Response" or message_id.text not in ("", _message_id(file)):
            raise NoAck("回执不属于这次调用 / the acknowledgement is of another call", is_refused=False)
        return ack_values(answer.parameter)

    def _compose(
        self, interface: str, owner_code: str, documents: Sequence[Document], now: datetime, damage: Damage | None
    ) -> tuple[Outgoing, list[int]]:
        """As every face does; a schema may demand the elements in the order of the layout."""
        ordered = [_in_layout_order(INTERFACES[interface], document) for document in documents]
        return super()._compose(interface, owner_code, ordered, now, damage)


def _read(message: Node, interface: Interface) -> Message | FrameError:
    try:
        return xml_codec.read_message(message, interface)
    except FrameError as error:
        return error


def _message_id(file: Outgoing) -> str:
    try:
        return (xml_tree.parse(file.content).at("header", "messageId") or Node("")).text
    except XmlError:
        return ""


def _in_layout_order(interface: Interface, document: Document) -> Document:
    head, *children = (
        Record(
            record.tag,
            {name: record.values[name] for name in interface.records[record.tag] if name in record.values},
            record.line,
        )
        for record in (document.head, *document.children)
    )
    return Document(head, children)
