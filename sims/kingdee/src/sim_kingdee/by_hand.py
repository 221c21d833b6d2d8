"""Goods that move because somebody in the warehouse says so, whether Lemai asked for it or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sim_kingdee.actuals import Actual, ActualLine
from sim_kingdee.domain import Confirmation, Instruction, state_after
from sim_kingdee.erp import Erp
from sim_kingdee.message import Values
from sim_kingdee.rules import order_type_of


@dataclass(frozen=True, slots=True)
class Goods:
    """Pieces that arrive (`-c`, `-v`, `-t`, `-h`) under an order number; `head` is what the parcel says.

    They are reported on `face`.
    """

    owner_code: str
    order_no: str
    warehouse_code: str
    lines: Sequence[ActualLine]
    is_final: bool
    head: Values
    face: str


def receive(erp: Erp, goods: Goods, now: datetime) -> str:
    """Book goods in and report them; returns the out_biz_code. Lines are matched to the order by item."""
    instruction = erp.store.instruction(goods.owner_code, goods.order_no, "IN")
    lines = _numbered(goods.lines, instruction)
    order_type = order_type_of(goods.order_no) or ""
    is_return = order_type in ("RETURN", "EXCHANGE")
    status = "FULFILLED" if goods.is_final else "PARTFULFILLED"
    actual = Actual(
        interface="sales_return_result" if is_return else "receipt_result",
        owner_code=goods.owner_code,
        order_no=goods.order_no,
        order_type=order_type,
        warehouse_code=goods.warehouse_code,
        wms_order_no=instruction.wms_order_no if instruction else "",
        out_biz_code=erp.next_number(goods.owner_code, goods.order_no, "IN"),
        status=status,
        is_final=goods.is_final,
        booked_at=now,
        head={**(instruction.head if instruction else {}), **{n: v for n, v in goods.head.items() if v}},
        face=goods.face,
        lines=lines,
    )
    erp.book(actual)
    if instruction:
        moved: dict[int, int] = {}
        for line in lines:
            moved[line.line_no] = moved.get(line.line_no, 0) + line.quantity
        confirmation = Confirmation(status, is_final=goods.is_final, quantities=moved)
        # From here on the order is the tester's: its script no longer answers.
        erp.store.set_progress(instruction.id, moved, state_after(confirmation, instruction.lines), due_at=None)
    return actual.out_biz_code


def _numbered(lines: Sequence[ActualLine], instruction: Instruction | None) -> tuple[ActualLine, ...]:
    asked = {line.item_code: line for line in reversed(instruction.lines)} if instruction else {}
    numbers = {item_code: line.line_no for item_code, line in asked.items()}
    for line in lines:
        numbers.setdefault(line.item_code, max(numbers.values(), default=0) + 1)
    return tuple(
        replace(
            line,
            line_no=numbers[line.item_code],
            plan_qty=asked[line.item_code].plan_qty if line.item_code in asked else None,
        )
        for line in lines
    )


def ship_unasked(
    erp: Erp, line: ActualLine, *, order_no: str, owner_code: str, warehouse_code: str, face: str, now: datetime
) -> str:
    """Send goods out under a sales order number nobody instructed; returns the out_biz_code."""
    out_biz_code = erp.next_number(owner_code, order_no, "OUT")
    erp.book(
        Actual(
            interface="ship_result",
            owner_code=owner_code,
            order_no=order_no,
            order_type="SALE",
            warehouse_code=warehouse_code,
            wms_order_no="",
            out_biz_code=out_biz_code,
            status="DELIVERED",
            is_final=True,
            booked_at=now,
            head={"logistics_code": "SF", "express_no": erp.waybill("SF", owner_code, out_biz_code)},
            face=face,
            lines=(line,),
        )
    )
    return out_biz_code
