"""XML as a small tree: a hardened parser (no DTD, bounded depth and attributes) and a writer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

_DEPTH_MAX = 32
_ATTRIBUTES_MAX = 16
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class XmlError(Exception):
    """The bytes are no XML that is read here; `line` is where that was seen."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class Node:
    """An element; a name in a namespace reads `{namespace}name`. It has text or children, never both."""

    name: str
    text: str = ""
    children: list["Node"] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    line: int = 0

    def all(self, name: str) -> list["Node"]:
        """The children of a name."""
        return [child for child in self.children if child.name == name]

    def at(self, *names: str) -> "Node | None":
        """The first element down a path of names."""
        node: Node | None = self
        for name in names:
            node = next(iter(node.all(name)), None) if node else None
        return node

    def walk(self) -> Iterator["Node"]:
        """This element and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class _Builder:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8", "}")
        self.parser.buffer_text = True
        self.parser.XmlDeclHandler = self._declare
        self.parser.StartDoctypeDeclHandler = self._refuse_dtd
        self.parser.StartElementHandler = self._start
        self.parser.CharacterDataHandler = self._text
        self.parser.EndElementHandler = self._end
        self._open: list[Node] = []
        self.root: Node | None = None

    def _declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise self._error(f"编码 {encoding} 不是 UTF-8 / encoding is not UTF-8")

    def _refuse_dtd(self, *_: object) -> None:
        raise self._error("不接受 DTD / a DTD is refused")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == _DEPTH_MAX or len(attributes) > _ATTRIBUTES_MAX:
            raise self._error("嵌套过深或属性过多 / too deep, or too many attributes")
        named = {_clark(key): value for key, value in attributes.items()}
        node = Node(_clark(name), attributes=named, line=self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _end(self, _name: str) -> None:
        node = self._open.pop()
        if node.children:
            if node.text.strip():
                raise self._error(f"{node.name} 混有文字与元素 / mixed content")
            node.text = ""

    def _error(self, message: str) -> XmlError:
        return XmlError(message, self.parser.CurrentLineNumber)


def parse(data: bytes) -> Node:
    """The root element of a UTF-8 document; raises XmlError."""
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(expat.ErrorString(error.code) or "no XML", error.lineno) from error
    assert builder.root is not None
    return builder.root


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name


def put(parent: Node, path: str, text: str) -> None:
    """Add an element at a path, making what leads to it when it is first used."""
    *way, name = path.split("/")
    for step in way:
        found = parent.at(step)
        if found is None:
            found = Node(step)
            parent.children.append(found)
        parent = found
    parent.children.append(Node(name, text))


def write(root: Node) -> bytes:
    """A document of elements without namespaces and attributes, indented by two blanks."""
    return (_DECLARATION + "".join(pieces(root, 0))).encode()


def pieces(node: Node, depth: int) -> Iterator[str]:
    """The text of an element, whose line ends become LF."""
    blanks = "  " * depth
    if node.children:
        yield f"{blanks}<{node.name}>\n"
        for child in node.children:
            yield from pieces(child, depth + 1)
        yield f"{blanks}</{node.name}>\n"
    else:
        text = node.text.replace("\r\n", "\n").replace("\r", "\n")
        yield f"{blanks}<{node.name}>{escape(text)}</{node.name}>\n"
