"""What a Kingdee says itself of an order, whatever it calls it."""

from dataclasses import dataclass
from typing import Any

from tests.docking.counterparts import K3CLOUD
from tests.docking.orders import Case, Instruction, Owner

from lemai_contracts.values import Grade, Leg, OrderKind
from lemai_tools.demo.world import Api

GRADES = {"ZP": Grade.GOOD, "CC": Grade.DEFECTIVE, "KCZT01_SYS": Grade.GOOD, "KCZT08_SYS": Grade.DEFECTIVE}
COUNTS = {Leg.OUT: ("STK_StockCountLoss", "FLossQty"), Leg.IN: ("STK_StockCountGain", "FGainQty")}


@dataclass(frozen=True)
class Done:
    """One leg of an order: line, item, grade and pieces that moved, and the Kingdee's numbers of its reports."""

    lines: list[tuple[int, str, Grade, int]]
    numbers: list[str]


async def done(kingdee: Api, owner: Owner, case: Case, order: Instruction) -> Done:
    """What it did. On K/3 Cloud a counted loss or gain is its own result."""
    if owner is K3CLOUD and case.kind is OrderKind.ADJUSTMENT:
        form, quantity = COUNTS[case.leg]
        bill = await _bill(kingdee, form, order)
        lines = [
            (int(entry["FEntryNote"]), entry["FMaterialId"], GRADES[entry["FStockStatusId"]], int(entry[quantity]))
            for entry in bill["entries"]
        ]
        return Done(lines, [bill["bill_no"]])
    told = await kingdee.get(f"/sim/orders/{order.owner_code}/{order.order_no}")
    [instruction] = [one for one in told["instructions"] if one["leg"] == case.leg]
    assert (instruction["order_type"], instruction["warehouse_code"]) == (case.order_type, owner.warehouse)
    lines = [
        (line["line_no"], line["item_code"], GRADES[line["inventory_type"]], line["done_qty"])
        for line in instruction["lines"]
    ]
    return Done(lines, [actual["out_biz_code"] for actual in instruction["actuals"]])


async def receiver(kingdee: Api, owner: Owner, order: Instruction) -> tuple[str, str, str]:
    """Name, phone and address that a sale is to be shipped to."""
    if owner is K3CLOUD:
        head = (await _bill(kingdee, "SAL_SaleOrder", order))["head"]
        return head["FLinkMan"], head["FLinkPhone"], head["FReceiveAddress"]
    told = await kingdee.get(f"/sim/orders/{order.owner_code}/{order.order_no}")
    head = told["instructions"][0]["head"]
    parts = ("receiver_province", "receiver_city", "receiver_area", "receiver_town", "receiver_address")
    address = "".join(head.get(part, "") for part in parts)
    return head["receiver_name"], head["receiver_mobile"], address


async def _bill(kingdee: Api, form: str, order: Instruction) -> dict[str, Any]:
    [bill] = (await kingdee.get("/sim/webapi/bills", form=form, bill_no=order.order_no))["bills"]
    found: dict[str, Any] = bill
    return found
