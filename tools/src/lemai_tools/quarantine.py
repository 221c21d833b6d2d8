"""`lemai quarantine`: what counterparts sent and was refused, seen and decided without the console."""

from pathlib import Path
from typing import Annotated

import typer

from lemai_tools.output import Json, Number, Reason, Url, call, console, fail, pages, respond, show

app = typer.Typer(no_args_is_help=True, help="隔离的文件与单据 / refused files and documents")
ADAPTER = "kingdee-adapter"
HEADS = {
    "id": "编号 id",
    "counterpart": "对接方 counterpart",
    "file_name": "文件 file",
    "line": "行 line",
    "order_no": "单号 order",
    "code": "错误 code",
    "field": "字段 field",
    "value": "值 value",
    "quarantined_at": "时间 since",
}
DETAILS = {
    **HEADS,
    "state": "状态 state",
    "decided_by": "处理人 by",
    "decided_why": "原因 why",
    "reasons": "错误 faults",
}


@app.command("list")
def list_quarantined(
    state: Annotated[str, typer.Option(help="open, replayed, discarded, superseded")] = "open",
    url: Url = "",
    as_json: Json = False,
) -> None:
    """列出隔离的文件与单据，新的在前 / what is in quarantine, newest first."""
    show(pages(ADAPTER, "/v1/quarantine", url=url, state=state), HEADS, as_json=as_json)


@app.command("show")
def one(quarantine_id: Number, url: Url = "", as_json: Json = False) -> None:
    """显示一条及其全部错误 / one entry with everything wrong with it."""
    found = call(ADAPTER, "GET", "/v1/quarantine", url=url, params={"id": quarantine_id})["items"]
    if not found:
        fail(f"没有隔离编号 {quarantine_id} / nothing of this id is in quarantine")
    reasons = [{**row, "reasons": [fault["message"] for fault in row["faults"]]} for row in found]
    show(found if as_json else reasons, DETAILS, as_json=as_json)


@app.command()
def fetch(
    quarantine_id: Number,
    to: Annotated[Path, typer.Argument(help="写到何处 / where to write it")],
    purpose: Annotated[str, typer.Option(help="用途，会被保存 / what for; it is kept")],
    url: Url = "",
) -> None:
    """取出被拒的文件，以便修改 / fetch what was refused as a file, to be mended."""
    path = f"/v1/quarantine/{quarantine_id}/content"
    to.write_bytes(respond(ADAPTER, "GET", path, url=url, params={"purpose": purpose}).content)
    console.print(f"已写入 written: {to}", markup=False)


@app.command()
def mend(
    quarantine_id: Number,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="修改后的文件 / the mended file")],
    reason: Reason,
    name: Annotated[str, typer.Option(help="正确的文件名，若原名有误 / the right name, where it was wrong")] = "",
    url: Url = "",
) -> None:
    """提交修改后的文件 / post what you made of it."""
    form = {"reason": reason, "name": name}
    path = f"/v1/quarantine/{quarantine_id}/mend"
    ack = call(ADAPTER, "POST", path, url=url, data=form, files={"file": (file.name, file.read_bytes())})
    console.print(f"已入账 posted: {ack['accepted']}", markup=False)


@app.command()
def discard(quarantine_id: Number, reason: Reason, url: Url = "") -> None:
    """放弃，永不入账 / give it up; it will never count."""
    respond(ADAPTER, "POST", f"/v1/quarantine/{quarantine_id}/discard", url=url, json={"reason": reason})
    console.print("已放弃 discarded")


@app.command()
def replay(
    counterpart: Annotated[str, typer.Argument(help="对接方编码 / its code")],
    reason: Reason,
    code: Annotated[str | None, typer.Option(help="只此错误代码 / only this error code")] = None,
    interface: Annotated[str | None, typer.Option(help="只此接口 / only this interface")] = None,
    url: Url = "",
) -> None:
    """方案改好后重放 / read again what was refused, after the profile was put right."""
    asked = {"reason": reason, "code": code, "interface": interface}
    path = f"/v1/counterparts/{counterpart}/quarantine/replay"
    heads = {
        "files": "文件 files",
        "documents": "收下 documents",
        "rejected_files": "仍被拒的文件 refused files",
        "rejected_documents": "仍被拒的单据 refused documents",
    }
    show([call(ADAPTER, "POST", path, url=url, json=asked)], heads)
