"""Which call publishes a shipment (marketplace reference §1.9). Pure."""

import json
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from lemai_marketplace.errors import InvalidRequest, StateConflict
from lemai_marketplace.types import LineKind, Parcel, Shipment, Trade, TradeLine, TradeStatus
from lemai_marketplace_top.carriers import company_code, normal
from lemai_marketplace_top.mapper import PROMOTION_GIFT

OPEN = (TradeStatus.TO_SHIP, TradeStatus.PARTLY_SHIPPED)
OFFLINE_SEND = "taobao.logistics.offline.send"
ASCP_SEND = "alibaba.ascp.logistics.offline.send"


@dataclass(frozen=True, slots=True)
class Call:
    """One call that declares parcels."""

    method: str
    params: dict[str, str]


def call_for(trade: Trade, shown: list[Parcel], shipment: Shipment) -> Call | None:
    """The call after which `trade`, on which the platform shows the parcels `shown`, shows `shipment`.

    None if it does already. Raises InvalidRequest, or StateConflict if a line may not be shipped (any more).
    """
    lines = {line.line_id: line for line in trade.lines if _has_order(line)}
    parcels = _without_gifts(shipment.parcels)
    _refuse_nonsense(lines, parcels)
    missing = _missing(parcels, shown)
    if not missing:
        return None
    wanted = {content.line_id for parcel in missing for content in parcel.contents}
    _refuse_held(trade, [lines[line_id] for line_id in sorted(wanted)])
    counted = [line_id for line_id in sorted(wanted) if _is_counted(lines[line_id], missing, shipment.unfinished)]
    if len(missing) == 1 and not counted:
        return _offline_send(trade, missing[0], whole=wanted == lines.keys())
    return _ascp_send(trade, missing, {line_id: line_id in shipment.unfinished for line_id in counted})


def _has_order(line: TradeLine) -> bool:
    return line.kind is not LineKind.SERVICE and not line.line_id.startswith(PROMOTION_GIFT)


def _without_gifts(parcels: tuple[Parcel, ...]) -> list[Parcel]:
    """What TOP can be told of: gifts of a promotion travel unnamed, and so does a parcel of nothing else."""
    named = [
        replace(
            parcel,
            waybill=normal(parcel.waybill),
            contents=tuple(c for c in parcel.contents if not c.line_id.startswith(PROMOTION_GIFT)),
        )
        for parcel in parcels
    ]
    return [told for parcel, told in zip(parcels, named, strict=True) if told.contents or not parcel.contents]


def _refuse_nonsense(lines: Mapping[str, TradeLine], parcels: list[Parcel]) -> None:
    total: Counter[str] = Counter()
    for parcel in parcels:
        company_code(parcel.carrier, parcel.waybill, parcel.company)
        if not parcel.contents:
            raise InvalidRequest(
                f"包裹 {parcel.waybill} 没有订单行 / parcel {parcel.waybill} has no line of the trade", code="contents"
            )
        for content in parcel.contents:
            total[content.line_id] += content.quantity
            ordered = lines[content.line_id].quantity if content.line_id in lines else 0
            if content.quantity <= 0 or total[content.line_id] > ordered:
                raise InvalidRequest(
                    f"订单行 {content.line_id} 应为 1 到 {ordered} 件，实为 {total[content.line_id]} / "
                    f"line {content.line_id} takes 1 to {ordered} pieces, not {total[content.line_id]}",
                    code="contents",
                )


def _missing(parcels: list[Parcel], shown: list[Parcel]) -> list[Parcel]:
    """`parcels` without the lines on which the platform shows one of the line's waybills: one call brings all."""
    there = {(parcel.waybill.upper(), content.line_id) for parcel in shown for content in parcel.contents}
    done = {c.line_id for parcel in parcels for c in parcel.contents if (parcel.waybill, c.line_id) in there}
    rest = [replace(parcel, contents=tuple(c for c in parcel.contents if c.line_id not in done)) for parcel in parcels]
    return [parcel for parcel in rest if parcel.contents]


def _refuse_held(trade: Trade, wanted: list[TradeLine]) -> None:
    if trade.status not in OPEN:
        raise StateConflict(f"交易状态为 {trade.raw_status}，不能发货 / the trade is {trade.raw_status}", code="status")
    for line in wanted:
        if line.status not in OPEN:
            raise StateConflict(
                f"订单行 {line.line_id} 状态为 {line.raw_status}，不能发货 / line {line.line_id} is {line.raw_status}",
                code="status",
            )
        if line.refund_status and line.refund_status.undecided:
            raise StateConflict(
                f"订单行 {line.line_id} 正在退款 / a refund of line {line.line_id} is undecided", code="refund"
            )


def _is_counted(line: TradeLine, parcels: list[Parcel], unfinished: Set[str]) -> bool:
    """True if the line does not go whole into one parcel, so that its pieces have to be told."""
    sent = [c.quantity for parcel in parcels for c in parcel.contents if c.line_id == line.line_id]
    return line.line_id in unfinished or sent != [line.quantity] or line.status is TradeStatus.PARTLY_SHIPPED


def _offline_send(trade: Trade, parcel: Parcel, *, whole: bool) -> Call:
    params = {
        "tid": trade.trade_no,
        "company_code": company_code(parcel.carrier, parcel.waybill, parcel.company),
        "out_sid": parcel.waybill,
    }
    if not whole:
        params |= {"is_split": "1", "sub_tid": ",".join(content.line_id for content in parcel.contents)}
    return Call(OFFLINE_SEND, params)


def _ascp_send(trade: Trade, parcels: list[Parcel], is_part: Mapping[str, bool]) -> Call:
    packages = [
        {
            "company_code": company_code(parcel.carrier, parcel.waybill, parcel.company),
            "out_sid": parcel.waybill,
            "goods": [
                {"sub_tid": content.line_id, "item_type": 0, "num": content.quantity} for content in parcel.contents
            ],
        }
        for parcel in parcels
    ]
    params = {"tid": trade.trade_no, "consign_type": "1", "consign_pkgs": _json(packages)}
    if is_part:
        states = [{"sub_tid": line_id, "is_part_consign": part} for line_id, part in is_part.items()]
        params["consign_status"] = _json(states)
    return Call(ASCP_SEND, params)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
