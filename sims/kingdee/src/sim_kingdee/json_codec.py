"""JSON encoding (docking reference `kingdee.md` §1.18), as strict as `frame`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim_kingdee.checks import LINES, check_counts, check_header, check_record, check_size, records, total
from sim_kingdee.layouts import HEADER, INTERFACES, Field, Interface
from sim_kingdee.message import Document, Finding, FrameError, Message, Record, Rendered

SUFFIX = ".json"

_HEADER = tuple(name for name in HEADER if name != "charset")
_TRAILER = ("order_count", "line_count", "total_qty")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\ud800-\udfff]")
_LISTS = frozenset({"lines", "packages", "balances", "sn_list", "items"})
_NUMERIC = ("int", "qty", "balance", "dec")

Object = dict[str, Any]


class _Number(str):
    """A number as it was written, so that no digit is lost."""

    __slots__ = ()


def is_finished(data: bytes) -> bool:
    """Whether the outermost object is closed."""
    try:
        _parse(data)
    except FrameError:
        return False
    return True


def read(data: bytes, interface: Interface) -> Message:
    """Decode a message that must carry `interface`; raises FrameError when it cannot be trusted as a whole."""
    check_size(data)
    root = _parse(data)
    header = _read_header(root, interface)
    findings = [_unknown(name) for name in root if name not in ("header", "orders", "items", "snapshot", "trailer")]
    if interface.name == "inventory_balance":
        snapshots = [_object(root, "snapshot")] if "snapshot" in root else []
        documents = [_read_document("K", 1, snapshot, interface) for snapshot in snapshots]
    else:
        name, tag = ("items", "I") if interface.name == "item_master" else ("orders", "O")
        documents = [_read_document(tag, n, value, interface) for n, value in enumerate(_list(root, name), 1)]
    trailer = _object(root, "trailer")
    check_counts(interface, documents, {name: str(trailer.get(name, "")) for name in _TRAILER})
    return Message(header, documents, findings)


def _parse(data: bytes) -> Object:
    try:
        root = json.loads(
            data.decode(),
            object_pairs_hook=_no_twice,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as error:
        raise FrameError("E_CHARSET", f"第 {error.start} 字节起不是 UTF-8 / not UTF-8 from there") from error
    except (ValueError, RecursionError) as error:
        raise FrameError("E_SYNTAX", f"不是有效的 JSON / no valid JSON: {error}") from error
    if not isinstance(root, dict):
        raise FrameError("E_SYNTAX", "最外层应为对象 / the outermost value must be an object")
    return root


def _no_twice(pairs: list[tuple[str, Any]]) -> Object:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"重复的键 / a key twice: {next(n for n in names if names.count(n) > 1)}")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _object(parent: Object, name: str) -> Object:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise FrameError("E_SYNTAX", f"{name} 应为对象 / must be an object", name)
    return value


def _sequence(parent: Object, name: str) -> list[Any]:
    values = parent.get(name, [])
    if not isinstance(values, list):
        raise FrameError("E_SYNTAX", f"{name} 应为数组 / must be a list", name)
    return values


def _list(parent: Object, name: str) -> list[Object]:
    values = _sequence(parent, name)
    if not all(isinstance(value, dict) for value in values):
        raise FrameError("E_SYNTAX", f"{name} 应为对象数组 / must be a list of objects", name)
    return values


def _read_header(root: Object, interface: Interface) -> dict[str, str]:
    given = _object(root, "header")
    header = {name: given[name] for name in _HEADER if name in given}
    for name in _HEADER:
        value = header.get(name, "" if HEADER[name].required == "M" else "N")
        if type(value) is not str or not value:
            raise FrameError("E_HEADER", f"header {name} 缺失或不是文字 / missing or no text", name)
    check_header(header, interface)
    return {"test_flag": "N", **header}


def _read_document(tag: str, number: int, value: Object, interface: Interface) -> Document:
    head, findings = _read_record(tag, number, value, interface, {}, "")
    document = Document(head, findings=findings)
    for child_tag, child, implied in _children(tag, value):
        record, found = _read_record(child_tag, number, child, interface, implied, head.values.get("order_type", ""))
        document.children.append(record)
        document.findings += found
    return document


def _children(tag: str, value: Object) -> Iterator[tuple[str, Object, Object]]:
    """Records below a head, with the values that their place implies."""
    for line in _list(value, "balances" if tag == "K" else "lines"):
        yield "B" if tag == "K" else "L", line, {}
        owner = {name: line.get(name, "") for name in ("line_no", "item_code")}
        for sn in _sequence(line, "sn_list"):
            yield "S", {"sn": sn}, owner
    for package in _list(value, "packages"):
        yield "P", package, {}
        for content in _list(package, "items"):
            yield "Q", content, {"package_no": package.get("package_no", "")}


def _read_record(
    tag: str, number: int, given: Object, interface: Interface, implied: Object, order_type: str
) -> tuple[Record, list[Finding]]:
    """`line` of a record is the place of its document, since a line says little in JSON."""
    fields = interface.records.get(tag)
    if fields is None:
        raise FrameError(
            "E_COLUMN", f"第 {number} 单：{tag} 不属于该接口 / document {number}: not of this interface", tag
        )
    values, findings = {}, []
    for name, value in {**given, **implied}.items():
        if name in _LISTS:
            continue
        if name not in fields:
            findings.append(_unknown(name))
        elif not _is_allowed(fields[name], value):
            findings.append(Finding("E_FIELD", f"第 {number} 单 {name} 类型不对 / document {number}: wrong type", name))
        elif _FORBIDDEN.search(value):
            findings.append(Finding("E_CHAR", f"第 {number} 单 {name} 含控制字符 / document {number}", name))
        else:
            values[name] = str(value)
    record = Record(tag, values, number)
    if not any(finding.level == "ERROR" for finding in findings):
        findings += check_record(record, fields, order_type or values.get("order_type", ""), ("单", "document"))
    return record, findings


def _is_allowed(field: Field, value: object) -> bool:
    """Codes stay text even when they are digits only; quantities may be numbers."""
    return type(value) is str or (isinstance(value, _Number) and field.type.startswith(_NUMERIC))


def _unknown(name: str) -> Finding:
    return Finding("W_COLUMN", f"未知键 {name} 已忽略 / unknown key ignored", name)


def write(header: Mapping[str, str], documents: Sequence[Document]) -> Rendered:
    """Render documents in the order given; absent and empty values are left out."""
    interface = INTERFACES[header["interface"]]
    values = [_document_object(document, interface) for document in documents]
    lines = [record.values for record in records(documents) if record.tag in LINES]
    message: Object = {"header": {name: header[name] for name in _HEADER}}
    if interface.name == "inventory_balance":
        message["snapshot"] = values[0]
    else:
        message["items" if interface.name == "item_master" else "orders"] = values
    counts = (len(documents), len(lines), str(total(lines, interface.quantity)))
    message["trailer"] = dict(zip(_TRAILER, counts, strict=True))
    text = json.dumps(message, ensure_ascii=False, indent=2) + "\n"
    opening = '  "snapshot": {' if "snapshot" in message else "    {"
    return Rendered(text.encode(), [n for n, line in enumerate(text.split("\n"), 1) if line == opening])


def _document_object(document: Document, interface: Interface) -> Object:
    value = _record_object(document.head, interface)
    lines: dict[str, Object] = {}
    packages: dict[str, Object] = {}
    for record in document.children:
        match record.tag:
            case "L" | "B":
                child = _record_object(record, interface)
                value.setdefault("lines" if record.tag == "L" else "balances", []).append(child)
                lines[record.values.get("line_no", "")] = child
            case "P":
                child = _record_object(record, interface)
                value.setdefault("packages", []).append(child)
                packages[record.values["package_no"]] = child
            case "Q":
                content = _record_object(record, interface)
                del content["package_no"]
                packages[record.values["package_no"]].setdefault("items", []).append(content)
            case "S":
                lines[record.values["line_no"]].setdefault("sn_list", []).append(record.values["sn"])
    return value


def _record_object(record: Record, interface: Interface) -> Object:
    fields = interface.records[record.tag]
    return {
        name: int(value) if fields[name].type == "int" and value.isdecimal() else value
        for name, value in record.values.items()
        if value
    }
