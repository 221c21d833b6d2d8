"""Our instructions and items as documents (kingdee.md §1.6, §1.8, §1.10, §1.12 and §1.14)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kingdee_adapter.mapper.codes import INVENTORY_TYPES, ORDER_TYPES
from lemai_chassis.reference import Reference
from lemai_contracts import event_types
from lemai_contracts.catalog import ItemChangedV1
from lemai_contracts.fulfilment import (
    AdjustmentInstructedV1,
    CustomerReturnInstructedV1,
    CustomerReturnLine,
    Goods,
    InboundInstructedV1,
    InboundLine,
    InstructedLine,
    OutboundInstructedV1,
    SupplierReturnInstructedV1,
    SupplierReturnLine,
)
from lemai_contracts.values import Consignee, Leg, Money, OrderKind
from lemai_docking.documents import Document, Row, Value
from lemai_docking.faults import DocumentRefused, Fault

CURRENCY = "CNY"
"""Of every amount: documents name no currency (§1.5)."""
CURRENCY_CODE = "PRE001"
"""K/3's preset for it."""
Instruction = (
    OutboundInstructedV1
    | SupplierReturnInstructedV1
    | InboundInstructedV1
    | CustomerReturnInstructedV1
    | AdjustmentInstructedV1
)
Person = Mapping[str, Any]
"""A revealed consignee: plain, or masked with the platform's token."""
Fields = Mapping[str, Value | None]
"""A row of a document before what is empty is left out."""


def payload_of(event: Instruction | ItemChangedV1) -> bytes:
    """What a document is made from: the type of its event, and on the next line the body."""
    return f"{event.type}\n{event.model_dump_json()}".encode()


def event_of(payload: bytes) -> Any:
    """The event of a payload."""
    kind, _, body = payload.partition(b"\n")
    return event_types()[kind.decode()].model_validate_json(body)


def interface_of(event: Instruction | ItemChangedV1) -> str:
    """The interface that carries an event: a loss leaves like a sale, a gain arrives like a purchase."""
    match event:
        case ItemChangedV1():
            return "item_master"
        case OutboundInstructedV1() | AdjustmentInstructedV1(leg=Leg.OUT):
            return "deliver_order"
        case SupplierReturnInstructedV1():
            return "supplier_return_order"
        case InboundInstructedV1() | AdjustmentInstructedV1():
            return "receipt_order"
        case CustomerReturnInstructedV1():
            return "sales_return_order"


def party_of(event: Instruction | ItemChangedV1) -> Consignee | None:
    """Who gets or sends the goods, still sealed; None where the document names nobody."""
    match event:
        case OutboundInstructedV1() | SupplierReturnInstructedV1():
            return event.consignee
        case InboundInstructedV1() | CustomerReturnInstructedV1():
            return event.sender
        case _:
            return None


def document_of(reference: Reference, event: Instruction | ItemChangedV1, party: Person) -> Document:
    """The document of an event, with its revealed party. Raises DocumentRefused for what Kingdee has no word for."""
    match event:
        case ItemChangedV1():
            head, lines = _item(event), None
        case OutboundInstructedV1():
            head, lines = _outbound(reference, event, party), map(_sold, event.lines)
        case SupplierReturnInstructedV1():
            head, lines = _supplier_return(reference, event, party), map(_sent_back, event.lines)
        case InboundInstructedV1():
            head, lines = _inbound(reference, event, party), map(_bought, event.lines)
        case CustomerReturnInstructedV1():
            head, lines = _customer_return(reference, event, party), map(_returned, event.lines)
        case AdjustmentInstructedV1():
            head, lines = _adjustment(event), map(_goods, event.lines)
    records = {} if lines is None else {"L": [_given(line) for line in lines]}
    return Document(interface_of(event), _given(head), records)


def _outbound(reference: Reference, event: OutboundInstructedV1, consignee: Person) -> Fields:
    return {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[event.kind],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "platform_code": _known(reference.document_codes, "platform_code", event.platform, "document_codes"),
        "platform_order_no": event.trade_no,
        "shop_code": event.store_code,
        "shop_name": _shop_name(reference, event.store_code),
        "original_order_no": event.original_order_no,
        "created_at": event.created_at,
        "placed_at": event.placed_at,
        "paid_at": event.paid_at,
        "pay_no": event.pay_no,
        "audited_at": event.approved_at,
        "auditor": event.approved_by,
        "buyer_nick": event.buyer_nick,
        "total_amount": _yuan("total_amount", event.total),
        "item_amount": _yuan("item_amount", event.goods),
        "discount_amount": _yuan("discount_amount", event.discount),
        "freight_amount": _yuan("freight_amount", event.freight),
        "received_amount": _yuan("received_amount", event.received),
        "latest_ship_at": event.ship_by,
        "is_urgent": _flag(event.urgent),
        "buyer_message": event.buyer_message,
        "seller_message": event.seller_message,
        "receiver_oaid": consignee.get("token"),
        **_carrier(reference, event.carrier_code),
        **_party("receiver", consignee),
    }


def _supplier_return(reference: Reference, event: SupplierReturnInstructedV1, receiver: Person) -> Fields:
    return {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[OrderKind.SUPPLIER_RETURN],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "purchase_order_no": event.purchase_order_no,
        "created_at": event.created_at,
        "schedule_date": event.ship_on,
        "return_reason": event.reason,
        "transport_mode": event.transport,
        "picker_name": receiver.get("picker_name"),
        "picker_mobile": receiver.get("picker_phone"),
        "picker_id_no": receiver.get("picker_id_no"),
        "picker_car_no": receiver.get("picker_car_no"),
        "remark": event.remark,
        **_supplier(reference, event.supplier_code),
        **_carrier(reference, event.carrier_code),
        **_party("receiver", receiver),
    }


def _inbound(reference: Reference, event: InboundInstructedV1, sender: Person) -> Fields:
    return {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[OrderKind.PURCHASE],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "purchase_order_no": event.order_no,
        "created_at": event.created_at,
        "expect_start_at": event.expected_from,
        "expect_end_at": event.expected_until,
        "currency": CURRENCY_CODE,
        "total_amount": _yuan("total_amount", event.total),
        "express_no": event.waybill_no,
        "operator": event.created_by,
        "remark": event.remark,
        **_supplier(reference, event.supplier_code),
        **_carrier(reference, event.carrier_code),
        **_party("sender", sender),
    }


def _customer_return(reference: Reference, event: CustomerReturnInstructedV1, sender: Person) -> Fields:
    return {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[event.kind],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "original_order_no": event.original_order_no,
        "platform_code": _known(reference.document_codes, "platform_code", event.platform, "document_codes"),
        "platform_order_no": event.trade_no,
        "refund_no": event.refund_no,
        "shop_name": _shop_name(reference, event.store_code),
        "buyer_nick": event.buyer_nick,
        "return_reason": event.reason,
        "created_at": event.created_at,
        "express_no": event.waybill_no,
        "remark": event.remark,
        **_carrier(reference, event.carrier_code),
        **_party("sender", sender),
    }


def _adjustment(event: AdjustmentInstructedV1) -> Fields:
    """Interface 1 has fields for the approval; interface 5 names its maker only."""
    approval: Fields = {"audited_at": event.approved_at, "auditor": event.approved_by}
    return {
        "order_no": event.order_no,
        "order_type": ORDER_TYPES[OrderKind.ADJUSTMENT],
        "warehouse_code": event.warehouse_code,
        "owner_code": event.owner_code,
        "created_at": event.created_at,
        "remark": event.reason,
        **(approval if event.leg is Leg.OUT else {"operator": event.approved_by}),
    }


def _item(event: ItemChangedV1) -> Fields:
    """Kingdee keeps what is new and replaces what it knows."""
    return {
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
        "tag_price": _yuan("tag_price", event.tag_price),
        "retail_price": _yuan("retail_price", event.retail_price),
        "purchase_price": _yuan("purchase_price", event.purchase_price),
        "gross_weight": event.gross_weight,
        "is_sn_mgmt": "N",
        "is_batch_mgmt": "N",
        "is_shelf_life_mgmt": "N",
        "is_valid": _flag(event.valid),
        "updated_at": event.changed_at,
        "remark": event.remark,
    }


def _goods(line: Goods) -> Fields:
    return {
        "line_no": line.line_no,
        "item_code": line.item_code,
        "item_name": line.item_name,
        "plan_qty": line.quantity,
        "unit": line.unit,
        "inventory_type": INVENTORY_TYPES[line.grade],
    }


def _sold(line: InstructedLine) -> Fields:
    return {
        **_goods(line),
        "actual_price": line.unit_price,
        "line_amount": _yuan("line_amount", line.amount),
        "is_gift": _flag(line.gift),
        "platform_sub_order_no": line.platform_line_no,
    }


def _sent_back(line: SupplierReturnLine) -> Fields:
    return {
        **_goods(line),
        "purchase_price": line.unit_price,
        "tax_rate": line.tax_percent,
        "line_remark": line.remark,
    }


def _bought(line: InboundLine) -> Fields:
    return {
        **_goods(line),
        "purchase_price": line.unit_price,
        "tax_rate": line.tax_percent,
        "is_gift": _flag(line.gift),
        "over_rate": line.over_percent,
        "sku_property": line.specification,
    }


def _returned(line: CustomerReturnLine) -> Fields:
    return {
        **_goods(line),
        "original_line_no": line.original_line_no,
        "platform_sub_order_no": line.platform_line_no,
        "refund_amount": _yuan("refund_amount", line.refund),
        "line_reason": line.reason,
    }


def _party(role: str, person: Person) -> Fields:
    """Who gets (`receiver`) or sends (`sender`) the goods."""
    names = {
        "name": "name",
        "company": "company",
        "mobile": "phone",
        "tel": "tel",
        "zip": "postcode",
        "province": "province",
        "city": "city",
        "area": "district",
        "town": "town",
        "address": "address",
    }
    return {f"{role}_{field}": person.get(name) for field, name in names.items()}


def _carrier(reference: Reference, code: str) -> Fields:
    names = {carrier.code: carrier.name for carrier in reference.carriers}
    return {"logistics_code": code, "logistics_name": names.get(code)}


def _supplier(reference: Reference, code: str) -> Fields:
    names = {supplier.code: supplier.name for supplier in reference.suppliers}
    return {"supplier_code": code, "supplier_name": _known(names, "supplier_code", code, "suppliers")}


def _shop_name(reference: Reference, store_code: str) -> str:
    stores = {store.code: store.name or store.code for store in reference.stores}
    return _known(stores, "shop_name", store_code, "stores")


def _given(row: Fields) -> Row:
    """Absent and empty are the same to a document."""
    return {name: value for name, value in row.items() if value is not None and value != ""}


def _known(names: Mapping[str, str], field: str, code: str, key: str) -> str:
    """What the reference data calls a code; `key` says where it would have to stand. Raises DocumentRefused."""
    if code not in names:
        raise DocumentRefused([Fault("E_FIELD", 0, field, code, f"lemai.yaml {key}")])
    return names[code]


def _yuan(field: str, money: Money | None) -> Decimal | None:
    """Raises DocumentRefused for another currency."""
    if money is None:
        return None
    if money.currency != CURRENCY:
        raise DocumentRefused([Fault("E_FIELD", 0, field, f"{money.amount} {money.currency}", CURRENCY)])
    return money.amount


def _flag(is_so: bool) -> str:
    return "Y" if is_so else "N"
