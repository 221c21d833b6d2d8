"""What a request asks for, whatever envelope it came in (docking reference `kingdee.md` §3.1, §3.2)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sim_kingdee.webapi.answers import MsgCode, Refused

_SERVICES = "Kingdee.BOS.WebApi.ServicesStub."
LOGIN = "LoginByAppSecret"

# operation → names of its arguments, in order
_ARGUMENTS: Mapping[str, Sequence[str]] = {
    LOGIN: ("acctID", "username", "appId", "appSecret", "lcid"),
    "ExecuteBillQuery": ("data",),
    "ExcuteOperation": ("formid", "opNumber", "data"),
    **dict.fromkeys(("Save", "Submit", "Audit", "UnAudit", "View", "Allocate"), ("formid", "data")),
}

WRITES = frozenset({"Save", "Submit", "Audit", "UnAudit", "Allocate", "ExcuteOperation"})


@dataclass(frozen=True, slots=True)
class Call:
    """A call on bills. `operation` is a service name, or Forbid or Enable of ExcuteOperation."""

    operation: str
    form_id: str
    data: Mapping[str, Any]

    @property
    def numbers(self) -> list[str]:
        """Numbers of the bills it names, as far as it names any by number."""
        model = self.data.get("Model")
        named = [model.get("FBillNo") or model.get("FNumber")] if isinstance(model, dict) else self.data.get("Numbers")
        return [str(number) for number in named if number] if isinstance(named, list) else []


def operation_of(service: str) -> str | None:
    """The operation a service name means, None when this server has no such service."""
    name = service.removeprefix(_SERVICES)
    kind, _, operation = name.partition(".")
    expected = "AuthService" if operation == LOGIN else "DynamicFormService"
    return operation if kind == expected and operation in _ARGUMENTS and name != service else None


def read_arguments(operation: str, body: bytes) -> dict[str, Any]:
    """Arguments by name, from a named body, an array, or the older envelope. Raises ValueError for what is no JSON."""
    sent = json.loads(body, parse_float=Decimal)
    if isinstance(sent, dict) and "parameters" in sent:
        sent = _unwrapped(sent["parameters"])
    names = _ARGUMENTS[operation]
    if isinstance(sent, list):
        return dict(zip(names, sent, strict=False))
    return {name: sent[name] for name in names if name in sent} if isinstance(sent, dict) else {}


def read_call(operation: str, arguments: Mapping[str, Any]) -> Call:
    """The call that arguments make; raises Refused."""
    data = _unwrapped(arguments.get("data"))
    if not isinstance(data, dict):
        raise Refused(MsgCode.PARAMETER, "参数 data 应为 JSON 对象", "data")
    if operation == "ExecuteBillQuery":
        return Call(operation, str(data.get("FormId", "")), data)
    form_id = arguments.get("formid")
    if not isinstance(form_id, str) or not form_id:
        raise Refused(MsgCode.FORM_ID_EMPTY, "业务对象标识不能为空", "formid")
    if operation != "ExcuteOperation":
        return Call(operation, form_id, data)
    if arguments.get("opNumber") not in ("Forbid", "Enable"):
        raise Refused(MsgCode.OPERATION_EMPTY, "操作不能为空", "opNumber")
    return Call(arguments["opNumber"], form_id, data)


def _unwrapped(value: Any) -> Any:
    """JSON that may be given as text; raises ValueError."""
    return json.loads(value, parse_float=Decimal) if isinstance(value, str) else value
