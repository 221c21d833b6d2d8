"""SOAP 1.1 envelopes, document/literal wrapped (docking reference `kingdee.md` §1.19). Pure."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from sim_kingdee import xml_tree
from sim_kingdee.xml_tree import Node, XmlError

NAMESPACE = "urn:lemai-kingdee:docking:1.0"
OPERATIONS = {
    "deliver_order": "SyncDeliverOrder",
    "ship_result": "SyncShipResult",
    "supplier_return_order": "SyncReturnNote",
    "supplier_return_result": "SyncReturnNoteResult",
    "receipt_order": "SyncReceipt",
    "receipt_result": "SyncReceiptResult",
    "sales_return_order": "SyncSalesReturn",
    "sales_return_result": "SyncSalesReturnResult",
    "item_master": "SyncItem",
    "inventory_balance": "SyncInventory",
}

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"


class SoapFault(Exception):
    """What a Fault says: `side` is Client or Server, `code` ours."""

    def __init__(self, side: str, code: str, message: str) -> None:
        super().__init__(message)
        self.side = side
        self.code = code


class FaultReceived(SoapFault):
    """The envelope holds a Fault of its sender."""


@dataclass(frozen=True, slots=True)
class Call:
    """An opened envelope: the operation, its only parameter, and who sent it."""

    operation: str
    parameter: Node
    user: str
    password: str


def soap_action(operation: str) -> str:
    """The header value that goes with an operation."""
    return f'"{NAMESPACE}#{operation}"'


def opened(data: bytes, parameter: str) -> Call:
    """Open an envelope whose body is one wrapper element around one unqualified element.

    Raises FaultReceived for a Fault in it, SoapFault for anything else that is wrong with it.
    """
    try:
        envelope = xml_tree.parse(data)
    except XmlError as error:
        raise SoapFault("Client", "E_SYNTAX", f"第 {error.line} 行：{error} / line {error.line}") from error
    if envelope.name != f"{{{_SOAP}}}Envelope":
        raise SoapFault("VersionMismatch", "E_SYNTAX", "不是 SOAP 1.1 信封 / no SOAP 1.1 envelope")
    body = envelope.at(f"{{{_SOAP}}}Body") or Node("")
    fault = body.at(f"{{{_SOAP}}}Fault")
    if fault is not None:
        texts = {node.name: node.text for node in fault.walk()}
        side = texts.get("faultcode", "").rpartition(":")[2]
        raise FaultReceived(side, texts.get("code", ""), texts.get("faultstring", ""))
    if len(body.children) != 1 or not body.children[0].name.startswith(f"{{{NAMESPACE}}}"):
        raise SoapFault("Client", "E_SYNTAX", "Body 应有一个本命名空间的元素 / Body must hold one of our elements")
    wrapper = body.children[0]
    if [child.name for child in wrapper.children] != [parameter]:
        raise SoapFault("Client", "E_SYNTAX", f"应有一个不带命名空间的 {parameter} / one unqualified {parameter}")
    token = envelope.at(f"{{{_SOAP}}}Header", f"{{{_WSSE}}}Security", f"{{{_WSSE}}}UsernameToken") or Node("")
    password = token.at(f"{{{_WSSE}}}Password") or Node("")
    if password.attributes.get("Type", _TEXT) != _TEXT:
        raise SoapFault("Client", "E_AUTH", "只接受 PasswordText / PasswordText only")
    user = token.at(f"{{{_WSSE}}}Username") or Node("")
    operation = wrapper.name.removeprefix(f"{{{NAMESPACE}}}")
    return Call(operation, wrapper.children[0], user.text, password.text)


def call_envelope(operation: str, message: str, user: str, password: str) -> bytes:
    """An envelope around the text of an element `message`."""
    header = (
        f'<wsse:Security xmlns:wsse="{_WSSE}" soap:mustUnderstand="1"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(user)}</wsse:Username>"
        f'<wsse:Password Type="{_TEXT}">{escape(password)}</wsse:Password>'
        "</wsse:UsernameToken></wsse:Security>"
    )
    return _envelope(header, f'<lk:{operation} xmlns:lk="{NAMESPACE}">\n{message}</lk:{operation}>')


def ack_envelope(operation: str, ack: Node) -> bytes:
    """An envelope around an acknowledgement."""
    name = f"lk:{operation}Response"
    return _envelope("", f'<{name} xmlns:lk="{NAMESPACE}">\n{"".join(xml_tree.pieces(ack, 1))}</{name}>')


def fault_envelope(error: SoapFault) -> bytes:
    """An envelope around a Fault."""
    text = (
        f"<soap:Fault><faultcode>soap:{error.side}</faultcode><faultstring>{escape(str(error))}</faultstring>"
        f"<detail><code>{escape(error.code)}</code></detail></soap:Fault>"
    )
    return _envelope("", text)


def _envelope(header: str, body: str) -> bytes:
    header = f"<soap:Header>{header}</soap:Header>\n" if header else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{_SOAP}">\n'
        f"{header}<soap:Body>{body}</soap:Body>\n</soap:Envelope>\n"
    ).encode()
