"""Profiles: how one counterpart writes each interface, as data (`profiles/<name>.yaml` or a file of your own)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, StringConstraints

from lemai_docking.definitions.columns import CodeTable, Column, Frame, tags_of
from lemai_docking.definitions.layout import Definition, DefinitionError, Layout, layouts, read_yaml, validated
from lemai_docking.definitions.profile_check import problems_of
from lemai_docking.documents import Header
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import Fault, FileRejected

_SUFFIXES = {"text": "", "xml": ".xml", "json": ".json", "soap": ".xml"}

FilePattern = Annotated[str, StringConstraints(pattern=r"^[\w-]+\{stamp\}\.\w+$")]


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file's name says: the interfaces it may carry, its stamp, and tolerated oddities."""

    text: str
    interfaces: tuple[str, ...]
    stamp: datetime
    warnings: tuple[Fault, ...] = ()


class InterfaceProfile(Definition):
    """File name, tolerated spellings of it, and the columns of each kind of line, in their order.

    A key of `columns` is a record tag, or `O+L` where each line repeats the head. `values` gives fields that the
    file does not carry, by tag; in them `{stamp}` and `{name}` stand for the file's, `{suffix}` for the order kind
    that the order number tells. `frame` and `codes` replace the profile's.
    """

    file: FilePattern
    tolerated: tuple[FilePattern, ...] = ()
    columns: dict[str, tuple[Column, ...]]
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    codes: dict[str, CodeTable] = Field(default_factory=dict)
    frame: Frame | None = None


class Limits(Definition):
    """How much one file may hold: bytes, documents, lines."""

    bytes: PositiveInt = 50_000_000
    documents: PositiveInt = 5_000
    lines: PositiveInt = 100_000


class Profile(Definition):
    """One counterpart's way of writing.

    `after_crash` says what becomes of a file that may have been taken; `acknowledge` how each side tells the other
    that it has a file: by a file, in the answer to the call, or not at all. `owner_code` stands in for the header
    of files that have none. GBK is read as GB18030, which holds all of it; what it cannot hold is not written.
    """

    profile: str
    label: str
    encoding: Literal["text", "xml", "json", "soap"]
    charset: Literal["UTF-8", "GB18030", "GBK"]
    bom: bool = False
    format_version: str
    us: str
    them: str
    message_prefix: str
    owner_code: str = ""
    after_crash: Literal["ask", "rewrite"] = "ask"
    acknowledge: Literal["file", "answer", "none"] = "file"
    limits: Limits = Limits()
    frame: Frame = Frame()
    codes: dict[str, CodeTable] = Field(default_factory=dict)
    interfaces: dict[str, InterfaceProfile]

    def frame_of(self, interface: str) -> Frame:
        """How files of an interface are framed."""
        return self.interfaces[interface].frame or self.frame

    def codes_of(self, interface: str) -> Mapping[str, CodeTable]:
        """The code tables of an interface by field."""
        return self.codes | self.interfaces[interface].codes

    def parties(self, interface: str) -> tuple[str, str]:
        """Sender and receiver of an interface."""
        return (self.us, self.them) if layouts()[interface].direction == "out" else (self.them, self.us)

    def header(self, interface: str, *, stamp: datetime, created_at: datetime, owner_code: str) -> Header:
        """The header of a file we publish; its message number follows from interface and stamp."""
        sender, receiver = self.parties(interface)
        return Header(
            format_version=self.format_version,
            interface=interface,
            charset=self.charset,
            sender=sender,
            receiver=receiver,
            message_id=f"{self.message_prefix}{_written(stamp)}{layouts()[interface].number:06d}",
            created_at=created_at,
            owner_code=owner_code,
            test_flag="N",
        )

    def file_name(self, interface: str, stamp: datetime) -> str:
        """The name of a file published with this stamp."""
        return self.interfaces[interface].file.replace("{stamp}", _written(stamp)) + self._suffix

    def match(self, name: str) -> FileName:
        """Read a file name. Raises FileRejected E_NAME if no interface has such names."""
        seed_name = name.removesuffix(self._suffix)
        for pattern, interfaces, exact in self._patterns:
            found = pattern.fullmatch(seed_name) if name.endswith(self._suffix) else None
            if found:
                plain = exact and not found["again"]
                warnings = () if plain else (Fault("W_NAME", value=name, expected=self.interfaces[interfaces[0]].file),)
                return FileName(name, interfaces, _stamp(name, found["stamp"]), warnings)
        raise FileRejected(Fault("E_NAME", value=name, expected=" | ".join(self.interfaces_by_file)))

    def knows(self, name: str) -> bool:
        """Whether it is a file name of one of the interfaces."""
        try:
            self.match(name)
        except FileRejected:
            return False
        return True

    @cached_property
    def carried(self) -> dict[str, dict[str, frozenset[str]]]:
        """By interface and tag the fields that its files carry, or that their profile gives."""
        return {interface: self._carried(layouts()[interface], how) for interface, how in self.interfaces.items()}

    @staticmethod
    def _carried(layout: Layout, how: InterfaceProfile) -> dict[str, frozenset[str]]:
        found = {tag: set(how.values.get(tag, ())) for key in how.columns for tag in tags_of(key)}
        for key, columns in how.columns.items():
            for column in columns:
                if column.field and (tag := column.tag(tags_of(key), layout)):
                    found[tag].add(column.name)
        return {tag: frozenset(names) for tag, names in found.items()}

    @property
    def _suffix(self) -> str:
        """What XML and JSON append to the names of the agreement (reference §1.2)."""
        return _SUFFIXES[self.encoding]

    @cached_property
    def interfaces_by_file(self) -> dict[str, tuple[str, ...]]:
        """Interfaces by file pattern: two pairs of them share one."""
        shared: dict[str, tuple[str, ...]] = {}
        for interface, how in self.interfaces.items():
            shared[how.file] = (*shared.get(how.file, ()), interface)
        return shared

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], tuple[str, ...], bool]]:
        patterns = []
        for file, interfaces in self.interfaces_by_file.items():
            patterns.append((_pattern(file), interfaces, True))
            patterns += [
                (_pattern(other), interfaces, False)
                for interface in interfaces
                for other in self.interfaces[interface].tolerated
            ]
        return patterns


def load_profile(source: Traversable | Path) -> Profile:
    """Read and check a profile. Raises DefinitionError naming file, key and problem.

    A profile that `extends` a built-in one says only what it has otherwise: keys are merged, lists replaced, and a
    key of `null` is taken away.
    """
    profile = validated(Profile, _extended(read_yaml(source)), source.name)
    problems = list(problems_of(profile))
    if problems:
        raise DefinitionError(source.name, problems)
    return profile


def find_profile(name: str, folder: Path) -> Profile:
    """The profile a configuration in `folder` names: a built-in one, or a file such as `profiles/acme.yaml`.

    Raises DefinitionError.
    """
    try:
        return load_profile(folder / name) if name.endswith((".yaml", ".yml")) else built_in(name)
    except FileNotFoundError as error:
        known = ", ".join(sorted(Path(file.name).stem for file in (files(__package__) / "profiles").iterdir()))
        absent = Path(error.filename).stem
        raise DefinitionError(name, [f"没有此方案 no such profile: {absent}；内置 built in: {known}"]) from None


def built_in(name: str) -> Profile:
    """A profile that comes with this library, such as `kingdee-default`."""
    return load_profile(_built_in(name))


def _built_in(name: str) -> Traversable:
    return files(__package__) / "profiles" / f"{name}.yaml"


def _extended(content: Any) -> Any:
    if not isinstance(content, dict) or "extends" not in content:
        return content
    base = _extended(read_yaml(_built_in(str(content["extends"]))))
    return _merged(base, {key: value for key, value in content.items() if key != "extends"})


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not None}


def _pattern(file: str) -> re.Pattern[str]:
    before, after = file.split("{stamp}")
    return re.compile(f"{re.escape(before)}(?P<stamp>[0-9]{{14}})(?P<again>[-_][0-9]{{1,6}})?{re.escape(after)}")


def _written(stamp: datetime) -> str:
    return stamp.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")


def _stamp(name: str, digits: str) -> datetime:
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FileRejected(Fault("E_NAME", value=name, expected="YYYYMMDDHHMMSS")) from error
