"""What tests of this face share: an account, a clock, order bills, and a client."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from sim_kingdee.webapi.signature import Account

DRESS, SHOES = "GB-TS-001-R-90", "GB-SH-014-B-22"
ACCOUNT = Account(
    acct_id="5f0000000000ab",
    user="lemai_api",
    app_id="204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    app_secret="0123456789abcdef0123456789abcdef",
)
ORG = {"FNumber": "100"}
# form → (bill type, what else its head needs, entry, what else an entry needs, quantity)
_SHAPES: dict[str, tuple[str, dict[str, Any], str, dict[str, Any], str]] = {
    "SAL_SaleOrder": (
        "XSDD01_SYS",
        {"FSaleOrgId": ORG, "FCustId": {"FNumber": "TM-JFY-01"}},
        "FSaleOrderEntry",
        {"FUnitId": {"FNumber": "Pcs"}, "FStockId": {"FNumber": "WH01"}},
        "FQty",
    ),
    "PUR_PurchaseOrder": (
        "CGDD01_SYS",
        {"FPurchaseOrgId": ORG, "FSupplierId": {"FNumber": "S01"}},
        "FPOOrderEntry",
        {"FUnitId": {"FNumber": "Pcs"}},
        "FQty",
    ),
    "SAL_RETURNNOTICE": (
        "THTZD01_SYS",
        {"FSaleOrgId": ORG, "FRetcustId": {"FNumber": "TM-JFY-01"}},
        "FEntity",
        {"FUnitID": {"FNumber": "Pcs"}},
        "FQty",
    ),
    "PUR_MRAPP": (
        "TLSQDD01_SYS",
        {"FAPPORGID": ORG, "FPURCHASEORGID": ORG, "FSUPPLIERID": {"FNumber": "S01"}},
        "FEntity",
        {"FUNITID": {"FNumber": "Pcs"}},
        "FMRAPPQTY",
    ),
    "STK_StockCountLoss": (
        "PK01_SYS",
        {"FStockOrgId": ORG},
        "FBillEntry",
        {"FUnitID": {"FNumber": "Pcs"}, "FStockId": {"FNumber": "WH01"}},
        "FLossQty",
    ),
    "STK_StockCountGain": (
        "PY01_SYS",
        {"FStockOrgId": ORG},
        "FBillEntry",
        {"FUnitID": {"FNumber": "Pcs"}, "FStockId": {"FNumber": "WH01"}},
        "FGainQty",
    ),
}
_MATERIAL_KEYS = {"SAL_OUTSTOCK": "FMaterialID", "PUR_MRAPP": "FMATERIALID"}


def order(form: str, bill_no: str, *lines: tuple[str, int], entry: dict[str, Any] | None = None) -> dict[str, Any]:
    """The Model of an order bill; lines are (item code, pieces), `entry` is laid over each of them."""
    bill_type, head, entry_name, common, quantity = _SHAPES[form]
    material = _MATERIAL_KEYS.get(form, "FMaterialId")
    entries = [
        {material: {"FNumber": item}, quantity: str(pieces), "FEntryNote": str(number), **common, **(entry or {})}
        for number, (item, pieces) in enumerate(lines, start=1)
    ]
    model = {"FID": 0, "FBillTypeID": {"FNUMBER": bill_type}, "FBillNo": bill_no, "FDate": "2026-11-22"}
    return {**model, **head, entry_name: entries}


@dataclass
class Clock:
    """A clock that tests turn."""

    now: datetime

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now

    def advance(self, **parts: float) -> None:
        """Turn it on by parts of a timedelta."""
        self.now += timedelta(**parts)


class K3:
    """A client of one server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, operation: str, body: object, **headers: str) -> httpx.Response:
        """Send a body as it is."""
        service = "AuthService" if operation == "LoginByAppSecret" else "DynamicFormService"
        path = f"/k3cloud/Kingdee.BOS.WebApi.ServicesStub.{service}.{operation}.common.kdsvc"
        return await self.http.post(path, content=json.dumps(body), headers=headers)

    async def login(self) -> None:
        """Log in by secret; later calls carry the cookie."""
        body = [ACCOUNT.acct_id, ACCOUNT.user, ACCOUNT.app_id, ACCOUNT.app_secret, 2052]
        assert (await self.post("LoginByAppSecret", body)).json()["LoginResultType"] == 1

    async def call(self, operation: str, form: str, data: object) -> dict[str, Any]:
        """The Result of a call on bills."""
        answer = await self.post(operation, {"formid": form, "data": data})
        assert answer.status_code == 200
        result: dict[str, Any] = answer.json()["Result"]
        return result

    async def save(self, form: str, model: dict[str, Any], **data: object) -> dict[str, Any]:
        """Save a Model with other parameters; the Result."""
        return await self.call("Save", form, {**data, "Model": model})

    async def step(self, operation: str, form: str, *numbers: str, **data: object) -> dict[str, Any]:
        """Submit, audit and the like; the Result."""
        return await self.call(operation, form, {"Numbers": list(numbers), **data})

    async def approve(self, form: str, model: dict[str, Any]) -> str:
        """Save, submit and audit; returns the number."""
        saved = await self.save(form, model)
        for result in (
            saved,
            await self.step("Submit", form, saved["Number"]),
            await self.step("Audit", form, saved["Number"]),
        ):
            assert result["ResponseStatus"]["IsSuccess"], result["ResponseStatus"]["Errors"]
        return str(saved["Number"])

    async def query(self, form: str, keys: str, filter_string: str = "", **data: object) -> list[list[Any]]:
        """Rows of ExecuteBillQuery."""
        sent = {"FormId": form, "FieldKeys": keys, "FilterString": filter_string, **data}
        rows: list[list[Any]] = (await self.post("ExecuteBillQuery", {"data": sent})).json()
        return rows


def refusal(result: dict[str, Any]) -> tuple[int, str]:
    """MsgCode and field of the first error."""
    status = result["ResponseStatus"]
    assert status["IsSuccess"] is False
    return status["MsgCode"], status["Errors"][0]["FieldName"]


def refused_rows(rows: Sequence[Sequence[Any]]) -> tuple[int, str]:
    """MsgCode and field of a query that was refused."""
    ((row,),) = rows
    return refusal(row["Result"])
