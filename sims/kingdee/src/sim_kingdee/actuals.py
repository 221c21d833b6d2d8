"""Actuals as documents of interfaces 2, 4, 6 and 8, with the columns of the agreed samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sim_kingdee import wire_time
from sim_kingdee.carriers import carrier_name
from sim_kingdee.message import Document, Record

_HEAD_FIELDS = {
    "ship_result": ("logistics_code", "express_no", "package_count"),
    "supplier_return_result": ("supplier_code", "logistics_code", "express_no"),
    "receipt_result": ("purchase_order_no",),
    "sales_return_result": ("logistics_code", "express_no"),
}
_REMARKS = {"REJECT": "仓库拒绝执行", "CLOSED": "没有可发或可收的商品"}


@dataclass(frozen=True, slots=True)
class ActualLine:
    """Pieces of one line and one inventory type; `plan_qty` is None when nothing was asked for."""

    line_no: int
    item_code: str
    inventory_type: str
    quantity: int
    plan_qty: int | None = None
    batch_code: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Actual:
    """One confirmation. `head` gives the values echoed from the instruction or printed on the parcel."""

    interface: str
    owner_code: str
    order_no: str
    order_type: str
    warehouse_code: str
    wms_order_no: str
    out_biz_code: str
    status: str
    is_final: bool
    booked_at: datetime
    head: Mapping[str, str]
    face: str
    lines: tuple[ActualLine, ...]

    @property
    def is_outbound(self) -> bool:
        """Whether goods leave."""
        return self.interface in ("ship_result", "supplier_return_result")

    @property
    def has_parcel(self) -> bool:
        """Whether a parcel leaves for a customer."""
        is_posted = self.interface == "ship_result" and self.order_type != "ADJUST"
        return is_posted and any(line.quantity for line in self.lines)


def to_document(actual: Actual) -> Document:
    """The document that reports an actual."""
    echoed = {**actual.head, "package_count": str(int(actual.has_parcel))}
    head = {
        "order_no": actual.order_no,
        "wms_order_no": actual.wms_order_no,
        "order_type": actual.order_type,
        "warehouse_code": actual.warehouse_code,
        "owner_code": actual.owner_code,
        "out_biz_code": actual.out_biz_code,
        "confirm_type": "0" if actual.is_final else "1",
        "status": actual.status,
        "shipped_at" if actual.is_outbound else "received_at": wire_time.wall_clock(actual.booked_at),
        **{name: echoed.get(name, "") for name in _HEAD_FIELDS[actual.interface]},
        "line_count": str(len(actual.lines)),
    }
    if actual.status in _REMARKS:
        head["remark"] = _REMARKS[actual.status]
    records = [Record("L", _line_values(actual, line)) for line in actual.lines]
    if actual.has_parcel:
        records += _parcel(actual)
    return Document(Record("O", head), records)


def _line_values(actual: Actual, line: ActualLine) -> dict[str, str]:
    values = {
        "line_no": str(line.line_no),
        "item_code": line.item_code,
        "plan_qty": "" if line.plan_qty is None else str(line.plan_qty),
        "actual_qty": str(line.quantity),
        "inventory_type": line.inventory_type,
    }
    if actual.interface == "receipt_result":
        batch_code = line.batch_code or f"B{wire_time.stamp(actual.booked_at)[:8]}"
        return values | {"batch_code": batch_code, "line_remark": line.remark}
    if actual.interface == "sales_return_result":
        defect_reason = line.remark or ("" if line.inventory_type == "ZP" else "残次")
        return values | {"defect_reason": defect_reason}
    return values | ({"batch_code": line.batch_code} if line.batch_code else {})


def _parcel(actual: Actual) -> list[Record]:
    carrier = actual.head["logistics_code"]
    package = {
        "package_no": "1",
        "logistics_code": carrier,
        "logistics_name": carrier_name(carrier),
        "express_no": actual.head["express_no"],
    }
    contents = [
        {"package_no": "1", "line_no": str(line.line_no), "item_code": line.item_code, "qty": str(line.quantity)}
        for line in actual.lines
        if line.quantity
    ]
    return [Record("P", package), *(Record("Q", values) for values in contents)]
