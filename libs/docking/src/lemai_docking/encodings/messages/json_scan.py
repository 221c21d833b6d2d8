"""One pass over a JSON message, as a stream of its parts, each with its line.

The standard decoder tells no lines, keeps one of two equal keys, takes NaN, and would hold the whole file at once; so
it reads only what is inside a row, and numbers stay as they are spelled.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from lemai_docking.encodings.messages.read import Content, Item, Node, Number, Unit
from lemai_docking.encodings.messages.tree import STANDS, TEXT_MAX
from lemai_docking.faults import Fault, FileRejected

COMMAS_MAX = 2_500_000
"""In a file: as many values as 100,000 lines hold, so that no array in it can be larger."""

ONE_OBJECT = "只一个对象/one object only"
_SPACE = re.compile(r"[ \t\n\r]*")
_ARRAYS = {STANDS[tag].json: tag for tag in "OI"}
_SNAPSHOT, _BALANCES = STANDS["K"].json, STANDS["B"].json


class JsonScan:
    """Scans the text of a message once; it always stands on a character that is no white space, or at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._behind_space(0)
        self._line, self._counted = 1, 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._node,
            parse_float=self._number,
            parse_int=self._number,
            parse_constant=self._no_number,
        )

    def run(self) -> Iterator[Unit]:
        """The parts as they end; the balances of a snapshot come before it. Raises FileRejected."""
        if self._text.count(",") > COMMAS_MAX:
            raise self._fault("E_LIMIT", f"≤ {COMMAS_MAX} 值/values")
        for key in self._members():
            if key in _ARRAYS and self._char() == "[":
                for _ in self._elements():
                    yield self._unit(_ARRAYS[key], key, self._object)
            elif key == _SNAPSHOT and self._char() == "{":
                yield from self._snapshot()
            else:
                yield self._unit(key if key in {"header", "trailer"} else "", key, self._object)
        if self._char():
            raise self._fault("E_SYNTAX", ONE_OBJECT)

    def _snapshot(self) -> Iterator[Unit]:
        line, start = self._here(), self._at
        items = []
        for key in self._members():
            if key == _BALANCES and self._char() == "[":
                for _ in self._elements():
                    yield self._unit("B", key, self._value)
            else:
                items.append(Item(key, self._here(), self._value()))
        yield Unit("K", _SNAPSHOT, line, start, self._at, Node(line, items))

    def _unit(self, kind: str, name: str, read: Callable[[], Content]) -> Unit:
        line, start = self._here(), self._at
        content = read()
        return Unit(kind, name, line, start, self._at, content)

    def _object(self) -> Content:
        """An object with the lines of its values."""
        if self._char() != "{":
            return self._value()
        return Node(self._here(), [Item(key, self._here(), self._member()) for key in self._members()])

    def _member(self) -> Content:
        """A value, or the rows of an array each with its line."""
        return [self._value() for _ in self._elements()] if self._char() == "[" else self._value()

    def _value(self) -> Content:
        """What stands here, all of it on this line."""
        self._here()
        try:
            value, end = self._decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise FileRejected(Fault("E_SYNTAX", error.lineno, "", "", error.msg)) from None
        except RecursionError:
            raise self._fault("E_LIMIT", "嵌套/nesting") from None
        self._at = self._behind_space(end)
        return value  # type: ignore[no-any-return]  # The hooks make nothing else.

    def _node(self, pairs: list[tuple[str, Any]]) -> Node:
        if len({key for key, _ in pairs}) < len(pairs):
            raise self._fault("E_SYNTAX", "不重复的键/distinct keys")
        return Node(self._line, [Item(key, self._line, value) for key, value in pairs])

    def _number(self, text: str) -> Number:
        if len(text) > TEXT_MAX:
            raise self._fault("E_LIMIT", f"≤ {TEXT_MAX} 位/digits")
        return Number(text)

    def _no_number(self, name: str) -> NoReturn:
        raise self._fault("E_SYNTAX", "JSON 数/a JSON number", name)

    def _members(self) -> Iterator[str]:
        """The keys of the object here; whoever takes one reads on behind its value."""
        seen: set[str] = set()
        for _ in self._parts("{", "}"):
            if self._char() != '"':
                raise self._fault("E_SYNTAX", "键/a key")
            key = str(self._value())
            if key in seen:
                raise self._fault("E_SYNTAX", "不重复的键/distinct keys", key)
            seen.add(key)
            self._take(":")
            yield key

    def _elements(self) -> Iterator[None]:
        """Once for each element of the array here; whoever takes one reads it."""
        return self._parts("[", "]")

    def _parts(self, first: str, last: str) -> Iterator[None]:
        self._take(first)
        if self._char() != last:
            yield
            while self._char() == ",":
                self._take(",")
                yield
        self._take(last)

    def _char(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, char: str) -> None:
        if self._char() != char:
            raise self._fault("E_SYNTAX", char)
        self._at = self._behind_space(self._at + 1)

    def _behind_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        assert found
        return found.end()

    def _here(self) -> int:
        """The line of where it stands."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _fault(self, code: str, expected: str, name: str = "") -> FileRejected:
        return FileRejected(Fault(code, self._here(), name[:100], "", expected))
