"""`lemai items` and `lemai listings`: bring sheets into the catalog over catalog-svc's REST."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lemai_tools.output import Url, call, console, fail, respond, say, show

SERVICE = "catalog-svc"
SHOWN_ROWS = 20
"""Of a long list the first rows are shown; refused rows are shown all."""
OF_NOTES = {"rows": "行 rows", "column": "列 column", "reason": "说明 reason"}

Sheet = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="xlsx 或 CSV 文件 / xlsx or CSV file")
]

app = typer.Typer(no_args_is_help=True)
items = typer.Typer(no_args_is_help=True, help="商品 items")
listings = typer.Typer(no_args_is_help=True, help="平台商品映射 listings")
app.add_typer(items, name="items")
app.add_typer(listings, name="listings")


@items.command("import")
def import_items(
    sheet: Sheet,
    owner: Annotated[str, typer.Option(help="货主编码 / owner code")],
    url: Url = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不询问，直接导入 / do not ask")] = False,
    accept_refused: Annotated[
        bool, typer.Option("--accept-refused", help="有被拒绝的行时，仍导入其余行 / take the other rows")
    ] = False,
) -> None:
    """预览商品表，确认后导入 / preview a product sheet, then import it."""
    preview = _upload(url, "/v1/item-sheets", sheet, {"owner_code": owner})
    _show_preview(preview)
    taken = len(preview["added"]) + len(preview["changed"])
    if not taken:
        console.print("没有需要导入的商品 nothing to import")
        raise typer.Exit(1 if preview["refused"] else 0)
    if preview["refused"] and yes and not accept_refused:
        fail("有被拒绝的行，未导入 rows are refused, nothing was imported")
    if not yes:
        skipped = len({refusal["row"] for refusal in preview["refused"]})
        typer.confirm(f"导入 {taken} 个商品，跳过 {skipped} 行 import {taken} items, skip {skipped} rows?", abort=True)
    sheet_id = preview["sheet_id"]
    # The sheet is its own key: to ask again after a broken connection imports nothing twice.
    headers = {"Idempotency-Key": f"confirm-{sheet_id}"}
    confirmed = {"accept_refused": True}
    call(SERVICE, "POST", f"/v1/item-sheets/{sheet_id}/confirm", url=url, json=confirmed, headers=headers)
    console.print(f"已导入 imported: {taken}", style="green")


@items.command("template")
def save_template(
    sheet: Annotated[Path, typer.Argument(help="要写的 xlsx 文件 / the xlsx file to write")] = Path("items.xlsx"),
    url: Url = "",
) -> None:
    """下载空白商品表 / download an empty product sheet."""
    if sheet.exists():
        fail(f"文件已存在 the file exists: {sheet}")
    sheet.write_bytes(respond(SERVICE, "GET", "/v1/item-sheets/template", url=url).content)
    say(f"已写入 written: {sheet}")


@listings.command("import")
def import_listings(sheet: Sheet, url: Url = "") -> None:
    """导入平台商品映射表，全部成功或全部不导入 / import a sheet of listings: all or none."""
    put = _upload(url, "/v1/listing-sheets", sheet, {})
    console.print(f"新增 added {put['added']}，变更 changed {put['changed']}，不变 unchanged {put['unchanged']}")
    if put["notes"]:
        show(put["notes"], OF_NOTES, title="请留意 notes")


def _upload(url: str, path: str, sheet: Path, form: Mapping[str, str]) -> Mapping[str, Any]:
    files = {"file": (sheet.name, sheet.read_bytes())}
    answer: Mapping[str, Any] = call(SERVICE, "POST", path, url=url, files=files, data=form)
    return answer


def _show_preview(preview: Mapping[str, Any]) -> None:
    added, refused = preview["added"], preview["refused"]
    changes = [item | field for item in preview["changed"] for field in item["fields"]]
    item = {"item_code": "编码 code", "item_name": "名称 name"}
    of_added = item | {"specification": "规格 specification", "barcodes": "条码 barcodes", "unit": "单位 unit"}
    of_changed = item | {"column": "列 column", "old": "原 old", "new": "新 new"}
    of_refused = {"row": "行 row", "column": "列 column", "value": "值 value", "reason": "原因 reason"}
    for rows, heads, title in (
        (added[:SHOWN_ROWS], of_added, f"新增 added: {len(added)}"),
        (changes[:SHOWN_ROWS], of_changed, f"变更 changed: {len(preview['changed'])}"),
        (refused, of_refused, f"拒绝行 refused rows: {len({each['row'] for each in refused})}"),
        (preview["notes"], OF_NOTES, "请留意 notes"),
    ):
        if rows:
            show(rows, heads, title=title)
    console.print(f"不变 unchanged: {len(preview['unchanged'])}")
