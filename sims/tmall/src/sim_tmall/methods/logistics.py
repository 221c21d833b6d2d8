"""Publishing shipments: the old call by trade or line, the new one by parcel and quantity."""

from collections.abc import Iterable, Sequence

from sim_tmall.carriers import CARRIERS, Carrier
from sim_tmall.consigning import (
    Goods,
    Package,
    check_package,
    check_reshipped,
    check_split_flags,
    check_state,
    lines_to_complete,
    lines_to_ship,
    partial_lines,
    refused,
)
from sim_tmall.errors import invalid
from sim_tmall.fields import Struct, select
from sim_tmall.methods.base import Call, Result, bounded, top_method
from sim_tmall.trade import Content, Line, Parcel, Trade, consign, reship

LINES_MAX = 50
PACKAGES_MAX = 50
QUANTITY_MAX = 1_000_000
ID_MAX = 2**63 - 1
OLD_PATH, NEW_PATH, PART_TO_ALL, RESHIP = range(4)

CARRIER: Struct[Carrier] = Struct(
    {
        "id": lambda carrier: carrier.id,
        "code": lambda carrier: carrier.code,
        "name": lambda carrier: carrier.name,
        "reg_mail_no": lambda carrier: carrier.reg_mail_no,
    }
)


@top_method("taobao.logistics.companies.get", required="fields", needs_session=False)
def companies(call: Call) -> Result:
    """Every carrier the platform knows."""
    selection = select(CARRIER, call.arguments.given["fields"])
    rows = [selection.show(carrier) for carrier in CARRIERS.values()]
    return {"logistics_companies": {"logistics_company": rows}}


@top_method(
    "taobao.logistics.offline.send",
    required="tid company_code out_sid",
    optional="sub_tid is_split sender_id cancel_id feature",
)
def offline_send(call: Call) -> Result:
    """The whole trade, or whole lines of it, with the seller's own carrier."""
    arguments = call.arguments
    oids, is_split = arguments.ids("sub_tid", LINES_MAX), arguments.whole("is_split", 0, 1)
    package = Package(arguments.given["company_code"], arguments.given["out_sid"])
    trade = check_state(_trade(call), "consign")
    check_split_flags(trade, oids, is_split)
    lines = lines_to_ship(trade, oids)
    contents = [Content(line.oid, line.num - line.shipped) for line in lines]
    _consign(call, trade, [_parcel(call, trade, package, contents)], lines)
    return {"shipping": {"is_success": True}}


@top_method(
    "alibaba.ascp.logistics.offline.send",
    required="tid",
    optional="sub_tid consign_pkgs consign_status consign_type sender_id cancel_id feature",
)
def ascp_offline_send(call: Call) -> Result:
    """Several parcels at once; on the new path with quantities per parcel and line."""
    kind = call.arguments.whole("consign_type", OLD_PATH, RESHIP) or OLD_PATH
    packages = [_package(row) for row in call.arguments.objects("consign_pkgs", PACKAGES_MAX)]
    _check_form(call, kind, packages)
    trade = check_state(_trade(call), "reship" if kind == RESHIP else "consign")
    if kind == RESHIP:
        check_reshipped(trade, packages)
        reship(trade, [_parcel(call, trade, package, is_reship=True) for package in packages], call.now)
        _keep(call, trade)
    elif kind == OLD_PATH:
        lines = lines_to_ship(trade, call.arguments.ids("sub_tid", LINES_MAX))
        contents = [Content(line.oid, line.num - line.shipped if len(packages) == 1 else None) for line in lines]
        _consign(call, trade, [_parcel(call, trade, package, contents) for package in packages], lines)
    else:
        is_part = _is_part(call)
        complete = partial_lines(trade, packages, is_part) if kind == NEW_PATH else lines_to_complete(trade, is_part)
        _consign(call, trade, [_parcel(call, trade, package) for package in packages], complete)
    return {"result": {"success": True}}


def _trade(call: Call) -> Trade | None:
    return call.market.trades.of_seller(call.nick, call.arguments.whole("tid", 1, ID_MAX) or 0)


def _check_form(call: Call, kind: int, packages: Sequence[Package]) -> None:
    if (kind == PART_TO_ALL) == bool(packages):
        raise invalid("consign_pkgs", "consign_type 2 不带包裹，其他必须带 / type 2 takes none, others need some")
    if any(bool(package.goods) == (kind == OLD_PATH) for package in packages):
        raise invalid(
            "consign_pkgs.goods", "consign_type 0 不带 goods，1 和 3 必须带 / type 0 takes none, 1 and 3 need them"
        )
    if kind != OLD_PATH and "sub_tid" in call.arguments.given:
        raise invalid("sub_tid", "consign_type 1、2、3 不再使用 sub_tid / types 1 to 3 do not use it")
    if kind not in (NEW_PATH, PART_TO_ALL) and "consign_status" in call.arguments.given:
        raise invalid("consign_status", "只用于 consign_type 1 和 2 / for types 1 and 2 only")


def _package(row: dict[str, object]) -> Package:
    code, waybill, goods = row.get("company_code"), row.get("out_sid"), row.get("goods", [])
    if not (isinstance(code, str) and isinstance(waybill, str) and isinstance(goods, list)):
        raise invalid("consign_pkgs", "每个包裹需 company_code 和 out_sid / each needs company_code and out_sid")
    if not row.keys() <= {"company_code", "out_sid", "goods"}:
        raise invalid("consign_pkgs", f"未知的键 / unknown keys in {sorted(row)}")
    return Package(code, waybill, tuple(_goods(entry) for entry in goods))


def _goods(row: object) -> Goods:
    if not isinstance(row, dict) or not row.keys() <= {"sub_tid", "num", "item_type"}:
        raise invalid("consign_pkgs.goods", "每项含 sub_tid、num、item_type / each has these keys only")
    bounded("consign_pkgs.goods.item_type", row.get("item_type", 0), 0, 0)
    return Goods(
        bounded("consign_pkgs.goods.sub_tid", row.get("sub_tid"), 1, ID_MAX),
        bounded("consign_pkgs.goods.num", row.get("num"), 1, QUANTITY_MAX),
    )


def _is_part(call: Call) -> dict[int, bool]:
    stated = {}
    for row in call.arguments.objects("consign_status", LINES_MAX):
        part = row.get("is_part_consign")
        if row.keys() != {"sub_tid", "is_part_consign"} or not isinstance(part, bool):
            raise invalid("consign_status", "每项含 sub_tid 和布尔 is_part_consign / each has these two")
        stated[bounded("consign_status.sub_tid", row["sub_tid"], 1, ID_MAX)] = part
    return stated


def _parcel(
    call: Call, trade: Trade, package: Package, contents: Iterable[Content] | None = None, *, is_reship: bool = False
) -> Parcel:
    carrier = check_package(package)
    if call.market.trades.waybill_is_elsewhere(carrier.code, package.out_sid, trade):
        raise refused("B60")
    if contents is None:
        contents = [Content(goods.oid, goods.num) for goods in package.goods]
    return Parcel(carrier.code, carrier.name, package.out_sid, call.now, list(contents), is_reship)


def _consign(call: Call, trade: Trade, parcels: Sequence[Parcel], complete: Iterable[Line]) -> None:
    consign(trade, parcels, [line.oid for line in complete], call.now)
    _keep(call, trade)


def _keep(call: Call, trade: Trade) -> None:
    call.market.trades.put([trade])
    call.market.trades.use_waybills(trade)
