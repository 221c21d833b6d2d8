"""A K/3 Cloud in memory, as small as the protocol allows: bills by number, their states, and what goes wrong.

`calls` are the operations in the order they arrived; a fault planned for an operation meets its next call.
"""

import json
import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import httpx

_CONDITION = re.compile(r"([\w.]+)(>=|=|>)(?:'((?:[^']|'')*)'|(\d+))")
_IDS = {"BD_MATERIAL": ("FMATERIALID", "FNumber")}
_STEPS = {"Submit": ("ZAD", "B"), "Audit": ("B", "C"), "UnAudit": ("C", "D")}


@dataclass
class FakeBill:
    id: int
    model: dict[str, Any]
    status: str = "A"
    cancelled: str = "A"
    allocated: bool = False


@dataclass
class FakeK3:
    """Faults: `lost` (not done, 500), `cut` (done, no answer), `500` (done, 500), or a MsgCode (not done)."""

    bills: dict[tuple[str, str], FakeBill] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    queries: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[str, deque[str | int]] = field(default_factory=lambda: defaultdict(deque))

    def plan(self, operation: str, *faults: str | int) -> None:
        self.faults[operation] += faults

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))

    def operations(self, number: str) -> str:
        """What was done about a bill, in order."""
        return " ".join(operation for operation, about in self.calls if about == number)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        operation = request.url.path.removesuffix(".common.kdsvc").rpartition(".")[2]
        body = json.loads(request.content)
        fault = self.faults[operation].popleft() if self.faults[operation] else None
        self.calls.append((operation, self._about(operation, body)))
        if fault == "lost":
            return httpx.Response(500)
        if isinstance(fault, int):
            return httpx.Response(200, json=_refusal(fault, "", "refused by plan"))
        answer = self._query(body["data"]) if operation == "ExecuteBillQuery" else self._write(operation, body)
        if fault == "cut":
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(500 if fault == "500" else 200, content=json.dumps(answer))

    def _about(self, operation: str, body: dict[str, Any]) -> str:
        data = body["data"]
        if operation == "Save":
            return str(data["Model"][self._number_key(body["formid"])])
        if operation == "ExecuteBillQuery":
            named = re.search(r"(?:FBillNo|FNumber)='([^']*)'", data["FilterString"])
            return named[1] if named else data["FormId"]
        if operation == "Allocate":
            return next(number for (_, number), bill in self.bills.items() if str(bill.id) == data["PkIds"])
        return str(data["Numbers"][0])

    def _write(self, operation: str, body: dict[str, Any]) -> Any:
        form_id, data = body["formid"], body["data"]
        if operation == "Save":
            return self._save(form_id, data)
        key = form_id, self._about(operation, body)
        bill = self.bills[key]
        if operation == "Allocate":
            bill.allocated = True
            return _success(bill.id, key[1])
        starts, end = _STEPS[operation]
        if bill.status not in starts:
            return _refusal(12, "FDocumentStatus", f"{key[1]} is {bill.status}")
        bill.status = end
        return _success(bill.id, key[1])

    def _save(self, form_id: str, data: dict[str, Any]) -> Any:
        model = data["Model"]
        number, bill_id = model[self._number_key(form_id)], model[self._id_key(form_id)]
        known = self.bills.get((form_id, number))
        if not bill_id:
            if known:
                return _refusal(11, self._number_key(form_id), f"违反字段唯一性要求：[{number}]已经被使用")
            self.bills[form_id, number] = FakeBill(len(self.bills) + 1, model)
        elif known is None or str(known.id) != str(bill_id):
            return _refusal(10, "", "nothing found")
        elif known.status in "BC":
            return _refusal(12, "FDocumentStatus", "approved")
        else:
            known.model = model
        return _success(self.bills[form_id, number].id, number)

    def _query(self, data: dict[str, Any]) -> Any:
        form_id, keys = data["FormId"], data["FieldKeys"].split(",")
        self.queries.append(data)
        rows = self.rows[form_id] if form_id in self.rows else self._bill_rows(form_id)
        for key, sign, text, number in _CONDITION.findall(data["FilterString"]):
            wanted = int(number) if number else text.replace("''", "'")
            rows = [row for row in rows if _holds(row[key], sign, wanted)]
        order = data["OrderString"].split(",")
        rows = sorted(rows, key=lambda row: [row[key] for key in order])
        page = rows[data["StartRow"] : data["StartRow"] + data["Limit"]]
        return [[row.get(key) for key in keys] for row in page]

    def _bill_rows(self, form_id: str) -> list[dict[str, Any]]:
        rows = []
        for (form, number), bill in self.bills.items():
            head = {
                self._id_key(form_id): bill.id,
                self._number_key(form_id): number,
                "FDocumentStatus": bill.status,
                "FCancelStatus": bill.cancelled,
            }
            if form == form_id:
                entries = [value for value in bill.model.values() if isinstance(value, list)] or [[{}]]
                rows += [_flat(bill.model) | head | _flat(entry) for entry in entries[0]]
        return rows

    def _id_key(self, form_id: str) -> str:
        return _IDS.get(form_id, ("FID", "FBillNo"))[0]

    def _number_key(self, form_id: str) -> str:
        return _IDS.get(form_id, ("FID", "FBillNo"))[1]


def _flat(model: dict[str, Any]) -> dict[str, Any]:
    """Cells by query keys: references as `key.FNumber`, sub-heads without their names."""
    cells: dict[str, Any] = {}
    for key, value in model.items():
        if isinstance(value, dict) and key.startswith("SubHead"):
            cells |= _flat(value)
        elif isinstance(value, dict):
            cells |= {f"{key}.{inner}": cell for inner, cell in value.items()}
        elif not isinstance(value, list):
            cells[key] = value
    return cells


def _holds(cell: Any, sign: str, wanted: Any) -> bool:
    return bool({"=": cell == wanted, ">=": cell >= wanted, ">": cell > wanted}[sign])


def _success(bill_id: int, number: str) -> Any:
    done = [{"Id": str(bill_id), "Number": number, "DIndex": 0}]
    status = {"IsSuccess": True, "Errors": [], "SuccessEntitys": done, "MsgCode": 0}
    return {"Result": {"ResponseStatus": status, "Id": bill_id, "Number": number}}


def _refusal(msg_code: int, field_name: str, message: str) -> Any:
    errors = [{"FieldName": field_name, "Message": message, "DIndex": 0}]
    return {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": errors, "MsgCode": msg_code}}}
