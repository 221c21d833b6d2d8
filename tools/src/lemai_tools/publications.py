"""`lemai publications`: shipments a platform refused, corrected and told again."""

from typing import Annotated

import typer

from lemai_tools.output import Json, Number, Reason, Url, call, console, pages, show

SERVICE = "marketplace-adapter"
app = typer.Typer(no_args_is_help=True, help="告知平台的发货 / shipments told to platforms")
HEADS = {"id": "编号 id", "key": "店铺/交易 store/trade", "code": "代码 code", "message": "平台答复 answer"}


@app.command("list")
def refused(state: str = "rejected", url: Url = "", as_json: Json = False) -> None:
    """列出被拒绝的发货及原因 / refused shipments and why."""
    rows = pages(SERVICE, "/v1/publications", url=url, kind="publish_shipment", state=state)
    told = [{**row, **{name: (row["answer"] or {}).get(name, "") for name in ("code", "message")}} for row in rows]
    show(rows if as_json else told, HEADS, as_json=as_json)


@app.command()
def correct(
    number: Number,
    reason: Reason,
    carrier: Annotated[str | None, typer.Option(help="正确的承运商编码 / the right carrier's code")] = None,
    waybill: Annotated[str | None, typer.Option(help="正确的运单号 / the right waybill")] = None,
    of_waybill: Annotated[str | None, typer.Option(help="有多个包裹时，原运单号 / of several parcels which")] = None,
    url: Url = "",
) -> None:
    """更正承运商或运单号后重发，不动库存 / correct carrier or waybill and tell it again; no stock moves."""
    body = {"carrier_code": carrier, "waybill_no": waybill, "of_waybill": of_waybill, "reason": reason}
    again = call(SERVICE, "POST", f"/v1/publications/{number}/correct", url=url, json=body)
    console.print(f"已重发 told again: {again['id']}")


@app.command()
def resend(number: Number, reason: Reason, url: Url = "") -> None:
    """原样重发 / tell it again as it was."""
    again = call(SERVICE, "POST", f"/v1/publications/{number}/resend", url=url, json={"reason": reason})
    console.print(f"已重发 told again: {again['id']}")
