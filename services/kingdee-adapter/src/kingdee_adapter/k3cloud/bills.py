"""Our documents as bills of K/3 Cloud (reference §3.4, §3.6). Pure."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kingdee_adapter.k3cloud.domain import Found, PlannedLine
from kingdee_adapter.k3cloud.forms import ITEMS, Form, Forms, Source
from kingdee_adapter.k3cloud.site import Site
from kingdee_adapter.k3cloud.wire import Cell, operation_body
from lemai_docking.definitions.layout import Field, layouts
from lemai_docking.documents import Document, Row, Value
from lemai_docking.encodings.judging import readable
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import DocumentRefused, Fault

NEGATIVE_STOCK = "STK_InvCheckResult"
Json = str | int | bool


@dataclass(frozen=True)
class Posting:
    """A document as a bill to be saved. `needs` are the items it names, by item code; `notes` as in an Outgoing."""

    form_id: str
    number: str
    body: bytes
    lines: tuple[PlannedLine, ...]
    needs: tuple[str, ...]
    notes: tuple[str, ...] = ()


def posting(forms: Forms, site: Site, document: Document) -> Posting:
    """The Save request of a document. Raises DocumentRefused with every fault."""
    document, notes = readable(document)
    form_id, form = _form(forms, document)
    number = document.order_no
    faults = []
    if len(number) > form.number_max:
        expected = f"≤ {form.number_max} 字符/characters ({form_id}.{form.number})"
        faults.append(Fault("E_FIELD", 0, layouts()[document.interface].identity, number, expected))
    writer = _Writer(site, document)
    model = writer.model(form.head, document.head)
    model |= {key: _cut(model[key], length) for key, length in form.cut.items() if key in model}
    lines = document.records.get(layouts()[document.interface].line, ()) if form.entry else ()
    if form.entry:
        model[form.entry] = [writer.model(form.line, row) for row in lines]
    if faults := [*faults, *writer.faults]:
        raise DocumentRefused(faults)
    planned = tuple(_planned(row) for row in lines)
    needs = tuple(dict.fromkeys(line.item_code for line in planned))
    return Posting(form_id, number, operation_body(form_id, _save(form, site, model)), planned, needs, notes)


def replacing(form: Form, body: bytes, bill_id: str) -> bytes:
    """The Save request that changes the bill of this id instead of creating one; the same change may come twice."""
    request = json.loads(body)
    request["data"]["ValidateRepeatJson"] = "false"
    request["data"]["Model"][form.id] = bill_id
    return operation_body(request["formid"], request["data"])


def found(form: Form, body: bytes, rows: Sequence[Sequence[Cell]]) -> Found | None:
    """The bill that rows of `form.lookup_keys` tell of, held against the one we would save."""
    if not rows:
        return None
    head = dict(zip(form.lookup_keys, rows[0], strict=True))
    width = len(form.compared)
    there = Counter(_content(form, row[-width:]) for row in rows)
    return Found(
        id=str(head[form.id]),
        status=str(head["FDocumentStatus"]),
        cancelled=bool(form.cancel) and head[form.cancel] == "B",
        same=there == _wanted(form, json.loads(body)["data"]["Model"]),
    )


def _form(forms: Forms, document: Document) -> tuple[str, Form]:
    order_type = str(document.head.get("order_type", ""))
    try:
        form_id, form = forms.post(document.interface, order_type)
    except KeyError:
        raise DocumentRefused([Fault("E_FIELD", 0, "order_type", order_type, "forms.yaml posts")]) from None
    if form_id == ITEMS and document.head["action_type"] == "DISABLE":
        raise DocumentRefused([Fault("E_FIELD", 0, "action_type", "DISABLE", "请在金蝶禁用 / disable it in Kingdee")])
    return form_id, form


def _save(form: Form, site: Site, model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "NeedReturnFields": [form.number],
        "IsDeleteEntry": "true",
        "IsVerifyBaseDataField": "true",
        "ValidateRepeatJson": "true",
        "IsControlPrecision": "true",
        "InterationFlags": NEGATIVE_STOCK if site.negative_stock else "",
        "Model": model,
    }


class _Writer:
    """Writes one document's rows; what cannot be written is in `faults`."""

    def __init__(self, site: Site, document: Document) -> None:
        self.faults: list[Fault] = []
        self._site = site
        shop_code = site.stores.get(str(document.head.get("shop_name", "")))
        self._head = ({"shop_code": shop_code} if shop_code else {}) | dict(document.head)
        self._fields: dict[str, Field] = {}
        for record in layouts()[document.interface].records.values():
            self._fields = {**record.by_name, **self._fields}

    def model(self, keys: Mapping[str, Source], row: Row) -> dict[str, Any]:
        """An object with the keys that have a value, in their order."""
        model: dict[str, Any] = {}
        for key, source in keys.items():
            value = self._value(source, row)
            if value is not None:
                *path, last = key.split(".")
                inner = model
                for step in path:
                    inner = inner.setdefault(step, {})
                inner[last] = value
        return model

    def _value(self, source: Source, row: Row) -> Json | None:
        if isinstance(source, tuple):
            return next((value for part in source if (value := self._value(part, row)) is not None), None)
        if not isinstance(source, str):
            return source
        if source.startswith("="):
            return source[1:]
        if source.startswith("$"):
            return self._option(source[1:])
        if "+" in source:
            parts = [self._value(part, row) for part in source.split("+")]
            return "".join(str(part) for part in parts if part is not None) or None
        return self._field(source, row)

    def _option(self, name: str) -> Json | None:
        """None for an option the site leaves blank."""
        option: Json = getattr(self._site, name)
        return self._site.org_of(str(self._head["owner_code"])) if name == "org" else option or None

    def _field(self, name: str, row: Row) -> Json | None:
        field = self._fields.get(name)
        value = row.get(name, self._head.get(name, field.default if field else None))
        if value is None:
            return None
        coded = self._coded(name, str(value))
        if coded is not None:
            return coded
        return value == "Y" if field and field.type == "flag" else _written(value)

    def _coded(self, name: str, code: str) -> str | None:
        """K/3's code where a field has codes of its own there."""
        site = self._site
        maps = {"warehouse_code": site.warehouses, "shop_code": site.customers, "logistics_code": site.carriers}
        if name in maps:
            return maps[name].get(code, code)
        if name == "owner_code":
            return site.org_of(code)
        if name != "inventory_type":
            return None
        status = site.stock_status(code)
        if status is None:
            self.faults.append(Fault("E_INVTYPE", 0, name, code, "statuses"))
        return status or code


def _cut(note: str, length: int) -> str:
    return note if len(note) <= length else note[: length - 1] + "…"


def _written(value: Value) -> str:
    """Dates as they are in China, everything else as its plain text."""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _planned(row: Row) -> PlannedLine:
    return PlannedLine(int(str(row["line_no"])), str(row["item_code"]), int(str(row["plan_qty"])))


def _wanted(form: Form, model: Mapping[str, Any]) -> Counter[tuple[str, ...]]:
    """The content of what we would save, row by row."""
    paths = [(form.written(key) or key).split(".") for key in form.compared]
    rows = model[form.entry] if form.entry else [model]
    return Counter(_content(form, [_at(row, path) for path in paths]) for row in rows)


def _content(form: Form, cells: Sequence[Any]) -> tuple[str, ...]:
    """Equal however the quantity is written; absent, null and blank are the same."""
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    if form.quantity:
        texts[-1] = format(Decimal(texts[-1] or 0).normalize(), "f")
    return tuple(texts)


def _at(row: Any, path: Sequence[str]) -> Any:
    for step in path:
        row = row.get(step) if isinstance(row, Mapping) else None
    return row
