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

_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?[Ee]\+[0-9]+")
_COMPONENT = re.compile(rf"({CODE})\s*[*×]\s*([1-9][0-9]{{0,3}})")
_FLAGS = {"Y": True, "N": False, "是": True, "否": False, "TRUE": True, "FALSE": False, "1": True, "0": False}


class Kind(StrEnum):
    """What a workbook says a cell is; in CSV everything is text."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    ERROR = "error"
    UNCOMPUTED = "uncomputed"


@dataclass(frozen=True)
class Cell:
    text: str
    kind: Kind = Kind.TEXT

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
NUMBER_AS_CODE = (
    "单元格是数字，前导零和末位可能已丢失，请设为文本格式后重新填写 / "
    "the cell is a number and may have lost zeros or digits; format it as text and type it again"
)


@dataclass(frozen=True)
class Form:
    """How the cells of a column are written. `read` raises CellRefused; `write` is how a value is shown."""

    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    is_code: bool = False
    """True where a number cell cannot be trusted: it has lost leading zeros and everything after 15 digits."""


def read(cell: Cell, form: Form) -> Any:
    """The value of a cell that is not blank. Raises CellRefused."""
    if reason := UNUSABLE.get(cell.kind):
        raise CellRefused(reason)
    if form.is_code and cell.kind is Kind.NUMBER:
        raise CellRefused(NUMBER_AS_CODE)
    for character in cell.text:
        if unicodedata.category(character)[0] == "C":
            raise CellRefused(
                f"含不可见字符 U+{ord(character):04X}，请删除 / contains the invisible character U+{ord(character):04X}"
            )
    return form.read(cell.text)


def text(length_max: int) -> Form:
    return Form(lambda written: _within(written, length_max))


def code(length_max: int) -> Form:
    """A code: it is a key elsewhere, so only characters that survive every system on the way."""
    return Form(lambda written: _code(_within(written, length_max)), is_code=True)


def one_of(codes: Sequence[str]) -> Form:
    """A code of a list, in any case; the list's own spelling is kept."""
    spelling = {known.casefold(): known for known in codes}

    def chosen(written: str) -> str:
        if known := spelling.get(written.casefold()):
            return known
        choice = "、".join(codes)
        raise CellRefused(f"应为其中之一：{choice} / expected one of these")

    return Form(chosen)


def amount(whole_digits: int) -> Form:
    """Yuan with at most two places, as minor units."""
    number = decimal(whole_digits, 2)
    return Form(
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

    return Form(number, lambda value: "" if value is None else f"{value:f}")


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


def _barcodes(written: str) -> tuple[str, ...]:
    codes = _parts(_within(written, 500))
    for barcode in codes:
        _code(barcode)
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


BARCODES = Form(_barcodes, ";".join, is_code=True)
UNIT = Form(_unit)
FLAG = Form(_flag, lambda flag: "Y" if flag else "N")
COMPONENTS = Form(_components, lambda parts: ";".join(f"{part.item_code}*{part.quantity}" for part in parts))
