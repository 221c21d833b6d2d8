"""Cells of a sheet: what a person wrote there, and how each kind of column reads and shows it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from catalog_svc.domain.items import PIECE_UNITS, Component

CODE = r"[0-9A-Za-z][0-9A-Za-z_.-]*"

NUMBER_DIGITS = 15
"""A workbook holds 15 digits of a number and shows no more."""
_SCIENTIFIC = re.compile(r"([0-9])(?:\.([0-9]+))?[Ee](?:\+([0-9]+)|([1-9][0-9]))")
"""As spreadsheet programs write it, and `1e12` as others do; `5E3` is a code."""
_COMPONENT = re.compile(rf"({CODE})\s*[*×]\s*([1-9][0-9]{{0,3}})")
_FLAGS = {"Y": True, "N": False, "是": True, "否": False, "TRUE": True, "FALSE": False, "1": True, "0": False}


class Kind(StrEnum):
    """What a workbook says a cell is; in CSV everything is text."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    ERROR = "error"
    UNCOMPUTED = "uncomputed"


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    kind: Kind = Kind.TEXT
    removed: tuple[str, ...] = ()
    """What could not be kept of the text, as code points: `U+0000`."""

    @property
    def blank(self) -> bool:
        return not self.text and self.kind is not Kind.UNCOMPUTED


class CellRefused(Exception):
    """A cell does not say what its column holds. The text is for the person who wrote it."""


UNUSABLE: Mapping[Kind, str] = {
    Kind.DATE: "单元格是日期，请设为文本格式后重新填写 / the cell is a date; format it as text and type it again",
    Kind.ERROR: "公式出错，请粘贴为值 / the formula failed; paste it as a value",
    Kind.UNCOMPUTED: "公式没有计算结果，请粘贴为值 / the formula has no value; paste it as a value",
}
FROM_NUMBER = (
    "取自数字单元格，若以 0 开头请设为文本格式后重新填写 / "
    "read from a number cell; if it begins with 0, format it as text and type it again"
)
NUMBER_AS_CODE = (
    "单元格是数字，前导零和末位可能已丢失，请设为文本格式后重新填写 / "
    "the cell is a number and may have lost zeros or digits; format it as text and type it again"
)


@dataclass(frozen=True)
class Form:
    """How the cells of a column are written. `read` raises CellRefused; `write` is how a value is shown."""

    says: str
    """What its cells say, for people."""
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    digits_max: int | None = None
    """How many digits a number cell is trusted with, where zeros in front or digits at the end may be lost."""
    is_text: bool = False
    """True where people read it: what cannot be kept was left out, and that is noted. Anything else is refused then."""


def read(cell: Cell, form: Form) -> tuple[Any, str]:
    """The value of a cell that is not blank, and what a person should know of it. Raises CellRefused."""
    if reason := UNUSABLE.get(cell.kind):
        raise CellRefused(reason)
    from_number = form.digits_max is not None and cell.kind is Kind.NUMBER
    if from_number and not re.fullmatch(rf"[0-9]{{,{form.digits_max}}}", cell.text):
        raise CellRefused(NUMBER_AS_CODE)
    removed = " ".join(cell.removed)
    unseen = [f"U+{ord(character):04X}" for character in cell.text if unicodedata.category(character)[0] == "C"]
    if unfit := (not form.is_text and removed) or next(iter(unseen), ""):
        raise CellRefused(f"含不可见字符 {unfit}，请删除 / contains the invisible character {unfit}")
    if removed:
        return form.read(cell.text), f"已去除 {removed} / {removed} was taken out"
    return form.read(cell.text), FROM_NUMBER if from_number else ""


def text(length_max: int) -> Form:
    return Form(f"文字，最多 {length_max} 字 / text", lambda written: _within(written, length_max), is_text=True)


def code(length_max: int, digits_max: int = 0) -> Form:
    """A code: it is a key elsewhere, so only characters that survive every system on the way."""
    says = f"编码：字母、数字和 - _ .，最多 {length_max} 位 / a code"
    return Form(says, lambda written: _code(_within(written, length_max)), digits_max=digits_max)


def one_of(codes: Sequence[str]) -> Form:
    """A code of a list, in any case; the list's own spelling is kept."""
    spelling = {known.casefold(): known for known in codes}

    def chosen(written: str) -> str:
        if known := spelling.get(written.casefold()):
            return known
        raise CellRefused(f"应为其中之一：{choice} / expected one of these")

    choice = "、".join(codes)
    return Form(f"{choice} 之一 / one of these", chosen)


def amount(whole_digits: int) -> Form:
    """Yuan with at most two places, as minor units."""
    number = decimal(whole_digits, 2)
    return Form(
        "金额，元，最多 2 位小数 / yuan",
        lambda written: int(number.read(written).scaleb(2)),
        lambda minor: "" if minor is None else f"{Decimal(minor).scaleb(-2):f}",
    )


def decimal(whole_digits: int, places: int) -> Form:
    """A number that is not negative, with at most so many digits before and after the point."""
    pattern = re.compile(rf"[0-9]{{1,{whole_digits}}}(\.[0-9]{{1,{places}}})?")

    def number(written: str) -> Decimal:
        if not pattern.fullmatch(written):
            raise CellRefused(
                f"应为不小于 0、最多 {places} 位小数的数字，如 79.90 / "
                f"expected a number of at most {places} decimal places, not below 0"
            )
        return Decimal(written)

    return Form(f"数字，最多 {places} 位小数 / a number", number, lambda value: "" if value is None else f"{value:f}")


def _within(written: str, length_max: int) -> str:
    if len(written) > length_max:
        raise CellRefused(
            f"超过 {length_max} 个字符（现 {len(written)} 个）/ longer than {length_max} characters ({len(written)})"
        )
    return written


def _code(written: str) -> str:
    if _SCIENTIFIC.fullmatch(written):
        raise CellRefused(
            "是科学计数法，末位已丢失，请设为文本格式后重新填写 / "
            "scientific notation has lost digits; format the cell as text and type it again"
        )
    if not re.fullmatch(CODE, written):
        raise CellRefused("只能含字母、数字和 - _ . / only letters, digits and - _ . are allowed")
    return written


def _written_out(number: str) -> str:
    """Scientific notation that has every digit as the number it is: 6.901234567892E+12."""
    match = _SCIENTIFIC.fullmatch(number)
    exact = match and match[2] and len(match[2]) == int(match[3] or match[4])
    return f"{match[1]}{match[2]}" if match and exact else number


def _barcodes(written: str) -> tuple[str, ...]:
    codes = tuple(_code(_written_out(part)) for part in _parts(_within(written, 500)))
    _no_repeats(codes)
    return codes


def _components(written: str) -> tuple[Component, ...]:
    parts = []
    for part in _parts(_within(written, 2000)):
        match = _COMPONENT.fullmatch(part)
        if not match:
            raise CellRefused("应写作 商品编码*数量，多个用分号隔开，如 GB-A*2;GB-B*1 / expected item_code*quantity;…")
        parts.append(Component(match[1], int(match[2])))
    _no_repeats([part.item_code for part in parts])
    return tuple(parts)


def _parts(written: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split("[;；]", written.strip(";； ")))


def _no_repeats(codes: Sequence[str]) -> None:
    for known, times in Counter(codes).items():
        if times > 1:
            raise CellRefused(f"{known} 重复 / {known} is there twice")


def _unit(written: str) -> str:
    if written.casefold() not in {unit.casefold() for unit in PIECE_UNITS}:
        units = "、".join(PIECE_UNITS)
        raise CellRefused(
            f"不是按件计数的单位，应为其中之一：{units} / not a unit of whole pieces; expected one of these"
        )
    return written


def _flag(written: str) -> bool:
    if (flag := _FLAGS.get(written.upper())) is None:
        raise CellRefused("应为 Y 或 N（是/否）/ expected Y or N")
    return flag


BARCODES = Form("条码，多个用分号隔开 / barcodes, by semicolons", _barcodes, ";".join, digits_max=NUMBER_DIGITS)
UNIT = Form(f"按件计数：{'、'.join(PIECE_UNITS)} / a unit of whole pieces", _unit)
FLAG = Form("Y 或 N（是/否）/ Y or N", _flag, lambda flag: "Y" if flag else "N")
COMPONENTS = Form(
    "商品编码*数量，多个用分号隔开 / item_code*quantity;…",
    _components,
    lambda parts: ";".join(f"{part.item_code}*{part.quantity}" for part in parts),
)
