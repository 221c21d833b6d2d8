"""Text from outside (buyers, sellers, platforms, partners, sheets, REST): the one place that makes it fit to be kept.

What people read is cleaned and cut, and says so. Keys and codes are never changed: one that does not fit is refused,
for two cleaned keys could become the same.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import regex

BREAKS = "\t\n\r"
"""What a text of several lines is laid out with."""
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_GONE = "\x00\ufeff\ufffe\uffff"
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_GRAPHEME = regex.compile(r"\X")


class UnfitText(ValueError):
    """A key or code that holds what a key cannot hold. Names field and code point, never the whole value."""

    def __init__(self, field: str, problem: str, code_point: str = "") -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.code_point = code_point


@dataclass(frozen=True)
class Cleaned:
    """A text for people as it can be kept, and what was done to it."""

    text: str
    removed: tuple[str, ...] = ()
    """The code points that were taken out or became a space: `U+0000`; each once, in order."""
    cut_from: int = 0
    """How many characters it had before it was cut; 0 if it was not."""

    @property
    def note(self) -> str:
        """What was done, for people; empty if nothing was."""
        done = []
        if self.removed:
            done.append(f"去除 removed {' '.join(self.removed)}")
        if self.cut_from:
            done.append(f"截短 cut {self.cut_from} → {len(self.text)}")
        return ", ".join(done)


def cleaned(text: str, longest: int | None = None, breaks: str = BREAKS) -> Cleaned:
    """A text for people without what PostgreSQL, JSON or a partner's file cannot hold, at most `longest` characters.

    Controls but `breaks` and U+2028, U+2029 become a space; NUL, half surrogates, byte order marks and noncharacters
    go. It is cut between two characters as people see them: never inside an emoji or before an accent.
    """
    if not _UNFIT.search(text):
        fit, unfit = text, []
    else:
        # Through UTF-16, two halves that stand together are one character again.
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        unfit = [character for character in _UNFIT.findall(whole) if character not in breaks]
        fit = _UNFIT.sub(lambda found: found[0] if found[0] in breaks else _stand_in(found[0]), whole)
    removed = tuple(dict.fromkeys(code_point(character) for character in unfit))
    if longest is None or len(fit) <= longest:
        return Cleaned(fit, removed)
    return Cleaned(fit[: _boundary(fit, longest)], removed, cut_from=len(fit))


def fit(value: Any) -> Any:
    """JSON that somebody else sent, every text in it cleaned so that it can be kept."""
    match value:
        case str():
            return cleaned(value).text
        case list() | tuple():
            return [fit(each) for each in value]
        case dict():
            return {cleaned(name).text: fit(each) for name, each in value.items()}
    return value


def key(field: str, value: str, longest: int | None = None) -> str:
    """A key or code as it is. Raises UnfitText where it holds a control, half a surrogate or what nobody sees."""
    for position, character in enumerate("" if value.isprintable() else value, 1):
        if unicodedata.category(character) in _INVISIBLE or character in _GONE:
            raise UnfitText(
                field,
                f"第 {position} 个字符 {code_point(character)} 不可用于编码 / "
                f"character {position} is {code_point(character)}, which a key cannot hold",
                code_point(character),
            )
    if longest is not None and len(value) > longest:
        raise UnfitText(field, f"{len(value)} 个字符，最多 {longest} / {len(value)} characters, at most {longest}")
    return value


def code_point(character: str) -> str:
    """`U+0000`."""
    return f"U+{ord(character):04X}"


def _stand_in(character: str) -> str:
    return "" if character in _GONE or unicodedata.category(character) == "Cs" else " "


def _boundary(text: str, longest: int) -> int:
    """The last place not behind `longest` where a character ends; `longest` where one is longer than that alone."""
    ends = (found.end() for found in _GRAPHEME.finditer(text, 0, longest + 1))
    return max((end for end in ends if end <= longest), default=longest)
