"""The forms and their keys (`forms.tsv`, `keys.tsv`).

Source: docking reference `kingdee.md` §3.6; keys that begin with F_LM_ are this site's own. Keys are case-sensitive,
and unique in a form. A role says what a key means, so that nothing else knows how a form spells it.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

BASE_DATA = frozenset({"ref", "bill_type", "org", "stock", "status", "material"})


@dataclass(frozen=True, slots=True)
class Key:
    """One field. `place` is head, entry or the sub-head it is sent in; `length` counts characters of a text."""

    name: str
    place: str
    type: str
    length: int
    is_required: bool
    role: str


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of bill. `approval` is what approving it does; `interface` is its document among the ten."""

    id: str
    bill_type: str
    id_key: str
    number_key: str
    entry: str
    prefix: str
    approval: str
    interface: str
    keys: Mapping[str, Key]

    @property
    def places(self) -> set[str]:
        """Names of the sub-heads."""
        return {key.place for key in self.keys.values()} - {"head", "entry"}

    def of_role(self, role: str, *, in_entry: bool = False) -> list[Key]:
        """Keys of a role in the head with its sub-heads, or in the entry."""
        return [key for key in self.keys.values() if key.role == role and (key.place == "entry") == in_entry]

    def value(self, role: str, fields: Mapping[str, str | bool], *, in_entry: bool = False) -> str:
        """Value of a field by its role: empty when it is absent or the form has none, Y when it is true."""
        found = next((fields[key.name] for key in self.of_role(role, in_entry=in_entry) if key.name in fields), "")
        return found if isinstance(found, str) else "Y" if found else ""


def _rows(name: str) -> Iterable[dict[str, str]]:
    return csv.DictReader((files(__package__) / name).read_text(encoding="utf-8").splitlines(), delimiter="\t")


def _read_keys() -> dict[str, dict[str, Key]]:
    keys: dict[str, dict[str, Key]] = {}
    for row in _rows("keys.tsv"):
        keys.setdefault(row["form"], {})[row["key"]] = Key(
            name=row["key"],
            place=row["place"],
            type=row["type"],
            length=int(row["length"] or 0),
            is_required=row["required"] == "M",
            role=row["role"],
        )
    return keys


_KEYS = _read_keys()

FORMS: Mapping[str, Form] = {
    row["form"]: Form(
        id=row["form"],
        bill_type=row["bill_type"],
        id_key=row["id_key"],
        number_key=row["number_key"],
        entry=row["entry"],
        prefix=row["prefix"],
        approval=row["approval"],
        interface=row["interface"],
        keys=_KEYS[row["form"]],
    )
    for row in _rows("forms.tsv")
}

BY_INTERFACE: Mapping[str, Form] = {form.interface: form for form in FORMS.values() if form.interface}

# inventory_type → number of the stock status; 01, 03, 05 and 08 are Kingdee's presets, the others are the site's.
STOCK_STATUS: Mapping[str, str] = {
    "ZP": "KCZT01_SYS",
    "CC": "KCZT08_SYS",
    "DJ": "KCZT03_SYS",
    "ZT": "KCZT05_SYS",
    "JS": "KCZT_JS",
    "XS": "KCZT_XS",
}
INVENTORY_TYPE: Mapping[str, str] = {number: code for code, number in STOCK_STATUS.items()}
