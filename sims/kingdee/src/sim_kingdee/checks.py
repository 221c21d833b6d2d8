"""What every encoding checks alike: size, header, records, counts (docking reference `kingdee.md` §1.5, §1.16-1.18)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from sim_kingdee.layouts import HEADER, Field, Interface
from sim_kingdee.message import Document, Finding, FrameError, Record, Values

DOCUMENTS_MAX = 5_000
LINES_MAX = 100_000
BYTES_MAX = 50_000_000

LINES = frozenset("LBI")


def check_size(data: bytes) -> None:
    """Raise FrameError for more bytes than agreed."""
    if len(data) > BYTES_MAX:
        raise FrameError("E_LIMIT", f"文件超过 {BYTES_MAX} 字节 / file above {BYTES_MAX} bytes")


def check_header(header: Mapping[str, str], interface: Interface) -> None:
    """Raise FrameError for a header that is malformed or of another interface or direction."""
    parties = ("LEQEE", "KINGDEE") if interface.sender == "LEQEE" else ("KINGDEE", "LEQEE")
    expected = {"interface": interface.name, "sender": parties[0], "receiver": parties[1]}
    for name, value in header.items():
        if HEADER[name].error(value) or value != expected.get(name, value):
            code = "E_CHARSET" if name == "charset" else "E_HEADER"
            raise FrameError(code, f"HDR {HEADER[name].label} 无效 / HDR {name} is not valid", name)
    if not header["format_version"].startswith("1."):
        raise FrameError("E_HEADER", "不支持的格式版本 / unknown major format version", "format_version")


def check_record(
    record: Record, fields: Mapping[str, Field], order_type: str, unit: tuple[str, str] = ("行", "line")
) -> list[Finding]:
    """An error for each value its field may not have, in the order of the layout; `unit` is what `line` counts."""
    findings = []
    for name, field in fields.items():
        if code := field.error(record.values.get(name, ""), order_type):
            # The value itself is left out: it may be a person's name or address.
            message = (
                f"第 {record.line} {unit[0]} {field.label} 应为 {field.type}"
                f" / {unit[1]} {record.line}: {name} must be {field.type}"
            )
            findings.append(Finding(code, message, name, whole(record.values.get("line_no", "")) or 0))
    return findings


def whole(value: str) -> int | None:
    """The whole number a value means, None when it means none."""
    digits, _, rest = value.partition(".")
    return int(digits) if re.fullmatch("-?[0-9]+", digits) and not rest.strip("0") else None


def records(documents: Iterable[Document]) -> list[Record]:
    """All records in the order they are written."""
    return [record for document in documents for record in (document.head, *document.children)]


def total(lines: Iterable[Values], quantity: str) -> int:
    """The control total of lines whose quantities are whole."""
    return sum(whole(values.get(quantity, "")) or 0 for values in lines) if quantity else 0


def check_counts(interface: Interface, documents: Sequence[Document], stated: Mapping[str, str]) -> None:
    """Raise FrameError when the trailer differs from what was found: documents, lines, quantity, in this order."""
    lines = [record.values for record in records(documents) if record.tag in LINES]
    if not documents:
        raise FrameError("E_EMPTY", "文件没有单据 / no document in the file")
    if len(documents) > DOCUMENTS_MAX or len(lines) > LINES_MAX:
        raise FrameError("E_LIMIT", f"超过 {DOCUMENTS_MAX} 单或 {LINES_MAX} 行 / too many documents or lines")
    found: list[int | None] = [len(documents), len(lines), total(lines, interface.quantity)]
    if interface.quantity and any(whole(values.get(interface.quantity, "")) is None for values in lines):
        # A line whose quantity cannot be read spoils its document, not the sum of the others.
        found[2] = None
    for (name, value), number in zip(stated.items(), found, strict=True):
        if number is not None and _number(value) != number:
            raise FrameError("E_TRAILER", f"{name} 为 {value[:20]}，实为 {number} / stated, found", name)


def _number(value: str) -> Decimal | None:
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
