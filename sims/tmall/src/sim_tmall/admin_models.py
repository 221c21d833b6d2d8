"""Bodies of the inspection API. Amounts are yuan texts, ids may be numbers or texts, times go out as ISO 8601."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from sim_tmall.faults import ANY_METHOD, TRANSIENT, Kind
from sim_tmall.methods import METHODS
from sim_tmall.placing import TRADE_TYPES
from sim_tmall.trade import Gift, Line, Parcel, Receiver, Trade
from sim_tmall.wire import BEIJING, fen_of, yuan


def _fen(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError('金额写成文本，如 "12.50" / write amounts as text such as "12.50"')  # noqa: TRY004
    return fen_of(value)


def _trade_type(name: str) -> str:
    if name not in TRADE_TYPES:
        raise ValueError(f"没有交易类型 {name} / there is no such trade type")
    return name


def _method(name: str) -> str:
    if name != ANY_METHOD and name not in METHODS:
        raise ValueError(f"没有方法 {name} / there is no such method")
    return name


Yuan = Annotated[int, BeforeValidator(_fen), WithJsonSchema({"type": "string", "examples": ["12.50"]})]
Id = Annotated[int, Field(gt=0, lt=2**63)]
Pieces = Annotated[int, Field(ge=0, le=100_000_000)]


class Body(BaseModel):
    """A request body; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class SellerBody(Body):
    """A seller; posting it again replaces the session."""

    app_key: str = Field(min_length=1)
    app_secret: str = Field(min_length=1)
    session: str = Field(min_length=1)
    nick: str = Field(min_length=1)


class SkuBody(Body):
    """One SKU of an item."""

    sku_id: Id
    outer_id: str = ""
    properties_name: str = ""
    price: Yuan
    quantity: Pieces = 0


class ItemBody(Body):
    """An item with SKUs, or without SKUs and with a price and quantity of its own."""

    num_iid: Id
    title: str = Field(min_length=1)
    approve_status: Literal["onsale", "instock"] = "onsale"
    outer_id: str = ""
    skus: list[SkuBody] = []
    price: Yuan | None = None
    quantity: Pieces = 0
    seller: str | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "ItemBody":
        if bool(self.skus) == (self.price is not None):
            raise ValueError("skus 与 price 二选一 / give either skus or a price")
        return self


class LineBody(Body):
    """An ordered SKU, or `num_iid` of an item without SKUs."""

    sku_id: Id | None = None
    num_iid: Id | None = None
    quantity: int = Field(gt=0)
    discount: Yuan = 0

    @model_validator(mode="after")
    def _one_key(self) -> "LineBody":
        if (self.sku_id is None) == (self.num_iid is None):
            raise ValueError("sku_id 与 num_iid 二选一 / give either sku_id or num_iid")
        return self


class ReceiverBody(Body):
    """A receiver in plain."""

    name: str = Field(default="李四", min_length=1)
    mobile: str = Field(default="13800138000", min_length=1)
    phone: str = ""
    state: str = "浙江省"
    city: str = "杭州市"
    district: str = "余杭区"
    town: str = "五常街道"
    address: str = Field(default="文一西路969号", min_length=1)
    zip: str = "311121"

    def receiver(self) -> Receiver:
        """The domain's receiver."""
        return Receiver(**self.model_dump())


class GiftBody(Body):
    """A gift that appears in the promotions only."""

    item_id: str
    name: str
    num: int = Field(gt=0)

    def gift(self) -> Gift:
        """The domain's gift."""
        return Gift(self.item_id, self.name, self.num)


class TradeBody(Body):
    """A buyer's order; `discount` is the shop's on the whole trade, `deposit` makes it a presale."""

    lines: list[LineBody] = Field(min_length=1, max_length=50)
    receiver: ReceiverBody = ReceiverBody()
    buyer_nick: str = Field(default="买家", min_length=1)
    discount: Yuan = 0
    freight: Yuan = 0
    buyer_message: str = ""
    seller_memo: str = ""
    gifts: list[GiftBody] = []
    type: Annotated[str, AfterValidator(_trade_type)] = "fixed"
    pay: Literal["full", "deposit", "none"] = "full"
    deposit: Yuan = 0
    oversell: bool = False
    seller: str | None = None

    @model_validator(mode="after")
    def _deposit_with_presale(self) -> "TradeBody":
        if (self.pay == "deposit") != (self.deposit > 0):
            raise ValueError("deposit 与 pay=deposit 同时出现 / deposit goes with pay=deposit")
        return self


class BulkBody(Body):
    """Many seeded, paid trades at once."""

    count: int = Field(gt=0, le=100_000)
    seed: int = 0
    lines_max: int = Field(default=3, gt=0, le=50)
    quantity_max: int = Field(default=3, gt=0, le=1000)
    oversell: bool = False
    seller: str | None = None


class LinesBody(Body):
    """The lines an action concerns; none means all."""

    oids: list[Id] = []


class MemoBody(Body):
    """What the seller notes on a trade; the note modifies it."""

    seller_memo: str
    seller_flag: int = Field(default=0, ge=0, le=5)


class FaultBody(Body):
    """A fault for the next `count` calls of `method` (`*`: of any)."""

    method: Annotated[str, AfterValidator(_method)] = ANY_METHOD
    kind: Kind
    count: int = Field(default=1, gt=0)
    seconds: int = Field(default=0, ge=0)
    sub_code: str = TRANSIENT
    rows: int = Field(default=1, gt=0)


class ClockBody(Body):
    """How far the platform's clock runs ahead, and how late changes appear in lists; both in seconds."""

    skew_seconds: int | None = None
    visibility_lag: int | None = Field(default=None, ge=0)


def iso(moment: int | None) -> str | None:
    """Epoch seconds as ISO 8601 with the platform's offset."""
    return None if moment is None else datetime.fromtimestamp(moment, BEIJING).isoformat()


def truth(trade: Trade) -> dict[str, object]:
    """Everything the platform knows of a trade, receivers in plain."""
    return {
        "tid": str(trade.tid),
        "seller": trade.nick,
        "type": trade.type,
        "status": trade.status,
        "step_trade_status": trade.step_status,
        "created": iso(trade.created),
        "pay_time": iso(trade.paid_at),
        "modified": iso(trade.modified),
        "consign_time": iso(trade.consigned_at),
        "end_time": iso(trade.ended_at),
        "buyer_nick": trade.buyer_nick,
        "buyer_message": trade.buyer_message,
        "seller_memo": trade.seller_memo,
        "seller_flag": trade.seller_flag,
        "oaid": trade.oaid,
        "receiver": trade.receiver,
        "payment": yuan(trade.payment),
        "post_fee": yuan(trade.freight),
        "discount_fee": yuan(trade.discount),
        "lines": [_line(trade, line) for line in trade.lines],
        "gifts": trade.gifts,
        "parcels": [_parcel(parcel) for parcel in trade.parcels],
        "history": [{"at": iso(event.at), "what": event.what, "status": event.status} for event in trade.history],
    }


def _parcel(parcel: Parcel) -> dict[str, object]:
    return {
        "company_code": parcel.company_code,
        "company_name": parcel.company_name,
        "out_sid": parcel.out_sid,
        "consign_time": iso(parcel.consigned_at),
        "is_reship": parcel.is_reship,
        "contents": [{"oid": str(content.oid), "quantity": content.num} for content in parcel.contents],
    }


def _line(trade: Trade, line: Line) -> dict[str, object]:
    return {
        "oid": str(line.oid),
        "num_iid": str(line.num_iid),
        "sku_id": str(line.sku_id) if line.sku_id else None,
        "outer_id": line.outer_id,
        "title": line.title,
        "quantity": line.num,
        "price": yuan(line.price),
        "discount": yuan(line.discount),
        "shared_discount": yuan(line.shared_discount),
        "paid": yuan(line.paid_fen),
        "oversold": line.num - line.deducted,
        "status": line.status,
        "refund_status": line.refund_status,
        "shipped": line.shipped,
        "parcels": [
            {"company_code": parcel.company_code, "out_sid": parcel.out_sid, "quantity": content.num}
            for parcel in trade.parcels
            for content in parcel.contents
            if content.oid == line.oid
        ],
    }
