"""Our SOAP face, without its web framework: `POST /soap/<counterpart>` (reference §1.19)."""

import asyncio
import hmac
import logging
from dataclasses import dataclass
from email.message import Message
from typing import Protocol

from lemai_docking.ack import Ack
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.messages.xml_syntax import whole
from lemai_docking.faults import Fault
from lemai_docking.soap.envelope import Envelope, Login, Side, SoapFault, answer, fault, message_of, opened
from lemai_docking.soap.wsdl import OPERATIONS, soap_action

MEDIA_TYPE = "text/xml; charset=utf-8"

_INTERFACES = {operation: interface for interface, operation in OPERATIONS.items()}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """Status and body of the answer: 200 with an acknowledgement, 500 with a Fault."""

    status: int
    body: bytes


class Taker(Protocol):
    """Takes messages, as a Receiver does."""

    @property
    def profile(self) -> Profile:
        """How the counterpart writes."""

    async def name_call(self, interface: str) -> str:
        """A file name for a call that brings none."""

    async def receive(self, name: str, data: bytes) -> Ack:
        """Store a message and answer it."""


async def respond(taker: Taker, expected: Login, *, action: str, content_type: str, body: bytes) -> Answered:
    """Answer a call. A business refusal is an acknowledgement; a Fault tells what is wrong with the call itself."""
    try:
        return Answered(200, await _answered(taker, expected, action, content_type, body))
    except SoapFault as error:
        return Answered(500, fault(error))
    except Exception:
        # Its caller understands nothing but a Fault, and sends the same again.
        log.exception("SOAP call failed")
        return Answered(500, fault(SoapFault.of("Server", Fault("E_SERVER"))))


async def _answered(taker: Taker, expected: Login, action: str, content_type: str, body: bytes) -> bytes:
    _check_content_type(content_type)
    envelope = await asyncio.to_thread(opened, body)
    _check_login(envelope.login, expected)
    interface = _interface(taker.profile, envelope, action)
    data = await asyncio.to_thread(_message, envelope, interface)
    ack = await taker.receive(await taker.name_call(interface), data)
    return await asyncio.to_thread(answer, envelope.operation, ack)


def _check_content_type(content_type: str) -> None:
    header = Message()
    header["Content-Type"] = content_type
    if header.get_content_type() != "text/xml":
        side: Side = "VersionMismatch" if header.get_content_type() == "application/soap+xml" else "Client"
        raise SoapFault.of(side, Fault("E_SYNTAX", 0, "Content-Type", header.get_content_type()[:100], "text/xml"))
    charset = str(header.get_param("charset", "utf-8")).lower()
    if charset not in {"utf-8", "utf8"}:
        raise SoapFault.of("Client", Fault("E_CHARSET", 0, "Content-Type", charset[:100], "UTF-8"))


def _check_login(login: Login | None, expected: Login) -> None:
    given = login or Login("", "")
    same = hmac.compare_digest(_joined(given), _joined(expected))
    if login is None or not same:
        raise SoapFault.of("Client", Fault("E_AUTH", 0, "", "", "UsernameToken, PasswordText"))


def _joined(login: Login) -> bytes:
    return f"{login.user}\0{login.password}".encode()


def _interface(profile: Profile, envelope: Envelope, action: str) -> str:
    interface = _INTERFACES.get(envelope.operation, "")
    if interface not in profile.interfaces or layouts()[interface].direction != "in":
        raise SoapFault.of("Client", Fault("E_OPERATION", 0, "", envelope.operation[:100]))
    if action.strip().strip('"') != soap_action(envelope.operation):
        raise SoapFault.of(
            "Client", Fault("E_OPERATION", 0, "SOAPAction", action[:100], soap_action(envelope.operation))
        )
    return interface


def _message(envelope: Envelope, interface: str) -> bytes:
    """The message as a file, the same bytes however the envelope was spelled."""
    message = message_of(envelope)
    header = message.get("header")
    stated = str(header.get("interface")) if isinstance(header, dict) else ""
    if stated != interface:
        raise SoapFault.of("Client", Fault("E_OPERATION", 0, "interface", stated[:100], interface))
    return whole(message)
