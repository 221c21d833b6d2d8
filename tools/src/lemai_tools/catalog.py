"""`lemai items` and `lemai listings`: bring sheets into the catalog over catalog-svc's REST."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lemai_tools.platform.home import Home, default_home
from lemai_tools.platform.records import running

TIMEOUT_S = 120
SHOWN_ROWS = 20
"""Of a long list the first rows are shown; refused rows are shown all."""

Sheet = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="xlsx 或 CSV 文件 / xlsx or CSV file")
]
Url = Annotated[
    str,
    typer.Option(
        help="catalog-svc 的地址，默认取本地平台的 / the service's address, by default the local one",
        envvar="LEMAI_CATALOG_URL",
    ),
]

app = typer.Typer(no_args_is_help=True)
items = typer.Typer(no_args_is_help=True, help="商品 items")
listings = typer.Typer(no_args_is_help=True, help="平台商品映射 listings")
app.add_typer(items, name="items")
app.add_typer(listings, name="listings")
console = Console()


class Refused(Exception):
    """The service answered with a problem document."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["title"])
        self.problem = problem


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
    with _service(url) as http:
        preview = _upload(http, "/v1/item-sheets", sheet, {"owner_code": owner})
        _show_preview(preview)
        taken = len(preview["added"]) + len(preview["changed"])
        if not taken:
            console.print("没有需要导入的商品 nothing to import")
            raise typer.Exit(1 if preview["refused"] else 0)
        if preview["refused"] and yes and not accept_refused:
            console.print("有被拒绝的行，未导入 rows are refused, nothing was imported", style="red")
            raise typer.Exit(1)
        if not yes:
            skipped = len({refusal["row"] for refusal in preview["refused"]})
            typer.confirm(
                f"导入 {taken} 个商品，跳过 {skipped} 行 import {taken} items, skip {skipped} rows?", abort=True
            )
        sheet_id = preview["sheet_id"]
        # The sheet is its own key: to ask again after a broken connection imports nothing twice.
        headers = {"Idempotency-Key": f"confirm-{sheet_id}"}
        _answer(http.post(f"/v1/item-sheets/{sheet_id}/confirm", json={"accept_refused": True}, headers=headers))
    console.print(f"已导入 imported: {taken}", style="green")


@listings.command("import")
def import_listings(sheet: Sheet, url: Url = "") -> None:
    """导入平台商品映射表，全部成功或全部不导入 / import a sheet of listings: all or none."""
    with _service(url) as http:
        put = _upload(http, "/v1/listing-sheets", sheet, {})
    console.print(f"新增 added {put['added']}，变更 changed {put['changed']}，不变 unchanged {put['unchanged']}")


@contextmanager
def _service(url: str) -> Iterator[httpx.Client]:
    """A client of the service; what goes wrong with it is told to the person and ends the command with 1."""
    address = url or _local()
    try:
        with httpx.Client(base_url=address, trust_env=False, timeout=TIMEOUT_S) as http:
            yield http
    except httpx.TransportError as error:
        console.print(f"catalog-svc 无法访问 cannot be reached: {address}: {error}", style="red", markup=False)
    except Refused as refused:
        _show_problem(refused.problem)
    else:
        return
    raise typer.Exit(1)


def _local() -> str:
    record = running(Home(default_home())).get("catalog-svc")
    if record is None:
        console.print("本地没有运行 catalog-svc，请用 --url / catalog-svc does not run here, use --url", style="red")
        raise typer.Exit(1)
    return record.url


def _upload(http: httpx.Client, path: str, sheet: Path, form: Mapping[str, str]) -> Mapping[str, Any]:
    with console.status("正在上传 uploading"):
        return _answer(http.post(path, files={"file": (sheet.name, sheet.read_bytes())}, data=form))


def _answer(response: httpx.Response) -> Mapping[str, Any]:
    if response.headers.get("content-type") == "application/problem+json":
        raise Refused(response.json())
    response.raise_for_status()
    answer: Mapping[str, Any] = response.json()
    return answer


def _show_preview(preview: Mapping[str, Any]) -> None:
    changes = [
        (item["item_code"], item["item_name"], field["column"], field["old"], field["new"])
        for item in preview["changed"]
        for field in item["fields"]
    ]
    added = [
        (item["item_code"], item["item_name"], item["specification"], ";".join(item["barcodes"]), item["unit"])
        for item in preview["added"]
    ]
    refused = [(row["row"], row["column"], row["value"], row["reason"]) for row in preview["refused"]]
    _show(
        f"新增 added: {len(added)}",
        ("编码 code", "名称 name", "规格", "条码 barcodes", "单位 unit"),
        added[:SHOWN_ROWS],
    )
    _show(
        f"变更 changed: {len(preview['changed'])}",
        ("编码 code", "名称 name", "列 column", "原 old", "新 new"),
        changes[:SHOWN_ROWS],
    )
    _show(f"拒绝 refused: {len(refused)}", ("行 row", "列 column", "值 value", "原因 reason"), refused)
    console.print(f"不变 unchanged: {len(preview['unchanged'])}")


def _show_problem(problem: Mapping[str, Any]) -> None:
    console.print(problem["title"], style="red", markup=False)
    if problem["detail"]:
        console.print(problem["detail"], markup=False)
    errors = [(error["field"], error["value"], error["message"]) for error in problem["errors"]]
    _show("错误 errors", ("字段 field", "值 value", "说明 message"), errors)


def _show(title: str, heads: Sequence[str], rows: Sequence[Iterable[object]]) -> None:
    """A table of what people wrote, as they wrote it: nothing in it is markup."""
    if not rows:
        return
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console.print(table)
