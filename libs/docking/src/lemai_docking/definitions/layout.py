"""Layouts: the field tables of the ten interfaces, as data (`layouts/<interface>.yaml`, `envelope.yaml`)."""

from collections.abc import Collection, Mapping
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

FieldType = Annotated[str, StringConstraints(pattern=r"^(str|enum|int|qty|flag|date|datetime|instant|dec\(\d+,\d+\))$")]


class DefinitionError(ValueError):
    """A layout or profile file is wrong; the text names the file, each key and what is the matter."""

    def __init__(self, file: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.file = file
        self.problems = problems


class Definition(BaseModel):
    """A frozen part of a layout or profile; a misspelt key is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Field(Definition):
    """One field. Lengths count code points; `qty` is a count of pieces, `dec(p,s)` has at most s places.

    `required`: M always, O never, C on a condition. A condition the document itself can tell is in `when`
    (the named fields, the row's own or its head's, hold one of the values) and `unless` (that field or record is
    there); a C without them depends on something outside, such as lot management, and is not checked here.
    `open` marks a code list that belongs to platforms or partners: documented, not enforced.
    `prose` marks a text for people: what no file can hold is cleaned out of it, and it is `cut` to its length, or,
    where half of it would send a parcel astray, written `whole` or refused. Every other text is a key, never changed.
    """

    name: str
    label: str
    xml: str
    type: FieldType
    max: int
    required: Literal["M", "C", "O"] = "O"
    when: dict[str, tuple[str, ...]] = {}
    unless: str | None = None
    codes: tuple[str, ...] = ()
    open: bool = False
    default: str | None = None
    min: int | None = None
    personal: bool = False
    prose: Literal["cut", "whole"] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _default_is_a_code(self) -> Self:
        if self.default is not None and self.codes and self.default not in self.codes:
            raise ValueError(f"default {self.default} 不在代码表中 / is not one of the codes")
        return self


class Record(Definition):
    """The fields of one record tag; a document needs at least `min` of them."""

    label: str
    min: int = 0
    fields: tuple[Field, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [field.name for field in self.fields]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"字段重复 / fields appear twice: {', '.join(sorted(twice))}")
        return self

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}

    @cached_property
    def mandatory(self) -> frozenset[str]:
        """Names of the fields that are always required."""
        return frozenset(field.name for field in self.fields if field.required == "M")

    @cached_property
    def deciding(self) -> frozenset[str]:
        """Names of the fields that others are required by."""
        return frozenset(name for field in self.fields for name in field.when)

    @cached_property
    def prose(self) -> tuple[Field, ...]:
        """The texts for people."""
        return tuple(field for field in self.fields if field.prose)

    @cached_property
    def conditions(self) -> dict[str, Field]:
        """The fields that are required on a condition the document can tell, by name."""
        return {field.name: field for field in self.fields if field.when or field.unless}

    def unmet(self, row: Mapping[str, object], head: Mapping[str, object], tags: Collection[str]) -> list[str]:
        """Fields a row lacks although its values, its head's, and the tags in its document ask for them."""
        absent = self.conditions.keys() - row.keys()
        return (
            [
                field.name
                for field in self.conditions.values()
                if field.name in absent
                and not (field.unless in row or field.unless in tags)
                and all(self._value(name, row, head) in values for name, values in field.when.items())
            ]
            if absent
            else []
        )

    def _value(self, name: str, row: Mapping[str, object], head: Mapping[str, object]) -> object:
        field = self.by_name.get(name)
        return row.get(name, field.default) if field else head.get(name)


class Layout(Definition):
    """One interface. The first record is the document's head, the second its lines (items have only heads).

    `identity` is the head field that numbers the document, `leg` the direction of the order it belongs to,
    `control` the line field the trailer's control total adds up.
    """

    interface: str
    number: int
    label: str
    direction: Literal["out", "in"]
    identity: str
    leg: Literal["OUT", "IN"] | None = None
    answered_by: str | None = None
    control: str | None = None
    records: dict[str, Record]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.identity not in self.records[self.head].by_name:
            raise ValueError(f"identity: 未知字段 / unknown field {self.identity}")
        if self.control is not None and self.control not in self.records[self.line].by_name:
            raise ValueError(f"control: 未知字段 / unknown field {self.control}")
        for record in self.records.values():
            for field in record.fields:
                unknown = set(field.when) - set(record.by_name) - set(self.records[self.head].by_name)
                if unknown:
                    raise ValueError(f"{field.name}.when: 未知字段 / unknown fields {', '.join(sorted(unknown))}")
                if field.unless not in {None, *record.by_name, *self.records}:
                    raise ValueError(f"{field.name}.unless: 未知字段或记录 / unknown {field.unless}")
        return self

    @cached_property
    def head(self) -> str:
        """Tag of the record that begins a document."""
        return next(iter(self.records))

    @cached_property
    def line(self) -> str:
        """Tag of the records the trailer counts as lines."""
        return list(self.records)[:2][-1]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The order kinds (`order_type` codes) the interface carries; empty for items and stock."""
        order_type = self.records[self.head].by_name.get("order_type")
        return order_type.codes if order_type else ()


DefinitionT = TypeVar("DefinitionT", bound=Definition)


def load_definition(model: type[DefinitionT], source: Traversable | Path) -> DefinitionT:
    """Read one YAML file into a model. Raises DefinitionError naming the file and every wrong key."""
    return validated(model, read_yaml(source), source.name)


def read_yaml(source: Traversable | Path) -> Any:
    """The content of a YAML file. Raises DefinitionError where it is none."""
    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise DefinitionError(source.name, [f"不是有效的 YAML / not valid YAML: {error}"]) from error


def validated(model: type[DefinitionT], content: Any, name: str) -> DefinitionT:
    """Content as a model. Raises DefinitionError naming every wrong key of the file called `name`."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise DefinitionError(name, [_told(problem) for problem in error.errors()]) from error


def _told(problem: Mapping[str, Any]) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    key = ".".join(map(str, problem["loc"])) or "(file)"
    return f"{key}: {message}" if " / " in message else f"{key}: 不合规定 / {message}"


@cache
def layouts() -> dict[str, Layout]:
    """The ten interfaces by id, in the order of their numbers."""
    folder = files(__package__) / "layouts"
    loaded = [load_definition(Layout, file) for file in folder.iterdir() if file.name.endswith(".yaml")]
    return {layout.interface: layout for layout in sorted(loaded, key=lambda layout: layout.number)}


@cache
def envelope() -> Record:
    """The header fields every message carries, in their fixed order."""
    return load_definition(Record, files(__package__) / "envelope.yaml")
