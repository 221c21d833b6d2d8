"""Text encoding: HDR, COL, TAB-delimited records, TRL (docking reference `kingdee.md` §1.16).

`read` is strict: what a careful partner would refuse is refused. `write` renders what `read` accepts.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim_kingdee.layouts import HEADER, INTERFACES, Field, Interface
from sim_kingdee.message import Document, Finding, FrameError, Message, Record, Values

DOCUMENTS_MAX = 5_000
LINES_MAX = 100_000
BYTES_MAX = 50_000_000

_HEADS = frozenset("OIK")
_LINES = frozenset("LBI")
_CODECS = {"UTF-8": "utf-8", "GB18030": "gb18030"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\ufeff\ud800-\udfff]")
_ESCAPE = re.compile("%(25|09|0A|0D)?")
_UNESCAPED = {"25": "%", "09": "\t", "0A": "\n", "0D": "\r"}
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A", "\r": "%0D"})
_TRAILER = re.compile(rb"TRL\t(\d+)\t(\d+)\t(\d+)\t(-?\d+)(?:\.0+)?\tSHA256\t([0-9a-f]{64})\r?\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A written message and the line on which each of its documents begins."""

    data: bytes
    lines: list[int]


def is_finished(data: bytes) -> bool:
    """Whether the last line is a trailer: a file without one is still being written."""
    return data.endswith(b"\n") and data[data.rfind(b"\n", 0, -1) + 1 :].startswith(b"TRL\t")


def read(data: bytes, interface: Interface) -> Message:
    """Decode a message that must carry `interface`; raises FrameError when the frame is broken.

    Malformed records leave their error in the findings of their document.
    """
    if len(data) > BYTES_MAX:
        raise FrameError("E_LIMIT", f"文件超过 {BYTES_MAX} 字节 / file above {BYTES_MAX} bytes")
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
    reader.verify(trailer, records=len(lines))
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
    expected = {"interface": interface.name, "sender": "LEQEE", "receiver": "KINGDEE"}
    if interface.sender == "KINGDEE":
        expected |= {"sender": "KINGDEE", "receiver": "LEQEE"}
    for name, field in HEADER.items():
        if field.error(header[name]) or header[name] != expected.get(name, header[name]):
            code = "E_CHARSET" if name == "charset" else "E_HEADER"
            raise FrameError(code, f"HDR {field.label} 无效 / HDR {name} is not valid", name)
    if not header["format_version"].startswith("1."):
        raise FrameError("E_HEADER", "不支持的格式版本 / unknown major format version", "format_version")
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
        self._line_count = 0
        self._total = 0
        self._total_known = True

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
            findings = _check(record, columns)
        self._add(record, findings)

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
        if record.tag in _LINES:
            self._count(record)
        if record.tag in _HEADS:
            self.documents.append(Document(record, findings=findings))
            return
        if not self.documents:
            raise FrameError("E_COLUMN", f"第 {record.line} 行在表头记录之前 / line {record.line} has no head")
        self.documents[-1].children.append(record)
        self.documents[-1].findings += findings

    def _count(self, record: Record) -> None:
        self._line_count += 1
        if self._interface.quantity:
            quantity = _whole(record.values.get(self._interface.quantity, ""))
            self._total += quantity or 0
            # A line whose quantity cannot be read spoils its document, not the sum of the others.
            self._total_known &= quantity is not None

    def verify(self, trailer: re.Match[bytes], *, records: int) -> None:
        if not self.documents:
            raise FrameError("E_EMPTY", "文件没有单据 / no document in the file")
        if len(self.documents) > DOCUMENTS_MAX or self._line_count > LINES_MAX:
            raise FrameError("E_LIMIT", f"超过 {DOCUMENTS_MAX} 单或 {LINES_MAX} 行 / too many documents or lines")
        counted = {
            "document_count": (int(trailer[1]), len(self.documents)),
            "line_count": (int(trailer[2]), self._line_count),
            "record_count": (int(trailer[3]), records),
            "control_total": (int(trailer[4]), self._total if self._total_known else int(trailer[4])),
        }
        for name, (stated, found) in counted.items():
            if stated != found:
                raise FrameError("E_TRAILER", f"TRL {name} 为 {stated}，实为 {found} / stated, found", name)


def _at(number: int, code: str, chinese: str, english: str) -> Finding:
    return Finding(code, f"第 {number} 行{chinese} / line {number} {english}")


def _check(record: Record, columns: tuple[tuple[str, Field | None], ...]) -> list[Finding]:
    findings = []
    for (name, field), value in zip(columns, record.values.values(), strict=True):
        if field is not None and (code := field.error(value)):
            # The value itself is left out: it may be a person's name or address.
            message = (
                f"第 {record.line} 行 {field.label} 应为 {field.type} / line {record.line}: {name} must be {field.type}"
            )
            findings.append(Finding(code, message, name, _whole(record.values.get("line_no", "")) or 0))
    return findings


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED[match[1]]


def _whole(value: str) -> int | None:
    whole, _, rest = value.partition(".")
    return int(whole) if re.fullmatch("-?[0-9]+", whole) and not rest.strip("0") else None


def write(header: Mapping[str, str], documents: Sequence[Document]) -> Rendered:
    """Render documents in the order given; columns are those their records name, in order of first use."""
    records = [record for document in documents for record in (document.head, *document.children)]
    columns: dict[str, dict[str, None]] = {}
    for record in records:
        columns.setdefault(record.tag, {}).update(dict.fromkeys(record.values))
    lines = ["\t".join(["HDR", *(header[name] for name in HEADER)])]
    lines += ["\t".join(["COL", tag, *names]) for tag, names in columns.items()]
    document_lines = [n for n, record in enumerate(records, start=len(lines) + 1) if record.tag in _HEADS]
    lines += [_line(record.tag, [record.values.get(name, "") for name in columns[record.tag]]) for record in records]
    body = ("\n".join(lines) + "\n").encode(_CODECS[header["charset"]])
    quantity = INTERFACES[header["interface"]].quantity
    line_values = [record.values for record in records if record.tag in _LINES]
    trailer = (
        f"TRL\t{len(documents)}\t{len(line_values)}\t{len(lines) - 1}\t{_sum(line_values, quantity)}"
        f"\tSHA256\t{hashlib.sha256(body).hexdigest()}\n"
    )
    return Rendered(body + trailer.encode(), document_lines)


def _sum(records: Iterable[Values], quantity: str) -> int:
    return sum(int(values[quantity]) for values in records) if quantity else 0


def _line(tag: str, values: list[str]) -> str:
    line = "\t".join([tag, *values])
    if line.count("\t") == len(values) and not any(mark in line for mark in "%\n\r"):
        return line
    return "\t".join([tag, *(value.translate(_ESCAPED) for value in values)])
