"""Acknowledgements as XML: the answer to a message that was XML."""

import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from pydantic import ValidationError

from lemai_docking.ack import Ack

_DEPTH_MAX = 4
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_bytes(ack: Ack) -> bytes:
    """`<ack>` with its children in camelCase, the results under `results/result`."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', *_element("ack", ack.model_dump()), ""]
    return "\n".join(lines).encode()


def read_xml(data: bytes) -> Ack | None:
    """The acknowledgement in these bytes, None if there is none. DTDs and instructions are refused."""
    reader = _Reader()
    try:
        return Ack.model_validate(reader.read(data))
    except (expat.ExpatError, ValidationError, _Unfit):
        return None


class _Unfit(Exception):
    """No acknowledgement."""


class _Reader:
    """Reads an acknowledgement as a stream of elements."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._text = ""
        self._values: dict[str, Any] = {"results": []}

    def read(self, data: bytes) -> dict[str, Any]:
        """The values by their names in Ack."""
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(data, True)
        return self._values

    def _refuse(self, *_: object) -> None:
        raise _Unfit

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text = ""
        if len(self._path) > _DEPTH_MAX or self._path[0] != "ack" or attributes:
            raise _Unfit
        if self._path[1:] == ["results", "result"]:
            self._values["results"].append({})

    def _end(self, name: str) -> None:
        text = self._text.strip()
        # An empty element is an absent value.
        if len(self._path) == 2 and name != "results" and text:
            self._values[snake(name)] = text
        elif self._path[1:3] == ["results", "result"] and len(self._path) == _DEPTH_MAX and text:
            self._values["results"][-1][snake(name)] = text
        self._path.pop()
        self._text = ""

    def _characters(self, text: str) -> None:
        self._text += text


def _element(name: str, content: Any, indent: str = "") -> Iterator[str]:
    if isinstance(content, dict):
        yield f"{indent}<{name}>"
        for child, part in content.items():
            yield from _element(camel(child), part, indent + "  ")
        yield f"{indent}</{name}>"
    elif isinstance(content, tuple | list):
        yield f"{indent}<{name}>"
        for one in content:
            yield from _element("result", one, indent + "  ")
        yield f"{indent}</{name}>"
    else:
        yield f"{indent}<{name}>{escape(printable(str(content)))}</{name}>"


def printable(text: str) -> str:
    """A text without the characters that XML forbids."""
    return _FORBIDDEN.sub("�", text)


def camel(name: str) -> str:
    """A name of Ack as XML spells it."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def snake(name: str) -> str:
    """A name of XML as Ack spells it."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
