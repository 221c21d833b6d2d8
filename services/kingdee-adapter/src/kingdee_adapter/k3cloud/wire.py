"""What goes over the wire to K/3 Cloud: queries, bodies of operations, cells of rows (reference §3.1, §3.5)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Cell = str | int | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of `keys`, one per entry line; `where` is the server's SQL-like text (see `quoted`)."""

    form_id: str
    keys: Sequence[str]
    where: str
    order: str
    limit: int
    start: int = 0


def quoted(value: str) -> str:
    """A text inside a filter."""
    return "'" + value.replace("'", "''") + "'"


def operation_body(form_id: str, data: Mapping[str, Any]) -> bytes:
    """The body of a bill operation; the order of keys is kept, K/3 Cloud goes by it."""
    return json.dumps({"formid": form_id, "data": data}, ensure_ascii=False, separators=(",", ":")).encode()
