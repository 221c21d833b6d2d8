"""How a counterpart spells a field: foreign text to the text of our own agreement and back.

Both ways raise BadValue. Nothing is lost: what the spelling cannot hold is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from lemai_docking.definitions.columns import PART, CodeTable, Column, table_of
from lemai_docking.definitions.layout import Field
from lemai_docking.faults import BadValue

Respell = Callable[[str], str]

_OURS = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S"}


@dataclass(frozen=True, slots=True)
class Spelling:
    """`ours` reads a trimmed, non-empty foreign text, `theirs` writes one of ours; `default` is for an empty cell."""

    ours: Respell
    theirs: Respell
    default: str = ""

    def read(self, cell: str) -> str:
        """Our text of a foreign cell."""
        text = cell.strip()
        return self.ours(text) if text.strip(f"{PART} ") else self.default

    def write(self, text: str) -> str:
        """The foreign cell of our text."""
        text = text.strip()
        return self.theirs(text) if text else ""


def spelling(field: Field, columns: Sequence[Column], codes: Mapping[str, CodeTable]) -> Spelling | None:
    """How the columns of one field spell it, None if as we do."""
    first = columns[0]
    default = first.default or ""
    if field.name in codes:
        return _coded(field, codes, default)
    if first.format is not None:
        return _dated(field, [column.format or "" for column in columns], default)
    if first.places is not None or first.fill == "0":
        return _numbered(first, default)
    return Spelling(_same, _same, default) if default else None


def _same(text: str) -> str:
    return text


def _coded(field: Field, codes: Mapping[str, CodeTable], default: str) -> Spelling:
    theirs = {ours: spelled[0] for ours, spelled in codes[field.name].items()}
    ours = table_of(codes, field.name)
    code = "E_INVTYPE" if field.name == "inventory_type" else "E_FIELD"

    def looked_up(table: Mapping[str, str], other: str | None) -> Respell:
        def respell(text: str) -> str:
            found = table.get(text, other)
            if found is None:
                raise BadValue(code, " | ".join(table))
            return found

        return respell

    return Spelling(
        looked_up(ours, "OTHER" if "OTHER" in theirs else None), looked_up(theirs, theirs.get("OTHER")), default
    )


def _dated(field: Field, formats: Sequence[str], default: str) -> Spelling:
    theirs = PART.join(formats)
    ours = _OURS[field.type]

    def read(text: str) -> str:
        # strptime takes many spellings; only the one we would write ourselves is accepted.
        try:
            value = datetime.strptime(text, theirs)  # noqa: DTZ007 - a wall clock, like our own text
            if _strftime(value, theirs) == text:
                return _strftime(value, ours)
        except ValueError:
            pass
        raise BadValue("E_FIELD", " + ".join(formats))

    def write(text: str) -> str:
        try:
            return _strftime(datetime.strptime(text, ours), theirs)  # noqa: DTZ007 - as above
        except ValueError:
            raise BadValue("E_FIELD", ours) from None

    return Spelling(read, write, default)


def _strftime(value: date, form: str) -> str:
    """As strftime, with four digits for every year."""
    return value.strftime(form.replace("%Y", f"{value.year:04d}"))


def _numbered(column: Column, default: str) -> Spelling:
    shift = 0 if column.point else column.places or 0
    expected = f"{column.places or 0} 位小数/decimals" + ("" if column.point else "，无小数点/no point")

    def number(text: str, *, point: bool) -> Decimal:
        digits = text.removeprefix("-").replace(".", "", 1 if point else 0)
        if not (digits.isascii() and digits.isdigit()):
            raise BadValue("E_FIELD", expected)
        return Decimal(text)

    def read(text: str) -> str:
        plain = format(number(text, point=column.point).scaleb(-shift), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain

    def write(text: str) -> str:
        if column.places is None:
            return text
        value = number(text, point=True)
        exact = round(value, column.places)
        if exact != value:
            raise BadValue("E_FIELD", expected)
        return format(exact.scaleb(shift), f".{column.places - shift}f")

    return Spelling(read, write, default)
