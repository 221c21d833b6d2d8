"""ExecuteBillQuery and View (docking reference `kingdee.md` §3.4, §3.5); both answer JSON text."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sim_kingdee.webapi.answers import MsgCode, Refused
from sim_kingdee.webapi.bills import is_id
from sim_kingdee.webapi.columns import SOURCES, Column, Source
from sim_kingdee.webapi.filters import read_filter, read_order
from sim_kingdee.webapi.forms import BASE_DATA, Form

ROWS_MAX = 2_000

_PARAMETERS = {
    "FormId": str,
    "FieldKeys": str,
    "FilterString": str,
    "OrderString": str,
    "TopRowCount": int,
    "StartRow": int,
    "Limit": int,
    "SubSystemId": str,
}
_COLUMNS_MAX = 100


def run_query(db: sqlite3.Connection, data: Mapping[str, Any]) -> str:
    """Rows as arrays in the order of FieldKeys, at most ROWS_MAX whatever Limit says."""
    _check_parameters(data)
    if not data.get("FormId"):
        raise Refused(MsgCode.FORM_ID_EMPTY, "业务对象标识不能为空")
    source = SOURCES.get(data["FormId"])
    if source is None:
        raise Refused(MsgCode.EXCEPTION, f"业务对象 {data['FormId']} 不存在")
    columns = _columns(source, data.get("FieldKeys", ""))
    conditions = read_filter(data.get("FilterString", ""), source)
    order = read_order(data.get("OrderString", ""), source)
    reads_entries = any(column.is_of_entry for column in [*columns, *(column for column, _ in order)]) or any(
        condition.is_of_entry for condition in conditions
    )
    first_row, rows = _page(data)
    sql = (
        f"SELECT json_array({', '.join(column.json for column in columns)})"  # noqa: S608 (own text)
        f" FROM {source.tables} {source.entry_join if reads_entries else ''}"
        f" WHERE {' AND '.join([source.where, *(condition.sql for condition in conditions)])}"
        f"{_order_sql(order, reads_entries=reads_entries)} LIMIT ? OFFSET ?"
    )
    found = db.execute(sql, [*(condition.value for condition in conditions), rows, first_row])
    return f"[{','.join(row for (row,) in found)}]"


def _check_parameters(data: Mapping[str, Any]) -> None:
    for name, value in data.items():
        if name not in _PARAMETERS or isinstance(value, bool) or not isinstance(value, _PARAMETERS[name]):
            raise Refused(MsgCode.PARAMETER, f"参数 {name} 不正确", name)
        if isinstance(value, int) and not is_id(value):
            raise Refused(MsgCode.PARAMETER, f"参数 {name} 超出范围", name)


def _columns(source: Source, field_keys: str) -> list[Column]:
    names = [name.strip() for name in field_keys.split(",")] if field_keys.strip() else []
    if not names or len(names) > _COLUMNS_MAX:
        raise Refused(MsgCode.PARAMETER, "FieldKeys 不能为空或过长", "FieldKeys")
    columns = []
    for name in names:
        column = source.column(name)
        if column is None:
            raise Refused(MsgCode.FIELD_MISSING, f"字段 {name} 不存在", name)
        columns.append(column)
    return columns


def _page(data: Mapping[str, Any]) -> tuple[int, int]:
    first_row = data.get("StartRow", 0)
    rows = min(data.get("Limit", 0) or ROWS_MAX, ROWS_MAX)
    top = data.get("TopRowCount", 0)
    return first_row, min(rows, max(top - first_row, 0)) if top else rows


def _order_sql(order: Sequence[tuple[Column, str]], *, reads_entries: bool) -> str:
    parts = [f"{column.sql} {direction}" for column, direction in order]
    if reads_entries:
        parts += ["b.id", "e.seq"]
    return f" ORDER BY {', '.join(parts)}" if parts else ""


def view(db: sqlite3.Connection, form: Form, bill_id: int) -> str:
    """One bill with property names, which are keys without their F, and with names in every language."""
    source = SOURCES[form.id]
    heads = {name: column for name, column in source.columns.items() if not column.is_of_entry}
    fields = {name: column for name, column in source.columns.items() if column.is_of_entry}
    pairs = _properties({name: column for name, column in heads.items() if name != form.id_key})
    if form.entry:
        of_entry = ", ".join(["'Id', e.id", "'Seq', e.seq", *_properties(_own(form, fields))])
        pairs.append(
            f"'{form.entry[1:]}', (SELECT json_group_array(json_object({of_entry}))"  # noqa: S608 (own text)
            " FROM (SELECT * FROM bill_entry WHERE bill_id = b.id ORDER BY seq) e)"
        )
    sql = f"SELECT json_object('Id', b.id, {', '.join(pairs)}) FROM bill b WHERE b.id = ?"  # noqa: S608 (own text)
    return str(db.execute(sql, (bill_id,)).fetchone()[0])


def _own(form: Form, fields: Mapping[str, Column]) -> dict[str, Column]:
    return {name: column for name, column in fields.items() if name in form.keys}


def _properties(columns: Mapping[str, Column]) -> list[str]:
    """Arguments of json_object."""
    return [f"'{name[1:]}', {_property(column)}" for name, column in columns.items()]


def _property(column: Column) -> str:
    if column.type not in BASE_DATA:
        return column.json
    names = f"json_array(json_object('Key', 2052, 'Value', {column.name.sql}))"
    return f"json_object('Id', {column.id.sql}, 'Number', {column.sql}, 'Name', {names})"
