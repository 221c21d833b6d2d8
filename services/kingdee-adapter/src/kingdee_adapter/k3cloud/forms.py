"""Forms of K/3 Cloud as validated data: `forms.yaml`, and what a site says differently."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Self

from pydantic import model_validator

from kingdee_adapter.k3cloud.site import Site
from lemai_docking.definitions.layout import Definition, layouts, read_yaml, validated

Source = str | int | bool | tuple[str, ...]
FILE = "forms.yaml"
ITEMS = "BD_MATERIAL"
DERIVED = frozenset({"shop_code"})
"""Fields that are worked out where a document lacks them."""


class Post(Definition):
    """Documents of one interface and these order types (any, if none is named) become one form."""

    interface: str
    order_types: tuple[str, ...] = ()
    form: str
    line: Mapping[str, Source] = {}


class Form(Definition):
    """A form we write. `number` and `id` are its head keys; `compare` and `quantity` tell two contents apart.

    `cut` are the lengths of notes for people, whose rest is left out.
    """

    number: str = "FBillNo"
    number_max: int = 30
    id: str = "FID"
    entry: str = ""
    cancel: str = "FCancelStatus"
    head: Mapping[str, Source]
    line: Mapping[str, Source] = {}
    cut: Mapping[str, int] = {}
    compare: tuple[str, ...]
    quantity: str = ""

    @property
    def lookup_keys(self) -> tuple[str, ...]:
        """What is read of a bill: id, status, cancellation if the form has it, and its content."""
        return (self.id, "FDocumentStatus", *filter(None, [self.cancel]), *self.compared)

    @property
    def compared(self) -> tuple[str, ...]:
        """The keys of a content; the quantity is the last, if the form has one."""
        return (*self.compare, *filter(None, [self.quantity]))

    def written(self, key: str) -> str | None:
        """Where a key that is read stands in what is written: queries leave out the names of sub-heads."""
        paths = self.line if self.entry else self.head
        return next((path for path in paths if path == key or path.endswith(f".{key}")), None)


class Result(Definition):
    """A form whose approved bills are documents. `source` is the form of the orders its `order_no` keys name.

    `note` holds our line number; `defaults` are head fields of ours where K/3 says nothing.
    """

    interface: str
    source: str
    entry: str
    order_no: tuple[str, ...]
    time: str
    quantity: str
    stock: str
    note: str = "FEntryNote"
    defaults: Mapping[str, str] = {}
    head: Mapping[str, str] = {}
    line: Mapping[str, str]

    @property
    def is_own(self) -> bool:
        """Whether the bill we posted is its own result, once it is approved."""
        return self.order_no == ("FBillNo",)

    def keys(self, site: Site) -> tuple[str, ...]:
        """What is read of its bills, each key once; the first three identify and order them."""
        confirm_type_key = "" if self.is_own else site.confirm_type_key
        read = [
            *("FID", "FBillNo", "FApproveDate"),
            *filter(None, [confirm_type_key]),
            *self.head.values(),
            f"{self.entry}_FSeq",
            *self.order_no,
            *(self.quantity, self.stock, self.note),
            *self.line.values(),
        ]
        return tuple(dict.fromkeys(read))


class Stock(Definition):
    """The form stock is read from, one row per balance; `id` puts rows into a stable order."""

    form: str
    id: str
    warehouse: str
    total: str
    locked: str = ""
    owner: str
    line: Mapping[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        """What is read of it."""
        return (self.id, self.owner, self.total, *filter(None, [self.locked]), *self.line.values())


class Forms(Definition):
    """All forms of one site."""

    posts: tuple[Post, ...]
    forms: Mapping[str, Form]
    results: Mapping[str, Result]
    stock: Stock

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        problems = [*self._unknown_forms(), *self._unknown_sources(), *self._unread_keys(), *self._unknown_targets()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def post(self, interface: str, order_type: str) -> tuple[str, Form]:
        """The form a document is posted as, with its id. Raises KeyError where there is none."""
        for post in self.posts:
            if post.interface == interface and (not post.order_types or order_type in post.order_types):
                form = self.forms[post.form]
                return post.form, form.model_copy(update={"line": {**form.line, **post.line}})
        raise KeyError(interface)

    def _unknown_forms(self) -> Iterator[str]:
        named = {post.form for post in self.posts} | {result.source for result in self.results.values()}
        yield from (f"未知表单 / unknown form {name}" for name in sorted(named - set(self.forms)))

    def _unknown_sources(self) -> Iterator[str]:
        for post in self.posts:
            form = self.forms.get(post.form)
            if form is None:
                continue
            fields = {name for record in layouts()[post.interface].records.values() for name in record.by_name}
            for key, source in (*form.head.items(), *form.line.items(), *post.line.items()):
                for name in _names(source):
                    known = Site.model_fields if name.startswith("$") else fields | DERIVED
                    if name.removeprefix("$") not in known:
                        yield f"forms.{post.form}.{key}: 未知来源 / unknown source {name}"

    def _unread_keys(self) -> Iterator[str]:
        for form_id, form in self.forms.items():
            for key in form.compared:
                if form.written(key) is None:
                    yield f"forms.{form_id}.compare: 未写入的键 / a key that is not written {key}"

    def _unknown_targets(self) -> Iterator[str]:
        for form_id, result in self.results.items():
            layout = layouts()[result.interface]
            for record, targets in ((layout.head, {**result.head, **result.defaults}), (layout.line, result.line)):
                for name in targets:
                    if name not in layout.records[record].by_name:
                        yield f"results.{form_id}: 未知字段 / unknown field {name}"


def load(site: Site) -> Forms:
    """The forms of a site. Raises DefinitionError naming each wrong key."""
    lengths = {form: {"number_max": length} for form, length in site.number_max.items()}
    content = _merged(read_yaml(files(__package__) / FILE), {"forms": lengths})
    return validated(Forms, _merged(content, site.forms), FILE)


def _names(source: Source) -> Iterator[str]:
    """Fields and options a source reads."""
    for part in source if isinstance(source, tuple) else (source,):
        if isinstance(part, str) and not part.startswith("="):
            yield from part.split("+")


def _merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    merged = {key: _merged(value, changes[key]) if key in changes else value for key, value in base.items()}
    merged |= {key: value for key, value in changes.items() if key not in base}
    return {key: value for key, value in merged.items() if value is not None}
