"""One pass over a JSON message, as a stream of its parts, each value with its line, all bounded.

The standard decoder tells no lines, keeps one of two equal keys, takes NaN, and has no limits; so only its
unescaping is used.
"""

import json
import re
from collections.abc import Iterator

from lemai_docking.faults import Fault, FileRejected
from lemai_docking.tree import DEPTH_MAX, STANDS, TEXT_MAX, VALUES_MAX
from lemai_docking.tree_read import Content, Item, Node, Number, Unit

_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(
    r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"'
    r"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
    r"|true|false|null"
)
_WORDS = {"true": True, "false": False, "null": None}
_ARRAYS = {STANDS[tag].json: tag for tag in "OI"}
_SNAPSHOT, _BALANCES = STANDS["K"].json, STANDS["B"].json


class JsonScan:
    """Scans the text of a message once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0
        self._values = 0

    def run(self) -> Iterator[Unit]:
        """The parts as they end; the balances of a snapshot come before it. Raises FileRejected."""
        for key in self._members():
            if key in _ARRAYS and self._char() == "[":
                for _ in self._elements():
                    yield self._unit(_ARRAYS[key], key)
            elif key == _SNAPSHOT and self._char() == "{":
                yield from self._snapshot()
            else:
                yield self._unit(key if key in {"header", "trailer"} else "", key)
        if self._char():
            raise self._fault("E_SYNTAX", "只一个对象/one object only")

    def _snapshot(self) -> Iterator[Unit]:
        line, start = self._here(), self._at
        items = []
        for key in self._members():
            if key == _BALANCES and self._char() == "[":
                for _ in self._elements():
                    yield self._unit("B", key)
            else:
                items.append(Item(key, self._here(), self._value(2)))
        yield Unit("K", _SNAPSHOT, line, start, self._at, Node(line, items))

    def _unit(self, kind: str, name: str) -> Unit:
        self._values = 0
        self._char()
        line, start = self._here(), self._at
        content = self._value(2)
        return Unit(kind, name, line, start, self._at, content)

    def _value(self, depth: int) -> Content:
        self._values += 1
        if self._values > VALUES_MAX:
            raise self._fault("E_LIMIT", f"≤ {VALUES_MAX} 值/values")
        if depth > DEPTH_MAX:
            raise self._fault("E_LIMIT", f"≤ {DEPTH_MAX} 层/levels")
        char = self._char()
        if char == "{":
            line = self._here()
            return Node(line, [Item(key, self._here(), self._value(depth + 1)) for key in self._members()])
        if char == "[":
            return [self._value(depth + 1) for _ in self._elements()]
        return self._scalar()

    def _scalar(self) -> str | bool | None:
        found = _SCALAR.match(self._text, self._at)
        if found is None:
            raise self._fault("E_SYNTAX", "JSON 值/a JSON value")
        token = found[0]
        if len(token) > TEXT_MAX:
            raise self._fault("E_LIMIT", f"≤ {TEXT_MAX} 字符/characters")
        self._at = found.end()
        if token.startswith('"'):
            return self._unescaped(token) if "\\" in token else token[1:-1]
        return _WORDS[token] if token in _WORDS else Number(token)

    def _unescaped(self, token: str) -> str:
        try:
            return str(json.loads(token))
        except json.JSONDecodeError:
            raise self._fault("E_SYNTAX", "JSON 转义/a JSON escape") from None

    def _members(self) -> Iterator[str]:
        """The keys of the object here; whoever takes one reads on behind its value."""
        seen: set[str] = set()
        for _ in self._parts("{", "}"):
            key = self._scalar() if self._char() == '"' else None
            if not isinstance(key, str):
                raise self._fault("E_SYNTAX", "键/a key")
            if key in seen:
                raise self._fault("E_SYNTAX", "不重复的键/distinct keys", key)
            seen.add(key)
            self._take(":")
            self._char()
            yield key

    def _elements(self) -> Iterator[None]:
        """Once for each element of the array here; whoever takes one reads it."""
        return self._parts("[", "]")

    def _parts(self, first: str, last: str) -> Iterator[None]:
        self._take(first)
        if self._char() == last:
            self._at += 1
            return
        while True:
            yield
            if self._char() == last:
                self._at += 1
                return
            self._take(",")

    def _char(self) -> str:
        """The next character that is no white space, or nothing at the end."""
        found = _SPACE.match(self._text, self._at)
        assert found
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _take(self, char: str) -> None:
        if self._char() != char:
            raise self._fault("E_SYNTAX", char)
        self._at += 1

    def _here(self) -> int:
        """The line of where it stands."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _fault(self, code: str, expected: str, name: str = "") -> FileRejected:
        return FileRejected(Fault(code, self._here(), name[:100], "", expected))
