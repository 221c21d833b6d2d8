"""The ten interfaces: name, file name, leg, answer and field tables (`fields.tsv`).

Source: docking reference `kingdee.md` §1.1-1.15. Lengths count characters; times are Asia/Shanghai wall clock.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

_PATTERNS = {
    "str": ".{{1,{length}}}",
    "code": "[A-Z0-9_]{{1,{length}}}",
    "int": "[0-9]{{1,{length}}}",
    "qty": r"[0-9]{{1,14}}(?:\.0{{1,4}})?",
    "balance": r"-?[0-9]{{1,14}}(?:\.0{{1,4}})?",
    "Y/N": "[YN]",
    "date": r"\d{{4}}-\d\d-\d\d",
    "datetime": r"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d",
    "datetime+tz": r"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
}
_DECIMAL = re.compile(r"dec\((\d+),(\d+)\)")
_ENUM = re.compile(r"enum\((.+)\)")


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a record. `element` is its XML path inside the record's element.

    `required` is M mandatory, V mandatory unless the order is a loss or gain, C conditional (see `rules`), O optional.
    """

    name: str
    label: str
    type: str
    required: str
    element: str
    pattern: re.Pattern[str]

    def error(self, value: str, order_type: str = "") -> str | None:
        """Error code of a value this field may not have, None when it is well formed."""
        if not value:
            is_required = self.required == "M" or (self.required == "V" and order_type != "ADJUST")
            return "E_FIELD" if is_required else None
        if self.pattern.fullmatch(value) is None:
            if self.name == "inventory_type":
                return "E_INVTYPE"
            return "E_QTY" if self.type == "qty" and value.startswith("-") else "E_FIELD"
        if self.type.startswith("date"):
            try:
                datetime.fromisoformat(value)
            except ValueError:
                return "E_FIELD"
        return None


@dataclass(frozen=True, slots=True)
class Interface:
    """One of the ten. `records` is tag → name → field; `answer` is the interface of its actual, if any."""

    name: str
    prefix: str
    extension: str
    sender: str
    leg: str
    answer: str
    records: Mapping[str, Mapping[str, Field]]

    @property
    def quantity(self) -> str:
        """Name of the quantity that the control total sums up, empty for items."""
        if self.name == "item_master":
            return ""
        if self.name == "inventory_balance":
            return "total_qty"
        return "plan_qty" if self.sender == "LEQEE" else "actual_qty"

    def file_name(self, stamp: str) -> str:
        """Name of a file published at a wall clock stamp YYYYMMDDHHMMSS."""
        return f"{self.prefix}{stamp}{self.extension}"


def _pattern(kind: str, length: str) -> re.Pattern[str]:
    if decimal := _DECIMAL.fullmatch(kind):
        digits, places = int(decimal[1]), int(decimal[2])
        return re.compile(rf"-?[0-9]{{1,{digits - places}}}(?:\.[0-9]{{1,{places}}})?")
    if codes := _ENUM.fullmatch(kind):
        return re.compile(codes[1])
    return re.compile(_PATTERNS[kind].format(length=length), re.DOTALL)


def _read_fields() -> dict[str, dict[str, dict[str, Field]]]:
    records: dict[str, dict[str, dict[str, Field]]] = {}
    table = (files(__package__) / "fields.tsv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines(), delimiter="\t"):
        field = Field(
            name=row["name"],
            label=row["label"],
            type=row["type"],
            required=row["required"],
            element=row["element"],
            pattern=_pattern(row["type"], row["length"]),
        )
        records.setdefault(row["interface"], {}).setdefault(row["tag"], {})[field.name] = field
    return records


_FIELDS = _read_fields()

HEADER: Mapping[str, Field] = _FIELDS["*"]["HDR"]

INTERFACES: Mapping[str, Interface] = {
    name: Interface(name, prefix, extension, sender, leg, answer, _FIELDS[name])
    for name, prefix, extension, sender, leg, answer in (
        ("deliver_order", "Deliver_", ".sh", "LEQEE", "OUT", "ship_result"),
        ("ship_result", "SHIP-", ".shupl", "KINGDEE", "OUT", ""),
        ("supplier_return_order", "ReturnNote_", ".sh", "LEQEE", "OUT", "supplier_return_result"),
        ("supplier_return_result", "SHIP-", ".shupl", "KINGDEE", "OUT", ""),
        ("receipt_order", "Receipt_", ".rc", "LEQEE", "IN", "receipt_result"),
        ("receipt_result", "RECV-", ".rcupl", "KINGDEE", "IN", ""),
        ("sales_return_order", "Deliver_", ".rc", "LEQEE", "IN", "sales_return_result"),
        ("sales_return_result", "RECV-", ".rcupl", "KINGDEE", "IN", ""),
        ("item_master", "Item_", ".im", "LEQEE", "", ""),
        ("inventory_balance", "IBAL-", ".Ibupl", "KINGDEE", "", ""),
    )
}

_FILE_NAME = re.compile(r"([A-Za-z]+[-_])(\d{14})(?:[-_]\d{1,6})?(\.[A-Za-z]+)")


def instruction_of(file_name: str, suffix: str = "") -> Interface | None:
    """Interface that a file from Lemai carries by its name, None when the name or its stamp is none of ours.

    `suffix` is what the encoding appends to the agreed name.
    """
    match = _FILE_NAME.fullmatch(file_name.removesuffix(suffix))
    if match is None or not file_name.endswith(suffix):
        return None
    try:
        datetime.strptime(match[2], "%Y%m%d%H%M%S")  # noqa: DTZ007 (only whether such a moment exists)
    except ValueError:
        return None
    return _BY_NAME.get((match[1], match[3]))


_BY_NAME = {(i.prefix, i.extension): i for i in INTERFACES.values() if i.sender == "LEQEE"}
