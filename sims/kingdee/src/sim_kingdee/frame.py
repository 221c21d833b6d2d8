"""Text encoding: HDR, COL, TAB-delimited records, TRL (docking reference `kingdee.md` §1.16).

`read` is strict: what a careful partner would refuse is refused. `write` renders what `read` accepts.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

from sim_kingdee.checks import LINES, check_counts, check_header, check_record, check_size, records, total
from sim_kingdee.layouts import HEADER, INTERFACES, Field, Interface
from sim_kingdee.message import Document, Finding, FrameError, Message, Record, Rendered

SUFFIX = ""

_HEADS = frozenset("OIK")
_CODECS = {"UTF-8": "utf-8", "GB18030": "gb18030"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\ufeff\ud800-\udfff]")
_ESCAPE = re.compile("%(25|09|0A|0D)?")
_UNESCAPED = {"25": "%", "09": "\t", "0A": "\n", "0D": "\r"}
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A", "\r": "%0D"})
_TRAILER = re.compile(rb"TRL\t(\d+)\t(\d+)\t(\d+)\t(-?\d+)(?:\.0+)?\tSHA256\t([0-9a-f]{64})\r?\n")
_BOM = b"\xef\xbb\xbf"


def is_finished(data: bytes) -> bool:
    """Whether the last line is a trailer: a file without one is still being written."""
    return data.endswith(b"\n") and data[data.rfind(b"\n", 0, -1) + 1 :].startswith(b"TRL\t")


def read(data: bytes, interface: Interface) -> Message:
    """Decode a message that must carry `interface`; raises FrameError when the frame is broken.

    Malformed records leave their error in the findings of their document.
    """
    check_size(data)
    body, trailer = _split_trailer(data)
    findings = []
    if body.startswith(_BOM):
        body = body.removeprefix(_BOM)
        findings.append(Finding("W_BOM", "文件带 BOM / file starts with a BOM"))
    first, _, rest = body.partition(b"\n")
    header = _read_header(first, interface)
    reader = _Reader(interface, findings)
    lines = _decode(rest, header["charset"]).split("\n")[:-1]
    for number, line in enumerate(lines, start=2):
        reader.take(number, line.removesuffix("\r"))
    reader.verify(trailer, record_count=len(lines))
    return Message(header, reader.documents, findings)


def _split_trailer(data: bytes) -> tuple[bytes, re.Match[bytes]]:
    start = data.rfind(b"\n", 0, -1) + 1
    trailer = _TRAILER.fullmatch(data, start)
    if trailer is None:
        raise FrameError("E_TRAILER", "末行不是有效的 TRL / the last line is no valid TRL")
    body = data[:start]
    if hashlib.sha256(body).hexdigest() != trailer[5].decode():
        raise FrameError("E_TRAILER", "TRL 中的 SHA-256 与内容不符 / SHA-256 differs from the content", "sha256")
    return body, trailer


def _read_header(line: bytes, interface: Interface) -> dict[str, str]:
    try:
        tag, *values = line.removesuffix(b"\r").decode("ascii").split("\t")
    except UnicodeDecodeError as error:
        raise FrameError("E_HEADER", "HDR 只能用 ASCII / HDR must be ASCII") from error
    if tag != "HDR" or len(values) != len(HEADER):
        raise FrameError(
            "E_HEADER", f"首行应为 HDR 加 {len(HEADER)} 个值 / line 1 must be HDR and {len(HEADER)} values"
        )
    header = dict(zip(HEADER, values, strict=True))
    check_header(header, interface)
    return header


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(_CODECS[charset])
    except UnicodeDecodeError as error:
        message = f"第 {error.start} 字节起无法按 {charset} 解码 / not {charset} from byte {error.start}"
        raise FrameError("E_CHARSET", message, "charset") from error


class _Reader:
    """Gathers records into documents, checking each value against its field."""

    def __init__(self, interface: Interface, findings: list[Finding]) -> None:
        self.documents: list[Document] = []
        self._interface = interface
        self._findings = findings
        self._columns: dict[str, tuple[tuple[str, Field | None], ...]] = {}

    def take(self, number: int, line: str) -> None:
        tag, *values = line.split("\t")
        if tag == "COL":
            self._define(number, values)
            return
        columns = self._columns.get(tag)
        if columns is None:
            raise FrameError("E_COLUMN", f"第 {number} 行：{tag} 之前没有 COL / line {number}: no COL for {tag}")
        findings: list[Finding] = []
        if _FORBIDDEN.search(line):
            findings.append(_at(number, "E_CHAR", "含控制字符", "holds a control character"))
        if "%" in line:
            try:
                values = [_ESCAPE.sub(_unescape, value) for value in values]
            except KeyError:
                findings.append(_at(number, "E_ESCAPE", "转义无效", "bad escape"))
        if len(values) != len(columns):
            findings.append(_at(number, "E_COLUMN", "列数与 COL 不符", "number of values differs from COL"))
        record = Record(tag, {c[0]: v for c, v in zip(columns, values, strict=False)}, number)
        if not findings:
            findings = check_record(record, self._interface.records[tag], self._order_type(record))
        self._add(record, findings)

    def _order_type(self, record: Record) -> str:
        head = self.documents[-1].head if self.documents and record.tag not in _HEADS else record
        return head.values.get("order_type", "")

    def _define(self, number: int, values: list[str]) -> None:
        tag, names = values[0], values[1:]
        fields = self._interface.records.get(tag)
        if fields is None or len(set(names)) != len(names):
            raise FrameError("E_COLUMN", f"第 {number} 行：COL 无效 / line {number}: bad COL", tag)
        missing = [n for n, field in fields.items() if field.required == "M" and n not in names]
        if missing:
            message = f"第 {number} 行：{tag} 缺少必填列 / line {number}: {tag} lacks {', '.join(missing)}"
            raise FrameError("E_COLUMN", message, missing[0])
        self._findings += [
            Finding("W_COLUMN", f"{tag} 未知列 {name} 已忽略 / unknown column ignored", name)
            for name in names
            if name not in fields
        ]
        self._columns[tag] = tuple((name, fields.get(name)) for name in names)

    def _add(self, record: Record, findings: list[Finding]) -> None:
        if record.tag in _HEADS:
            self.documents.append(Document(record, findings=findings))
            return
        if not self.documents:
            raise FrameError("E_COLUMN", f"第 {record.line} 行在表头记录之前 / line {record.line} has no head")
        self.documents[-1].children.append(record)
        self.documents[-1].findings += findings

    def verify(self, trailer: re.Match[bytes], *, record_count: int) -> None:
        stated = {"document_count": trailer[1], "line_count": trailer[2], "control_total": trailer[4]}
        check_counts(self._interface, self.documents, {name: value.decode() for name, value in stated.items()})
        if int(trailer[3]) != record_count:
            message = f"record_count 为 {int(trailer[3])}，实为 {record_count} / stated, found"
            raise FrameError("E_TRAILER", message, "record_count")


def _at(number: int, code: str, chinese: str, english: str) -> Finding:
    return Finding(code, f"第 {number} 行{chinese} / line {number} {english}")


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED[match[1]]


def write(header: Mapping[str, str], documents: Sequence[Document]) -> Rendered:
    """Render documents in the order given; columns are those their records name, in order of first use."""
    columns: dict[str, dict[str, None]] = {}
    written = records(documents)
    for record in written:
        columns.setdefault(record.tag, {}).update(dict.fromkeys(record.values))
    lines = ["\t".join(["HDR", *(header[name] for name in HEADER)])]
    lines += ["\t".join(["COL", tag, *names]) for tag, names in columns.items()]
    document_lines = [n for n, record in enumerate(written, start=len(lines) + 1) if record.tag in _HEADS]
    lines += [_line(record.tag, [record.values.get(name, "") for name in columns[record.tag]]) for record in written]
    body = ("\n".join(lines) + "\n").encode(_CODECS[header["charset"]])
    quantity = INTERFACES[header["interface"]].quantity
    line_values = [record.values for record in written if record.tag in LINES]
    trailer = (
        f"TRL\t{len(documents)}\t{len(line_values)}\t{len(lines) - 1}\t{total(line_values, quantity)}"
        f"\tSHA256\t{hashlib.sha256(body).hexdigest()}\n"
    )
    return Rendered(body + trailer.encode(), document_lines)


def _line(tag: str, values: list[str]) -> str:
    line = "\t".join([tag, *values])
    if line.count("\t") == len(values) and not any(mark in line for mark in "%\n\r"):
        return line
    return "\t".join([tag, *(value.translate(_ESCAPED) for value in values)])
