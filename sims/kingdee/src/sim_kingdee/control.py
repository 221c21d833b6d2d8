"""Control of the simulator over HTTP: stock, scripts, snapshots, receipts, misbehaviour."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sim_kingdee.actuals import ActualLine
from sim_kingdee.by_hand import Goods, receive, ship_unasked
from sim_kingdee.checks import LINES_MAX
from sim_kingdee.damage import Damage
from sim_kingdee.dependencies import Now, TheFolder
from sim_kingdee.domain import Behaviour
from sim_kingdee.folder import Folder
from sim_kingdee.storage import StockKey

router = APIRouter(prefix="/sim")

InventoryType = Literal["ZP", "CC", "JS", "XS", "ZT", "DJ"]
Code = Annotated[str, Field(min_length=1, max_length=50)]


class Body(BaseModel):
    """A request body; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    order_no: dict[Code, Behaviour] = {}
    platform_order_no: dict[str, Behaviour] = {}
    item_code: dict[Code, Behaviour] = {}


class SnapshotBody(Body):
    """A FULL snapshot of one owner's stock in one warehouse."""

    warehouse_code: Code
    owner_code: Code
    page_lines: int = Field(default=LINES_MAX, gt=0, le=LINES_MAX)


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


class DamageBody(Body):
    """Spoil the next file of actuals."""

    kind: Literal[Damage.BAD_LINE, Damage.WRONG_TOTAL, Damage.WRONG_HASH, Damage.HALF_FILE, Damage.HALF_TEMPORARY]


class RepeatBody(Body):
    """Drop a file again."""

    kind: Literal["duplicate", "changed"]
    file_name: str


class UnknownOrderBody(Body):
    """Ship something nobody asked for."""

    kind: Literal["unknown_order"]
    order_no: Code
    warehouse_code: Code
    owner_code: Code
    item_code: Code
    qty: int = Field(default=1, gt=0)


Misbehaviour = Annotated[DamageBody | RepeatBody | UnknownOrderBody, Field(discriminator="kind")]


@router.post("/stock")
async def set_stock(body: StockBody, folder: TheFolder) -> dict[str, int]:
    """Set balances; a warehouse named here is known from now on."""
    rows: dict[StockKey, int] = {
        (b.warehouse_code, b.owner_code, b.item_code, b.inventory_type): b.on_hand for b in body.stock
    }
    with folder.store.transaction():
        folder.store.add_warehouses({balance.warehouse_code for balance in body.stock})
        folder.store.set_stock(rows)
    return {"rows": len(rows)}


@router.post("/scripts")
async def set_scripts(body: ScriptsBody, folder: TheFolder) -> dict[str, int]:
    """Set behaviours; earlier ones stay unless set again."""
    scripts = {
        "default": {"": body.default} if body.default else {},
        "order_no": body.order_no,
        "platform_order_no": body.platform_order_no,
        "item_code": body.item_code,
    }
    with folder.store.transaction():
        for scope, behaviours in scripts.items():
            folder.store.save_scripts(scope, behaviours)
    return {"scripts": sum(map(len, scripts.values()))}


@router.post("/snapshot")
async def snapshot(body: SnapshotBody, folder: TheFolder, now: Now) -> dict[str, list[str]]:
    """Drop a FULL snapshot now."""
    written = folder.write_snapshot(body.warehouse_code, body.owner_code, body.page_lines, now)
    return {"files": [file.name for file in written]}


@router.post("/receipts")
async def receipt(body: ReceiptBody, folder: TheFolder, now: Now) -> dict[str, str]:
    """Book goods in; the actual goes out with the next file."""
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
    )
    with folder.store.transaction():
        return {"out_biz_code": receive(folder.erp, goods, now)}


@router.post("/misbehave")
async def misbehave(body: Misbehaviour, folder: TheFolder, now: Now) -> dict[str, str]:
    """Do something wrong: now, or with the next file of actuals when `kind` is a damage."""
    match body:
        case DamageBody():
            folder.damages.append(body.kind)
        case RepeatBody():
            _repeat(folder, body, now)
        case UnknownOrderBody():
            line = ActualLine(1, body.item_code, "ZP", body.qty)
            with folder.store.transaction():
                ship_unasked(
                    folder.erp,
                    line,
                    order_no=body.order_no,
                    owner_code=body.owner_code,
                    warehouse_code=body.warehouse_code,
                    now=now,
                )
    return {"kind": body.kind}


def _repeat(folder: Folder, body: RepeatBody, now: datetime) -> None:
    try:
        folder.repeat_file(body.file_name, now, changed=body.kind == "changed")
    except KeyError as error:
        raise HTTPException(404, f"没有发过文件 {body.file_name} / no such file for Lemai") from error
    except FileExistsError as error:
        raise HTTPException(409, f"{body.file_name} 还在 inbox / still in the inbox") from error
