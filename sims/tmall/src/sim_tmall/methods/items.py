"""Items and SKUs as a seller lists them."""

from sim_tmall.errors import invalid, remote
from sim_tmall.fields import Nested, Struct, select
from sim_tmall.items import Item, Listing
from sim_tmall.methods.base import Call, Result, top_method
from sim_tmall.placing import Sku
from sim_tmall.wire import wall_clock, yuan

PAGE_SIZE_MAX = 200
PAGE_SIZE_DEFAULT = 40
DEEPEST_ROW = 20_000
SKU_ITEMS_MAX = 40
ON_SALE, IN_STOCK = "onsale", "instock"
PAGING = "page_no page_size start_modified end_modified"

SKU: Struct[Sku] = Struct(
    {
        "sku_id": lambda sku: sku.sku_id,
        "num_iid": lambda sku: sku.num_iid,
        "outer_id": lambda sku: sku.outer_id or None,
        "properties_name": lambda sku: sku.properties_name or None,
        "quantity": lambda sku: sku.quantity,
        "price": lambda sku: yuan(sku.price),
        "status": lambda _: "normal",
        "created": lambda sku: wall_clock(sku.created),
        "modified": lambda sku: wall_clock(sku.modified),
    }
)


def real_skus(item: Item) -> tuple[Sku, ...]:
    """The SKUs a seller sees: none for an item sold without SKUs."""
    return tuple(sku for sku in item.skus if sku.sku_id)


def stock_of(item: Item) -> int:
    """An item's `num`: all its SKUs together."""
    return sum(sku.quantity for sku in item.skus)


ITEM: Struct[Item] = Struct(
    {
        "num_iid": lambda item: item.num_iid,
        "title": lambda item: item.title,
        "nick": lambda item: item.nick,
        "outer_id": lambda item: item.outer_id or None,
        "price": lambda item: yuan(min(sku.price for sku in item.skus)),
        "num": stock_of,
        "approve_status": lambda item: item.approve_status,
        "list_time": lambda item: wall_clock(item.created),
        "modified": lambda item: wall_clock(item.modified),
    },
    {"sku": Nested("skus", "sku", real_skus, SKU)},
)
LISTED_ITEM: Struct[Item] = Struct(ITEM.plain)


def item_not_found() -> Exception:
    """No such item of this seller."""
    return remote("isv.item-not-exist:invalid-numIid-or-iid", "商品id对应的商品不存在")


@top_method("taobao.items.onsale.get", required="fields", optional=PAGING)
def onsale(call: Call) -> Result:
    """Items on sale, the last modified first."""
    return _listed(call, ON_SALE)


@top_method("taobao.items.inventory.get", required="fields", optional=PAGING)
def inventory(call: Call) -> Result:
    """Items in the shop's store room, the last modified first."""
    return _listed(call, IN_STOCK)


def _listed(call: Call, approve_status: str) -> Result:
    arguments, items = call.arguments, call.market.items
    selection = select(LISTED_ITEM, arguments.given["fields"])
    size = arguments.whole("page_size", 1, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT
    page = arguments.whole("page_no", 1, 10**6) or 1
    if page * size > DEEPEST_ROW:
        raise invalid("page_no", f"不能翻到第 {DEEPEST_ROW} 条以后，请按修改时间分段 / slice by modified instead")
    end = arguments.moment("end_modified")
    start = arguments.moment("start_modified") or 0
    listing = Listing(call.nick, approve_status, start, call.now if end is None else end)
    result: Result = {"total_results": items.count(listing)}
    if found := items.page(listing, (page - 1) * size, size):
        result["items"] = {"item": [selection.show(item) for item in found]}
    return result


@top_method("taobao.item.skus.get", required="fields num_iids")
def skus(call: Call) -> Result:
    """The SKUs of at most 40 items."""
    selection = select(SKU, call.arguments.given["fields"])
    items = call.market.items.get(call.nick, call.arguments.ids("num_iids", SKU_ITEMS_MAX))
    shown = [selection.show(sku) for item in items for sku in real_skus(item)]
    return {"skus": {"sku": shown}} if shown else {}


@top_method("taobao.item.seller.get", required="fields num_iid")
def seller_item(call: Call) -> Result:
    """One item, with its SKUs if `sku` is among the fields."""
    selection = select(ITEM, call.arguments.given["fields"])
    items = call.market.items.get(call.nick, call.arguments.ids("num_iid", 1))
    if not items:
        raise item_not_found()
    return {"item": selection.show(items[0])}
