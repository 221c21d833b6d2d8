"""XML encoding (docking reference `kingdee.md` §1.17), as strict as `frame`; the same message goes through SOAP."""

import re
from collections.abc import Iterator, Mapping, Sequence

from sim_kingdee import xml_tree
from sim_kingdee.checks import LINES, check_counts, check_header, check_record, check_size, records, total
from sim_kingdee.layouts import HEADER, INTERFACES, Field, Interface
from sim_kingdee.message import Document, Finding, FrameError, Message, Record, Rendered
from sim_kingdee.xml_tree import Node, XmlError

SUFFIX = ".xml"

_TRAILER = ("orderCount", "lineCount", "totalQty")
_HEADS = {"item_master": ("I", "items/item"), "inventory_balance": ("K", "snapshot")}
_LISTS = frozenset({"orderLines", "packages", "balances", "snList"})
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEADER = {field.element: name for name, field in HEADER.items() if name != "charset"}


def is_finished(data: bytes) -> bool:
    """Whether the root element is closed."""
    return data.rstrip().endswith(b"</message>")


def read(data: bytes, interface: Interface) -> Message:
    """Decode a message that must carry `interface`; raises FrameError when it cannot be trusted as a whole."""
    check_size(data)
    try:
        root = xml_tree.parse(data)
    except XmlError as error:
        raise FrameError("E_SYNTAX", f"第 {error.line} 行：{error} / line {error.line}") from error
    return read_message(root, interface)


def read_message(root: Node, interface: Interface) -> Message:
    """Decode the element `message`; unknown elements are ignored."""
    if root.name != "message":
        raise FrameError("E_SYNTAX", "根元素应为 message / the root must be message")
    for node in root.walk():
        if node.attributes or node.name.startswith("{"):
            raise FrameError("E_SYNTAX", f"第 {node.line} 行有属性或命名空间 / line {node.line}: attribute, namespace")
    header = _read_header(root, interface)
    tag, path = _HEADS.get(interface.name, ("O", "orders/order"))
    documents = [_read_document(tag, node, interface) for node in _all(root, path)]
    trailer = root.at("trailer") or Node("trailer")
    stated = {name: (trailer.at(name) or Node(name)).text for name in _TRAILER}
    check_counts(interface, documents, stated)
    return Message(header, documents, [])


def _read_header(root: Node, interface: Interface) -> dict[str, str]:
    flat = list(_flatten(root.at("header") or Node("header")))
    header = {_HEADER[path]: text for path, text in flat if path in _HEADER}
    missing = [name for name in _HEADER.values() if name not in header and HEADER[name].required == "M"]
    if missing or len({path for path, _ in flat}) < len(flat):
        raise FrameError("E_HEADER", "header 缺值或重复 / header lacks a value or repeats one", "".join(missing[:1]))
    check_header(header, interface)
    return {"test_flag": "N", **header}


def _all(root: Node, path: str) -> list[Node]:
    nodes = [root]
    for name in path.split("/"):
        nodes = [child for node in nodes for child in node.all(name)]
    return nodes


def _read_document(tag: str, node: Node, interface: Interface) -> Document:
    head, findings = _read_record(tag, node, interface, {}, "")
    order_type = head.values.get("order_type", "")
    document = Document(head, findings=findings)
    for child_tag, child, implied in _children(tag, node):
        record, found = _read_record(child_tag, child, interface, implied, order_type)
        document.children.append(record)
        document.findings += found
    return document


def _children(tag: str, node: Node) -> Iterator[tuple[str, Node, dict[str, str]]]:
    """Records below a head, with the values that their place implies."""
    for line in _all(node, "balances/balance") if tag == "K" else _all(node, "orderLines/orderLine"):
        yield "B" if tag == "K" else "L", line, {}
        owner = {name: (line.at(path) or Node(path)).text for name, path in _LINE_KEY.items()}
        for sn in _all(line, "snList/sn"):
            yield "S", Node("line", children=[sn], line=sn.line), owner
    for package in _all(node, "packages/package"):
        yield "P", package, {}
        number = (package.at("packageCode") or Node("")).text
        for content in _all(package, "items/item"):
            yield "Q", content, {"package_no": number}


_LINE_KEY = {"line_no": "orderLineNo", "item_code": "itemCode"}


def _read_record(
    tag: str, node: Node, interface: Interface, implied: Mapping[str, str], order_type: str
) -> tuple[Record, list[Finding]]:
    fields = interface.records.get(tag)
    if fields is None:
        raise FrameError(
            "E_COLUMN", f"第 {node.line} 行：{tag} 不属于该接口 / line {node.line}: not of this interface", tag
        )
    names = {field.element: name for name, field in fields.items()}
    values: dict[str, str] = {}
    findings = []
    for path, text in _flatten(node):
        name = names.get(path)
        if name in values:
            findings.append(Finding("E_FIELD", f"第 {node.line} 行 {path} 重复 / line {node.line}: twice", str(name)))
        if name:
            values[name] = text
    values |= implied
    record = Record(tag, values, node.line)
    return record, findings + check_record(record, fields, order_type or values.get("order_type", ""))


def _flatten(node: Node, start: str = "") -> Iterator[tuple[str, str]]:
    """Values by path; lists of records are left out. A package's own `items` is one of them."""
    for child in node.children:
        if child.name in _LISTS or (node.name == "package" and child.name == "items"):
            continue
        if child.children:
            yield from _flatten(child, f"{start}{child.name}/")
        else:
            yield start + child.name, child.text


def write(header: Mapping[str, str], documents: Sequence[Document]) -> Rendered:
    """Render documents in the order given; absent and empty values are left out."""
    interface = INTERFACES[header["interface"]]
    message = to_message(header, documents)
    data = xml_tree.write(message)
    _, path = _HEADS.get(interface.name, ("O", "orders/order"))
    opening = f"<{path.rpartition('/')[2]}>"
    depth = 1 + path.count("/")
    starts = [n for n, line in enumerate(data.decode().split("\n"), 1) if line == "  " * depth + opening]
    return Rendered(data, starts)


def to_message(header: Mapping[str, str], documents: Sequence[Document]) -> Node:
    """The element `message`."""
    interface = INTERFACES[header["interface"]]
    root = Node("message")
    for element, name in _HEADER.items():
        xml_tree.put(root, f"header/{element}", header[name])
    _, path = _HEADS.get(interface.name, ("O", "orders/order"))
    *containers, name = path.split("/")
    parent = root
    for container in containers:
        parent.children.append(Node(container))
        parent = parent.children[-1]
    parent.children += [_document_node(name, document, interface) for document in documents]
    lines = [record.values for record in records(documents) if record.tag in LINES]
    counts = (len(documents), len(lines), total(lines, interface.quantity))
    for element, count in zip(_TRAILER, counts, strict=True):
        xml_tree.put(root, f"trailer/{element}", str(count))
    return root


def _document_node(name: str, document: Document, interface: Interface) -> Node:
    node = _record_node(name, document.head, interface)
    lines: dict[str, Node] = {}
    packages: dict[str, Node] = {}
    for record in document.children:
        fields = interface.records[record.tag]
        match record.tag:
            case "L" | "B":
                child = _record_node("orderLine" if record.tag == "L" else "balance", record, interface)
                _container(node, "orderLines" if record.tag == "L" else "balances").children.append(child)
                lines[record.values.get("line_no", "")] = child
            case "P":
                child = _record_node("package", record, interface)
                _container(node, "packages").children.append(child)
                packages[record.values["package_no"]] = child
            case "Q":
                content = _record_node("item", record, interface, without="package_no")
                _container(packages[record.values["package_no"]], "items").children.append(content)
            case "S":
                xml_tree.put(lines[record.values["line_no"]], f"snList/{fields['sn'].element}", record.values["sn"])
    return node


def _container(node: Node, name: str) -> Node:
    if node.at(name) is None:
        node.children.append(Node(name))
    return node.all(name)[0]


def _record_node(name: str, record: Record, interface: Interface, without: str = "") -> Node:
    node = Node(name)
    fields: Mapping[str, Field] = interface.records[record.tag]
    for key, value in record.values.items():
        if value and key != without:
            if _FORBIDDEN.search(value):
                raise ValueError(f"{key}: a character that XML forbids")
            xml_tree.put(node, fields[key].element, value)
    return node
