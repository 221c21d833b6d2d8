"""TOP's `fields` parameter: a structure shows the fields asked for and nothing else."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sim_tmall.errors import invalid

T = TypeVar("T")
Getter = Callable[[T], object]


@dataclass(frozen=True, eq=False)
class Nested(Generic[T]):
    """A list inside a structure, shown as `{wrapper: {element: [...]}}` and absent when empty."""

    wrapper: str
    element: str
    rows: Callable[[T], Iterable[Any]]
    struct: "Struct[Any]"


@dataclass(frozen=True, eq=False)
class Struct(Generic[T]):
    """A TOP structure: plain fields (a getter that gives None is absent) and nested lists.

    `needs` names fields that are shown only if others are asked for in the same call.
    """

    plain: Mapping[str, Getter[T]]
    nested: Mapping[str, Nested[T]] = field(default_factory=dict)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def everything(self) -> "Selection[T]":
        """All fields, as `orders` without a dot asks for."""
        return Selection(
            tuple(self.plain.items()),
            tuple((nested, nested.struct.everything()) for nested in self.nested.values()),
        )


@dataclass(frozen=True)
class Selection(Generic[T]):
    """The fields of one call, resolved once and applied to every record."""

    plain: tuple[tuple[str, Getter[T]], ...]
    nested: tuple[tuple[Nested[T], "Selection[Any]"], ...]

    def show(self, record: T) -> dict[str, object]:
        """The record as the caller sees it: absent fields and empty lists are left out."""
        shown = {name: value for name, get in self.plain if (value := get(record)) is not None}
        for nested, inner in self.nested:
            rows = [inner.show(row) for row in nested.rows(record)]
            if rows:
                shown[nested.wrapper] = {nested.element: rows}
        return shown


@lru_cache(maxsize=256)
def select(struct: Struct[Any], asked: str) -> Selection[Any]:
    """Resolve a `fields` text such as `tid,status,orders.oid`; raises TopError 41 on an unknown name."""
    plain: dict[str, Getter[Any]] = {}
    inner: dict[str, list[str]] = {}
    for name in (part.strip() for part in asked.split(",")):
        outer, _, sub = name.partition(".")
        if not sub and name in struct.plain:
            plain[name] = struct.plain[name]
        elif outer in struct.nested:
            inner.setdefault(outer, []).append(sub)
        else:
            raise invalid("fields", f"没有字段 {name!r} / there is no field {name!r}")
    shown = tuple((name, get) for name, get in plain.items() if struct.needs.get(name, frozenset()) <= plain.keys())
    return Selection(shown, tuple(_inner(struct.nested[outer], subs) for outer, subs in inner.items()))


def _inner(nested: Nested[Any], subs: list[str]) -> tuple[Nested[Any], Selection[Any]]:
    whole = "" in subs
    return nested, nested.struct.everything() if whole else select(nested.struct, ",".join(subs))
