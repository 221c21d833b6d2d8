"""Setting quantities. None of these methods reports single SKUs that it did not find."""

import re
from collections.abc import Callable, Iterable

from sim_tmall.errors import invalid, missing, remote
from sim_tmall.items import Item
from sim_tmall.methods.base import Arguments, Call, Result, bounded, top_method
from sim_tmall.methods.items import item_not_found, real_skus, stock_of
from sim_tmall.placing import Sku
from sim_tmall.wire import wall_clock

SKUS_MAX = 20
QUANTITY_MAX = 100_000_000
ABSOLUTE, DELTA = 1, 2
_HEX = re.compile(r"[0-9a-fA-F]+")

Floor = Callable[[int], int]


@top_method("taobao.item.quantity.update", required="num_iid quantity", optional="sku_id outer_id type")
def item_quantity(call: Call) -> Result:
    """One SKU (or an item without SKUs); a delta below zero is an error."""
    arguments = call.arguments
    item = _item(call, "num_iid")
    kind = _kind("type", arguments.text("type"))
    change = _quantity("quantity", arguments.given["quantity"], kind)
    sku_id, outer_id = arguments.whole("sku_id", 1, 2**63 - 1), arguments.text("outer_id")
    if sku_id is None and outer_id is None:
        chosen = [sku for sku in item.skus if sku.sku_id == 0]
    else:
        chosen = [sku for sku in real_skus(item) if _is(sku, sku_id, outer_id)]
    if not chosen:
        raise remote("isv.invalid-parameter:sku-properties", "没有找到宝贝对应的SKU")
    return _apply(call, item, [(sku, change) for sku in chosen], kind, _refuse_negative)


@top_method("taobao.skus.quantity.update", required="num_iid", optional="skuid_quantities outerid_quantities type")
def skus_quantity(call: Call) -> Result:
    """At most 20 SKUs of one item; a delta below zero becomes zero, unknown SKUs are left out of the reply."""
    arguments = call.arguments
    by_id = "skuid_quantities" in arguments.given
    name = "skuid_quantities" if by_id else "outerid_quantities"
    if name not in arguments.given:
        raise missing("skuid_quantities")
    item = _item(call, "num_iid")
    kind = _kind("type", arguments.text("type"))
    changes = []
    for key, quantity in _pairs(arguments, name):
        sku_id = bounded(name, key, 1, 2**63 - 1) if by_id else None
        change = _quantity(name, quantity, kind)
        changes += [(sku, change) for sku in real_skus(item) if _is(sku, sku_id, None if by_id else key)]
    return _apply(call, item, changes, kind, lambda quantity: max(quantity, 0))


@top_method("tmall.item.quantity.update", required="item_id", optional="item_quantity sku_quantities options")
def tmall_quantity(call: Call) -> Result:
    """All SKUs of one item by one kind of identifier; a delta with a known `outer_biz_key` is not repeated."""
    arguments = call.arguments
    rows = arguments.objects("sku_quantities", SKUS_MAX)
    if not rows and "item_quantity" not in arguments.given:
        raise missing("sku_quantities")
    item = _item(call, "item_id")
    options = arguments.mapping("options")
    kind = _kind("options.type", options.get("type"))
    changes = _tmall_changes(item, rows, kind)
    whole = arguments.text("item_quantity")
    if whole is not None and not real_skus(item):
        changes += [(item.skus[0], _quantity("item_quantity", whole, kind))]
    biz_key = _biz_key(options, kind)
    if biz_key is None or call.market.items.is_new_delta(item.num_iid, biz_key):
        _apply(call, item, changes, kind, _refuse_negative)
    return {"quantity_update_result": str(item.num_iid)}


def _item(call: Call, name: str) -> Item:
    items = call.market.items.get(call.nick, call.arguments.ids(name, 1))
    if not items:
        raise item_not_found()
    return items[0]


def _is(sku: Sku, sku_id: int | None, outer_id: str | None) -> bool:
    return sku.sku_id == sku_id if sku_id is not None else sku.outer_id == outer_id


def _kind(name: str, value: object) -> int:
    return ABSOLUTE if value is None else bounded(name, value, ABSOLUTE, DELTA)


def _quantity(name: str, value: object, kind: int) -> int:
    return bounded(name, value, 0 if kind == ABSOLUTE else -QUANTITY_MAX, QUANTITY_MAX)


def _pairs(arguments: Arguments, name: str) -> list[tuple[str, str]]:
    parts = arguments.given[name].split(";")
    if len(parts) > SKUS_MAX:
        raise invalid(name, f"最多 {SKUS_MAX} 个 SKU / at most {SKUS_MAX} SKUs")
    pairs = [part.rpartition(":") for part in parts]
    if not all(key and separator for key, separator, _ in pairs):
        raise invalid(name, "格式应为 sku:数量;sku:数量 / the form is sku:quantity;sku:quantity")
    return [(key, quantity) for key, _, quantity in pairs]


def _tmall_changes(item: Item, rows: list[dict[str, object]], kind: int) -> list[tuple[Sku, int]]:
    identifiers = {name for row in rows for name in row if name != "quantity"}
    if rows and identifiers not in ({"sku_id"}, {"outer_id"}):
        raise invalid("sku_quantities", "只用 sku_id 或只用 outer_id / use sku_id alone or outer_id alone")
    changes = []
    for row in rows:
        sku_id = bounded("sku_quantities.sku_id", row["sku_id"], 1, 2**63 - 1) if "sku_id" in row else None
        change = _quantity("sku_quantities.quantity", row.get("quantity"), kind)
        found = [sku for sku in real_skus(item) if _is(sku, sku_id, str(row.get("outer_id")))]
        if not found:
            raise remote("isv.invalid-parameter:sku-properties-tmall", "没有找到宝贝对应的SKU")
        changes += [(sku, change) for sku in found]
    return changes


def _biz_key(options: dict[str, object], kind: int) -> str | None:
    key = options.get("outer_biz_key")
    if key is None or kind == ABSOLUTE:
        return None
    if not isinstance(key, str) or not _HEX.fullmatch(key):
        raise invalid("options.outer_biz_key", "只能包含十六进制字符 / only hexadecimal characters")
    return key.lower()


def _refuse_negative(quantity: int) -> int:
    if quantity < 0:
        raise remote("isv.invalid-parameter:quantity", "库存数量不能为负数")
    return quantity


def _apply(call: Call, item: Item, changes: Iterable[tuple[Sku, int]], kind: int, floor: Floor) -> Result:
    touched: dict[int, Sku] = {}
    for sku, change in changes:
        sku.quantity = floor(change if kind == ABSOLUTE else sku.quantity + change)
        touched[sku.sku_id] = sku
    call.market.items.set_quantities(item.num_iid, ((sku.sku_id, sku.quantity) for sku in touched.values()), call.now)
    shown: Result = {"num_iid": item.num_iid, "num": stock_of(item), "modified": wall_clock(call.now)}
    rows = [
        {"sku_id": sku.sku_id, "quantity": sku.quantity, "modified": wall_clock(call.now)}
        for sku in touched.values()
        if sku.sku_id
    ]
    if rows:
        shown["skus"] = {"sku": rows}
    return {"item": shown}
