"""What counterparts are asked to do, what they report done, and the documents that carry both."""

from datetime import date
from enum import StrEnum

from lemai_contracts import topics
from lemai_contracts.event import Event
from lemai_contracts.values import (
    Consignee,
    DecimalText,
    Grade,
    Instant,
    Leg,
    Money,
    OrderKind,
    Quantity,
    Value,
)


class Goods(Value):
    """Pieces of one item on one line of an instruction."""

    line_no: int
    item_code: str
    item_name: str
    quantity: Quantity
    unit: str = "Pcs"
    grade: Grade = Grade.GOOD


class InstructedLine(Goods):
    """One line to ship. `unit_price` has at most 6 places and is for display; `amount` is what counts."""

    unit_price: DecimalText
    amount: Money
    gift: bool = False
    platform_line_no: str = ""


class OutboundInstructedV1(
    Event,
    type="lemai.fulfilment.outbound_instructed.v1",
    topic=topics.FULFILMENT_INSTRUCTION,
    subject="{owner_code}/{order_no}/OUT/{revision}",
    key="{family}",
):
    """Interface 1, 出库指示: ship this to the consignee. It was approved; nobody audits it again."""

    family: str
    owner_code: str
    order_no: str
    revision: int
    kind: OrderKind
    original_order_no: str = ""
    """The order that an exchange or a resend is about."""
    counterpart_code: str
    warehouse_code: str
    store_code: str
    platform: str
    trade_no: str
    created_at: Instant
    placed_at: Instant
    paid_at: Instant | None = None
    pay_no: str = ""
    approved_at: Instant
    approved_by: str
    ship_by: Instant | None = None
    urgent: bool = False
    carrier_code: str
    goods: Money
    discount: Money
    freight: Money
    total: Money
    received: Money
    buyer_nick: str = ""
    buyer_message: str = ""
    seller_message: str = ""
    lines: tuple[InstructedLine, ...]
    consignee: Consignee


class SupplierReturnLine(Goods):
    """One line to send back. `unit_price` is tax included, with at most 6 places; `tax_percent` 13 is 13 %."""

    unit_price: DecimalText | None = None
    tax_percent: DecimalText | None = None
    remark: str = ""


class SupplierReturnInstructedV1(
    Event,
    type="lemai.fulfilment.supplier_return_instructed.v1",
    topic=topics.FULFILMENT_INSTRUCTION,
    subject="{owner_code}/{order_no}/OUT/{revision}",
    key="{family}",
):
    """Interface 3, 返厂指示: send this back to the supplier."""

    family: str
    owner_code: str
    order_no: str
    revision: int
    counterpart_code: str
    warehouse_code: str
    supplier_code: str
    purchase_order_no: str = ""
    """The purchase order the goods came with."""
    created_at: Instant
    ship_on: date | None = None
    """The day they are to leave, in China."""
    reason: str = ""
    transport: str = ""
    """`EXPRESS`, `TRUNK` or `SELF_PICKUP`."""
    carrier_code: str = ""
    remark: str = ""
    lines: tuple[SupplierReturnLine, ...]
    consignee: Consignee
    """Who receives them at the supplier. The sealed JSON names who picks them up, too: `picker_name`, `picker_phone`,
    `picker_id_no`, `picker_car_no`."""


class InboundLine(Goods):
    """One line to expect. `unit_price` is tax included, with at most 6 places; `tax_percent` 13 is 13 %."""

    specification: str = ""
    unit_price: DecimalText | None = None
    tax_percent: DecimalText | None = None
    gift: bool = False
    over_percent: DecimalText | None = None
    """How much more than `quantity` may be taken in."""


class InboundInstructedV1(
    Event,
    type="lemai.fulfilment.inbound_instructed.v1",
    topic=topics.FULFILMENT_INSTRUCTION,
    subject="{owner_code}/{order_no}/IN/{revision}",
    key="{family}",
):
    """Interface 5, 入库指示: expect this from the supplier."""

    family: str
    owner_code: str
    order_no: str
    revision: int
    counterpart_code: str
    warehouse_code: str
    supplier_code: str
    created_at: Instant
    created_by: str = ""
    expected_from: Instant | None = None
    expected_until: Instant | None = None
    total: Money | None = None
    carrier_code: str = ""
    waybill_no: str = ""
    remark: str = ""
    lines: tuple[InboundLine, ...]
    sender: Consignee | None = None
    """The person who sends them, where there is one to ask."""


class CustomerReturnLine(Goods):
    """One line to come back. `refund` is for the goods, without freight."""

    original_line_no: int | None = None
    platform_line_no: str = ""
    refund: Money | None = None
    reason: str = ""


class CustomerReturnInstructedV1(
    Event,
    type="lemai.fulfilment.customer_return_instructed.v1",
    topic=topics.FULFILMENT_INSTRUCTION,
    subject="{owner_code}/{order_no}/IN/{revision}",
    key="{family}",
):
    """Interface 7, 退货指示: expect this from the customer, who returns it or exchanges it."""

    family: str
    owner_code: str
    order_no: str
    revision: int
    kind: OrderKind
    original_order_no: str
    counterpart_code: str
    warehouse_code: str
    store_code: str
    platform: str
    trade_no: str
    refund_no: str = ""
    """The platform's number of the refund."""
    buyer_nick: str = ""
    reason: str = ""
    created_at: Instant
    carrier_code: str = "OTHER"
    waybill_no: str = ""
    """The customer's: what the parcel is known by when it arrives."""
    remark: str = ""
    lines: tuple[CustomerReturnLine, ...]
    sender: Consignee


class AdjustmentInstructedV1(
    Event,
    type="lemai.fulfilment.adjustment_instructed.v1",
    topic=topics.FULFILMENT_INSTRUCTION,
    subject="{owner_code}/{order_no}/{leg}/{revision}",
    key="{family}",
):
    """A count found pieces missing (leg OUT, a loss) or too many (leg IN, a gain).

    It is an instruction, by interface 1 or 5, to a counterpart whose adjustments are `interfaces`; others are not told.
    """

    family: str
    owner_code: str
    order_no: str
    leg: Leg
    revision: int
    counterpart_code: str
    warehouse_code: str
    created_at: Instant
    approved_at: Instant
    approved_by: str
    reason: str = ""
    lines: tuple[Goods, ...]


class DocumentPlace(Value):
    """Where a document stands: its file and the line of its head in it."""

    file_name: str
    line: int


class ReportedLine(Value):
    """Pieces of one line that really moved with this actual (the increment, never the sum)."""

    line_no: int
    item_code: str
    quantity: Quantity
    grade: Grade = Grade.GOOD
    remark: str = ""


class ReportedContent(Value):
    line_no: int
    item_code: str
    quantity: Quantity


class ReportedParcel(Value):
    parcel_no: str
    carrier_code: str
    waybill_no: str
    contents: tuple[ReportedContent, ...] = ()
    """Empty when the counterpart does not say what is in which parcel."""


class ActualReportedV1(
    Event,
    type="lemai.fulfilment.actual_reported.v1",
    topic=topics.FULFILMENT_ACTUAL,
    subject="{owner_code}/{order_no}/{leg}/{actual_no}",
    key="{family}",
):
    """Interfaces 2, 4, 6 and 8: what a counterpart reports done, well-formed but not judged.

    A report without quantities (accepted, in packing, exception) is a fact too.
    """

    family: str
    owner_code: str
    order_no: str
    leg: Leg
    kind: OrderKind
    counterpart_code: str
    counterpart_order_no: str = ""
    actual_no: str
    """The counterpart's own number of this report; with owner, order and leg it is unique."""
    status: str
    """The counterpart's word: ACCEPT, PARTDELIVERED, DELIVERED, EXCEPTION, CANCELED, …"""
    final: bool
    """True when nothing more will come for this leg."""
    occurred_at: Instant
    warehouse_code: str
    operator: str = ""
    remark: str = ""
    lines: tuple[ReportedLine, ...] = ()
    parcels: tuple[ReportedParcel, ...] = ()
    document: DocumentPlace


class DocumentSentV1(
    Event,
    type="lemai.fulfilment.document_sent.v1",
    topic=topics.FULFILMENT_DOCUMENT,
    subject="{counterpart_code}/{interface}/{reference}",
    key="{family}",
):
    """A document of ours is published to a counterpart."""

    family: str
    counterpart_code: str
    interface: str
    owner_code: str
    reference: str
    """Order number, or item code for an item master."""
    leg: Leg | None = None
    revision: int = 0
    document: DocumentPlace
    sha256: str
    sent_at: Instant
    notes: tuple[str, ...] = ()
    """What texts for people lost on the way, field by field in words: what no file can hold, and what was too long."""


class DocumentAcknowledgedV1(
    Event,
    type="lemai.fulfilment.document_acknowledged.v1",
    topic=topics.FULFILMENT_DOCUMENT,
    subject="{counterpart_code}/{interface}/{reference}",
    key="{family}",
):
    """The counterpart has stored a document of ours."""

    family: str
    counterpart_code: str
    interface: str
    owner_code: str
    reference: str
    leg: Leg | None = None
    revision: int = 0
    file_name: str
    acknowledged_at: Instant


class Direction(StrEnum):
    OUTGOING = "outgoing"
    INCOMING = "incoming"


class DocumentRejectedV1(
    Event,
    type="lemai.fulfilment.document_rejected.v1",
    topic=topics.FULFILMENT_DOCUMENT,
    subject="{counterpart_code}/{interface}/{reference}",
    key="{family}",
):
    """A document was refused: an incoming one by us (it is in quarantine), an outgoing one by the counterpart."""

    family: str
    counterpart_code: str
    direction: Direction
    interface: str
    owner_code: str
    reference: str
    leg: Leg | None = None
    revision: int = 0
    """Of an outgoing instruction: which one was refused."""
    document: DocumentPlace
    code: str
    field: str = ""
    value: str = ""
    message: str
    rejected_at: Instant
