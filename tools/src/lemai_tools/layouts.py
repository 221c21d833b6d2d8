"""`lemai layouts`: profiles checked, shown and tried out, before a counterpart's first file comes."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from rich.table import Table

from lemai_docking.codec import encode
from lemai_docking.definitions.columns import Column, starts, tags_of
from lemai_docking.definitions.layout import DefinitionError, Field, Layout, layouts
from lemai_docking.definitions.profile import Profile, find_profile
from lemai_docking.definitions.samples import sample_for
from lemai_docking.documents import Decoded, Document, Row
from lemai_docking.encodings.choice import codec_of
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import DocumentRefused, Fault, FileRejected
from lemai_tools.output import console, fail

app = typer.Typer(no_args_is_help=True, help="布局与方案 / layouts and profiles")

Name = Annotated[str, typer.Argument(help="内置方案名或 YAML 文件 / a built-in profile's name, or a YAML file")]
Interface = Annotated[str, typer.Argument(help="接口，如 deliver_order / the interface")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="对接文件 / the file")]
Seed = Annotated[int, typer.Option(help="样例编号，不同则内容不同 / another seed, another sample")]
Stamp = Annotated[str, typer.Option(help="文件名时间，默认现在 / stamp of the file's name, by default now")]


@app.command()
def check(profile: Name) -> None:
    """检查方案，列出全部问题 / check a profile, tell every problem."""
    sound = _load(profile)
    console.print(f"方案无误 sound: {sound.profile}，{len(sound.interfaces)} 个接口 interfaces", highlight=False)


@app.command()
def show(profile: Name, interface: Annotated[str, typer.Argument(help="接口，默认全部 / by default all")] = "") -> None:
    """显示字段表 / show the field tables."""
    loaded = _load(profile)
    for name in [interface] if interface else loaded.interfaces:
        _known(loaded, name)
        layout = layouts()[name]
        for key, columns in loaded.interfaces[name].columns.items():
            console.print(_table(loaded, layout, key, columns))


@app.command()
def sample(profile: Name, interface: Interface, seed: Seed = 1, stamp: Stamp = "") -> None:
    """在当前目录生成样例文件 / make a sample file in the current folder."""
    loaded = _load(profile)
    _known(loaded, interface)
    at = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI) if stamp else datetime.now(UTC)
    random = Random(seed)  # noqa: S311 - sample data
    try:
        documents = [sample_for(loaded, interface, random) for _ in range(1 if interface == "inventory_balance" else 2)]
    except DocumentRefused as refused:
        fail(*(fault.message for fault in refused.faults))
    header = loaded.header(interface, stamp=at, created_at=at, owner_code=documents[0].owner_code or "JFY")
    file = Path(loaded.file_name(interface, at))
    file.write_bytes(encode(codec_of(loaded), header, documents).data)
    console.print(str(file), highlight=False, soft_wrap=True)


@app.command()
def decode(profile: Name, file: File) -> None:
    """把文件译成 JSON，每个错误附位置，有错则退出码 1 / decode a file to JSON, each error at its place."""
    loaded = _load(profile)
    try:
        decoded = codec_of(loaded).decode(file.name, file.read_bytes())
    except FileRejected as rejected:
        console.print_json(json.dumps({"file_rejected": _fault(rejected.fault)}, ensure_ascii=False))
        raise typer.Exit(1) from None
    console.print_json(json.dumps(_decoded(decoded), ensure_ascii=False, default=_plain))
    if decoded.rejected:
        raise typer.Exit(1)


def _load(name: str) -> Profile:
    try:
        return find_profile(name, Path())
    except DefinitionError as error:
        fail(*str(error).splitlines())


def _known(profile: Profile, interface: str) -> None:
    if interface not in profile.interfaces:
        fail(f"方案没有此接口 the profile has no such interface: {interface}；{' | '.join(profile.interfaces)}")


def _table(profile: Profile, layout: Layout, key: str, columns: Sequence[Column]) -> Table:
    """The columns of one kind of line."""
    frame = profile.frame_of(layout.interface)
    title = f"{layout.number} {layout.label} {layout.interface} · {key} · {profile.interfaces[layout.interface].file}"
    table = Table(title=title, title_justify="left")
    for head in ("列 column", "字段 field", "中文 label"):
        table.add_column(head, no_wrap=True)
    for head in ("类型 type", "必填 required", "写法与说明 spelling, note"):
        table.add_column(head)
    word = len(frame.word(key)) if len(profile.interfaces[layout.interface].columns) > 1 else 0
    for place, (column, start) in enumerate(zip(columns, starts(tuple(columns), word), strict=True), 1):
        tag = column.tag(tags_of(key), layout) if column.field else None
        field = layout.records[tag].by_name[column.name] if tag else None
        where = f"{start + 1}-{start + column.width}" if column.width else str(place)
        told = [*_spelled(profile, layout, column, field), *([field.note] if field and field.note else [])]
        if field:
            table.add_row(
                where, column.field, field.label, f"{field.type} {field.max}", field.required, "\n".join(told)
            )
        else:
            table.add_row(where, "", column.head, "", "", "\n".join(told))
    return table


def _spelled(profile: Profile, layout: Layout, column: Column, field: Field | None) -> Iterator[str]:
    if column.constant is not None:
        yield f"恒为 always {column.constant}"
    if column.format:
        yield column.format
    if column.places is not None:
        yield f"{column.places} 位小数 places" + ("" if column.point else "，无小数点 no point")
    if column.default is not None:
        yield f"空即 empty is {column.default}"
    if codes := profile.codes_of(layout.interface).get(column.name):
        yield " ".join(f"{ours}={'/'.join(theirs)}" for ours, theirs in codes.items())
    elif field and field.codes:
        yield " ".join(field.codes)


def _decoded(decoded: Decoded) -> dict[str, Any]:
    return {
        "interface": decoded.header.interface,
        "message_id": decoded.header.message_id,
        "documents": [_document(document) for document in decoded.documents],
        "rejected": [
            {"line": one.line_no, "order_no": one.order_no, "faults": [_fault(fault) for fault in one.faults]}
            for one in decoded.rejected
        ],
        "warnings": [_fault(warning) for warning in decoded.warnings],
    }


def _document(document: Document) -> dict[str, Any]:
    records = layouts()[document.interface].records

    def in_order(tag: str, row: Row) -> dict[str, Any]:
        return {name: row[name] for name in records[tag].by_name if name in row}

    return {
        "line": document.line_no,
        "interface": document.interface,
        "head": in_order(next(iter(records)), document.head),
        **{tag: [in_order(tag, row) for row in rows] for tag, rows in document.records.items()},
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {"code": fault.code, "line": fault.line, "field": fault.field, "message": fault.message}


def _plain(value: object) -> str:
    """Decimals as they are, instants as clocks in China show them."""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    assert isinstance(value, Decimal | date)
    return str(value)
