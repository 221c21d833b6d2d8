"""What every TOP method shares: its declaration, its call, and strict reading of its parameters."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from sim_tmall.errors import invalid, missing
from sim_tmall.market import Market
from sim_tmall.wire import moment_of

Result = dict[str, object]
_INTEGER = re.compile(r"-?\d{1,19}")


@dataclass(frozen=True)
class Arguments:
    """The business parameters of a call; every reader raises TopError 41 on a wrong value."""

    given: dict[str, str]

    def text(self, name: str) -> str | None:
        """The value as it was sent."""
        return self.given.get(name)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """An integer within bounds."""
        text = self.given.get(name)
        return None if text is None else bounded(name, text, low, high)

    def flag(self, name: str) -> bool:
        """`true` or `false`, false when not sent."""
        text = self.given.get(name, "false")
        if text not in ("true", "false"):
            raise invalid(name, f"{text!r} 不是 true 或 false / is neither true nor false")
        return text == "true"

    def moment(self, name: str) -> int | None:
        """Epoch seconds of a Beijing wall-clock time."""
        text = self.given.get(name)
        try:
            return None if text is None else moment_of(text)
        except ValueError:
            raise invalid(name, f"{text!r} 不是 yyyy-MM-dd HH:mm:ss / is not yyyy-MM-dd HH:mm:ss") from None

    def ids(self, name: str, most: int) -> list[int]:
        """A comma list of at most `most` ids, empty when not sent."""
        text = self.given.get(name)
        parts = [] if text is None else text.split(",")
        if len(parts) > most:
            raise invalid(name, f"最多 {most} 个，收到 {len(parts)} 个 / at most {most}, got {len(parts)}")
        return [bounded(name, part, 1, 2**63 - 1) for part in parts]

    def objects(self, name: str, most: int) -> list[dict[str, object]]:
        """A JSON list of at most `most` objects, empty when not sent."""
        rows = self._json(name, "[]")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise invalid(name, "应为 JSON 对象列表 / a JSON list of objects is expected")
        if len(rows) > most:
            raise invalid(name, f"最多 {most} 个，收到 {len(rows)} 个 / at most {most}, got {len(rows)}")
        return rows

    def mapping(self, name: str) -> dict[str, object]:
        """A JSON object, empty when not sent."""
        row = self._json(name, "{}")
        if not isinstance(row, dict):
            raise invalid(name, "应为 JSON 对象 / a JSON object is expected")
        return row

    def _json(self, name: str, default: str) -> object:
        try:
            parsed: object = orjson.loads(self.given.get(name, default))
        except orjson.JSONDecodeError as error:
            raise invalid(name, f"不是 JSON / is not JSON: {error}") from None
        return parsed


def bounded(name: str, value: object, low: int, high: int) -> int:
    """An integer, or its decimal text, within bounds; raises TopError 41."""
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not _INTEGER.fullmatch(text):
        raise invalid(name, f"{value!r} 不是整数 / is not an integer")
    if not low <= int(text) <= high:
        raise invalid(name, f"{text} 不在 {low}–{high} / is outside {low} to {high}")
    return int(text)


@dataclass(frozen=True)
class Call:
    """One admitted call: signed, in time, and in the name of the seller `nick`."""

    market: Market
    nick: str
    now: int
    arguments: Arguments


@dataclass(frozen=True)
class Method:
    """A TOP method: which parameters it must and may have, and what it does."""

    name: str
    required: tuple[str, ...]
    optional: frozenset[str]
    needs_session: bool
    run: Callable[[Call], Result]

    def check(self, given: dict[str, str]) -> None:
        """Missing parameters come before unknown ones, unknown ones before wrong values."""
        for name in self.required:
            if name not in given:
                raise missing(name)
        for name in given:
            if name not in self.required and name not in self.optional:
                raise invalid(name, f"{self.name} 没有此参数（或未模拟） / has no such parameter here")


METHODS: dict[str, Method] = {}


def top_method(
    name: str, *, required: str = "", optional: str = "", needs_session: bool = True
) -> Callable[[Callable[[Call], Result]], Callable[[Call], Result]]:
    """Declare a function as the TOP method `name`; parameter names are separated by blanks."""

    def declare(run: Callable[[Call], Result]) -> Callable[[Call], Result]:
        METHODS[name] = Method(name, tuple(required.split()), frozenset(optional.split()), needs_session, run)
        return run

    return declare
