"""`lemai stock`: snapshots of the counterparts, and what is decided about those that would empty a shop."""

from typing import Annotated

import typer

from lemai_tools.output import Json, Reason, Url, call, fail, pages, show

app = typer.Typer(no_args_is_help=True, help="库存快照 / stock snapshots")
SERVICE = "stock-svc"
HEADS = {
    "snapshot_id": "快照 snapshot",
    "owner_code": "货主 owner",
    "warehouse_code": "仓库 warehouse",
    "snapshot_at": "盘点时间 counted at",
    "lines": "行 lines",
    "state": "状态 state",
    "differences": "差异 differences",
    "sellable": "比对前可售 sellable before",
    "lost": "其中减少 lost of them",
    "decided_by": "决定人 decided by",
    "decided_why": "原因 why",
}

SnapshotId = Annotated[str, typer.Argument(help="快照号 / number of the snapshot")]


@app.command()
def snapshots(
    state: Annotated[str, typer.Option(help="只列此状态，如 waiting / of this state only")] = "",
    url: Url = "",
    as_json: Json = False,
) -> None:
    """列出快照，新的在前 / snapshots, newest first."""
    show(pages(SERVICE, "/v1/snapshots", url=url, **({"state": state} if state else {})), HEADS, as_json=as_json)


@app.command()
def apply(snapshot_id: SnapshotId, reason: Reason, url: Url = "", as_json: Json = False) -> None:
    """快照属实，按它校正库存 / the snapshot is true: correct the books by it."""
    _decide(snapshot_id, "apply", reason, url, as_json)


@app.command()
def refuse(snapshot_id: SnapshotId, reason: Reason, url: Url = "", as_json: Json = False) -> None:
    """快照有误，不予采用 / the snapshot is wrong: leave the books alone."""
    _decide(snapshot_id, "refuse", reason, url, as_json)


def _decide(snapshot_id: str, decision: str, reason: str, url: str, as_json: bool) -> None:
    waiting = pages(SERVICE, "/v1/snapshots", url=url, state="waiting")
    found = [each for each in waiting if each["snapshot_id"] == snapshot_id]
    if not found:
        fail(f"没有待决定的此快照 / no such snapshot waits: {snapshot_id}")
    for each in found:
        key = {name: each[name] for name in ("owner_code", "warehouse_code", "snapshot_id")}
        body = {**key, "decision": decision, "reason": reason}
        show([call(SERVICE, "POST", "/v1/snapshots/decide", url=url, json=body)], HEADS, as_json=as_json)
