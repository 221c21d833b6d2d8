"""How a reply is written: XML by default, JSON on request, `simplify` without wrappers.

A result is the plain JSON form, in which every list sits in a wrapper of one key:
`{"trades": {"trade": [...]}}`. XML and simplified JSON follow from that form alone.
"""

from collections.abc import Mapping
from html import escape
from typing import Literal

import orjson

Format = Literal["xml", "json"]
HALF_EMOJI = "\ue000"
"""Where this private character stands in a text, half a surrogate pair is sent: no JSON may tell us of one."""
CONTENT_TYPES: Mapping[Format, str] = {"xml": "text/xml;charset=UTF-8", "json": "text/javascript;charset=UTF-8"}


def root_name(method: str) -> str:
    """`taobao.trades.sold.get` answers in `trades_sold_get_response`; other prefixes stay."""
    return method.removeprefix("taobao.").replace(".", "_") + "_response"


def render(root: str, body: dict[str, object], *, form: Format, simplify: bool) -> bytes:
    """The reply's bytes; `simplify` concerns JSON only and leaves `error_response` in place."""
    if form == "xml":
        return f'<?xml version="1.0" encoding="utf-8" ?>{_element(root, body)}'.encode()
    if simplify:
        bare = _unwrapped(body)
        return _json({root: bare} if root == "error_response" else bare)
    return _json({root: body})


def _json(value: object) -> bytes:
    return orjson.dumps(value).replace(HALF_EMOJI.encode(), rb"\ud83d")


def _wrapped_rows(value: object) -> tuple[str, list[object]] | None:
    if isinstance(value, dict) and len(value) == 1:
        [(name, rows)] = value.items()
        if isinstance(rows, list):
            return name, rows
    return None


def _unwrapped(value: object) -> object:
    wrapped = _wrapped_rows(value)
    if wrapped is not None:
        return [_unwrapped(row) for row in wrapped[1]]
    if isinstance(value, dict):
        return {name: _unwrapped(inner) for name, inner in value.items()}
    return value


def _element(name: str, value: object) -> str:
    wrapped = _wrapped_rows(value)
    if wrapped is not None:
        element, rows = wrapped
        return f'<{name} list="true">{"".join(_element(element, row) for row in rows)}</{name}>'
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(inner, child) for inner, child in value.items())}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else escape(str(value), quote=False)
    return f"<{name}>{text}</{name}>"
