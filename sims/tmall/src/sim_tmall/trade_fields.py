"""TOP's Trade and Order structures: which field shows what of a trade (opentaobao metadata, TOP trade docs)."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sim_tmall.fields import Getter, Nested, Struct
from sim_tmall.trade import Line, Parcel, Trade
from sim_tmall.wire import wall_clock, yuan

SHIP_WITHIN_S = 48 * 3600
CONFIRM_WITHIN_S = 10 * 24 * 3600
PAY_WITHIN_S = 24 * 3600
NEVER_SHOWN = (
    "cod_status",
    "new_presell",
    "est_con_time",
    "collect_time",
    "sign_time",
    "promise_service",
    "service_orders",
    "logistics_infos",
    "combine_logistics_details",
)
OAID_NEEDS = frozenset({"receiver_name", "receiver_address", "receiver_mobile", "receiver_phone", "created"})


def buyer_open_uid(nick: str) -> str:
    """The opaque buyer id an app sees."""
    return "AAH" + hashlib.sha256(f"buyer:{nick}".encode()).hexdigest()[:29]


def alipay_no(trade: Trade) -> str:
    """The Alipay transaction that paid the trade, 28 digits."""
    return f"{wall_clock(trade.created)[:10].replace('-', '')}{trade.tid:020d}"


def masked_name(name: str) -> str:
    """The first character stays."""
    return name[:1] + "**"


def masked_number(number: str) -> str:
    """The last four digits stay."""
    return "*******" + number[-4:]


def masked_address(address: str) -> str:
    """Only the first character stays; region fields are not masked."""
    return address[:1] + "***"


def _moment(get: Callable[[Trade], int | None]) -> Getter[Trade]:
    def shown(trade: Trade) -> str | None:
        moment = get(trade)
        return None if moment is None else wall_clock(moment)

    return shown


def _fee(get: Callable[[Trade], int]) -> Getter[Trade]:
    return lambda trade: yuan(get(trade))


def _only_line(get: Callable[[Line], object]) -> Getter[Trade]:
    return lambda trade: get(trade.lines[0]) if len(trade.lines) == 1 else None


def _absent(_: object) -> None:
    return None


def _timeout(trade: Trade) -> int | None:
    if trade.consigned_at is not None:
        return trade.consigned_at + CONFIRM_WITHIN_S
    return trade.created + PAY_WITHIN_S if trade.paid_at is None else None


def _goods(trade: Trade) -> int:
    return sum(line.price * line.num for line in trade.lines)


def _received(trade: Trade) -> int:
    return trade.payment if trade.ended_at is not None and trade.status == "TRADE_FINISHED" else 0


TRADE_FIELDS: Mapping[str, Getter[Trade]] = {
    "tid": lambda trade: trade.tid,
    "tid_str": lambda trade: str(trade.tid),
    "seller_nick": lambda trade: trade.nick,
    "title": lambda trade: trade.nick,
    "type": lambda trade: trade.type,
    "status": lambda trade: trade.status,
    "step_trade_status": lambda trade: trade.step_status,
    "step_paid_fee": lambda trade: yuan(trade.step_paid) if trade.step_status else None,
    "created": _moment(lambda trade: trade.created),
    "pay_time": _moment(lambda trade: trade.paid_at),
    "modified": _moment(lambda trade: trade.modified),
    "consign_time": _moment(lambda trade: trade.consigned_at),
    "end_time": _moment(lambda trade: trade.ended_at),
    "timeout_action_time": _moment(_timeout),
    "delivery_time": _moment(lambda trade: trade.paid_at and trade.paid_at + SHIP_WITHIN_S),
    "payment": _fee(lambda trade: trade.payment),
    "post_fee": _fee(lambda trade: trade.freight),
    "discount_fee": _fee(lambda trade: trade.discount),
    "adjust_fee": lambda _: "0.00",
    "total_fee": _fee(_goods),
    "received_payment": _fee(_received),
    "has_post_fee": lambda trade: trade.freight > 0,
    "alipay_no": lambda trade: None if trade.paid_at is None else alipay_no(trade),
    "buyer_nick": lambda trade: trade.buyer_nick,
    "buyer_open_uid": lambda trade: buyer_open_uid(trade.buyer_nick),
    "buyer_message": lambda trade: trade.buyer_message or None,
    "has_buyer_message": lambda trade: bool(trade.buyer_message),
    "seller_memo": lambda trade: trade.seller_memo or None,
    "seller_flag": lambda trade: trade.seller_flag,
    "receiver_name": lambda trade: masked_name(trade.receiver.name),
    "receiver_country": lambda _: "中国",
    "receiver_state": lambda trade: trade.receiver.state,
    "receiver_city": lambda trade: trade.receiver.city or None,
    "receiver_district": lambda trade: trade.receiver.district or None,
    "receiver_town": lambda trade: trade.receiver.town or None,
    "receiver_address": lambda trade: masked_address(trade.receiver.address),
    "receiver_zip": lambda trade: trade.receiver.zip or None,
    "receiver_mobile": lambda trade: masked_number(trade.receiver.mobile),
    "receiver_phone": lambda trade: masked_number(trade.receiver.phone) if trade.receiver.phone else None,
    "oaid": lambda trade: trade.oaid,
    "shipping_type": lambda _: "express",
    "trade_from": lambda _: "WAP,WAP",
    "is_sh_ship": lambda _: False,
    "is_part_consign": lambda trade: trade.status == "SELLER_CONSIGNED_PART",
    "num_iid": _only_line(lambda line: line.num_iid),
    "num": _only_line(lambda line: line.num),
    "price": _only_line(lambda line: yuan(line.price)),
    **dict.fromkeys(NEVER_SHOWN, _absent),
}


@dataclass(frozen=True)
class _OrderView:
    trade: Trade
    line: Line
    parcel: Parcel | None

    @property
    def payment(self) -> int:
        """A one-line trade's order shows the trade's payment, freight included; others exclude both shares."""
        return self.trade.payment if len(self.trade.lines) == 1 else self.line.goods_fen


@dataclass(frozen=True)
class _Promotion:
    trade: Trade
    name: str
    discount: int
    gift: tuple[str, str, int] | None = None


def _orders(trade: Trade) -> Iterator[_OrderView]:
    last_parcel = {content.oid: parcel for parcel in trade.parcels for content in parcel.contents}
    return (_OrderView(trade, line, last_parcel.get(line.oid)) for line in trade.lines)


def _promotions(trade: Trade) -> Iterator[_Promotion]:
    if trade.discount:
        yield _Promotion(trade, "店铺优惠", trade.discount)
    for gift in trade.gifts:
        yield _Promotion(trade, "满就送", 0, (gift.item_id, gift.name, gift.num))


ORDER: Struct[_OrderView] = Struct(
    {
        "oid": lambda order: order.line.oid,
        "oid_str": lambda order: str(order.line.oid),
        "status": lambda order: order.line.status,
        "refund_status": lambda order: order.line.refund_status,
        "refund_id": lambda order: order.line.refund_id and str(order.line.refund_id),
        "num_iid": lambda order: order.line.num_iid,
        "sku_id": lambda order: str(order.line.sku_id) if order.line.sku_id else None,
        "outer_iid": lambda order: order.line.item_outer_id or None,
        "outer_sku_id": lambda order: order.line.outer_id if order.line.sku_id else None,
        "title": lambda order: order.line.title,
        "sku_properties_name": lambda order: order.line.properties_name or None,
        "num": lambda order: order.line.num,
        "price": lambda order: yuan(order.line.price),
        "total_fee": lambda order: yuan(order.line.goods_fen),
        "discount_fee": lambda order: yuan(order.line.discount),
        "adjust_fee": lambda _: "0.00",
        "payment": lambda order: yuan(order.payment),
        "divide_order_fee": lambda order: yuan(order.line.paid_fen),
        "part_mjz_discount": lambda order: yuan(order.line.shared_discount),
        "is_oversold": lambda order: order.line.deducted < order.line.num,
        "is_daixiao": lambda _: False,
        "logistics_company": lambda order: order.parcel and order.parcel.company_name,
        "invoice_no": lambda order: order.parcel and order.parcel.out_sid,
        "consign_time": lambda order: order.line.consigned_at and wall_clock(order.line.consigned_at),
        "end_time": lambda order: order.trade.ended_at and wall_clock(order.trade.ended_at),
        "shipping_type": lambda order: "express" if order.parcel else None,
        **dict.fromkeys(("bind_oid", "store_code", "estimate_con_time", "combine_item_info"), _absent),
    }
)

PROMOTION: Struct[_Promotion] = Struct(
    {
        "id": lambda promotion: promotion.trade.tid,
        "promotion_id": lambda promotion: f"shopbonus-{promotion.trade.tid}",
        "promotion_name": lambda promotion: promotion.name,
        "discount_fee": lambda promotion: yuan(promotion.discount),
        "gift_item_id": lambda promotion: promotion.gift and promotion.gift[0],
        "gift_item_name": lambda promotion: promotion.gift and promotion.gift[1],
        "gift_item_num": lambda promotion: promotion.gift and str(promotion.gift[2]),
    }
)

TRADE: Struct[Trade] = Struct(
    TRADE_FIELDS,
    {
        "orders": Nested("orders", "order", _orders, ORDER),
        "promotion_details": Nested("promotion_details", "promotion_detail", _promotions, PROMOTION),
    },
    {"oaid": OAID_NEEDS},
)
