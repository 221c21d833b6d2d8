"""`lemai sim`: be a buyer of the simulated shop."""

from typing import Annotated, Literal

import typer

from lemai_chassis import reference
from lemai_tools.output import Json, call, fail, say, show
from lemai_tools.platform.home import default_config

SHOP, ERP = "sim-tmall", "sim-kingdee"
Ship = Literal["full", "two_parcels", "short", "damaged", "reject", "status_only", "exception", "ack_only", "silent"]

app = typer.Typer(no_args_is_help=True, help="模拟平台的买家 / a buyer of the simulated shop")


@app.command()
def items(as_json: Json = False) -> None:
    """列出店里卖什么 / what the shop sells."""
    rows = call(SHOP, "GET", "/sim/stock")["stock"]
    show(rows, {"outer_id": "商品 item", "sku_id": "平台 SKU", "quantity": "可售 quantity"}, as_json=as_json)


@app.command()
def order(
    wanted: Annotated[list[str], typer.Argument(metavar="ITEM[=QUANTITY]…", help="商品编码与件数 / codes and pieces")],
    note: Annotated[str, typer.Option(help="买家留言 / the buyer's note")] = "",
    store: Annotated[str, typer.Option(help="店铺，默认首家天猫店 / by default the first Tmall store")] = "",
    ship: Annotated[Ship, typer.Option(help="仓库如何发货 / how the warehouse ships")] = "full",
    oversell: Annotated[bool, typer.Option("--oversell", help="库存不足也下单 / order more than there is")] = False,
) -> None:
    """下单并付款 / order and pay."""
    stores = [each.code for each in reference.read(default_config()).stores if each.platform == "tmall"]
    if store and store not in stores:
        fail(f"--store = {store}: 请改为其中之一 / use one of these: {', '.join(stores)}", code=2)
    skus = {row["outer_id"]: row["sku_id"] for row in call(SHOP, "GET", "/sim/stock")["stock"]}
    lines = []
    for each in wanted:
        code, _, pieces = each.partition("=")
        if code not in skus:
            fail(f"{code}: 店里没有，见 lemai sim items / not sold here, see lemai sim items", code=2)
        if not (pieces or "1").isdigit():
            fail(f"{each}: 件数应为整数 / the quantity should be a whole number", code=2)
        lines.append({"sku_id": skus[code], "quantity": int(pieces or 1)})
    body = {"lines": lines, "buyer_message": note, "oversell": oversell}
    trade = call(SHOP, "POST", "/sim/trades", json=body)
    if ship != "full":
        call(ERP, "POST", "/sim/scripts", json={"platform_order_no": {trade["tid"]: ship}})
    say(f"已下单 ordered: {trade['tid']}，{trade['payment']}", "green")
    say(f".venv/bin/lemai logs --order {trade['tid']}")
