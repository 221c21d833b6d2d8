"""SOAP 1.1 envelopes of our WSDL (reference §1.19), read and written by zeep's schema objects."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any, Literal, Self, get_args

import zeep
from zeep.exceptions import Error as ZeepError
from zeep.helpers import serialize_object
from zeep.loader import parse_xml
from zeep.wsdl.utils import etree_to_string
from zeep.wsse.username import UsernameToken

from lemai_docking.ack import Ack
from lemai_docking.ack_xml import camel, printable, snake
from lemai_docking.encodings.messages.tree import Tree
from lemai_docking.encodings.messages.xml_guard import XmlGuard
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.soap.wsdl import NAMESPACE, committed

BYTES_MAX = 10_000_000
ELEMENTS_MAX = 250_000
ATTRIBUTES_MAX = 16

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_AS_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_SETTINGS = zeep.Settings(forbid_dtd=True, forbid_external=True, xsd_ignore_sequence_order=True)
# zeep is typed in part, and takes more than it says.
_client: Any = zeep.Client
_parse: Any = parse_xml
_to_bytes: Any = etree_to_string
_to_tree: Any = serialize_object
_token: Any = UsernameToken

_WRAPPED = b'<x xmlns:lk="%s"><lk:%%s>%%s</lk:%%s></x>' % NAMESPACE.encode()
_EMPTY = f'<soap:Envelope xmlns:soap="{_ENVELOPE}"><soap:Body/></soap:Envelope>'.encode()

Side = Literal["Client", "Server", "VersionMismatch", "MustUnderstand"]
_SIDES: dict[str, Side] = {side: side for side in get_args(Side)}


class SoapFault(Exception):
    """What a Fault says: whose it is, a code of ours or of the counterpart, and the matter."""

    def __init__(self, side: Side, code: str, text: str) -> None:
        super().__init__(text)
        self.side = side
        self.code = code

    @classmethod
    def of(cls, side: Side, fault: Fault) -> Self:
        """The Fault that tells what is wrong."""
        return cls(side, fault.code, fault.message)


@dataclass(frozen=True)
class Login:
    """A user name and password, as a UsernameToken carries them."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Envelope:
    """An envelope whose parts are where they belong; the wrapper element is not looked into yet.

    `operation` is its name, empty if it is not in our namespace.
    """

    login: Login | None
    operation: str
    wrapper: Any


def opened(data: bytes) -> Envelope:
    """Open an envelope nobody vouches for. Raises SoapFault."""
    if len(data) > BYTES_MAX:
        raise SoapFault.of("Client", Fault("E_LIMIT", 0, "", str(len(data)), f"≤ {BYTES_MAX} 字节/bytes"))
    try:
        for _ in _EnvelopeGuard(data, elements_max=ELEMENTS_MAX).passes():
            pass
        root = _parse(data, None, settings=_SETTINGS)
    except FileRejected as rejection:
        raise SoapFault.of("Client", rejection.fault) from rejection
    except ZeepError as error:
        raise _malformed(str(error)) from error
    if root.tag != f"{{{_ENVELOPE}}}Envelope":
        raise SoapFault.of("VersionMismatch", Fault("E_SYNTAX", root.sourceline, "", root.tag[:100], "SOAP 1.1"))
    header = root.findall(f"{{{_ENVELOPE}}}Header")
    bodies = root.findall(f"{{{_ENVELOPE}}}Body")
    if len(bodies) != 1 or len(bodies[0]) != 1 or len(header) > 1:
        raise _malformed("一个 Body，其中一个元素/one Body with one element")
    for block in header[0] if header else ():
        if block.get(f"{{{_ENVELOPE}}}mustUnderstand") in {"1", "true"} and block.tag != f"{{{_WSSE}}}Security":
            raise SoapFault.of("MustUnderstand", Fault("E_SYNTAX", block.sourceline, "", block.tag[:100], "Security"))
    (wrapper,) = bodies[0]
    return Envelope(_login(header), wrapper.tag.partition(f"{{{NAMESPACE}}}")[2], wrapper)


def message_of(envelope: Envelope) -> Tree:
    """The message of a call, as a tree. Raises SoapFault for what the schema does not have."""
    return _parsed(envelope, "message")


def ack_of(envelope: Envelope) -> Ack:
    """The acknowledgement of an answer. Raises SoapFault for what the schema does not have, ValueError for no Ack."""
    ack: dict[str, Any] = _parsed(envelope, "ack")
    results = ack.pop("results", {}).get("result", [])
    named = [{snake(name): value for name, value in result.items()} for result in results]
    values = {"file_name": "", **{snake(name): value for name, value in ack.items()}}
    return Ack.model_validate({**values, "results": named})


def call(operation: str, message: bytes, login: Login) -> bytes:
    """The envelope of a call with a message of ours."""
    name = operation.encode()
    wrapper = _parse(_WRAPPED % (name, message[message.index(b"<message>") :], name), None, settings=_SETTINGS)[0]
    schema = _schema()
    content = schema.get_element(f"{{{NAMESPACE}}}{operation}").parse(wrapper, schema.wsdl.types)
    envelope = _around(operation, content)
    _token(login.user, login.password).apply(envelope, {})
    return bytes(_to_bytes(envelope))


def answer(operation: str, ack: Ack) -> bytes:
    """The envelope of an answer."""
    values: dict[str, Any] = {camel(name): value for name, value in ack.model_dump().items()}
    values["results"] = {
        "result": [
            {camel(name): printable(value) if isinstance(value, str) else value for name, value in result.items()}
            for result in ack.model_dump()["results"]
        ]
    }
    return bytes(_to_bytes(_around(f"{operation}Response", {"ack": values})))


def fault(error: SoapFault) -> bytes:
    """The envelope of a Fault."""
    text = html.escape(printable(str(error)), quote=False)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{_ENVELOPE}"><soap:Body><soap:Fault>'
        f"<faultcode>soap:{error.side}</faultcode><faultstring>{text}</faultstring>"
        f'<detail><lk:DockingFault xmlns:lk="{NAMESPACE}"><code>{error.code}</code></lk:DockingFault></detail>'
        "</soap:Fault></soap:Body></soap:Envelope>\n"
    ).encode()


def fault_of(envelope: Envelope) -> SoapFault | None:
    """The Fault an answer holds; its code is ours, or empty."""
    if envelope.wrapper.tag != f"{{{_ENVELOPE}}}Fault":
        return None
    side = (envelope.wrapper.findtext("faultcode") or "").rpartition(":")[2].partition(".")[0]
    code = next((node.text or "" for node in envelope.wrapper.iter() if node.tag.rpartition("}")[2] == "code"), "")
    text = envelope.wrapper.findtext("faultstring") or ""
    return SoapFault(_SIDES.get(side, "Server"), code, text[:500])


@cache
def _schema() -> Any:
    with as_file(files(__package__) / "docking.wsdl") as path:
        return _client(str(path), settings=_SETTINGS)


@cache
def _lenient_schema() -> Any:
    """The same where nothing is required: what is missing is judged with the message, document by document."""
    plain = committed().replace(' minOccurs="0"', "")
    everything_optional = re.sub("<xsd:element (?=[^>]* type=)", '<xsd:element minOccurs="0" ', plain)
    return _client(BytesIO(everything_optional.encode()), settings=_SETTINGS)


def _parsed(envelope: Envelope, name: str) -> dict[str, Any]:
    """What the schema finds under the wrapper. Raises SoapFault unless that is all that stands there."""
    wrapper = envelope.wrapper
    for node in wrapper.iter():
        if set(node.attrib) - {_NIL}:
            raise _malformed(f"{node.tag}: 无属性/no attributes", node.sourceline)
    client = _lenient_schema()
    try:
        value = client.get_element(f"{{{NAMESPACE}}}{envelope.operation}").parse(wrapper, client.wsdl.types)
    except (ZeepError, LookupError, ValueError) as error:
        raise _malformed(str(error), wrapper.sourceline) from error
    found = _to_tree(value[name], dict)
    written = Counter(text for text in wrapper.itertext() if text.strip())
    if not isinstance(found, dict) or Counter(_texts(found)) != written:
        raise _malformed("有未识别的内容/content that the schema does not have", wrapper.sourceline)
    return dict(_pruned(found))


def _texts(part: Any) -> Iterator[str]:
    """The texts of what was understood, to compare with those that were sent: nothing may get lost unseen."""
    if isinstance(part, dict | list):
        for one in part.values() if isinstance(part, dict) else part:
            yield from _texts(one)
    elif part is not None and str(part).strip():
        yield str(part)


def _pruned(part: Any) -> Any:
    """Without what is not there."""
    if isinstance(part, dict):
        return {name: _pruned(one) for name, one in part.items() if one is not None}
    return [_pruned(one) for one in part] if isinstance(part, list) else part


def _around(name: str, content: Any) -> Any:
    """An envelope around an element, its content as the schema has it."""
    root = _parse(_EMPTY, None, settings=_SETTINGS)
    _schema().get_element(f"{{{NAMESPACE}}}{name}").render(root[0], content)
    return root


def _login(header: Any) -> Login | None:
    """The only UsernameToken with a PasswordText, None for any other and for none."""
    tokens = [token for block in header for token in block.iter(f"{{{_WSSE}}}UsernameToken")]
    if len(tokens) != 1:
        return None
    user, password = (tokens[0].find(f"{{{_WSSE}}}{name}") for name in ("Username", "Password"))
    if user is None or password is None or password.get("Type", _AS_TEXT) != _AS_TEXT:
        return None
    return Login(user.text or "", password.text or "")


def _malformed(expected: str, line: int = 0) -> SoapFault:
    return SoapFault.of("Client", Fault("E_SYNTAX", line, "", "", expected[:300]))


class _EnvelopeGuard(XmlGuard):
    """Bounds attributes too, which envelopes may have."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(attributes) > ATTRIBUTES_MAX:
            raise self.fault("E_LIMIT", name, f"≤ {ATTRIBUTES_MAX} 属性/attributes")
