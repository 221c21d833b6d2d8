"""The WSDL of our SOAP face (reference §1.19), generated from the layouts.

`python -m lemai_docking.soap.wsdl` writes `docking.wsdl` anew. Values are texts with facets, as in the XML message, so
that a malformed one is judged like in any other encoding. Only the wrapper elements are in the namespace.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

from lemai_docking.ack import Ack, Result
from lemai_docking.ack_xml import camel
from lemai_docking.definitions.layout import Field, layouts
from lemai_docking.encodings.messages.tree import STANDS, TRAILER, Parts, Shape, header_shape, shape_of

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
ADDRESS = "https://localhost/soap"
"""The address in the committed file; whoever serves it fills in theirs."""

_XSD = "http://www.w3.org/2001/XMLSchema"
_WSDL = "http://schemas.xmlsoap.org/wsdl/"
_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
_XSD_TYPES: dict[Any, str] = {int: "xsd:int", str: "xsd:string"}
_TYPES = {"date": "Date", "datetime": "DateTime", "instant": "Instant", "qty": "Quantity"}
_PATTERNS = {
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "datetime": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
    "instant": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+\-][0-9]{2}:[0-9]{2}",
    "qty": r"-?[0-9]{1,14}(\.[0-9]{1,4})?",
}


def soap_action(operation: str) -> str:
    """The SOAPAction of an operation, without the quotes around it."""
    return f"{NAMESPACE}#{operation}"


def served(address: str) -> bytes:
    """The WSDL as it is served at this address."""
    return committed().replace(ADDRESS, address.replace("&", "&amp;").replace('"', "&quot;")).encode()


@cache
def committed() -> str:
    """The file that comes with this library."""
    return (files(__package__) / "docking.wsdl").read_text(encoding="utf-8")


def generated() -> str:
    """The file as the layouts have it."""
    for prefix, uri in {"xsd": _XSD, "wsdl": _WSDL, "soap": _SOAP}.items():
        ET.register_namespace(prefix, uri)
    root = ET.Element(_wsdl("definitions"), {"name": "DockingService", "targetNamespace": NAMESPACE})
    root.set("xmlns:tns", NAMESPACE)
    schema = ET.SubElement(
        ET.SubElement(root, _wsdl("types")),
        _xsd("schema"),
        {"targetNamespace": NAMESPACE, "elementFormDefault": "unqualified"},
    )
    _Types(schema).write()
    _messages(root)
    _port(root)
    _binding(root)
    service = ET.SubElement(root, _wsdl("service"), {"name": "DockingService"})
    port = ET.SubElement(service, _wsdl("port"), {"name": "DockingPort", "binding": "tns:DockingBinding"})
    ET.SubElement(port, _soap("address"), {"location": ADDRESS})
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


class _Types:
    """The schema: one complex type for each kind of element that has children."""

    def __init__(self, schema: ET.Element) -> None:
        self._schema = schema
        self._names: set[str] = set()
        self._simple: dict[str, dict[str, list[str]]] = {}

    def write(self) -> None:
        """The wrapper elements, then what is in them."""
        for operation in OPERATIONS.values():
            self._wrapper(operation, "message", f"tns:{_prefix(operation)}Message")
            self._wrapper(f"{operation}Response", "ack", "tns:Ack")
        self._wrapper("DockingFault", "code", "xsd:string")
        header = {name: part for name, part in header_shape("xml").parts.items() if name != "charset"}
        self._fill(self._sequence("Header"), "", header)
        trailer = self._sequence("Trailer")
        for name in TRAILER["xml"]:
            _element(trailer, name, self._restricted("Quantity", {"pattern": [_PATTERNS["qty"]]}))
        for interface, operation in OPERATIONS.items():
            self._message(interface, _prefix(operation))
        self._ack()
        for name, facets in self._simple.items():
            _restrict(ET.SubElement(self._schema, _xsd("simpleType"), {"name": name}), facets)

    def _wrapper(self, name: str, child: str, type_name: str) -> None:
        element = ET.SubElement(self._schema, _xsd("element"), {"name": name})
        sequence = ET.SubElement(ET.SubElement(element, _xsd("complexType")), _xsd("sequence"))
        _element(sequence, child, type_name)

    def _message(self, interface: str, prefix: str) -> None:
        head = layouts()[interface].head
        *holders, name = STANDS[head].xml
        documents: Parts = {name: shape_of(interface, head, "xml")}
        for holder in reversed(holders):
            documents = {holder: documents}
        sequence = self._sequence(f"{prefix}Message")
        _element(sequence, "header", "tns:Header")
        self._fill(sequence, prefix, documents)
        _element(sequence, "trailer", "tns:Trailer")

    def _fill(self, sequence: ET.Element, prefix: str, parts: Parts) -> None:
        for name, part in parts.items():
            element = _element(sequence, name)
            if isinstance(part, Field):
                self._describe(element, prefix, part)
                continue
            element.set("minOccurs", "0")
            if isinstance(part, Shape) and part.tag != "K":
                element.set("maxOccurs", "unbounded")
            below = part.parts if isinstance(part, Shape) else part
            if isinstance(bare := below.get(""), Field):
                element.set("type", self._restricted(*_restriction(prefix, bare)))
                continue
            type_name = f"{prefix}{name[0].upper()}{name[1:]}"
            element.set("type", f"tns:{type_name}")
            self._fill(self._sequence(type_name), prefix, below)

    def _describe(self, element: ET.Element, prefix: str, field: Field) -> None:
        """Only what the layout always requires must be there: the schema cannot know its conditions."""
        element.set("type", self._restricted(*_restriction(prefix, field)))
        if field.required != "M":
            element.set("minOccurs", "0")
        ET.SubElement(ET.SubElement(element, _xsd("annotation")), _xsd("documentation")).text = field.label

    def _restricted(self, name: str, facets: dict[str, list[str]]) -> str:
        assert self._simple.setdefault(name, facets) == facets, f"two types {name}"
        return f"tns:{name}"

    def _ack(self) -> None:
        result = self._sequence("Result")
        for name, about in Result.model_fields.items():
            _element(result, camel(name), _XSD_TYPES[about.annotation])
        _element(self._sequence("Results"), "result", "tns:Result", {"minOccurs": "0", "maxOccurs": "unbounded"})
        ack = self._sequence("Ack")
        for name, about in Ack.model_fields.items():
            type_name = "tns:Results" if name == "results" else _XSD_TYPES.get(about.annotation, "xsd:string")
            _element(ack, camel(name), type_name)

    def _sequence(self, name: str) -> ET.Element:
        assert name not in self._names, f"two types {name}"
        self._names.add(name)
        return ET.SubElement(ET.SubElement(self._schema, _xsd("complexType"), {"name": name}), _xsd("sequence"))


def _element(
    sequence: ET.Element, name: str, type_name: str = "", occurs: Mapping[str, str] = MappingProxyType({})
) -> ET.Element:
    attributes = {"name": name, **({"type": type_name} if type_name else {}), **occurs}
    return ET.SubElement(sequence, _xsd("element"), attributes)


def _restriction(prefix: str, field: Field) -> tuple[str, dict[str, list[str]]]:
    """Name and facets of a field's type; code tables differ between interfaces."""
    kind, _, size = field.type.partition("(")
    if field.codes and not field.open:
        return f"{prefix}{_pascal(field.name)}", {"enumeration": list(field.codes)}
    if kind == "flag":
        return "Flag", {"enumeration": ["Y", "N"]}
    if kind == "int":
        return f"Integer{field.max}", {"pattern": [f"[0-9]{{1,{field.max}}}"]}
    if kind == "dec":
        digits, places = map(int, size.rstrip(")").split(","))
        pattern = rf"-?[0-9]{{1,{digits - places}}}(\.[0-9]{{1,{places}}})?"
        return f"Decimal{digits}_{places}", {"pattern": [pattern]}
    if kind in _PATTERNS:
        return _TYPES[kind], {"pattern": [_PATTERNS[kind]]}
    return f"Text{field.max}", {"maxLength": [str(field.max)]}


def _restrict(simple: ET.Element, facets: Mapping[str, list[str]]) -> None:
    restriction = ET.SubElement(simple, _xsd("restriction"), {"base": "xsd:string"})
    for name, values in facets.items():
        for value in values:
            ET.SubElement(restriction, _xsd(name), {"value": value})


def _messages(root: ET.Element) -> None:
    for operation in OPERATIONS.values():
        for name in (operation, f"{operation}Response"):
            message = ET.SubElement(root, _wsdl("message"), {"name": name})
            ET.SubElement(message, _wsdl("part"), {"name": "parameters", "element": f"tns:{name}"})
    fault = ET.SubElement(root, _wsdl("message"), {"name": "DockingFault"})
    ET.SubElement(fault, _wsdl("part"), {"name": "fault", "element": "tns:DockingFault"})


def _port(root: ET.Element) -> None:
    port = ET.SubElement(root, _wsdl("portType"), {"name": "DockingPortType"})
    for name in OPERATIONS.values():
        operation = ET.SubElement(port, _wsdl("operation"), {"name": name})
        ET.SubElement(operation, _wsdl("input"), {"message": f"tns:{name}"})
        ET.SubElement(operation, _wsdl("output"), {"message": f"tns:{name}Response"})
        ET.SubElement(operation, _wsdl("fault"), {"name": "DockingFault", "message": "tns:DockingFault"})


def _binding(root: ET.Element) -> None:
    binding = ET.SubElement(root, _wsdl("binding"), {"name": "DockingBinding", "type": "tns:DockingPortType"})
    transport = {"style": "document", "transport": "http://schemas.xmlsoap.org/soap/http"}
    ET.SubElement(binding, _soap("binding"), transport)
    for name in OPERATIONS.values():
        operation = ET.SubElement(binding, _wsdl("operation"), {"name": name})
        ET.SubElement(operation, _soap("operation"), {"soapAction": soap_action(name), "style": "document"})
        for side in ("input", "output"):
            ET.SubElement(ET.SubElement(operation, _wsdl(side)), _soap("body"), {"use": "literal"})
        fault = ET.SubElement(operation, _wsdl("fault"), {"name": "DockingFault"})
        ET.SubElement(fault, _soap("fault"), {"name": "DockingFault", "use": "literal"})


def _prefix(operation: str) -> str:
    return operation.removeprefix("Sync")


def _pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def _xsd(name: str) -> str:
    return f"{{{_XSD}}}{name}"


def _wsdl(name: str) -> str:
    return f"{{{_WSDL}}}{name}"


def _soap(name: str) -> str:
    return f"{{{_SOAP}}}{name}"


if __name__ == "__main__":
    Path(__file__).with_name("docking.wsdl").write_text(generated(), encoding="utf-8")
