"""The operations of DynamicFormService on the bills of one site (docking reference `kingdee.md` §3.4)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sim_kingdee.erp import Erp
from sim_kingdee.webapi.answers import Answer, MsgCode, Refused
from sim_kingdee.webapi.approval import Approvals, Site
from sim_kingdee.webapi.bills import Bill, Bills, is_id
from sim_kingdee.webapi.calls import Call
from sim_kingdee.webapi.columns import internal_id
from sim_kingdee.webapi.forms import FORMS, Form
from sim_kingdee.webapi.saving import Saving, returned_fields

_SELECTION = frozenset(
    {
        "CreateOrgId",
        "Numbers",
        "Ids",
        "SelectedPostId",
        "NetworkCtrl",
        "IgnoreInterationFlag",
        "InterationFlags",
        "IsVerifyProcInst",
    }
)
# operation → (states it starts from, state it leads to)
_STEPS: Mapping[str, tuple[str, str]] = {"Submit": ("ZAD", "B"), "Audit": ("B", "C"), "UnAudit": ("C", "D")}


Named = tuple[str, str]  # number and id of a bill, one of them empty


class Operations:
    """Methods run inside the caller's transaction. A refused bill leaves no trace and keeps no other from its step."""

    def __init__(self, erp: Erp, site: Site) -> None:
        self.bills = Bills(erp.store)
        self._site = site
        self._approvals = Approvals(erp, self.bills, site)
        self._saving = Saving(self.bills, self._approvals, site)

    def write(self, call: Call, now: datetime) -> Answer:
        """Save, or take bills a step; what concerns no single bill is raised as Refused."""
        form = form_of(call.form_id)
        if call.operation == "Save":
            return self._save(form, call.data, now)
        if call.operation == "Allocate":
            return self._each(form, self._allocated(call.data), self._allocate)
        named = _named(call.data)
        if call.operation in _STEPS:
            interactions = str(call.data.get("InterationFlags", ""))
            return self._each(form, named, lambda bill: self._step(call.operation, bill, now, interactions))
        return self._each(form, named, lambda bill: self._switch(bill, is_forbidden=call.operation == "Forbid"))

    def find(self, form: Form, data: Mapping[str, Any]) -> Bill:
        """The bill that View names by Number or Id."""
        number, bill_id = str(data.get("Number") or ""), str(data.get("Id") or "")
        if bool(number) == bool(bill_id) or data.keys() - {"CreateOrgId", "Number", "Id", "IsSortBySeq"}:
            raise Refused(MsgCode.PARAMETER, "Number 与 Id 须且只须给一个", "Number")
        return self._found(form, number, bill_id)

    def _save(self, form: Form, data: Mapping[str, Any], now: datetime) -> Answer:
        bill_id, bill_no = self._saving.save(form, data, now)
        saved = self._found(form, bill_no, "")
        return Answer(
            done=[(bill_id, bill_no)], returned=[returned_fields(saved, form, data.get("NeedReturnFields", []))]
        )

    def _each(self, form: Form, named: Sequence[Named], step: Callable[[Bill], None]) -> Answer:
        answer = Answer()
        for index, (number, bill_id) in enumerate(named):
            try:
                with self.bills.attempt():
                    bill = self._found(form, number, bill_id)
                    step(bill)
                answer.done.append((bill.id, bill.bill_no))
            except Refused as refused:
                answer.refused.append((index, refused))
        return answer

    def _found(self, form: Form, number: str, bill_id: str) -> Bill:
        bill = self.bills.find(form.id, bill_no=number, bill_id=int(bill_id) if is_id(bill_id) else 0)
        if bill is None:
            raise Refused(MsgCode.NOTHING_FOUND, f"单据 {number or bill_id} 不存在", form.number_key)
        return bill

    def _step(self, operation: str, bill: Bill, now: datetime, interactions: str) -> None:
        starts, status = _STEPS[operation]
        if bill.status not in starts:
            message = f"单据 {bill.bill_no} 的状态是 {bill.status}，不能执行 {operation}"
            raise Refused(MsgCode.NOT_OPERABLE, message, "FDocumentStatus")
        self.bills.set_status(bill.id, status, now)
        if operation == "Audit":
            self._approvals.approve(bill, now, interactions)
        elif operation == "UnAudit":
            self._approvals.revoke(bill)

    def _switch(self, bill: Bill, *, is_forbidden: bool) -> None:
        """Disable base data, or enable it again."""
        _check_base_data(bill)
        self.bills.set_forbidden(bill.id, is_forbidden=is_forbidden)
        self._approvals.know_item(bill.bill_no)

    def _allocate(self, bill: Bill) -> None:
        """Give base data to the organisation."""
        _check_base_data(bill)
        self.bills.set_allocated(bill.id)
        self._approvals.know_item(bill.bill_no)

    def _allocated(self, data: Mapping[str, Any]) -> list[Named]:
        """What Allocate names: bills and organisations by their internal ids."""
        ids, orgs = ([part.strip() for part in str(data.get(name) or "").split(",")] for name in ("PkIds", "TOrgIds"))
        if data.keys() - {"PkIds", "TOrgIds", "IsAutoSubmitAndAudit"} or not all(map(is_id, [*ids, *orgs])):
            raise Refused(MsgCode.PARAMETER, "PkIds 与 TOrgIds 应为内码", "PkIds")
        if orgs != [str(internal_id("org", self._site.org))]:
            raise Refused(MsgCode.INVALID, "目标组织不是可用的组织", "TOrgIds")
        return [("", bill_id) for bill_id in ids]


def _named(data: Mapping[str, Any]) -> list[Named]:
    numbers, ids = data.get("Numbers") or [], str(data.get("Ids") or "")
    if data.keys() - _SELECTION or not isinstance(numbers, list) or bool(numbers) == bool(ids):
        raise Refused(MsgCode.PARAMETER, "Numbers 与 Ids 须且只须给一个", "Numbers")
    return [(str(number), "") for number in numbers] or [("", bill_id.strip()) for bill_id in ids.split(",")]


def _check_base_data(bill: Bill) -> None:
    if FORMS[bill.form].approval != "know_item" or bill.status != "C":
        raise Refused(MsgCode.NOT_OPERABLE, f"{bill.bill_no} 不是已审核的基础资料", "FDocumentStatus")


def form_of(form_id: str) -> Form:
    """A form that bills are saved in, refused when there is none of that id."""
    if form_id not in FORMS:
        raise Refused(MsgCode.EXCEPTION, f"业务对象 {form_id} 不存在", "formid")
    return FORMS[form_id]
