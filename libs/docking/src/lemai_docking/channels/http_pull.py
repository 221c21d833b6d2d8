"""Fetching a counterpart's files from its HTTP server: listed after a cursor, read, acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256 as sha256_of
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_docking.channel import Entry, NotDone, Undecided
from lemai_docking.channels.http_client import Answer, HttpClient, in_path

LISTING_BYTES_MAX = 10_000_000
PAGES_MAX = 100
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class _Offer(BaseModel):
    """A file in the list."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    name: str
    sha256: str
    cursor: str


class _Listing(BaseModel):
    files: list[_Offer]


@dataclass
class Cursor:
    """How far a counterpart's list has been dealt with, in the table `docking_cursor`."""

    engine: AsyncEngine
    table: Table
    counterpart: str

    async def read(self) -> str:
        """Empty at the beginning."""
        async with self.engine.connect() as connection:
            found: str | None = await connection.scalar(
                select(self.table.c.cursor).where(self.table.c.counterpart == self.counterpart)
            )
        return found or ""

    async def write(self, cursor: str) -> None:
        """Keep it."""
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(self.table)
                .values(counterpart=self.counterpart, cursor=cursor)
                .on_conflict_do_update(index_elements=[self.table.c.counterpart], set_={"cursor": cursor})
            )


class HttpInlet:
    """`GET /v1/files?after=<cursor>`, `GET /v1/files/<name>`, `POST /v1/files/<name>/ack`.

    The cursor moves over a file when that and every file before it is dealt with, so a restart lists what was open.
    """

    poll_s = 2.0

    def __init__(self, client: HttpClient, cursor: Cursor) -> None:
        self._client = client
        self._cursor = cursor
        self._listed: str | None = None
        self._open: list[_Offer] = []
        self._done: set[_Offer] = set()

    async def prepare(self) -> None:
        """Begin where the cursor stands."""
        self._listed, self._open = await self._cursor.read(), []

    async def entries(self) -> Sequence[Entry]:
        """What is new in the list, after what is not dealt with yet. A file that is offered is whole."""
        for _ in range(PAGES_MAX):
            offers = await self._page()
            if not offers:
                break
            self._open += offers
            self._listed = offers[-1].cursor
        names = dict.fromkeys(offer.name for offer in self._open if offer not in self._done)
        return [Entry(name, _is_name(name), _LONG_AGO) for name in names]

    async def read(self, name: str, bytes_max: int) -> bytes:
        """NotDone if what comes is not what the list says; one that is gone is passed over."""
        answer = await self._call("GET", f"/v1/files/{in_path(name)}", bytes_max=bytes_max)
        if answer.status in {404, 410}:
            await self._settle(name)
            raise FileNotFoundError(name)
        _check(answer)
        expected = self._offer(name).sha256
        if len(answer.content) <= bytes_max and sha256_of(answer.content).hexdigest() != expected.lower():
            raise NotDone(f"{name}: SHA-256 differs from the list's")
        return answer.content

    async def acknowledge(self, name: str, content: bytes) -> None:
        """Post our answer."""
        _check(await self._call("POST", f"/v1/files/{in_path(name)}/ack", body=content, bytes_max=LISTING_BYTES_MAX))

    async def archive(self, name: str, now: datetime) -> None:
        """Move the cursor."""
        await self._settle(name)

    async def quarantine(self, name: str, sha256: str) -> None:
        """Move the cursor: the journal has the bytes."""
        await self._settle(name)

    async def _page(self) -> Sequence[_Offer]:
        path = f"/v1/files?after={in_path(self._listed)}" if self._listed else "/v1/files"
        answer = await self._call("GET", path, bytes_max=LISTING_BYTES_MAX)
        _check(answer)
        try:
            return _Listing.model_validate_json(answer.content).files
        except ValidationError as error:
            raise NotDone(f"/v1/files: {error.error_count()} 处不合规定/malformed: {answer.text}") from error

    async def _settle(self, name: str) -> None:
        """The first offer of this name is dealt with; another of the same name is another file."""
        self._done.add(self._offer(name))
        cursor = ""
        while self._open and self._open[0] in self._done:
            offer = self._open.pop(0)
            self._done.discard(offer)
            cursor = offer.cursor
        if cursor:
            await self._cursor.write(cursor)

    def _offer(self, name: str) -> _Offer:
        return next(offer for offer in self._open if offer.name == name and offer not in self._done)

    async def _call(self, method: Literal["GET", "POST"], path: str, *, body: bytes = b"", bytes_max: int) -> Answer:
        """Every step may be repeated, so what is undecided is not done."""
        try:
            return await self._client.call(method, path, body=body, bytes_max=bytes_max)
        except Undecided as undecided:
            raise NotDone(str(undecided)) from undecided


def _check(answer: Answer) -> None:
    if not 200 <= answer.status < 300:
        raise NotDone(f"HTTP {answer.status} {answer.text}".strip())


def _is_name(name: str) -> bool:
    """Whether it can be one segment of a path, stored and shown."""
    return name.isprintable() and "/" not in name and "\\" not in name and name not in {"", ".", ".."}
