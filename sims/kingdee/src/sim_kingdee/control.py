"""Control of the simulator over HTTP: stock, scripts, snapshots, receipts, misbehaviour."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException
from pydantic import Field

from sim_kingdee.actuals import ActualLine
from sim_kingdee.by_hand import Goods, receive, ship_unasked
from sim_kingdee.checks import LINES_MAX
from sim_kingdee.damage import Damage
from sim_kingdee.dependencies import Exchanges, Now, TheErp, TheExchanges
from sim_kingdee.domain import Behaviour
from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Exchange
from sim_kingdee.misdeeds import Body, Code, Face, Misdeed, Planned
from sim_kingdee.storage import StockKey

router = APIRouter(prefix="/sim")

InventoryType = Literal["ZP", "CC", "JS", "XS", "ZT", "DJ"]


class Balance(Body):
    """Pieces on the shelf."""

    warehouse_code: Code
    owner_code: Code
    item_code: Code
    inventory_type: InventoryType = "ZP"
    on_hand: int = Field(ge=0)


class StockBody(Body):
    """Balances to set; others stay as they are."""

    stock: list[Balance] = Field(min_length=1)


class ScriptsBody(Body):
    """Behaviours of instructions that arrive from now on; the most particular one wins."""

    default: Behaviour | None = None
    order_no: dict[Code, Behaviour] = Field(default_factory=dict)
    platform_order_no: dict[str, Behaviour] = Field(default_factory=dict)
    item_code: dict[Code, Behaviour] = Field(default_factory=dict)


class SnapshotBody(Body):
    """A FULL snapshot of one owner's stock in one warehouse."""

    warehouse_code: Code
    owner_code: Code
    page_lines: int = Field(default=LINES_MAX, gt=0, le=LINES_MAX)
    face: Face | None = None


class ReceivedLine(Body):
    """Pieces of one item and grade; `remark` becomes line_remark or defect_reason."""

    item_code: Code
    qty: int = Field(ge=0)
    inventory_type: InventoryType = "ZP"
    batch_code: str = Field(default="", max_length=50)
    remark: str = Field(default="", max_length=200)


class ReceiptBody(Body):
    """Goods that arrived under an order number that ends in -c, -v, -t or -h."""

    order_no: Annotated[str, Field(max_length=50, pattern="^[0-9A-Za-z]([0-9A-Za-z_-]*[0-9A-Za-z])?-[cvth]$")]
    warehouse_code: Code
    owner_code: Code
    lines: list[ReceivedLine] = Field(min_length=1)
    is_final: bool = True
    logistics_code: str = Field(default="", max_length=50)
    express_no: str = Field(default="", max_length=50)
    face: Face | None = None


class DamageBody(Misdeed):
    """Spoil the next files of actuals."""

    kind: Literal[
        Damage.BAD_LINE,
        Damage.WRONG_TOTAL,
        Damage.WRONG_HASH,
        Damage.HALF_FILE,
        Damage.HALF_TEMPORARY,
        Damage.CRASH_MID_FILE,
    ]


class RepeatBody(Misdeed):
    """Drop a file, or make a call, again."""

    kind: Literal["duplicate", "changed"]
    file_name: str


class UnknownOrderBody(Misdeed):
    """Ship something nobody asked for; a number that is told more than once gets a suffix `_2`, `_3`, …"""

    kind: Literal["unknown_order"]
    order_no: Code
    warehouse_code: Code
    owner_code: Code
    item_code: Code
    qty: int = Field(default=1, gt=0)


Misbehaviour = Annotated[DamageBody | RepeatBody | UnknownOrderBody | Planned, Field(discriminator="kind")]


def _exchange(exchanges: Exchanges, face: Face | None) -> Exchange:
    """The exchange of a face, or the first one when none is named."""
    if not exchanges or (face and face not in exchanges):
        raise HTTPException(404, f"没有配置 {face or '文件或调用'} / no such exchange here")
    return exchanges[face] if face else next(iter(exchanges.values()))


@router.post("/stock")
async def set_stock(body: StockBody, erp: TheErp) -> dict[str, int]:
    """Set balances; a warehouse named here is known from now on."""
    rows: dict[StockKey, int] = {
        (b.warehouse_code, b.owner_code, b.item_code, b.inventory_type): b.on_hand for b in body.stock
    }
    with erp.store.transaction():
        erp.store.add_warehouses({balance.warehouse_code for balance in body.stock})
        erp.store.set_stock(rows)
    return {"rows": len(rows)}


@router.post("/scripts")
async def set_scripts(body: ScriptsBody, erp: TheErp) -> dict[str, int]:
    """Set behaviours; earlier ones stay unless set again."""
    scripts = {
        "default": {"": body.default} if body.default else {},
        "order_no": body.order_no,
        "platform_order_no": body.platform_order_no,
        "item_code": body.item_code,
    }
    with erp.store.transaction():
        for scope, behaviours in scripts.items():
            erp.store.save_scripts(scope, behaviours)
    return {"scripts": sum(map(len, scripts.values()))}


@router.post("/snapshot")
async def snapshot(body: SnapshotBody, exchanges: TheExchanges, now: Now) -> dict[str, list[str]]:
    """Send a FULL snapshot now."""
    exchange = _exchange(exchanges, body.face)
    written = exchange.write_snapshot(body.warehouse_code, body.owner_code, body.page_lines, now)
    return {"files": [file.name for file in written]}


@router.post("/receipts")
async def receipt(body: ReceiptBody, exchanges: TheExchanges, erp: TheErp, now: Now) -> dict[str, str]:
    """Book goods in; the actual goes out with the next file, by default where the order came by."""
    known = erp.store.instruction(body.owner_code, body.order_no, "IN")
    goods = Goods(
        owner_code=body.owner_code,
        order_no=body.order_no,
        warehouse_code=body.warehouse_code,
        lines=[
            ActualLine(0, line.item_code, line.inventory_type, line.qty, None, line.batch_code, line.remark)
            for line in body.lines
        ],
        is_final=body.is_final,
        head={"logistics_code": body.logistics_code, "express_no": body.express_no},
        face=known.face if known and not body.face else _exchange(exchanges, body.face).face,
    )
    with erp.store.transaction():
        return {"out_biz_code": receive(erp, goods, now)}


@router.post("/misbehave")
async def misbehave(body: Misbehaviour, exchanges: TheExchanges, erp: TheErp, now: Now) -> dict[str, str]:
    """Do something wrong: now, or when its time comes."""
    match body:
        case DamageBody():
            _exchange(exchanges, body.face).damages.extend([body.kind] * body.count)
        case RepeatBody():
            for _ in range(body.count):
                _repeat(_exchange(exchanges, body.face), body, now)
        case UnknownOrderBody():
            _ship_unasked(erp, _exchange(exchanges, body.face).face, body, now)
        case _:
            if body.face and body.face != "webapi":
                _exchange(exchanges, body.face)
            erp.misdeeds.plan(body)
    return {"kind": body.kind}


def _ship_unasked(erp: Erp, face: str, body: UnknownOrderBody, now: datetime) -> None:
    with erp.store.transaction():
        for number in range(1, body.count + 1):
            ship_unasked(
                erp,
                ActualLine(1, body.item_code, "ZP", body.qty),
                order_no=body.order_no if number == 1 else f"{body.order_no}_{number}",
                owner_code=body.owner_code,
                warehouse_code=body.warehouse_code,
                face=face,
                now=now,
            )


def _repeat(exchange: Exchange, body: RepeatBody, now: datetime) -> None:
    try:
        exchange.repeat_file(body.file_name, now, changed=body.kind == "changed")
    except KeyError as error:
        raise HTTPException(404, f"没有发过文件 {body.file_name} / no such file for Lemai") from error
    except FileExistsError as error:
        raise HTTPException(409, f"{body.file_name} 还在 inbox / still in the inbox") from error
