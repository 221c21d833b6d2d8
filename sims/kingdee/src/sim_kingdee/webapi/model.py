"""The Model of a Save, checked against its form: keys, types, lengths. Pure; `Refused` tells the first fault."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sim_kingdee.webapi.answers import MsgCode, Refused
from sim_kingdee.webapi.bills import Entry, Fields, is_id
from sim_kingdee.webapi.forms import BASE_DATA, Form, Key

_BOOLEANS = {True: True, False: False, "true": True, "false": False, "True": True, "False": False}
_PRICE_PLACES = 6
_LIMIT = Decimal(10) ** 14


@dataclass(frozen=True, slots=True)
class Model:
    """What a Save sends: `bill_id` is 0 for a new bill, fields are those that are not empty."""

    bill_id: int
    head: Fields
    entries: tuple[Entry, ...]


def read_model(form: Form, sent: Mapping[str, Any], *, controls_precision: bool) -> Model:
    """Check what is sent, key by key."""
    reader = _Reader(form=form, controls_precision=controls_precision)
    return Model(
        bill_id=_id(sent.get(form.id_key, 0), form.id_key),
        head=reader.head({name: value for name, value in sent.items() if name not in (form.id_key, form.entry)}),
        entries=tuple(reader.entry(entry) for entry in _objects(sent.get(form.entry, []), form.entry)),
    )


def check_complete(form: Form, model: Model) -> None:
    """Refuse a bill, as it is to be stored, that lacks an entry or a value that is required."""
    if form.entry and not model.entries:
        raise Refused(MsgCode.FIELD_MISSING, f"单据体 {form.entry} 没有分录", form.entry)
    for key in form.keys.values():
        places = [entry.fields for entry in model.entries] if key.place == "entry" else [model.head]
        if key.is_required and any(key.name not in fields for fields in places):
            raise Refused(MsgCode.FIELD_MISSING, f"字段 {key.name} 是必填项", key.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    form: Form
    controls_precision: bool

    def head(self, sent: Mapping[str, Any]) -> Fields:
        fields: Fields = {}
        for name, value in sent.items():
            if name in self.form.places:
                (part,) = _objects([value], name)
                fields |= self._fields(part, name)
            else:
                fields |= self._fields({name: value}, "head")
        return fields

    def entry(self, sent: Mapping[str, Any]) -> Entry:
        fields = {name: value for name, value in sent.items() if name != "FEntryID"}
        return Entry(_id(sent.get("FEntryID", 0), "FEntryID"), self._fields(fields, "entry"))

    def _fields(self, sent: Mapping[str, Any], place: str) -> Fields:
        fields: Fields = {}
        for name, value in sent.items():
            key = self.form.keys.get(name)
            if key is None or key.place != place:
                raise Refused(MsgCode.FIELD_MISSING, f"字段 {name} 在 {self.form.id} 的 {place} 中不存在", name)
            parsed = self._value(key, value)
            if parsed is not None:
                fields[name] = parsed
        return fields

    def _value(self, key: Key, value: Any) -> str | bool | None:
        if key.type in BASE_DATA:
            return _number(key, value)
        if value is None or value == "":
            return None
        if key.type in ("decimal", "quantity"):
            return self._decimal(key, value)
        return _PARSERS[key.type](key, value)

    def _decimal(self, key: Key, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise _invalid(key, "应为数值")
        try:
            number = Decimal(value)
        except InvalidOperation as error:
            raise _invalid(key, "应为数值") from error
        if not number.is_finite() or not 0 <= number < _LIMIT or (key.type == "quantity" and number == 0):
            raise _invalid(key, "数值超出范围")
        # Pcs, the only unit here, has no decimal places.
        places = 0 if key.type == "quantity" else _PRICE_PLACES
        if number % Decimal(1).scaleb(-places) and (key.type == "quantity" or self.controls_precision):
            raise _invalid(key, f"小数位数超过 {places}")
        return f"{number:f}"


def _id(value: Any, name: str) -> int:
    if not is_id(value):
        raise Refused(MsgCode.PARAMETER, f"{name} 应为内码", name)
    return int(value)


def _objects(value: Any, name: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise Refused(MsgCode.PARAMETER, f"{name} 的结构不正确", name)
    return value


def _number(key: Key, value: Any) -> str | None:
    """The number of base data; its own key is written FNumber or FNUMBER."""
    if value is None:
        return None
    if not isinstance(value, dict) or list(value) not in (["FNumber"], ["FNUMBER"]):
        raise _invalid(key, '应为 {"FNumber": …}')
    (number,) = value.values()
    if not isinstance(number, str):
        raise _invalid(key, "编码应为文本")
    return number or None


def _boolean(key: Key, value: Any) -> bool:
    if not isinstance(value, str | bool) or value not in _BOOLEANS:
        raise _invalid(key, "应为 true 或 false")
    return _BOOLEANS[value]


def _date(key: Key, value: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _invalid(key, "日期格式不正确") from error
    if moment.tzinfo:
        raise _invalid(key, "日期不带时区")
    return moment.isoformat()


def _link(key: Key, value: Any) -> str:
    """Links to a source bill are taken but not followed; each of their keys begins with the name of the list."""
    for link in _objects(value, key.name):
        for name in link:
            if not name.startswith(f"{key.name}_"):
                raise Refused(MsgCode.FIELD_MISSING, f"字段 {name} 在 {key.name} 中不存在", name)
    return ""


def _text(key: Key, value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid(key, "应为文本")
    if len(value) > key.length:
        raise _invalid(key, f"长度超过 {key.length}")
    return value


_PARSERS: Mapping[str, Callable[[Key, Any], str | bool]] = {
    "text": _text,
    "date": _date,
    "bool": _boolean,
    "link": _link,
}


def _invalid(key: Key, reason: str) -> Refused:
    return Refused(MsgCode.INVALID, f"字段 {key.name} {reason}", key.name)
