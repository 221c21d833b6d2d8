"""Our events as documents, and documents as our events. Pure; Kingdee's words stay in here (kingdee.md §1)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from lemai_chassis.reference import Reference
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import (
    ActualReportedV1,
    DocumentPlace,
    InstructedLine,
    OutboundInstructedV1,
    ReportedContent,
    ReportedLine,
    ReportedParcel,
)
from lemai_contracts.stock import SnapshotLine, SnapshotReportedV1, SnapshotScope
from lemai_contracts.values import Grade, Leg, Money, OrderKind
from lemai_docking.documents import Document, Row, Value

OUTBOUND_INSTRUCTION = "deliver_order"
ITEM_MASTER = "item_master"
STOCK_BALANCE = "inventory_balance"
SNAPSHOT_LINES = 2000
"""Lines in one chunk of a snapshot."""

KINDS = {
    "SALE": OrderKind.SALES,
    "PURCHASE": OrderKind.PURCHASE,
    "RETURN": OrderKind.RETURN,
    "EXCHANGE": OrderKind.EXCHANGE,
    "RESEND": OrderKind.RESEND,
    "SUPPLIER_RETURN": OrderKind.SUPPLIER_RETURN,
    "ADJUST": OrderKind.ADJUSTMENT,
}
ORDER_TYPES = {kind: order_type for order_type, kind in KINDS.items()}
LEGS = {
    "ship_result": Leg.OUT,
    "supplier_return_result": Leg.OUT,
    "receipt_result": Leg.IN,
    "sales_return_result": Leg.IN,
}
GRADES = {"ZP": Grade.GOOD, "CC": Grade.DEFECTIVE, "JS": Grade.DEFECTIVE, "XS": Grade.DEFECTIVE, "DJ": Grade.DEFECTIVE}
"""Every inventory type on a shelf; what is no good stock is never counted as such. ZT has not arrived."""
INVENTORY_TYPES = {Grade.GOOD: "ZP", Grade.DEFECTIVE: "CC"}
FINAL = 0
STATUS_ONLY = frozenset({"NEW", "ACCEPT", "EXCEPTION"})


def outbound_document(reference: Reference, event: OutboundInstructedV1, consignee: Mapping[str, Any]) -> Document:
    """Interface 1, 出库指示. `consignee` is the revealed one: plain, or masked with the platform's token."""
    carriers = {carrier.code: carrier.name for carrier in reference.carriers}
    head = {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[event.kind],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "platform_code": reference.document_codes[event.platform],
        "platform_order_no": event.trade_no,
        "shop_code": event.store_code,
        "shop_name": reference.store(event.store_code).name,
        "created_at": event.created_at,
        "placed_at": event.placed_at,
        "paid_at": event.paid_at,
        "pay_no": event.pay_no,
        "audited_at": event.approved_at,
        "auditor": event.approved_by,
        "buyer_nick": event.buyer_nick,
        "total_amount": event.total.amount,
        "item_amount": event.goods.amount,
        "discount_amount": event.discount.amount,
        "freight_amount": event.freight.amount,
        "received_amount": event.received.amount,
        "logistics_code": event.carrier_code,
        "logistics_name": carriers.get(event.carrier_code),
        "latest_ship_at": event.ship_by,
        "is_urgent": "Y" if event.urgent else "N",
        "buyer_message": event.buyer_message,
        "seller_message": event.seller_message,
        "line_count": len(event.lines),
        **_receiver(consignee),
    }
    return Document(OUTBOUND_INSTRUCTION, _given(head), {"L": [_instructed(line) for line in event.lines]})


def item_document(event: ItemChangedV1) -> Document:
    """Interface 9, 商品主档."""
    head = {
        "action_type": "UPDATE" if event.valid else "DISABLE",
        "owner_code": event.owner_code,
        "warehouse_code": "OTHER",
        "item_code": event.item_code,
        "goods_code": event.goods_code,
        "item_name": event.item_name,
        "short_name": event.short_name,
        "bar_code": ";".join(event.barcodes),
        "sku_property": event.specification,
        "color": event.color,
        "size": event.size,
        "unit": event.unit,
        "category_code": event.category_code,
        "category_name": event.category_name,
        "brand_code": event.brand_code,
        "brand_name": event.brand_name,
        "item_type": event.item_type,
        "tag_price": _amount(event.tag_price),
        "retail_price": _amount(event.retail_price),
        "purchase_price": event.purchase_price,
        "gross_weight": event.gross_weight,
        "is_valid": "Y" if event.valid else "N",
        "updated_at": event.changed_at,
        "remark": event.remark,
    }
    return Document(ITEM_MASTER, _given(head))


def actual_event(document: Document, *, counterpart_code: str, family: str, file_name: str) -> ActualReportedV1:
    """Interfaces 2, 4, 6 and 8. Which of two interfaces of one file name it is, the document has decided."""
    head = document.head
    leg = LEGS[document.interface]
    lines = tuple(_reported(row) for row in document.records.get("L", ()))
    status = str(head["status"])
    return ActualReportedV1(
        family=family,
        owner_code=str(head["owner_code"]),
        order_no=document.order_no,
        leg=leg,
        kind=KINDS[str(head["order_type"])],
        counterpart_code=counterpart_code,
        counterpart_order_no=str(head.get("wms_order_no", "")),
        actual_no=str(head["out_biz_code"]),
        status=status,
        final=head["confirm_type"] == FINAL and status not in STATUS_ONLY,
        occurred_at=_time(head["shipped_at" if leg is Leg.OUT else "received_at"]),
        warehouse_code=str(head["warehouse_code"]),
        operator=str(head.get("operator", "")),
        remark=str(head.get("remark", "")),
        lines=() if status in STATUS_ONLY else lines,
        parcels=tuple(_parcels(document)),
        document=DocumentPlace(file_name=file_name, line=document.line_no),
    )


def snapshot_events(pages: Iterable[Document], *, counterpart_code: str) -> Iterator[SnapshotReportedV1]:
    """Interface 10, 库存实绩: all pages of one snapshot as chunks, balances of one item and grade added up."""
    heads: list[Row] = []
    balances: dict[str, dict[tuple[str, Grade], Counter[str]]] = {}
    for page in pages:
        heads.append(page.head)
        for row in page.records.get("B", ()):
            if grade := GRADES.get(str(row["inventory_type"])):
                of_owner = balances.setdefault(str(row["owner_code"]), {})
                balance = of_owner.setdefault((str(row["item_code"]), grade), Counter())
                balance.update(
                    free=_pieces(row["qty"]), locked=_pieces(row["lock_qty"]), total=_pieces(row["total_qty"])
                )
    head = heads[0]
    for owner_code, of_owner in sorted(balances.items()):
        lines = [SnapshotLine(item_code=item, grade=grade, **balance) for (item, grade), balance in of_owner.items()]
        chunks = [lines[start : start + SNAPSHOT_LINES] for start in range(0, len(lines), SNAPSHOT_LINES)]
        for number, chunk in enumerate(chunks, 1):
            yield SnapshotReportedV1(
                owner_code=owner_code,
                warehouse_code=str(head["warehouse_code"]),
                counterpart_code=counterpart_code,
                snapshot_id=str(head["snapshot_id"]),
                snapshot_at=_time(head["snapshot_at"]),
                scope=SnapshotScope.FULL if head["scope"] == "FULL" else SnapshotScope.PARTIAL,
                chunk=number,
                chunks=len(chunks),
                lines=tuple(chunk),
            )


def _receiver(consignee: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "receiver_name": consignee["name"],
        "receiver_mobile": consignee["phone"],
        "receiver_zip": consignee.get("postcode"),
        "receiver_province": consignee["province"],
        "receiver_city": consignee["city"],
        "receiver_area": consignee.get("district"),
        "receiver_town": consignee.get("town"),
        "receiver_address": consignee["address"],
        "receiver_oaid": consignee.get("token"),
    }


def _instructed(line: InstructedLine) -> Row:
    row: dict[str, Value] = {
        "line_no": line.line_no,
        "item_code": line.item_code,
        "item_name": line.item_name,
        "plan_qty": line.quantity,
        "unit": line.unit,
        "inventory_type": INVENTORY_TYPES[line.grade],
        "actual_price": line.unit_price,
        "line_amount": line.amount.amount,
        "is_gift": "Y" if line.gift else "N",
        "platform_sub_order_no": line.platform_line_no,
    }
    return _given(row)


def _reported(row: Row) -> ReportedLine:
    return ReportedLine(
        line_no=_pieces(row["line_no"]),
        item_code=str(row["item_code"]),
        quantity=_pieces(row["actual_qty"]),
        grade=GRADES.get(str(row.get("inventory_type", "ZP")), Grade.DEFECTIVE),
        remark=str(row.get("line_remark") or row.get("defect_reason") or ""),
    )


def _parcels(document: Document) -> Iterator[ReportedParcel]:
    """The parcels of the document, or the one its head names."""
    packages = document.records.get("P", ())
    for package in packages:
        contents = (row for row in document.records.get("Q", ()) if row["package_no"] == package["package_no"])
        yield ReportedParcel(
            parcel_no=str(package["package_no"]),
            carrier_code=str(package["logistics_code"]),
            waybill_no=str(package["express_no"]),
            contents=tuple(
                ReportedContent(
                    line_no=_pieces(row["line_no"]), item_code=str(row["item_code"]), quantity=_pieces(row["qty"])
                )
                for row in contents
            ),
        )
    head = document.head
    if not packages and head.get("logistics_code") and head.get("express_no"):
        yield ReportedParcel(
            parcel_no="1", carrier_code=str(head["logistics_code"]), waybill_no=str(head["express_no"])
        )


def _given(row: Mapping[str, Value | None]) -> Row:
    """Absent and empty are the same to a document."""
    return {name: value for name, value in row.items() if value is not None and value != ""}


def _amount(money: Money | None) -> Decimal | None:
    return money.amount if money else None


def _pieces(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _time(value: Value) -> datetime:
    assert isinstance(value, datetime)
    return value
