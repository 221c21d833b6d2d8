"""The state of one database transaction: loaded and locked, changed by handlers, saved in bulk."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_chassis.state.aggregates import Aggregates
from lemai_chassis.state.unit_of_work import ABSENT, Key, NotLoaded, Ref, State, UnitOfWork, Versioned
from lemai_chassis.trace import CURRENT, Cause, span

M = TypeVar("M")
R = TypeVar("R")


class Session:
    """Aggregates on a transaction that somebody else commits."""

    def __init__(self, connection: AsyncConnection, aggregates: Mapping[type, Aggregates[Any]], now: datetime) -> None:
        self.connection = connection
        self._aggregates = aggregates
        self._loaded: State = {}
        self._state: State = {}
        self.uow = UnitOfWork(self._state, now)

    async def load(self, refs: Iterable[Ref]) -> None:
        """Lock and read what is not there yet, one query per kind, kinds and keys always in the same order."""
        missing: dict[type, set[Key]] = {}
        for ref in refs:
            if ref not in self._state:
                missing.setdefault(ref.kind, set()).add(ref.key)
        for kind, keys in sorted(missing.items(), key=lambda item: item[0].__name__):
            found = await self._aggregates[kind].load(self.connection, keys)
            loaded = {Ref(kind, key): found.get(key, ABSENT) for key in keys}
            self._loaded |= loaded
            self._state |= loaded

    async def run(self, handler: Callable[[M, UnitOfWork], R], message: M, cause: Cause | None = None) -> R:
        """Run one handler in its own overlay, loading what it turns out to need; `cause`: not what is worked on now."""
        with span(handler, cause or CURRENT.get()) as why:
            while True:
                try:
                    with self.uow.overlay(why):
                        return handler(message, self.uow)
                except NotLoaded as missing:
                    await self.load([missing.ref])

    async def save(self) -> None:
        """Write what the handlers changed. Raises ConcurrentUpdateError."""
        changed: dict[type, list[tuple[int, Versioned[Any]]]] = {}
        for ref, new in self._state.items():
            if new is not self._loaded[ref]:
                changed.setdefault(ref.kind, []).append((self._loaded[ref].version, new))
        for kind, rows in sorted(changed.items(), key=lambda item: item[0].__name__):
            await self._aggregates[kind].save(self.connection, rows)
