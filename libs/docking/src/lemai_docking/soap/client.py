"""Calling a counterpart's SOAP server (reference §1.19): one operation per interface, answered at once."""

from ipaddress import ip_address

import httpx

from lemai_docking.ack import Ack, Result
from lemai_docking.channel import CallOutlet, NotDone, Undecided
from lemai_docking.channels.http_client import TIMEOUT, Answer, exchange
from lemai_docking.definitions.profile import Profile
from lemai_docking.soap.envelope import BYTES_MAX, Envelope, Login, SoapFault, ack_of, call, fault_of, opened
from lemai_docking.soap.server import MEDIA_TYPE
from lemai_docking.soap.wsdl import OPERATIONS, soap_action

_UNAVAILABLE = frozenset({401, 403, 404, 405, 407, 410, 415, 421, 426, 429})


class SoapOutlet(CallOutlet):
    """The message of a stored file is called in, with a UsernameToken and over TLS.

    A Fault `Client` says that the document is refused for good, unless it is about the user or the operation: then
    nobody looked at it, and it is tried again. After a Fault `Server`, a broken connection or anything unreadable
    nobody can tell; the same bytes again are safe, since the counterpart knows their message number.
    """

    def __init__(
        self, url: str, login: Login, profile: Profile, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """ValueError for an address that would show the password to the network."""
        if not _is_private(httpx.URL(url)):
            raise ValueError(f"{url}: 须用 https / must be https")
        self._url = url
        self._login = login
        self._profile = profile
        self._client = httpx.AsyncClient(timeout=TIMEOUT, transport=transport)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def put(self, name: str, data: bytes, token: int) -> Ack | None:
        """Call the operation of the file's interface."""
        operation = OPERATIONS[self._profile.match(name).interfaces[0]]
        headers = {"Content-Type": MEDIA_TYPE, "SOAPAction": f'"{soap_action(operation)}"'}
        body = call(operation, data, self._login)
        answer = await exchange(self._client, "POST", self._url, body=body, headers=headers, bytes_max=BYTES_MAX)
        told = f"{name}: HTTP {answer.status} {answer.text}".strip()
        if answer.status in _UNAVAILABLE or 300 <= answer.status < 400:
            raise NotDone(told)
        if answer.status not in {200, 500}:
            raise Undecided(told)
        return _judged(name, operation, _opened(answer, told), told)


def _opened(answer: Answer, told: str) -> Envelope:
    """Another page than an envelope, as of a proxy, proves nothing."""
    try:
        return opened(answer.content)
    except SoapFault as error:
        raise Undecided(told) from error


def _judged(name: str, operation: str, envelope: Envelope, told: str) -> Ack:
    fault = fault_of(envelope)
    if fault is None:
        return _acknowledgement(operation, envelope, told)
    if fault.side == "Server":
        raise Undecided(f"{name}: {fault.code} {fault}")
    if fault.side != "Client" or fault.code in {"E_AUTH", "E_OPERATION"}:
        raise NotDone(f"{name}: {fault.code} {fault}")
    refusal = Result(code=fault.code, message=str(fault))
    return Ack(file_name=name, status="REJECTED", results=(refusal,))


def _acknowledgement(operation: str, envelope: Envelope, told: str) -> Ack:
    if envelope.operation != f"{operation}Response":
        raise Undecided(told)
    try:
        ack = ack_of(envelope)
    except (SoapFault, ValueError) as error:
        raise Undecided(told) from error
    # Its digest is of what the counterpart made of the envelope, and says nothing about our file.
    return ack.model_copy(update={"sha256": ""})


def _is_private(url: httpx.URL) -> bool:
    """Whether nobody on the way can read what is sent."""
    if url.scheme == "https":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"
