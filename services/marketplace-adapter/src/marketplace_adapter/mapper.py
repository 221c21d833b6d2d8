"""A trade as a plugin read it, as the event that tells of it."""

from collections.abc import Callable
from dataclasses import astuple, replace

from lemai_chassis.keyring import SealedValue
from lemai_chassis.reference import Store
from lemai_contracts import text
from lemai_contracts.marketplace import TradeChangedV1, TradeLine, TradeStatus
from lemai_contracts.values import Consignee, Money, Region
from lemai_marketplace import types as platform
from marketplace_adapter.domain import mask_name, mask_phone

KEY_MAX = 200
LINE_MAX = 500
NOTE_MAX = 2000
LINE_KEYS = ("line_id", "platform_item_id", "platform_sku_id", "merchant_sku", "raw_status")
CONSIGNEE_TEXTS = ("name", "phone", "province", "city", "district", "town", "address", "postcode")


def fitted(trade: platform.Trade) -> tuple[platform.Trade, tuple[str, ...]]:
    """The trade with its texts fit to be kept, and what was done to which. Raises UnfitText for a key."""
    notes: list[str] = []

    def clean(field: str, value: str, longest: int = LINE_MAX, breaks: str = "") -> str:
        cleaned = text.cleaned(value, longest, breaks)
        if cleaned.note:
            notes.append(f"{field}: {cleaned.note}")
        return cleaned.text

    text.key("trade_no", trade.trade_no, KEY_MAX)
    text.key("raw_status", trade.raw_status, KEY_MAX)
    text.key("consignee.token", trade.consignee.token or "")
    for line in trade.lines:
        for name in LINE_KEYS:
            text.key(f"lines.{name}", getattr(line, name) or "", KEY_MAX)
    texts = {name: clean(f"consignee.{name}", getattr(trade.consignee, name)) for name in CONSIGNEE_TEXTS}
    fit = replace(
        trade,
        lines=tuple(replace(line, title=clean(f"lines.{line.line_id}.title", line.title)) for line in trade.lines),
        consignee=replace(trade.consignee, **texts),
        buyer=clean("buyer_nick", trade.buyer),
        buyer_note=clean("buyer_message", trade.buyer_note, NOTE_MAX, text.BREAKS),
        seller_note=clean("seller_message", trade.seller_note, NOTE_MAX, text.BREAKS),
    )
    return fit, tuple(notes)


def trade_changed(
    store: Store, trade: platform.Trade, consignee: Consignee, cleaned: tuple[str, ...] = ()
) -> TradeChangedV1:
    """Services are left out, for nothing of them is shipped; `discount` is what lines and freight exceed `paid` by."""

    def money(minor: int) -> Money:
        return Money.of(minor, trade.currency)

    lines = [line for line in trade.lines if line.kind is not platform.LineKind.SERVICE]
    freight = sum(c.amount_minor for c in trade.charges if c.kind is platform.ChargeKind.FREIGHT)
    goods = sum(line.paid_minor for line in lines)
    return TradeChangedV1(
        family=f"{store.platform}/{trade.trade_no}",
        platform=store.platform,
        store_code=store.code,
        trade_no=trade.trade_no,
        version=str(trade.version),
        status=TradeStatus(trade.status),
        raw_status=trade.raw_status,
        holds=tuple(sorted(trade.holds)),
        created_at=trade.created_at,
        paid_at=trade.paid_at,
        modified_at=trade.modified_at,
        ship_by=trade.ship_by,
        lines=tuple(_line(line, money(line.paid_minor)) for line in lines),
        freight=money(freight),
        discount=money(goods + freight - trade.buyer_paid_minor),
        paid=money(trade.buyer_paid_minor),
        buyer_nick=trade.buyer,
        buyer_message=trade.buyer_note,
        seller_message=trade.seller_note,
        consignee=consignee,
        cleaned=cleaned,
    )


def _line(line: platform.TradeLine, paid: Money) -> TradeLine:
    return TradeLine(
        platform_line_no=line.line_id,
        platform_item_id=line.platform_item_id,
        platform_sku_id=line.platform_sku_id or "",
        merchant_sku=line.merchant_sku or "",
        title=line.title,
        quantity=line.quantity,
        paid=paid,
        gift=line.kind is platform.LineKind.GIFT,
        status=TradeStatus(line.status),
        raw_status=line.raw_status,
    )


def sealed_consignee(shown: platform.MaskedConsignee, sealed: SealedValue, digest: Callable[[str], str]) -> Consignee:
    """A consignee as it travels. What the platform masked has no digest of its own: equal masks are not one person.

    All that is shown together has one, so that a change is seen.
    """

    def digest_of(value: str) -> str:
        return digest(value) if value and "*" not in value else ""

    return Consignee(
        key_id=sealed.key_id,
        sealed=sealed.sealed,
        region=Region(province=shown.province, city=shown.city, district=shown.district),
        name_masked=mask_name(shown.name),
        phone_masked=mask_phone(shown.phone),
        phone_digest=digest_of(shown.phone),
        address_digest=digest_of(f"{shown.province}{shown.city}{shown.district}{shown.town}{shown.address}"),
        shown_digest=digest("\n".join(value or "" for value in astuple(shown))),
    )
