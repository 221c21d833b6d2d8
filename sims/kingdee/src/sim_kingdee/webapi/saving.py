"""Save: a Model becomes a bill, or changes one (docking reference `kingdee.md` §3.4)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sim_kingdee.webapi.answers import MsgCode, Refused
from sim_kingdee.webapi.approval import Approvals, Site
from sim_kingdee.webapi.bills import Bill, Bills, Fields
from sim_kingdee.webapi.forms import INVENTORY_TYPE, Form, Key
from sim_kingdee.webapi.model import Model, check_complete, read_model

_FLAGS = {
    "IsDeleteEntry": True,
    "IsVerifyBaseDataField": False,
    "IsEntryBatchFill": True,
    "ValidateFlag": True,
    "NumberSearch": True,
    "IsAutoAdjustField": False,
    "IgnoreInterationFlag": True,
    "IsControlPrecision": False,
    "ValidateRepeatJson": False,
}
_LISTS = ("NeedUpDateFields", "NeedReturnFields")
_TEXTS = ("SubSystemId", "InterationFlags")
_CHANGEABLE = ("Z", "A", "D")


@dataclass(frozen=True, slots=True)
class Saving:
    """Saves bills of every form. Methods run inside the caller's transaction."""

    bills: Bills
    approvals: Approvals
    site: Site

    def save(self, form: Form, data: Mapping[str, Any], now: datetime) -> tuple[int, str]:
        """Store what is sent; returns the id and number of the bill."""
        flags = _read_flags(data)
        sent = data.get("Model")
        if not isinstance(sent, dict):
            raise Refused(MsgCode.PARAMETER, "参数 Model 应为 JSON 对象", "Model")
        content = hashlib.sha256(json.dumps([form.id, sent], sort_keys=True, default=str).encode()).hexdigest()
        model = read_model(form, sent, controls_precision=flags["IsControlPrecision"])
        bill_no = str(model.head.pop(form.number_key, ""))
        bill = self._bill(form, model, bill_no)
        if flags["ValidateRepeatJson"] and self.bills.is_known_content(content):
            raise Refused(MsgCode.INVALID, "相同的 JSON 已经保存过，不允许重复提交")
        if bill:
            model = _merged(bill, model, data.get("NeedUpDateFields", []), keeps=not flags["IsDeleteEntry"])
        check_complete(form, model)
        self._check_base_data(form, model)
        if bill:
            self.bills.replace(bill.id, model.head, model.entries, now, content)
            return bill.id, bill.bill_no
        bill_no = bill_no or self.bills.next_number(form.prefix)
        return self.bills.add(form.id, bill_no, model.head, model.entries, now, content), bill_no

    def _bill(self, form: Form, model: Model, bill_no: str) -> Bill | None:
        """The bill to change, None for a new one."""
        if not model.bill_id:
            if bill_no and self.bills.find(form.id, bill_no=bill_no):
                message = f"违反字段唯一性要求：编码唯一。[{bill_no}]在当前系统中已经被使用。"
                raise Refused(MsgCode.INVALID, message, form.number_key)
            return None
        bill = self.bills.find(form.id, bill_id=model.bill_id)
        if bill is None:
            raise Refused(MsgCode.NOTHING_FOUND, f"内码 {model.bill_id} 的单据不存在", form.id_key)
        if bill_no not in ("", bill.bill_no):
            raise Refused(MsgCode.INVALID, f"单据 {bill.bill_no} 的编号不能修改", form.number_key)
        if bill.status not in _CHANGEABLE:
            raise Refused(MsgCode.NOT_OPERABLE, f"单据 {bill.bill_no} 已提交或已审核，不能修改")
        return bill

    def _check_base_data(self, form: Form, model: Model) -> None:
        for fields in [model.head, *(entry.fields for entry in model.entries)]:
            for name, number in fields.items():
                fault = self._fault(form, form.keys[name], str(number))
                if fault:
                    raise Refused(MsgCode.INVALID, f"字段 {name} 的 [{number}] {fault}", name)

    def _fault(self, form: Form, key: Key, number: str) -> str:
        match key.type:
            case "bill_type":
                return "" if number == form.bill_type else f"不是 {form.id} 的单据类型"
            case "org":
                org = self.site.item_org if form.approval == "know_item" else self.site.org
                return "" if number == org else "不是可用的组织"
            case "status":
                return "" if number in INVENTORY_TYPE else "不是库存状态"
            case "stock":
                return "" if self.approvals.has_warehouse(number) else "不是可用的仓库"
            case "material":
                return self.approvals.item_fault(number)
        return ""


def returned_fields(bill: Bill, form: Form, names: Sequence[str]) -> dict[str, object]:
    """What NeedReturnFields asks for; fields of the entry are named with the entry before them."""
    found: dict[str, object] = {}
    head: Fields = {**bill.head, form.id_key: str(bill.id), form.number_key: bill.bill_no}
    for name in names:
        place, _, of_entry = name.partition(".")
        if of_entry and place == form.entry:
            found[place] = [{of_entry: {"FEntryID": entry.id, **entry.fields}.get(of_entry)} for entry in bill.entries]
        else:
            found[name] = head.get(name)
    return found


def _read_flags(data: Mapping[str, Any]) -> dict[str, bool]:
    flags = dict(_FLAGS)
    for name, value in data.items():
        if name in _FLAGS and str(value).lower() in ("true", "false"):
            flags[name] = str(value).lower() == "true"
        elif name != "Model" and not (name in _TEXTS and isinstance(value, str)) and not _are_names(name, value):
            raise Refused(MsgCode.PARAMETER, f"参数 {name} 不正确", name)
    return flags


def _are_names(name: str, value: object) -> bool:
    return name in _LISTS and isinstance(value, list) and all(isinstance(part, str) for part in value)


def _merged(bill: Bill, model: Model, changed: Sequence[str], *, keeps: bool) -> Model:
    """A bill with the fields that were sent; entries that were not sent are dropped unless it keeps them."""
    before = {entry.id: entry for entry in bill.entries}
    after = dict(before) if keeps else {}
    added = []
    for entry in model.entries:
        if not entry.id:
            added.append(entry)
        elif entry.id in before:
            fields = {**before[entry.id].fields, **_only(changed, entry.fields)}
            after[entry.id] = replace(entry, fields=fields)
        else:
            raise Refused(MsgCode.NOTHING_FOUND, f"分录 {entry.id} 不存在", "FEntryID")
    return Model(bill.id, {**bill.head, **_only(changed, model.head)}, (*after.values(), *added))


def _only(names: Sequence[str], fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if not names or name in names}
