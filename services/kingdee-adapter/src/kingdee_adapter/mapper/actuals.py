"""Actuals and stock snapshots as our events (kingdee.md §1.7, §1.9, §1.11, §1.13 and §1.15)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from kingdee_adapter.mapper.codes import GRADES, KINDS
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    DocumentPlace,
    ReportedContent,
    ReportedLine,
    ReportedParcel,
)
from lemai_contracts.stock import SnapshotLine, SnapshotReportedV1, SnapshotScope
from lemai_contracts.values import Grade, Leg
from lemai_docking.documents import Document, Row, Value

SNAPSHOT_LINES = 1000
"""Lines in one chunk of a snapshot; with the longest codes it is half of what Kafka takes."""

LEGS = {
    "ship_result": Leg.OUT,
    "supplier_return_result": Leg.OUT,
    "receipt_result": Leg.IN,
    "sales_return_result": Leg.IN,
}
FINAL = 0
STATUS_ONLY = frozenset({"NEW", "ACCEPT", "EXCEPTION", "CANCELEDFAIL"})
"""Statuses that end nothing, whatever `confirm_type` says."""


def actual_event(document: Document, *, counterpart_code: str, family: str, file_name: str) -> ActualReportedV1:
    """Interfaces 2, 4, 6 and 8. Which of two interfaces of one file name it is, the document has decided."""
    head = document.head
    leg = LEGS[document.interface]
    status = _text(head, "status")
    lines = map(_reported, document.records.get("L", ()))
    return ActualReportedV1(
        family=family,
        owner_code=document.owner_code,
        order_no=document.order_no,
        leg=leg,
        kind=KINDS[_text(head, "order_type")],
        counterpart_code=counterpart_code,
        counterpart_order_no=_text(head, "wms_order_no"),
        actual_no=_text(head, "out_biz_code"),
        status=status,
        final=head["confirm_type"] == FINAL and status not in STATUS_ONLY,
        occurred_at=_time(head["shipped_at" if leg is Leg.OUT else "received_at"]),
        warehouse_code=_text(head, "warehouse_code"),
        operator=_text(head, "operator"),
        remark=_joined(head, "remark", "return_reason"),
        lines=tuple(line for line in lines if line.quantity or status not in STATUS_ONLY),
        parcels=tuple(_parcels(document)),
        document=DocumentPlace(file_name=file_name, line=document.line_no),
    )


class Balance(NamedTuple):
    """Pieces of one row of interface 10, 库存实绩. `grade` is empty for pieces that are on no shelf."""

    owner_code: str
    item_code: str
    grade: str
    free: int
    locked: int
    total: int


@dataclass(frozen=True, slots=True)
class Balances:
    """An owner's balances in a snapshot, every item and grade once: chunk number `chunk` of `chunks`."""

    owner_code: str
    chunk: int
    chunks: int
    lines: Sequence[Balance]


def balance(row: Row) -> Balance:
    """One row of a snapshot."""
    return Balance(
        owner_code=_text(row, "owner_code"),
        item_code=_text(row, "item_code"),
        grade=GRADES.get(_text(row, "inventory_type"), ""),
        free=_pieces(row["qty"]),
        locked=_pieces(row["lock_qty"]),
        total=_pieces(row["total_qty"]),
    )


def snapshot_event(head: Row, balances: Balances, *, counterpart_code: str) -> SnapshotReportedV1:
    """One chunk of interface 10, once every page of the snapshot is there."""
    return SnapshotReportedV1(
        owner_code=balances.owner_code,
        warehouse_code=_text(head, "warehouse_code"),
        counterpart_code=counterpart_code,
        snapshot_id=_text(head, "snapshot_id"),
        snapshot_at=_time(head["snapshot_at"]),
        scope=SnapshotScope(_text(head, "scope").lower()),
        chunk=balances.chunk,
        chunks=balances.chunks,
        lines=tuple(
            SnapshotLine(
                item_code=line.item_code, grade=Grade(line.grade), free=line.free, locked=line.locked, total=line.total
            )
            for line in balances.lines
        ),
    )


def _reported(row: Row) -> ReportedLine:
    return ReportedLine(
        line_no=_pieces(row["line_no"]),
        item_code=_text(row, "item_code"),
        quantity=_pieces(row["actual_qty"]),
        grade=GRADES.get(_text(row, "inventory_type", "ZP"), Grade.DEFECTIVE),
        remark=_joined(row, "defect_reason", "line_remark"),
    )


def _parcels(document: Document) -> Iterator[ReportedParcel]:
    """The parcels of the document, or the one its head names."""
    packages = document.records.get("P", ())
    for package in packages:
        yield ReportedParcel(
            parcel_no=_text(package, "package_no"),
            carrier_code=_text(package, "logistics_code"),
            waybill_no=_text(package, "express_no"),
            contents=tuple(
                ReportedContent(
                    line_no=_pieces(row["line_no"]), item_code=_text(row, "item_code"), quantity=_pieces(row["qty"])
                )
                for row in document.records.get("Q", ())
                if row["package_no"] == package["package_no"]
            ),
        )
    carrier_code, waybill_no = _text(document.head, "logistics_code"), _text(document.head, "express_no")
    if carrier_code and waybill_no and not packages:
        yield ReportedParcel(parcel_no="1", carrier_code=carrier_code, waybill_no=waybill_no)


def _text(row: Row, field: str, absent: str = "") -> str:
    return str(row.get(field, absent))


def _joined(row: Row, *fields: str) -> str:
    return "；".join(text for field in fields if (text := _text(row, field)))


def _pieces(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _time(value: Value) -> datetime:
    assert isinstance(value, datetime)
    return value
