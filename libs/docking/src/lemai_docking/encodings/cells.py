"""Values and their texts, field by field: the cells of every encoding's rows, remembered because they repeat."""

import re
from collections.abc import Callable

from lemai_contracts.text import cleaned, code_point
from lemai_docking.definitions.layout import Field
from lemai_docking.documents import Value
from lemai_docking.encodings.values import formatter, parser
from lemai_docking.faults import BadValue, Fault

# What no value may hold in any encoding; a CR may be written only where an encoding has an escape for it.
REFUSED = "\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\ud800-\udfff"

_MEMO_MAX = 1024


def refuse(found: re.Match[str] | None) -> None:
    """Raises BadValue for a character that was found and must not be there."""
    if found:
        raise BadValue("E_CHAR", f"无/no {code_point(found[0])}")


class Cells(dict[str, Value | None]):
    """Cell to value, for one field. Cells repeat (warehouses, items, days, small quantities), so each
    is converted once; personal data is not remembered. `plain` undoes the encoding's escapes, or raises BadValue."""

    def __init__(self, field: Field, plain: Callable[[str], str]) -> None:
        super().__init__()
        self.field = field
        self._plain = plain
        self._parse = parser(field)

    def __missing__(self, cell: str) -> Value | None:
        value = self._read(cell)
        if not self.field.personal:
            if len(self) >= _MEMO_MAX:
                self.clear()
            self[cell] = value
        return value

    def _read(self, cell: str) -> Value | None:
        text = (self._prose(cell) if self.field.prose else self._plain(cell)).strip()
        if text:
            return self._parse(text)
        if self.field.required == "M":
            raise BadValue("E_FIELD", "必填/required")
        return self.field.default

    def _prose(self, cell: str) -> str:
        """A text for people as it can be kept, whatever its encoding cannot hold."""
        try:
            text = self._plain(cleaned(cell).text)
        except BadValue:
            text = self._plain(cleaned(cell, breaks="").text)
        return cleaned(text.strip(), self.field.max if self.field.prose == "cut" else None).text


class Texts(dict[Value | None, str]):
    """Value to cell, for one field; remembered like `Cells`, but never a Decimal: 1.0 equals 1.00.
    `wire` trims and escapes a text, or raises BadValue."""

    def __init__(self, field: Field, wire: Callable[[str], str]) -> None:
        super().__init__()
        self.field = field
        self._wire = wire
        self._parse = parser(field)
        self._format = formatter(field)
        self._remember = not field.personal and not field.type.startswith("dec")

    def __missing__(self, value: Value | None) -> str:
        cell = self._write(value)
        if self._remember:
            if len(self) >= _MEMO_MAX:
                self.clear()
            self[value] = cell
        return cell

    def _write(self, value: Value | None) -> str:
        text = "" if value is None else self._format(value)
        cell = self._wire(text)
        if text := text.strip():
            self._parse(text)
        elif self.field.required == "M" or (value is not None and self.field.when):
            raise BadValue("E_FIELD", "必填/required")
        return cell


def fault_at(field: Field, bad: BadValue, line: int, cell: str) -> Fault:
    """A bad value with its place; personal values are masked."""
    return Fault(bad.code, line, field.name, "***" if field.personal and cell else cell[:100], bad.expected)
