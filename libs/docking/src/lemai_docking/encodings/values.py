"""Typed values and their wire texts, field by field; escaping is the encoding's business.

Both ways raise BadValue. What is written is read back first, so we never send what we would refuse.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from lemai_contracts.text import UnfitText, key
from lemai_docking.definitions.layout import Field
from lemai_docking.documents import Value
from lemai_docking.faults import BadValue

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # No daylight saving since 1991.

_QUANTITY = re.compile(r"(-?[0-9]{1,14})(?:\.([0-9]{1,4}))?")

Parse = Callable[[str], Value]
Format = Callable[[Value], str]


def parser(field: Field) -> Parse:
    """A function from the trimmed, non-empty text of a field to its value."""
    kind, _, size = field.type.partition("(")
    if kind == "dec":
        digits, places = size.rstrip(")").split(",")
        return _decimals(field, int(digits) - int(places), int(places))
    return _PARSERS[kind](field)


def formatter(field: Field) -> Format:
    """A function from the value of a field to its wire text; the text may still be one `parser` refuses.

    A value of the wrong Python type is a mistake of ours: TypeError.
    """
    kind = field.type.partition("(")[0]
    wanted = _TYPES[kind]

    def write(value: Value) -> str:
        if not isinstance(value, wanted) or (kind == "date" and isinstance(value, datetime)):
            raise TypeError(f"{field.name}: {type(value).__name__} is no {field.type}")
        if isinstance(value, Decimal):
            return format(value, "f")
        if not isinstance(value, datetime):
            return str(value)
        if value.tzinfo is None:
            raise TypeError(f"{field.name}: datetime without a zone")
        local = value.astimezone(SHANGHAI)
        return local.isoformat(sep="T" if kind == "instant" else " ", timespec="seconds")[: field.max]

    return write


def _texts(field: Field) -> Parse:
    def parse(text: str) -> str:
        if len(text) > field.max:
            raise BadValue("E_FIELD", f"≤ {field.max} 字符/characters")
        if not text.isprintable() and not field.prose:
            try:
                key(field.name, text)
            except UnfitText as unfit:
                raise BadValue("E_CHAR", f"无/no {unfit.code_point}") from None
        return text

    return parse


def _codes(field: Field) -> Parse:
    codes = frozenset(field.codes) or frozenset({"Y", "N"})
    code = "E_INVTYPE" if field.name == "inventory_type" else "E_FIELD"

    def parse(text: str) -> str:
        if text not in codes:
            raise BadValue(code, " | ".join(sorted(codes)))
        return text

    return _texts(field) if field.open else parse


def _integers(field: Field) -> Parse:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= field.max):
            raise BadValue("E_FIELD", f"整数/integer ≤ {field.max} 位/digits")
        if field.codes and text not in field.codes:
            raise BadValue("E_FIELD", " | ".join(field.codes))
        if field.min is not None and int(text) < field.min:
            raise BadValue("E_FIELD", f"≥ {field.min}")
        return int(text)

    return parse


def _quantities(field: Field) -> Parse:
    def parse(text: str) -> int:
        found = _QUANTITY.fullmatch(text)
        if not found:
            raise BadValue("E_FIELD", "整数件/whole pieces")
        whole, fraction = found.groups()
        if fraction and fraction.strip("0"):
            raise BadValue("E_QTY", "整数件/whole pieces")
        if field.min is not None and int(whole) < field.min:
            raise BadValue("E_QTY", f"≥ {field.min}")
        return int(whole)

    return parse


def _decimals(field: Field, whole: int, places: int) -> Parse:
    pattern = re.compile(rf"-?[0-9]{{1,{whole}}}(?:\.[0-9]{{1,{places}}})?")

    def parse(text: str) -> Decimal:
        if not pattern.fullmatch(text):
            raise BadValue("E_FIELD", field.type)
        value = Decimal(text)
        if field.min is not None and value < field.min:
            raise BadValue("E_FIELD", f"≥ {field.min}")
        return value

    return parse


def _dates(_field: Field) -> Parse:
    def parse(text: str) -> date:
        try:
            value = date.fromisoformat(text)
        except ValueError:
            raise BadValue("E_FIELD", "YYYY-MM-DD") from None
        if value.isoformat() != text:
            raise BadValue("E_FIELD", "YYYY-MM-DD")
        return value

    return parse


def _times(field: Field) -> Parse:
    """Wall clock of Shanghai (`datetime`), or an instant that carries its own offset (`instant`)."""
    carries_offset = field.type == "instant"
    expected = "YYYY-MM-DDTHH:MM:SS+08:00" if carries_offset else "YYYY-MM-DD HH:MM:SS"

    def parse(text: str) -> datetime:
        try:
            value = datetime.fromisoformat(text)
            # fromisoformat takes many spellings; only the one we would write ourselves is accepted.
            exact = len(text) == field.max and value.isoformat(sep=expected[10]) == text
            if exact and (value.tzinfo is not None) == carries_offset:
                return (value if carries_offset else value.replace(tzinfo=SHANGHAI)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise BadValue("E_FIELD", expected)

    return parse


_PARSERS: dict[str, Callable[[Field], Parse]] = {
    "str": _texts,
    "enum": _codes,
    "flag": _codes,
    "int": _integers,
    "qty": _quantities,
    "date": _dates,
    "datetime": _times,
    "instant": _times,
}
_TYPES: dict[str, type] = {
    "str": str,
    "enum": str,
    "flag": str,
    "int": int,
    "qty": int,
    "dec": Decimal,
    "date": date,
    "datetime": datetime,
    "instant": datetime,
}
