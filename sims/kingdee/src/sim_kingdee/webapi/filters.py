"""FilterString and OrderString: the little SQL that callers may write, turned into SQL with bound values.

A filter is comparisons joined by `and`: a key, one of = <> > >= < <=, and a number or a text in single quotes, whose
own quotes are doubled. What does not fit is `Refused` with MsgCode 4, as the server answers a bad filter.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sim_kingdee.webapi.answers import MsgCode, Refused
from sim_kingdee.webapi.bills import is_id
from sim_kingdee.webapi.columns import Column, Source

_COMPARISON = re.compile(
    r"\s*(?P<key>[A-Za-z_][\w.]*)\s*(?P<sign>>=|<=|<>|=|>|<)"
    r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d+(?:\.\d+)?))\s*(?P<joined>and\b|$)",
    re.IGNORECASE,
)
_ORDER = re.compile(r"\s*([A-Za-z_][\w.]*)(?:\s+(asc|desc))?\s*", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_BOOLEANS = {"0": "0", "1": "1", "false": "0", "true": "1"}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL after AND, with the value it binds; `is_of_entry` tells that it reads entries."""

    sql: str
    value: str
    is_of_entry: bool


def read_filter(text: str, source: Source) -> list[Condition]:
    """The conditions of a FilterString; none when it is blank."""
    conditions: list[Condition] = []
    position = 0
    is_open = bool(text.strip())
    while is_open:
        match = _COMPARISON.match(text, position)
        if match is None:
            raise _bad(text[position:])
        conditions.append(_condition(match, source))
        position = match.end()
        is_open = bool(match["joined"])
    return conditions


def read_order(text: str, source: Source) -> list[tuple[Column, str]]:
    """Columns to sort by, each with ASC or DESC; none when it is blank."""
    order = []
    for part in text.split(",") if text.strip() else []:
        match = _ORDER.fullmatch(part)
        column = source.column(match[1]) if match else None
        if match is None or column is None:
            raise _bad(part)
        order.append((column, (match[2] or "asc").upper()))
    return order


def _condition(match: re.Match[str], source: Source) -> Condition:
    column = source.column(match["key"])
    if column is None:
        raise _bad(match["key"])
    is_quoted = match["text"] is not None
    value = match["text"].replace("''", "'") if is_quoted else match["number"]
    sql, mark, bound = column.sql, "?", value
    match column.type:
        case "date" | "datetime" if is_quoted:
            bound = _moment(value, column.type)
        case "decimal" | "quantity" if _NUMBER.fullmatch(value):
            sql, mark = f"CAST({sql} AS NUMERIC)", "CAST(? AS NUMERIC)"
        case "id" if is_id(value):
            mark = "CAST(? AS INTEGER)"
        case "bool" if value in _BOOLEANS:
            sql, mark, bound = f"coalesce({sql}, 0)", "CAST(? AS INTEGER)", _BOOLEANS[value]
        case "text" if is_quoted:
            pass
        case _:
            raise _bad(match[0])
    return Condition(f"{sql} {match['sign']} {mark}", bound, column.is_of_entry)


def _moment(value: str, kind: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _bad(value) from error
    if moment.tzinfo:
        raise _bad(value)
    return moment.isoformat(timespec="milliseconds" if kind == "datetime" else "seconds")


def _bad(text: str) -> Refused:
    return Refused(MsgCode.EXCEPTION, f"“{text.strip()}” 附近有语法错误")
