"""Lines of a table and their cells: delimited, with or without quotes, or of fixed width in bytes."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from lemai_docking.definitions.columns import PART, Column, Frame
from lemai_docking.encodings.cells import REFUSED, refuse
from lemai_docking.encodings.text.lines import Lines
from lemai_docking.faults import BadValue, Fault, FileRejected

Numbered = Iterator[tuple[int, list[str]]]
"""Each line that is not blank, with its number; a quoted cell may take several lines."""

UNREADABLE = "\ufffd"
"""Stands for bytes that are no text, until the cell's field is told that it is refused."""

CODECS = {"UTF-8": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
NEWLINES = {"LF": "\n", "CRLF": "\r\n"}
_REFUSED = re.compile(f"[{REFUSED}]")
_REFUSED_OR_CR = re.compile(f"[{REFUSED}\r]")


def delimited(frame: Frame, lines: Lines) -> Numbered:
    """Cells between delimiters. Raises FileRejected E_ESCAPE where quotes do not close."""
    if frame.quote:
        return _quoted(frame, lines)
    return (
        (number, line.split(frame.delimiter))
        for number, line in enumerate(lines.texts(), lines.first)
        if line and not line.isspace()
    )


def _quoted(frame: Frame, lines: Lines) -> Numbered:
    reader = csv.reader(
        (f"{line}\n" for line in lines.texts(keep_cr=True)),
        delimiter=frame.delimiter,
        quotechar=frame.quote,
        strict=True,
    )
    number = lines.first
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, cells
            number = lines.first + reader.line_num
    except csv.Error:
        raise FileRejected(Fault("E_ESCAPE", number, "", "", f"成对的/paired {frame.quote}")) from None


class Widths:
    """How a line of one kind is cut: each cell's first byte and the byte behind it."""

    def __init__(self, columns: Sequence[Column], starts: Sequence[int], word: str) -> None:
        self.spans = [(start, start + (column.width or 0)) for column, start in zip(columns, starts, strict=True)]
        self.bytes = max((end for _, end in self.spans), default=0)
        self.word = word

    def cut(self, line: bytes, charset: str) -> list[str]:
        """The cells, or the whole line as one if it has another length."""
        if len(line) != self.bytes:
            return [line.decode(charset, "replace")]
        if line.isascii():
            text = line.decode("ascii")
            return [text[start:end] for start, end in self.spans]
        return [line[start:end].decode(charset, "replace") for start, end in self.spans]

    def line(self, cells: Sequence[str]) -> str:
        """A line of cells that are as wide as their columns."""
        text, position = self.word, len(self.word)
        for (start, end), cell in sorted(zip(self.spans, cells, strict=True)):
            text += " " * (start - position) + cell
            position = end
        return text


def fixed(lines: Lines, charset: str, widths: Mapping[str, Widths]) -> Numbered:
    """Cells by position, by tag before them where there are several kinds of line."""
    reads = "gb18030" if charset == "GBK" else CODECS[charset]
    tag_length = len(next(iter(widths)))
    for number, line in enumerate(lines.raw(), lines.first):
        if line and not line.isspace():
            word = line[:tag_length].decode("ascii", "replace")
            known = widths.get(word)
            cells = known.cut(line, reads) if known else [line.decode(reads, "replace")]
            yield number, [word, *cells] if tag_length else cells


def plain_of(frame: Frame, parts: int) -> Callable[[str], str]:
    """Refuses what no cell may hold; `parts` cells of one field are joined."""
    refused = _REFUSED if frame.quote else _REFUSED_OR_CR

    def plain(cell: str) -> str:
        for part in cell.split(PART) if parts > 1 else [cell]:
            if UNREADABLE in part and frame.form == "fixed":
                raise BadValue("E_CHARSET", "")
            refuse(refused.search(part))
        if parts > 1 and cell.count(PART) != parts - 1:
            raise BadValue("E_CHAR", "")
        return cell

    return plain


def wire_of(frame: Frame, charset: str, column: Column, *, is_number: bool) -> Callable[[str], str]:
    """Makes the cell of a text, quoted or as wide as its column. Raises BadValue for what it cannot hold."""

    def wire(text: str) -> str:
        refuse(_REFUSED.search(text))
        size = _encoded(text, charset)
        if frame.quote:
            return _in_quotes(frame, text)
        if "\n" in text or "\r" in text:
            raise BadValue("E_CHAR", "无换行/no line breaks")
        if frame.form == "fixed":
            return _padded(text, size, column, is_number=is_number)
        if (text + frame.delimiter).find(frame.delimiter) != len(text):
            raise BadValue("E_CHAR", f"无/no {frame.delimiter}")
        return text

    return wire


def _encoded(text: str, charset: str) -> int:
    try:
        return len(text.encode(CODECS[charset]))
    except UnicodeEncodeError:
        raise BadValue("E_CHARSET", charset) from None


def _in_quotes(frame: Frame, text: str) -> str:
    if any(special in text for special in (frame.delimiter, frame.quote, "\n", "\r")):
        return frame.quote + text.replace(frame.quote, frame.quote * 2) + frame.quote
    return text


def _padded(text: str, size: int, column: Column, *, is_number: bool) -> str:
    width = column.width or 0
    if size > width or UNREADABLE in text:
        raise BadValue("E_FIELD", f"≤ {width} 字节/bytes")
    if column.fill == "0" and text:
        return text.zfill(width)
    space = " " * (width - size)
    return space + text if is_number else text + space
