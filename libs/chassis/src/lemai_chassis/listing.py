"""Lists over HTTP the same way in every service: filtered by name, in the order of a key, a page at a time."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_chassis.web import FieldProblem, invalid, shown

T = TypeVar("T")
PAGE_MAX = 200


class Page(BaseModel, Generic[T]):
    """One page of a list. `next` is the cursor of the following one, null on the last."""

    items: list[T]
    next: str | None = None


@dataclass(frozen=True)
class Paging:
    """Which page is asked for."""

    cursor: Annotated[str | None, Query(description="上一页的 next / `next` of the page before")] = None
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="每页条数 / items of a page", examples=[50])] = 50


Paged = Annotated[Paging, Depends()]


@dataclass(frozen=True)
class Search:
    """Rows of a query, in the order of a key that tells each from all others."""

    query: str
    key: Mapping[str, type]
    """The columns of the key, and of what kind each is: str, int or datetime."""
    newest_first: bool = False
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What a filter of this name, as `:name`, asks for; any other asks for the column of its name to equal it."""

    async def page(
        self, database: AsyncEngine, view: Callable[[RowMapping], T], paging: Paging, **wanted: Any
    ) -> Page[T]:
        """A page of the rows that are as `wanted`; None looks for everything. Raises Problem for a forged cursor."""
        after = decode_cursor(paging.cursor, *self.key.values()) if paging.cursor is not None else ()
        async with database.connect() as connection:
            rows = await self.rows(connection, paging.limit + 1, after, **wanted)
        more = rows[paging.limit - 1] if len(rows) > paging.limit else None
        following = encode_cursor(*(more[name] for name in self.key)) if more else None
        return Page(items=[view(row) for row in rows[: paging.limit]], next=following)

    async def rows(
        self, connection: AsyncConnection, limit: int, after: Sequence[Any] = (), /, **wanted: Any
    ) -> Sequence[RowMapping]:
        """At most `limit` rows that are as `wanted` and follow the key `after`."""
        given = {name: value for name, value in wanted.items() if value is not None}
        conditions = [self.conditions.get(name, f"{name} = :{name}") for name in given]
        if after:
            places = [f":after_{position}" for position in range(len(after))]
            given |= {place[1:]: part for place, part in zip(places, after, strict=True)}
            conditions.append(f"({', '.join(self.key)}) {'<' if self.newest_first else '>'} ({', '.join(places)})")
        order = ", ".join(f"{name} DESC" if self.newest_first else name for name in self.key)
        sql = (
            f"SELECT * FROM ({self.query}) found WHERE {' AND '.join(conditions) or 'true'} "  # noqa: S608 - our names
            f"ORDER BY {order} LIMIT :limit"
        )
        return (await connection.execute(text(sql), {**given, "limit": limit})).mappings().all()


def encode_cursor(*key: str | int | datetime) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode()


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The key behind a cursor, each part a str, int or datetime as `kinds` say. Raises Problem for another."""
    try:
        parts = orjson.loads(base64.b64decode(cursor, b"-_", validate=True))
        return tuple(_key_part(kind, part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError):
        message = "应为上一页返回的 next / expected the `next` of the page before"
        wrong = FieldProblem(field="query.cursor", value=shown(cursor), message=message)
        raise invalid([wrong], "invalid-cursor") from None


def _key_part(kind: type, part: Any) -> str | int | datetime:
    if kind is datetime:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return moment
    if isinstance(part, str | int) and type(part) is kind and "\0" not in str(part):
        return part
    raise ValueError("another kind of value")
