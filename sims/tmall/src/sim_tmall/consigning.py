"""When the platform takes a shipment: state, split flags, quantities (TOP error pages, B and CD sub codes).

Pure: a trade and what the seller declared go in; the lines to ship come out, or TopError 15 says why not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim_tmall.carriers import CARRIERS, Carrier
from sim_tmall.errors import TopError, remote
from sim_tmall.trade import HELD, LEGAL, PARTLY_SHIPPED, SHIPPED, TO_SHIP, UNPAID, Line, Trade

REASONS = {
    "B01": "订单不存在",
    "B02": "订单状态不对",
    "B04": "订单状态不对，该物流订单已经发货或者已关闭，不能重复发货",
    "B06": "传入的子订单号必须完全匹配物流包裹中的子订单",
    "B56": "没有选择物流公司，或物流公司编码不存在",
    "B60": "运单号不符合规则或已经被使用",
    "CD22": "订单已拆单，必须传入子交易号列表",
    "CD24": "子订单列表不在对应的物流订单中",
    "CD25": "拆单标记和子订单列表两者必须都填或者都不填",
    "CD26": "拆分的子订单没有传子订单号",
    "CD27": "订单已拆单，拆单标记必须是1",
    "CD29": "订单不是拆单订单，拆单标记和子订单列表都不能传入",
    "P38": "拆单校验未通过",
}


def refused(reason: str) -> TopError:
    """The refusal with this reason code."""
    return remote(f"isv.logistics-offline-service-error:{reason}", f"{REASONS[reason]} #{reason}")


@dataclass(frozen=True)
class Goods:
    """Pieces of one line that a parcel is said to hold."""

    oid: int
    num: int


@dataclass(frozen=True)
class Package:
    """A parcel as declared, its carrier and waybill not yet believed."""

    company_code: str
    out_sid: str
    goods: tuple[Goods, ...] = ()


def check_state(trade: Trade | None, action: str) -> Trade:
    """The trade, if its status allows the action."""
    if trade is None:
        raise refused("B01")
    if trade.status not in LEGAL[action]:
        raise refused("B02" if trade.status in (UNPAID, HELD, TO_SHIP) else "B04")
    return trade


def check_package(package: Package) -> Carrier:
    """The carrier, if it exists and the waybill has its form."""
    carrier = CARRIERS.get(package.company_code)
    if carrier is None:
        raise refused("B56")
    if not carrier.takes(package.out_sid):
        raise refused("B60")
    return carrier


def check_split_flags(trade: Trade, oids: Sequence[int], is_split: int | None) -> None:
    """`is_split` and the line list go together, and a trade once split stays split."""
    if trade.status == PARTLY_SHIPPED:
        if not oids:
            raise refused("CD22")
        if is_split != 1:
            raise refused("CD27")
    elif is_split == 1 and not oids:
        raise refused("CD26")
    elif oids and is_split != 1:
        raise refused("CD25")
    if is_split == 1 and len(trade.lines) == 1 and trade.status != PARTLY_SHIPPED:
        raise refused("CD29")


def lines_to_ship(trade: Trade, oids: Sequence[int]) -> list[Line]:
    """The open lines among those named, or all open lines when none is named."""
    if not oids:
        return [line for line in trade.lines if line.is_open]
    lines = [trade.line(oid) for oid in oids]
    known = [line for line in lines if line is not None]
    if len(known) < len(lines) or len(set(oids)) < len(oids):
        raise refused("CD24")
    still_open = [line for line in known if line.is_open]
    if len(still_open) < len(known):
        raise refused("B06" if still_open else "B04")
    return still_open


def partial_lines(trade: Trade, packages: Sequence[Package], is_part: Mapping[int, bool]) -> list[Line]:
    """The lines that these packages complete.

    The seller says of a line sent short whether more follows (`is_part_consign`); a full line cannot be a part.
    """
    declared = _declared(packages)
    lines = lines_to_ship(trade, list(declared))
    if not declared or not is_part.keys() <= declared.keys():
        raise refused("P38")
    for line in lines:
        missing, stated = line.num - line.shipped - declared[line.oid], is_part.get(line.oid)
        if missing < 0 or (missing > 0 and stated is None) or (missing == 0 and stated):
            raise refused("P38")
    used = {(content.oid, parcel.out_sid) for parcel in trade.parcels for content in parcel.contents}
    if any((goods.oid, package.out_sid) in used for package in packages for goods in package.goods):
        raise refused("B60")
    return [line for line in lines if not is_part.get(line.oid, False)]


def lines_to_complete(trade: Trade, is_part: Mapping[int, bool]) -> list[Line]:
    """The partly shipped lines that the seller now calls shipped."""
    lines = [line for oid in is_part if (line := trade.line(oid)) is not None]
    if not lines or len(lines) < len(is_part) or any(is_part.values()):
        raise refused("P38")
    if any(line.status != PARTLY_SHIPPED for line in lines):
        raise refused("B02")
    return lines


def check_reshipped(trade: Trade, packages: Sequence[Package]) -> None:
    """A second parcel needs lines that left before."""
    lines = [trade.line(oid) for oid in _declared(packages)]
    if not lines or any(line is None or line.status not in (PARTLY_SHIPPED, SHIPPED) for line in lines):
        raise refused("B02")


def _declared(packages: Iterable[Package]) -> Counter[int]:
    declared: Counter[int] = Counter()
    for package in packages:
        for goods in package.goods:
            declared[goods.oid] += goods.num
    return declared
