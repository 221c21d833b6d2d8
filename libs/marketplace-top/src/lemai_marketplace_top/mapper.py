"""TOP's Trade as the kit's (marketplace reference §0.2, §0.3, §1.6)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from lemai_marketplace.types import (
    Charge,
    ChargeKind,
    Hold,
    LineKind,
    Malformed,
    MaskedConsignee,
    Parcel,
    ParcelLine,
    RefundStatus,
    Trade,
    TradeLine,
    TradeStatus,
)
from lemai_marketplace_top.carriers import code_of
from lemai_marketplace_top.wire import (
    CURRENCY,
    Row,
    Unreadable,
    fen,
    flag,
    instant,
    pieces,
    required,
    rows,
    text,
)

FIELDS = (
    "tid,tid_str,type,status,step_trade_status,step_paid_fee,is_sh_ship,created,pay_time,modified,consign_time,"
    "end_time,delivery_time,payment,post_fee,discount_fee,adjust_fee,total_fee,received_payment,buyer_nick,"
    "buyer_open_uid,has_buyer_message,buyer_message,seller_memo,seller_flag,shipping_type,receiver_name,"
    "receiver_state,receiver_city,receiver_district,receiver_town,receiver_address,receiver_zip,receiver_mobile,"
    "receiver_phone,oaid,orders,promotion_details,service_orders,combine_logistics_details"
)

TRADE_STATUSES = {
    **dict.fromkeys(
        ("TRADE_NO_CREATE_PAY", "WAIT_BUYER_PAY", "PAY_PENDING", "WAIT_PRE_AUTH_CONFIRM"), TradeStatus.UNPAID
    ),
    "PAID_FORBID_CONSIGN": TradeStatus.PAID_HELD,
    "WAIT_SELLER_SEND_GOODS": TradeStatus.TO_SHIP,
    "SELLER_CONSIGNED_PART": TradeStatus.PARTLY_SHIPPED,
    **dict.fromkeys(("WAIT_BUYER_CONFIRM_GOODS", "TRADE_BUYER_SIGNED"), TradeStatus.SHIPPED),
    "TRADE_FINISHED": TradeStatus.COMPLETED,
    **dict.fromkeys(("TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO"), TradeStatus.CANCELLED),
}
REFUND_STATUSES = {
    "NO_REFUND": None,
    "": None,
    "WAIT_SELLER_AGREE": RefundStatus.REQUESTED,
    "WAIT_BUYER_RETURN_GOODS": RefundStatus.AWAIT_BUYER_RETURN,
    "WAIT_SELLER_CONFIRM_GOODS": RefundStatus.AWAIT_SELLER_RECEIPT,
    "SELLER_REFUSE_BUYER": RefundStatus.REJECTED,
    "SUCCESS": RefundStatus.SUCCEEDED,
    "CLOSED": RefundStatus.WITHDRAWN,
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TO_SHIP = (TradeStatus.PAID_HELD, TradeStatus.TO_SHIP, TradeStatus.PARTLY_SHIPPED)
DEPOSIT_PAID = "FRONT_PAID_FINAL_NOPAID"
ALL_PAID = "FRONT_PAID_FINAL_PAID"
PROMOTION_GIFT = "gift:"  # such a line has no sub-order: the platform knows it from the promotion only


def read(row: Row) -> Trade | Malformed:
    """The trade of a list or fullinfo row, or why it cannot be read."""
    try:
        return trade(row)
    except Exception as error:  # Whatever a row holds is its own trouble.
        return malformed(row, str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}")


def malformed(row: Row, reason: str) -> Malformed:
    return Malformed(text(row, "tid_str") or text(row, "tid") or None, row, reason)


def trade(row: Row) -> Trade:
    """The trade of a row with `FIELDS`. Raises Unreadable."""
    status = _status(row)
    lines = tuple(_lines(row))
    modified_at = _at(row, "modified")
    buyer_paid = _due(row)
    return Trade(
        trade_no=_trade_no(row),
        version=(modified_at - EPOCH) // timedelta(milliseconds=1),
        status=status,
        raw_status=text(row, "status"),
        holds=frozenset(_holds(row, status, lines)),
        created_at=_at(row, "created"),
        paid_at=instant(row, "pay_time"),
        modified_at=modified_at,
        ship_by=instant(row, "delivery_time"),
        currency=CURRENCY,
        buyer_paid_minor=buyer_paid,
        charges=tuple(_charges(row, buyer_paid, lines)),
        lines=lines,
        consignee=_consignee(row),
        buyer=text(row, "buyer_open_uid") or text(row, "buyer_nick"),
        buyer_note=text(row, "buyer_message"),
        seller_note=text(row, "seller_memo"),
        raw=row,
    )


def parcels(row: Row) -> list[Parcel]:
    """The parcels a fullinfo row tells of.

    A sub-order shows one waybill, the last; `combine_logistics_details` shows every one where the platform gives it.
    """
    contents: dict[tuple[str, str], list[ParcelLine]] = {}
    orders = {_oid(order): order for order in rows(row, "orders", "order")}
    details = rows(row, "combine_logistics_details", "combine_logistics_detail")
    for detail in details:
        line_id = required(detail, "sub_order_id")
        amounts = [pieces(sent, "amount") for sent in rows(detail, "send_goods_details", "send_goods_detail")]
        quantity = sum(amounts) if amounts else pieces(orders.get(line_id, {}), "num")
        contents.setdefault(_waybill(detail), []).append(ParcelLine(line_id, quantity))
    detailed = {text(detail, "sub_order_id") for detail in details}
    for line_id, order in orders.items():
        if line_id not in detailed and text(order, "invoice_no"):
            contents.setdefault(_waybill(order), []).append(ParcelLine(line_id, pieces(order, "num")))
    return [Parcel(carrier, waybill, tuple(lines)) for (carrier, waybill), lines in contents.items()]


def _waybill(row: Row) -> tuple[str, str]:
    return code_of(text(row, "logistics_company")), required(row, "invoice_no")


def _trade_no(row: Row) -> str:
    return text(row, "tid_str") or required(row, "tid")


def _oid(order: Row) -> str:
    return text(order, "oid_str") or required(order, "oid")


def _at(row: Row, name: str) -> datetime:
    moment = instant(row, name)
    if moment is None:
        raise Unreadable(name, row.get(name))
    return moment


def _status(row: Row) -> TradeStatus:
    status = TRADE_STATUSES.get(required(row, "status"), TradeStatus.UNKNOWN)
    step = text(row, "step_trade_status")
    if step == DEPOSIT_PAID and status in (TradeStatus.UNPAID, TradeStatus.TO_SHIP):
        return TradeStatus.PAID_HELD
    if status is TradeStatus.TO_SHIP and (flag(row, "is_sh_ship") or step not in ("", ALL_PAID)):
        return TradeStatus.PAID_HELD
    return status


def _holds(row: Row, status: TradeStatus, lines: tuple[TradeLine, ...]) -> Iterator[Hold]:
    if status is TradeStatus.PAID_HELD:
        yield Hold.PRESALE if text(row, "step_trade_status") == DEPOSIT_PAID else Hold.PLATFORM
    for line in lines:
        if line.status in TO_SHIP and line.refund_status and line.refund_status.undecided:
            yield Hold.REFUND


def _lines(row: Row) -> Iterator[TradeLine]:
    orders = rows(row, "orders", "order")
    if not orders:
        raise Unreadable("orders", row.get("orders"))
    for order in orders:
        yield _goods(order, row, alone=len(orders) == 1)
    for order in rows(row, "service_orders", "service_order"):
        yield _service(order, row)
    for promotion in rows(row, "promotion_details", "promotion_detail"):
        if text(promotion, "gift_item_id"):
            yield _gift(promotion, row)


def _goods(order: Row, row: Row, *, alone: bool) -> TradeLine:
    raw_status = required(order, "status")
    refund = REFUND_STATUSES.get(text(order, "refund_status"), RefundStatus.UNKNOWN)
    price = fen(order, "price") or 0
    kind = LineKind.SERVICE if flag(order, "is_service_order") else LineKind.GOODS
    sku_id = text(order, "sku_id")
    bound = text(order, "bind_oids") or text(order, "bind_oid")
    return TradeLine(
        line_id=_oid(order),
        kind=LineKind.GIFT if flag(order, "is_free_gift") or not price else kind,
        platform_item_id=required(order, "num_iid"),
        platform_sku_id=sku_id if sku_id.strip("0") else None,
        merchant_sku=text(order, "outer_sku_id") or text(order, "outer_iid") or None,
        title=text(order, "title"),
        quantity=pieces(order, "num"),
        unit_price_minor=price,
        paid_minor=_paid(order, row, alone=alone),
        status=TRADE_STATUSES.get(raw_status, TradeStatus.UNKNOWN),
        raw_status=raw_status,
        refund_status=refund,
        ship_with=tuple(bound.split(",")) if bound else (),
    )


def _due(row: Row) -> int:
    amount = fen(row, "payment")
    if amount is None:
        raise Unreadable("payment", None)
    return amount


def _paid(order: Row, row: Row, *, alone: bool) -> int:
    shared = fen(order, "divide_order_fee")
    if shared is not None:
        return shared
    own = _due(order)
    # Of a one-line trade `payment` is the trade's, freight included; else it lacks the line's share of discounts.
    return own - ((fen(row, "post_fee") if alone else fen(order, "part_mjz_discount")) or 0)


def _service(order: Row, row: Row) -> TradeLine:
    return _side_line(
        row,
        kind=LineKind.SERVICE,
        line_id=_oid(order),
        item_id=required(order, "service_id"),
        title=text(order, "title"),
        quantity=pieces(order, "num"),
        price=fen(order, "price") or 0,
        paid=fen(order, "payment") or 0,
    )


def _gift(promotion: Row, row: Row) -> TradeLine:
    return _side_line(
        row,
        kind=LineKind.GIFT,
        line_id=f"{PROMOTION_GIFT}{text(promotion, 'promotion_id')}:{text(promotion, 'gift_item_id')}",
        item_id=text(promotion, "gift_item_id"),
        title=text(promotion, "gift_item_name"),
        quantity=pieces(promotion, "gift_item_num") if text(promotion, "gift_item_num") else 1,
        price=0,
        paid=0,
    )


def _side_line(
    row: Row, *, kind: LineKind, line_id: str, item_id: str, title: str, quantity: int, price: int, paid: int
) -> TradeLine:
    return TradeLine(
        line_id=line_id,
        kind=kind,
        platform_item_id=item_id,
        platform_sku_id=None,
        merchant_sku=None,
        title=title,
        quantity=quantity,
        unit_price_minor=price,
        paid_minor=paid,
        status=_status(row),
        raw_status=text(row, "status"),
        refund_status=None,
        ship_with=(),
    )


def _charges(row: Row, buyer_paid: int, lines: tuple[TradeLine, ...]) -> Iterator[Charge]:
    freight = fen(row, "post_fee") or 0
    if freight:
        yield Charge(ChargeKind.FREIGHT, freight)
    rest = buyer_paid - freight - sum(line.paid_minor for line in lines)
    if rest:
        yield Charge(ChargeKind.ROUNDING if abs(rest) <= len(lines) else ChargeKind.UNEXPLAINED, rest)


def _consignee(row: Row) -> MaskedConsignee:
    # A county-level city stands in the district, and the city is empty (§1.6).
    city, district = text(row, "receiver_city"), text(row, "receiver_district")
    return MaskedConsignee(
        name=text(row, "receiver_name"),
        phone=text(row, "receiver_mobile") or text(row, "receiver_phone"),
        province=text(row, "receiver_state"),
        city=city or district,
        district=district if city else "",
        town=text(row, "receiver_town"),
        address=text(row, "receiver_address"),
        postcode=text(row, "receiver_zip"),
        token=text(row, "oaid") or None,
    )
