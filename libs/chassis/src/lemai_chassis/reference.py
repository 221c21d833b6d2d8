"""Reference data: `config/lemai.yaml`, one schema, checked as a whole before a process starts."""

import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lemai_chassis.misconfigured import Misconfigured, fix

Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,49}$")]
Name = Annotated[str, Field(min_length=1)]
Url = Annotated[str, Field(pattern=r"^https?://\S+$")]
T = TypeVar("T", bound="Coded")
PERCENT = 100
REFERENCES = {
    "stores": {"owners": "owners", "warehouse": "warehouses", "carrier": "carriers", "platform": "order_no_prefixes"},
    "warehouses": {"counterpart": "counterparts"},
    "suppliers": {"owner": "owners"},
}
"""The sections whose entries name a code, by which key, and the section that has to have it."""
Problem = tuple[Sequence[str | int], str]
"""Where in the file, and key, value and fix in words."""


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Coded(Entry):
    code: Code
    """Ours, unique among its kind; letters, digits, `_`, `.` and `-`."""
    name: str = ""
    """As people read it."""


class Owner(Coded):
    """货主: the brand whose goods and money these are."""


class Carrier(Coded):
    """承运商, by our code."""

    platform_codes: Mapping[Code, Code] = {}
    """What a platform calls it, where its plugin does not know it: `{tmall: JTSD}`."""


class Supplier(Coded):
    """供应商 of one owner."""

    owner: Code
    """Whose supplier it is."""


class FolderChannel(Entry):
    """Files in a folder that both sides see, under the adapter's docking root."""

    kind: Literal["folder"]
    folder: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]+$")]
    """Its name under `DOCKING_ROOT`."""


class SftpChannel(Entry):
    """Files on the counterpart's SFTP server. Secrets: `password` or `private_key`."""

    kind: Literal["sftp"]
    host: Name
    """Name or address of the server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    """Where the server listens."""
    user: Name
    """Who we log in as."""
    host_key: Annotated[str, Field(pattern=r"^[a-z0-9@.-]+ [0-9A-Za-z+/=]+$")]
    """The server's public key as in `known_hosts`: `ssh-ed25519 AAAA…`. Another one is refused."""
    root: Annotated[str, Field(pattern="^/")] = "/"
    """The folder of the exchange on it."""
    rename: bool = True
    """False where the server cannot rename what was uploaded."""


class SoapChannel(Entry):
    """SOAP both ways: we call `url` as `user`; it calls us at `/soap/<code>` as `partner_user`.

    Secrets: `password` (ours there), `partner_password` (its here).
    """

    kind: Literal["soap"]
    url: Url
    """Its endpoint."""
    user: Name
    """Who we are there."""
    partner_user: Name
    """Who it is here."""


class HttpChannel(Entry):
    """Signed HTTP: we post to `url`; it posts to the `docking` calls of its code. Secret: `app_secret`."""

    kind: Literal["http"]
    url: Url
    """Where its calls begin."""
    app_key: Name
    """Who we are there, and who it is here."""
    pull: bool = False
    """True where it does not post: its files are listed and fetched at `url`."""


class K3CloudChannel(Entry):
    """The WebAPI of Kingdee K/3 Cloud (kingdee.md §3). Secret: `app_secret`.

    Whatever else stands here are options of the site, which the adapter knows and checks.
    """

    model_config = ConfigDict(extra="allow")

    kind: Literal["k3cloud"]
    url: Url
    """Its address, `…/k3cloud/`."""
    acct_id: Name
    """The data centre."""
    user: Name
    """Who bills are made by."""
    app_id: Name
    """The third-party login that its administrator granted."""
    lcid: int = 2052
    """The language of its answers: 2052 is Chinese."""
    login: Literal["signature", "app_secret"] = "signature"
    """How calls prove who we are."""


class Counterpart(Coded):
    """对接方: the system that runs an owner's warehouses. Secrets are files named `<code>.<secret>`."""

    kind: Literal["kingdee"]
    """Which adapter speaks with it."""
    profile: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]*$|^profiles/[0-9A-Za-z_-]+\.yaml$")]
    """How it writes documents: a built-in profile, or a file beside `lemai.yaml`: `profiles/acme.yaml`."""
    channel: Annotated[
        FolderChannel | SftpChannel | SoapChannel | HttpChannel | K3CloudChannel, Field(discriminator="kind")
    ]
    """How messages get there and back."""
    adjustments: Literal["internal", "interfaces"] = "internal"
    """Whether counted losses and gains stay with us, or go to it by interfaces 1 and 5."""
    locked_stock: Literal["ours", "others"] = "ours"
    """Whose open orders the counterpart's locked quantity is: ours is promised already, others' is frozen."""
    snapshot_loss_max_percent: Annotated[int, Field(ge=0, le=100)] = 30
    """A stock snapshot that takes more of a warehouse's sellable pieces, or has no lines, waits for a person."""
    acknowledge_within_minutes: Annotated[int, Field(ge=0)] = 0
    """After so long without an acknowledgement of what we sent, somebody is told; 0 is never."""
    answer_within_hours: Annotated[int, Field(ge=0)] = 0
    """After so long without any actual of what we instructed, somebody is told; 0 is never."""
    keep_bytes_days: Annotated[int, Field(ge=1)] = 180
    """So long the bytes exchanged are kept; names, hashes and states stay."""


class Warehouse(Coded):
    """仓库, run by a counterpart."""

    counterpart: Code
    """Who runs it."""


class Approval(Entry):
    """What is approved by rule; the rest waits for customer service."""

    total_max: Annotated[Decimal, Field(ge=0, decimal_places=2)] = Decimal(5000)
    """In the order's currency, major units; no more places than money has."""
    with_seller_message: bool = False
    """Whether an order with a note of ours for customer service is approved by rule too."""


class Store(Coded):
    """店铺: one shop on one platform."""

    platform: Code
    """The plugin's name: tmall, taobao, jd, …."""
    owners: Annotated[tuple[Code, ...], Field(min_length=1)]
    """Whose goods it sells; the first is its default owner."""
    warehouse: Code
    """Where its orders leave from."""
    carrier: Code
    """By whom, unless the warehouse chooses."""
    approval: Approval = Approval()
    """Which of its orders need nobody to look at them."""
    pull_every_s: Annotated[float, Field(ge=0.2, le=3600)] = 5
    """So often its trades are asked for."""
    pass_unknown_carriers: bool = False
    """Whether a carrier nobody knows goes on under its code as it is: then it must be the platform's own."""
    stock_share_percent: Annotated[int, Field(ge=0, le=100)] = 100
    """Its part of what is free; the parts of one warehouse and owner are 100 at most."""
    safety_stock: Annotated[int, Field(ge=0)] = 0
    """Pieces of each item that it never offers."""

    @property
    def pull_every(self) -> timedelta:
        return timedelta(seconds=self.pull_every_s)


class Reference(Entry):
    """All of it."""

    version: str
    """The operator's label of this state of the data."""
    owners: tuple[Owner, ...]
    """The brands."""
    counterparts: tuple[Counterpart, ...]
    """Who runs the warehouses."""
    warehouses: tuple[Warehouse, ...]
    """Where the goods are."""
    stores: tuple[Store, ...]
    """Where they are sold."""
    carriers: tuple[Carrier, ...]
    """Who brings them."""
    suppliers: tuple[Supplier, ...] = ()
    """Who delivers them."""
    order_no_prefixes: Mapping[Code, Annotated[str, Field(pattern="^[A-Z]{2}$")]]
    """Two letters that start the order numbers of a platform's trades."""
    document_codes: Mapping[Code, str] = {}
    """How documents name a platform (平台编码): tmall → TM."""

    @field_validator("owners", "counterparts", "warehouses", "stores", "carriers", "suppliers", "order_no_prefixes")
    @classmethod
    def _used_once(cls, entries: Any) -> Any:
        """Codes name one entry each, and the prefixes of order numbers one platform each."""
        given = entries.values() if isinstance(entries, dict) else entries
        used: list[Any] = [getattr(each, "code", each) for each in given]
        if twice := sorted({each for each in used if used.count(each) > 1}):
            raise ValueError(f"重复，请各用一个 / used twice, each needs its own: {', '.join(twice)}")
        return entries

    def store(self, code: str) -> Store:
        return _find(self.stores, code)

    def warehouse(self, code: str) -> Warehouse:
        return _find(self.warehouses, code)

    def counterpart(self, code: str) -> Counterpart:
        return _find(self.counterparts, code)

    def counterpart_of(self, warehouse_code: str) -> Counterpart:
        return self.counterpart(self.warehouse(warehouse_code).counterpart)


def read(path: Path, more: Callable[[Reference], Iterable[Problem]] = lambda _: ()) -> Reference:
    """Read and check the reference data. Raises Misconfigured with every problem found, each with its line.

    `more` finds what only others can know of data of a sound form.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except OSError as error:
        raise Misconfigured(f"{path}: 无法读取 / cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        place = f"{path}:{error.problem_mark.line + 1 if error.problem_mark else 1}"
        raise Misconfigured(f"{place}: 不是 YAML，请改正 / not YAML, mend it: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: 不是 UTF-8 文字 / not text in UTF-8: {str(error).splitlines()[0]}") from error
    found = [*_used_twice(root), *_contradictions(document if isinstance(document, dict) else {})]
    try:
        reference = Reference.model_validate(document)
        found += more(reference)
    except ValidationError as error:
        found += [(problem["loc"], _explain(problem)) for problem in error.errors()]
    if found:
        told = sorted((_line(root, place), problem) for place, problem in found)
        raise Misconfigured(*(f"{path}:{line}: {problem}" for line, problem in told))
    return reference


def _find(entries: Iterable[T], code: str) -> T:
    for entry in entries:
        if entry.code == code:
            return entry
    raise KeyError(code)


def _explain(problem: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "文件 file"
    given = problem["input"]
    if problem["type"] == "missing" or isinstance(given, dict):
        return f"{place}: {fix(problem)}"
    # Secrets have no place in this file, so somebody may have put one here.
    value = "（密 secret）" if re.search("passw|secret|token|private", place) else reprlib.repr(given)
    return f"{place} = {value}: {fix(problem)}"


def _line(node: yaml.Node | None, place: Sequence[str | int]) -> int:
    """Where the innermost part of a place begins that stands in the file."""
    line = 1
    for part in place:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = [node.value[part]] * 2
        if found:
            line, node = found[0].start_mark.line + 1, found[1]
    return line


def _used_twice(node: yaml.Node | None, place: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Keys that stand twice in one mapping, of which YAML would take the last in silence."""
    if isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            yield from _used_twice(entry, (*place, number))
    elif isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
            path = ".".join(map(str, (*place, key)))
            yield (*place, key), f"{path}: 键重复，请保留一个 / key used {keys.count(key)} times, keep one"
        for key, value in node.value:
            yield from _used_twice(value, (*place, key.value))


def _contradictions(document: Mapping[str, Any]) -> Iterator[Problem]:
    """References to what the document has nowhere, and shares of one shelf that are more than all of it.

    The document is taken as it stands, so that whatever else is wrong with an entry hides none of them.
    """
    shares: dict[tuple[str, str], dict[int, tuple[Any, Any]]] = {}
    for section, key, kind in ((section, *pair) for section, keys in REFERENCES.items() for pair in keys.items()):
        entries, others = document.get(section), document.get(kind)
        if not isinstance(entries, list) or not isinstance(others, list | dict):
            continue
        known = {str(other.get("code") if isinstance(other, dict) else other) for other in others}
        for number, entry in enumerate(entries):
            keys = entry if isinstance(entry, dict) else {}
            given, code, share = keys.get(key), keys.get("code"), keys.get("stock_share_percent", PERCENT)
            for value in given if isinstance(given, list) else [given]:
                if isinstance(value, str) and value not in known:
                    yield (
                        (section, number, key),
                        f"{section}[{code}].{key} = {value!r}: {kind} 中没有该编码，请改为其中之一或先添加 / "
                        f"not in {kind}; use one of these or add it: {', '.join(sorted(known)) or '-'}",
                    )
                if key == "owners" and {key, "warehouse"} <= keys.keys() and share in range(PERCENT + 1):
                    shares.setdefault((str(keys["warehouse"]), str(value)), {})[number] = (code, share)
    for (shelf, owner), of_stores in shares.items():
        if (total := sum(share for _, share in of_stores.values())) > PERCENT:
            told = " + ".join(f"{code} {share}" for code, share in of_stores.values())
            yield (
                ("stores", max(of_stores), "stock_share_percent"),
                f"stores.stock_share_percent: {told} = {total}: 仓库 {shelf} 货主 {owner} 的份额超过 100，请调低 / "
                f"shares of warehouse {shelf}, owner {owner} exceed 100, lower them",
            )
